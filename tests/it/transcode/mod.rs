//! From a job to published outputs, with real ffmpeg on small clips.

mod cancel;
mod containers;
mod inputs;
mod outputs;
mod trims;
mod world;
