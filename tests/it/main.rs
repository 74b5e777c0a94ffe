//! The integration tests: real ffmpeg, real files, real HTTP.
mod cli;
