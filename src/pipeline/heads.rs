//! Skin and hair around faces, as a look's segmentation network tells them.

use super::Look;
use super::memory::{cutting_bytes, rgba_bytes};
use crate::drawing::{HEAD_EXPAND, HEAD_SIDES_PX, Head, SEGMENTED_SIDE_PX};
use crate::engine::Engine;
use crate::error::Result;
use crate::face::FaceSquare;
use crate::imaging::{Photo, gray_outside, warp};

/// Side of the square in which the head is found around a face whose FFHQ square has so many pixels a side in the picture.
pub(super) fn head_side(ffhq_px: f32) -> usize {
    let [least, most] = HEAD_SIDES_PX;
    ((HEAD_EXPAND * ffhq_px) as usize).clamp(least, most)
}

/// The head around a face of a photo, whose FFHQ square and mesh are these, in pixels of the photo, found in a square of `side`
/// pixels a side; `None` if the look has no segmentation network. The caller holds `held_bytes` besides the photo.
///
/// # Errors
/// Those of [`Engine::stylize_photo`] and [`warp`].
pub(super) async fn find_head<E: Engine>(
    look: &Look<'_, E>,
    photo: &Photo,
    ffhq: &FaceSquare,
    mesh: &[[f32; 2]],
    side: usize,
    held_bytes: u64,
) -> Result<Option<Head>> {
    let Some(network) = &look.segmentation else {
        return Ok(None);
    };
    let photo_size = [photo.width(), photo.height()];
    let square = ffhq.enlarged(HEAD_EXPAND);
    let bytes = rgba_bytes([side.max(SEGMENTED_SIDE_PX); 2]);
    look.make_room(held_bytes + cutting_bytes(photo_size, 2 * bytes))?;
    let held_bytes = held_bytes + rgba_bytes(photo_size);
    let cut_out = |side: usize| -> Result<_> {
        let to_photo = square.from_crop(side as f32);
        let to_square = to_photo.inverse();
        let in_square = |point: &[f32; 2]| to_square.map_or(*point, |to| to.apply(*point));
        let points: Vec<_> = mesh.iter().map(in_square).collect();
        Ok((warp(photo, to_photo, [side; 2])?, points, to_photo))
    };
    let (mut shown, points, to_photo) = cut_out(SEGMENTED_SIDE_PX)?;
    gray_outside(&mut shown, to_photo, photo_size)?;
    let answer = network
        .draw_guided(shown, &points, held_bytes, &mut |_: f32| {})
        .await?;
    look.make_room(held_bytes + bytes + Head::finding_bytes(side))?;
    let (square, points, to_photo) = cut_out(side)?;
    Ok(Head::find(&square, &points, &answer, to_photo, photo_size))
}
