//! `transcoded`: a transcoding job queue that starts with one command.

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod failpoint;
pub mod fetch;
pub mod ffmpeg;
pub mod http;
pub mod queue;
pub mod storage;
pub mod transcode;
pub mod worker;
