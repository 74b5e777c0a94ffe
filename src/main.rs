//! The `transcoded` program: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use transcoded::{app, config, http};

/// A transcoding job queue that starts with one command.
#[derive(Parser)]
#[command(version)]
enum Program {
    /// Run the server
    Serve(config::Flags),
    /// Print the API's description (OpenAPI, YAML)
    Openapi,
}

fn main() -> ExitCode {
    match Program::parse() {
        Program::Serve(flags) => app::serve(flags),
        Program::Openapi => {
            print!("{}", http::DOCUMENT);
            ExitCode::SUCCESS
        }
    }
}
