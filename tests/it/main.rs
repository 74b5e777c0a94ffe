//! The integration tests: real ffmpeg, real files, real HTTP.

mod ffmpeg;
mod storage;
mod transcode;
