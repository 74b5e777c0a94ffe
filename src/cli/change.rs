//! `transcoded cancel`, `pause`, `resume` and `retry`

use super::args::{Cancel, OneJob};
use super::client::Client;
use super::error::Error;
use super::outcome::Outcome;
use super::print::{complain, print};
use super::result::report;
use crate::domain::job::Job;

/// Cancels a job and shows what became of it.
pub(super) async fn cancel(client: &Client, args: &Cancel) -> Result<Outcome, Error> {
    let job = client.cancel(args).await?;
    let over = job.state.is_terminal();
    if args.json {
        print_json(&job)?;
    } else if over {
        print(&report(client, &job))?;
    } else {
        print(&format!("{}\n", job.state))?;
        complain(&format!("it is being stopped; `transcoded watch {}` shows what was kept", job.id));
    }
    Ok(if over || args.wait.is_none() { Outcome::Done } else { Outcome::Failed })
}

/// Pauses, resumes or retries a job and shows where it stands now.
pub(super) async fn change(client: &Client, args: &OneJob, what: &str) -> Result<Outcome, Error> {
    let job = client.change(args.id, what).await?;
    if args.json {
        print_json(&job)?;
    } else {
        print(&format!("{}\n", job.state))?;
    }
    Ok(Outcome::Done)
}

fn print_json(job: &Job) -> Result<(), Error> {
    // Numbers and strings can always be written as JSON.
    print(&(serde_json::to_string(job).unwrap_or_default() + "\n"))
}
