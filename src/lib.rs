//! `transcoded`: a transcoding job queue that starts with one command.

pub mod config;
pub mod db;
pub mod domain;
pub mod ffmpeg;
pub mod queue;
