//! The command `nijigen`: converts photos, trains generators, imports public checkpoints, lists styles for the page.

mod backbone;
mod calibrate;
mod checkpoint;
mod colour;
mod compare;
mod config;
mod convert;
mod data;
mod dense;
mod device;
mod discriminator;
mod distill;
mod drawing_engine;
mod evaluate;
mod export;
mod face_studio;
mod folder;
mod hair_regions;
mod help_files;
mod import;
mod likeness;
mod looks;
mod losses;
mod manifest;
mod mtcnn;
mod onnx;
mod painter;
mod parity;
mod photo_faces;
mod picture;
mod plain_zip;
mod portraits;
mod precision;
mod prepare;
mod procedural;
mod progress_bar;
mod prune;
mod quantize;
mod reference;
mod run_dir;
mod segments;
mod shipped;
mod style_file;
mod tapped;
mod targets;
mod tflite;
mod train;
mod weights_file;
mod write_file;

#[cfg(test)]
#[path = "../../tests/example_face/mod.rs"]
mod example_face;
#[cfg(test)]
#[path = "../../tests/formula/mod.rs"]
mod formula;
#[cfg(test)]
#[path = "../../tests/mutate/mod.rs"]
mod mutate;
#[cfg(test)]
#[path = "../../tests/test_style/mod.rs"]
mod test_style;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
#[cfg(test)]
use nijigen::face::mesh;

/// Photos into anime pictures, on your own device.
///
/// "nijigen convert PHOTO" draws a photo; "nijigen looks" lists the looks. The other commands make styles: see
/// docs/training.md in the source repository.
#[derive(Parser)]
#[command(name = "nijigen", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Turn photos into anime pictures, on the CPU or a GPU.
    Convert(convert::ConvertArguments),
    /// List the looks that come with the program.
    #[command(alias = "styles")]
    Looks(looks::LooksArguments),
    /// Make a style file from a PyTorch checkpoint.
    Import(import::ImportArguments),
    /// Convert the perceptual backbone that training compares features of.
    Backbone(backbone::BackboneArguments),
    /// Prepare photos and style images for training.
    Prepare(prepare::PrepareArguments),
    /// Draw the faces of photos, for a network that learns to.
    Portraits(portraits::PortraitsArguments),
    /// Find skin and hair around the faces of photos, for a network that learns to.
    Segments(segments::SegmentsArguments),
    /// Draw the procedural targets of photos: pairs to look at, and to train on.
    Targets(targets::TargetsArguments),
    /// Train a generator.
    Train(train::TrainArguments),
    /// Take channels out of a style's generator.
    Prune(prune::PruneArguments),
    /// Train a generator to draw as another one does.
    Distill(distill::DistillArguments),
    /// Measure styles on photos that training never saw.
    Evaluate(evaluate::EvaluateArguments),
    /// Compare variants of a style with the one they were made from.
    Compare(compare::CompareArguments),
    /// Make a style file from a training run.
    Export(export::ExportArguments),
    /// Store a style's weights in 8 bits, calibrate its activations, and measure what that changes.
    Quantize(quantize::QuantizeArguments),
    /// Write a style as an ONNX model, or make the style file of one again.
    Onnx(onnx::OnnxArguments),
    /// List the style files of a directory in its manifest.json.
    Manifest(manifest::ManifestArguments),
    /// Print what a shell needs to complete commands.
    Completions(help_files::CompletionsArguments),
    /// Write the manual: a page for each command.
    Man(help_files::ManArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Looks(arguments) => looks::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Backbone(arguments) => backbone::run(&arguments),
        Command::Prepare(arguments) => prepare::run(&arguments),
        Command::Portraits(arguments) => portraits::run(&arguments),
        Command::Segments(arguments) => segments::run(&arguments),
        Command::Targets(arguments) => targets::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Prune(arguments) => prune::run(&arguments),
        Command::Distill(arguments) => distill::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Quantize(arguments) => quantize::run(&arguments),
        Command::Onnx(arguments) => onnx::run(&arguments),
        Command::Manifest(arguments) => manifest::run(&arguments),
        Command::Completions(arguments) => help_files::complete(&arguments),
        Command::Man(arguments) => help_files::write_manual(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    /// Visits a command and those below it.
    fn each(command: &mut clap::Command, visit: &mut impl FnMut(&mut clap::Command)) {
        visit(command);
        for below in command.get_subcommands_mut() {
            each(below, visit);
        }
    }

    #[test]
    fn help_is_written_for_users() {
        let mut arguments = Arguments::command();
        arguments.build();
        each(&mut arguments, &mut |command| {
            let help = command.render_long_help().to_string();
            for mark in ["[`", "`]", "::"] {
                assert!(!help.contains(mark), "{mark} in the help of {help}");
            }
        });
    }
}
