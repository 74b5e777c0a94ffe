//! `transcoded upload`: sends a file to the server, to be the input of jobs.

use std::path::Path;

use serde_json::Value;

use super::args::Upload;
use super::client::Client;
use super::error::Error;
use super::outcome::Outcome;
use super::print::print;

/// Sends a file and prints its name as an input, or all that the server knows of it.
pub(super) async fn upload(client: &Client, args: &Upload) -> Result<Outcome, Error> {
    let upload = client.upload(&args.file).await?;
    print(&if args.json { format!("{upload}\n") } else { format!("{}\n", input(&upload)) })?;
    Ok(Outcome::Done)
}

/// Sends a file; returns its name as an input.
pub(super) async fn send(client: &Client, file: &Path) -> Result<String, Error> {
    Ok(input(&client.upload(file).await?).to_owned())
}

fn input(upload: &Value) -> &str {
    upload["input"].as_str().unwrap_or_default()
}
