//! Makes `docs/BENCHMARKS.md` of all that was measured.

use std::path::Path;

use super::table::{Row, Section, reasons, table};
use crate::ground::Result;

/// What other queues cost, which this bench doesn't run.
const PEERS: &str = "\
## For comparison

Two stacks that are common for this work, as measured on a machine like this one (two cores) with such jobs, but without \
probing, verification or progress. `make bench` doesn't run them.

| | real jobs | one-frame jobs | durable submits | memory |
|---|---|---|---|---|
| FastAPI + Celery + Redis | 0.97 times | 1.13 times | 333/s | 256 MiB |
| Express + BullMQ + Redis | 0.98 times | 1.14 times | 1,498/s | 108 MiB |
";

pub(crate) fn write(machine: &str, rounds: usize, sections: &[Section]) -> Result<()> {
    let rows = sections.iter().flat_map(|section| &section.rows);
    let text = head(machine, rounds, rows) + &sections.iter().map(shown).collect::<String>() + PEERS;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/BENCHMARKS.md");
    std::fs::write(&path, text)?;
    println!("\nwritten: docs/BENCHMARKS.md");
    Ok(())
}

fn head<'a>(machine: &str, rounds: usize, rows: impl Iterator<Item = &'a Row>) -> String {
    let aims: Vec<bool> = rows.filter_map(|row| Some(row.aim.as_ref()?.met)).collect();
    let (met, all) = (aims.iter().filter(|met| **met).count(), aims.len());
    format!(
        "\
# What it costs

{met} of {all} aims are met. Written by `make bench` (`benches/against_bare_ffmpeg`); don't edit it, run it.

Everything runs on one machine, the load generator too, and what is compared is run turn by turn. Figures are medians \
with the least and the most in parentheses; a ratio is the median of the ratios of the rounds, not the ratio of the \
medians. `BENCH_ROUNDS=9 make bench` measures more often.

{machine}- Rounds: {rounds}

"
    )
}

fn shown(section: &Section) -> String {
    let Section { title, how, rows } = section;
    let reasons = reasons(rows);
    let reasons = if reasons.is_empty() { reasons } else { format!("\n{reasons}") };
    format!("## {title}\n\n{}\n{reasons}\n{how}\n\n", table(rows))
}
