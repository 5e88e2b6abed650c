//! Finding faces in photos: MTCNN (Zhang et al. 2016, arXiv:1604.02878)
//! with the weights and the behaviour of facenet-pytorch 2.6.0. It does not work on drawings.

mod area;
mod boxes;
pub mod detect;
mod networks;
mod weights;
