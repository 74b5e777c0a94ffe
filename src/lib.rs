//! `transcoded`: a transcoding job queue that starts with one command.

pub mod cli;
pub mod domain;
pub mod ffmpeg;
