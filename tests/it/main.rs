//! The integration tests: the real binary, real ffmpeg, real files, real HTTP.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod backup;
mod cli;
mod contract;
mod dashboard;
mod faults;
mod fetch;
mod ffmpeg;
mod harness;
mod http;
mod queue;
mod sources;
mod storage;
mod store;
mod torture;
mod transcode;
