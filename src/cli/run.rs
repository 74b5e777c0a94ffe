//! Runs one command and turns its end into an exit code.

use std::process::ExitCode;

use super::args::{Command, Connection, Watch};
use super::client::Client;
use super::error::Error;
use super::interrupts::Interrupts;
use super::outcome::Outcome;
use super::print::{complain, print};
use super::watch::{Follow, Patience, watch};
use super::{backup, change, doctor, list, media, plan, submit, upload};

/// Runs a command to its end. Errors are told on standard error; the exit code is as the command's help says.
#[must_use]
pub fn run(command: &Command, connection: &Connection) -> ExitCode {
    let outcome =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::from).and_then(|runtime| {
            let ended = runtime.block_on(carry_out(command, connection));
            // Whatever is still under way, such as a lookup of a name, need not be waited for.
            runtime.shutdown_background();
            ended
        });
    exit_code(outcome)
}

/// Prints a text that needs no server.
#[must_use]
pub fn show(text: &str) -> ExitCode {
    exit_code(print(text).map(|()| Outcome::Done))
}

fn exit_code(ended: Result<Outcome, Error>) -> ExitCode {
    match ended {
        Ok(outcome) => outcome.into(),
        Err(error) if error.is_broken_pipe() => Outcome::Done.into(),
        Err(error) => {
            complain(&format!("error: {error}"));
            error.outcome().into()
        }
    }
}

async fn carry_out(command: &Command, connection: &Connection) -> Result<Outcome, Error> {
    // Not every command needs one.
    let client = Client::new(connection);
    match command {
        Command::Submit(args) => submit::submit(&client?, args).await,
        Command::Upload(args) => upload::upload(&client?, args).await,
        Command::Watch(args) => watch_one(&client?, args).await,
        Command::List(args) => list::list(&client?, args).await,
        Command::Cancel(args) => change::cancel(&client?, args).await,
        Command::Pause(args) => change::change(&client?, args, "pause").await,
        Command::Resume(args) => change::change(&client?, args, "resume").await,
        Command::Retry(args) => change::change(&client?, args, "retry").await,
        Command::Salvage(args) => change::change(&client?, args, "salvage").await,
        Command::Plan(args) => plan::plan(&client?, args).await,
        Command::Probe(args) => media::probe(&client?, args).await,
        Command::Presets(args) => list::presets(&client?, args).await,
        Command::Doctor(args) => doctor::doctor(&client?, args, connection.server.is_some()).await,
        Command::Backup(args) => backup::backup(args),
    }
}

async fn watch_one(client: &Client, args: &Watch) -> Result<Outcome, Error> {
    let interrupts = Interrupts::listen()?;
    let follow = Follow::start(client.clone(), args.id, Patience::default(), false);
    watch(client, follow, args.id, &args.following, &interrupts).await
}
