//! Inputs of every kind: how each is made, what a probe must find in it, and what is wrong with it.
//!
//! The table is in `pictures`, `colours`, `shapes`, `sounds`, `streams`, `times` and `damaged`; `make` makes the files.

mod bytes;
mod colours;
mod damaged;
mod facts;
mod make;
mod pictures;
mod shapes;
mod sounds;
mod streams;
mod times;

pub use facts::{Facts, Trouble};
pub use make::Made;

use std::path::Path;

/// An input.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its file, which tells it from the others.
    pub name: &'static str,
    /// What a probe must find.
    pub facts: Facts,
    /// ffmpeg's arguments, see `make`.
    how: &'static str,
    /// What is done with the bytes then.
    steps: Vec<fn(&Path)>,
}

impl Source {
    fn new(name: &'static str, how: &'static str) -> Self {
        Self { name, facts: Facts::default(), how, steps: Vec::new() }
    }

    /// The address of the input in a job.
    pub fn input(&self) -> String {
        format!("{}/{}", *make::FOLDER, self.name)
    }

    fn then(mut self, step: fn(&Path)) -> Self {
        self.steps.push(step);
        self
    }
}

/// Every input.
pub fn sources() -> Vec<Source> {
    let parts: [fn() -> Vec<Source>; 7] = [
        pictures::sources,
        colours::sources,
        shapes::sources,
        times::sources,
        sounds::sources,
        streams::sources,
        damaged::sources,
    ];
    parts.iter().flat_map(|part| part()).collect()
}
