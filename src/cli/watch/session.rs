//! Follows a job on the screen to its end; Ctrl-C cancels it.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::follow::{Follow, Update};
use super::screen::Screen;
use crate::cli::args::{Cancel, Following};
use crate::cli::client::Client;
use crate::cli::download::{download, prepare};
use crate::cli::error::Error;
use crate::cli::interrupts::Interrupts;
use crate::cli::outcome::Outcome;
use crate::cli::print::{complain, print};
use crate::cli::result::report;
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobState};

/// The pause before a cancel that didn't get through is sent again.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);

/// Follows a job, shows what became of it and downloads it where that is wanted.
pub(in crate::cli) async fn watch(
    client: &Client,
    follow: Follow,
    id: JobId,
    following: &Following,
    interrupts: &Interrupts,
) -> Result<Outcome, Error> {
    if let Some(folder) = &following.download {
        prepare(folder)?;
    }
    let mut screen = Screen::new(following.json);
    let ended = to_the_end(client, follow, id, interrupts, &mut screen).await;
    screen.close();
    let Some(job) = ended? else { return Ok(Outcome::Interrupted) };
    if !following.json {
        print(&report(client, &job))?;
    }
    if let Some(folder) = &following.download {
        let pressed = interrupts.count();
        tokio::select! {
            biased;
            () = interrupts.more_than(pressed) => {
                complain(&format!("left before all files were here; {} has them", client.server()));
                return Ok(Outcome::Interrupted);
            }
            done = download(client, &job, folder, following.json) => done?,
        }
    }
    Ok(outcome(&job, interrupts.count() > 0))
}

/// What the job's end means for who followed it.
pub(super) fn outcome(job: &Job, interrupted: bool) -> Outcome {
    match job.state {
        JobState::Succeeded => Outcome::Done,
        JobState::Cancelled if interrupted => Outcome::Interrupted,
        _ => Outcome::Failed,
    }
}

/// Shows events until the job is over and returns it; `None` where a second Ctrl-C ended it.
pub(super) async fn to_the_end(
    client: &Client,
    mut follow: Follow,
    id: JobId,
    interrupts: &Interrupts,
    screen: &mut Screen,
) -> Result<Option<Job>, Error> {
    let mut job = None;
    let mut cancel = None;
    let mut pressed = 0;
    loop {
        tokio::select! {
            biased;
            () = interrupts.more_than(pressed) => {
                pressed = interrupts.count();
                if pressed > 1 {
                    screen.note(&format!("left; `transcoded watch {id}` follows the job again"));
                    return Ok(None);
                }
                screen.note("cancelling the job; Ctrl-C again leaves at once");
                cancel = Some(AbortOnDropHandle::new(tokio::spawn(deliver_cancel(client.clone(), id))));
            }
            answer = settled(&mut cancel) => {
                cancel = None;
                if let Err(error) = answer {
                    screen.note(&format!("the job can't be cancelled: {error}"));
                }
            }
            update = follow.next() => match update {
                None => break,
                Some(Err(error)) => return Err(error),
                Some(Ok(Update::Lost(error))) => screen.note(&format!("{error}; trying to get back")),
                Some(Ok(Update::Back)) => screen.note("connected again"),
                Some(Ok(Update::Event(event))) => {
                    screen.event(&event)?;
                    job = event.job().cloned().or(job);
                }
            },
        }
    }
    let silent = || Error::Unreachable(format!("the server at {} told nothing about the job", client.server()));
    job.map(Some).ok_or_else(silent)
}

/// Sends the cancel until it gets through.
async fn deliver_cancel(client: Client, id: JobId) -> Result<(), Error> {
    let cancel = Cancel { id, grace_seconds: None, wait: None, json: false };
    loop {
        match client.cancel(&cancel).await {
            Ok(_) => return Ok(()),
            // The job was over first; its end is on the way.
            Err(Error::Problem(problem)) if problem.status == 409 => return Ok(()),
            Err(error) if error.is_passing() => tokio::time::sleep(CANCEL_AGAIN).await,
            Err(error) => return Err(error),
        }
    }
}

/// The answer to a cancel that is under way; never, where none is.
async fn settled(cancel: &mut Option<AbortOnDropHandle<Result<(), Error>>>) -> Result<(), Error> {
    match cancel {
        // The task neither panics nor is it aborted while we hold it.
        Some(task) => task.await.unwrap_or(Ok(())),
        None => std::future::pending().await,
    }
}
