//! Every kind of input, against what is known of it and against every preset.
//!
//! `make test` tries two presets with each input, so that each preset has its turn; `make test-long` tries all of them.
//!
//! The inputs are made, and the results looked at, by the `ffmpeg` and `ffprobe` of the path. To try another version,
//! tell the server alone: `TRANSCODED_FFMPEG=/path/to/ffmpeg cargo nextest run sources::`, and with
//! `TRANSCODED_FFPROBE` another ffprobe. `TRANSCODED_TEST_SOURCE=name` leaves only the inputs whose names contain that,
//! `TRANSCODED_TEST_PRESET=name` only that preset.

mod described;
mod oracle;
mod promised;
mod read;

use crate::harness::{Made, Source, sources};

/// Those of the inputs that this machine can make, that were asked for and that belong to this test, with their places.
fn available(belongs: impl Fn(usize) -> bool) -> Vec<(usize, Source)> {
    let asked = std::env::var("TRANSCODED_TEST_SOURCE").unwrap_or_default();
    let there = |(_, source): &(usize, Source)| match source.made() {
        Made::Here => true,
        Made::Skipped(why) => {
            eprintln!("skipped {}: {why}", source.name);
            false
        }
    };
    let numbered = sources().into_iter().enumerate();
    let chosen = numbered.filter(|(place, source)| belongs(*place) && source.name.contains(&asked));
    chosen.filter(there).collect()
}

#[test]
fn there_are_inputs_of_many_kinds_and_each_has_a_name_of_its_own() {
    let mut names: Vec<&str> = sources().iter().map(|source| source.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(count >= 45 && names.len() == count, "{count} inputs with {} names", names.len());
}
