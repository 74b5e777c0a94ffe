//! The `transcoded` program: what can be typed, and who carries it out.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use transcoded::{app, cli, config, http};

/// A transcoding job queue: POST a job, watch it, DELETE it and keep a playable file
#[derive(Parser)]
#[command(name = "transcoded", version, max_term_width = 100)]
struct Program {
    #[command(flatten)]
    connection: cli::Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(Box<config::Flags>),
    #[command(flatten)]
    Client(cli::Command),
    /// Print the description of the HTTP API (OpenAPI, YAML)
    Openapi,
}

fn main() -> ExitCode {
    let program = Program::parse();
    // Fails only where one is installed already, and nothing ran before this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match program.command {
        Command::Serve(flags) => app::serve(*flags),
        Command::Openapi => cli::show(http::DOCUMENT),
        Command::Client(command) => cli::run(&command, &program.connection),
    }
}
