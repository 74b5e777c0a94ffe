//! The library module `ffmpeg`, with real processes.

mod crowd;
mod kit;
mod leftovers;
mod modes;
mod monitoring;
mod pausing;
mod probing;
mod signals;
mod stalling;
mod stopping;
mod stuck;
mod tools;
