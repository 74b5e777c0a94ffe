//! From a job to published outputs, with real ffmpeg on small clips.

mod cancel;
mod containers;
mod copying;
mod inputs;
mod outputs;
mod packages;
mod pictures;
mod renditions;
mod sound;
mod subtitles;
mod trims;
mod world;
