//! `transcoded`: a transcoding job queue that starts with one command.

pub mod domain;
pub mod ffmpeg;
pub mod storage;
pub mod transcode;
