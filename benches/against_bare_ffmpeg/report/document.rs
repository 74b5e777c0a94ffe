//! Makes `docs/BENCHMARKS.md` of all that was measured.

use std::path::Path;

use super::table::{Section, reasons, table};
use crate::ground::Result;

/// What other queues cost, which this bench doesn't run.
const PEERS: &str = "\
## For comparison

Two queues that are common for this work, measured once by hand on a machine of this kind (two cores), with the same \
jobs against `xargs -P`, but without probing, verification or progress, which they don't have. `make bench` doesn't run \
them.

| | real jobs | one-frame jobs | durable submits | memory of all processes |
|---|---|---|---|---|
| FastAPI + Celery + Redis | 0.97 times | 1.13 times | 333/s | 256 MiB |
| Express + BullMQ + Redis | 0.98 times | 1.14 times | 1,498/s | 108 MiB |
";

pub(crate) fn write(machine: &str, rounds: usize, sections: &[Section]) -> Result<()> {
    let text = format!("{}\n{}\n{PEERS}", head(machine, rounds), sections.iter().map(shown).collect::<String>());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/BENCHMARKS.md");
    std::fs::write(&path, text)?;
    println!("\nwritten: docs/BENCHMARKS.md");
    Ok(())
}

fn head(machine: &str, rounds: usize) -> String {
    format!(
        "\
# What it costs

Written by `make bench` (`benches/against_bare_ffmpeg`); don't edit it, run it. Everything runs on one machine, the load \
generator too, and what is compared is run turn by turn, {rounds} rounds of it. Figures are medians with the least and \
the most in parentheses; a ratio is the median of the ratios of the rounds, not the ratio of the medians. \
`BENCH_ROUNDS=9 make bench` measures more often.

{machine}"
    )
}

fn shown(section: &Section) -> String {
    let Section { title, how, rows } = section;
    let reasons = reasons(rows);
    let reasons = if reasons.is_empty() { reasons } else { format!("\n{reasons}") };
    format!("## {title}\n\n{}\n{reasons}\n{how}\n\n", table(rows))
}
