//! `make bench`: what `transcoded` costs, side by side with bare ffmpeg, bare SQLite and a bare spawn on the same machine.
//!
//! Each measurement yields a section: how it was measured, and its rows. All together become `docs/BENCHMARKS.md`. With
//! names of measurements as arguments only those run, and nothing is written:
//! `cargo bench --bench against_bare_ffmpeg -- submits`.

mod ground;
mod measurements;
mod report;
mod yardsticks;

use std::process::ExitCode;

use ground::{Result, Role, World};
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::cancel_on_signals;

fn main() -> ExitCode {
    // The server may run this program in ffmpeg's place; the time at which it does is taken before anything else.
    if let Some(role) = Role::of_this_process() {
        return role.play();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs it without.
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("this takes minutes and wants a quiet machine: run it with `make bench`");
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| !name.starts_with('-')).collect();
    match run(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[&str]) -> Result<()> {
    // One thread, so that the load generator takes no more than one core from the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Dropping what runs ends every process that it has started and removes its files.
        let stop = CancellationToken::new();
        cancel_on_signals(stop.clone())?;
        tokio::select! {
            done = measure(wanted) => done,
            () = stop.cancelled() => Err("interrupted".into()),
        }
    })
}

async fn measure(wanted: &[&str]) -> Result<()> {
    let machine = report::describe().await?;
    let world = World::make().await?;
    let names = if wanted.is_empty() { &measurements::NAMES } else { wanted };
    let mut sections = Vec::new();
    for name in names {
        eprintln!("measuring: {name}");
        let section = measurements::measure(name, &world).await?;
        println!("\n{}\n\n{}", section.title, report::table(&section.rows));
        sections.push(section);
    }
    if wanted.is_empty() {
        report::write(&machine, world.rounds, &sections)?;
    }
    Ok(())
}
