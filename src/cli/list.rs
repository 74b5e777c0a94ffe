//! `transcoded list` and `transcoded presets`.

use super::args::{List, Presets};
use super::client::Client;
use super::error::Error;
use super::outcome::Outcome;
use super::print::{complain, print};
use super::text::{plain, table};
use crate::domain::job::{Job, JobState};
use crate::domain::preset::PresetListing;

/// The most jobs that one request asks for.
const PAGE: u32 = 500;
/// How many jobs are shown unless more are asked for.
const USUAL: u32 = 50;

/// Lists jobs, newest first.
pub(super) async fn list(client: &Client, args: &List) -> Result<Outcome, Error> {
    let mut missing = if args.all { u32::MAX } else { args.limit.unwrap_or(USUAL) };
    let mut query: Vec<_> = args.labels.iter().map(|(key, value)| ("label", format!("{key}:{value}"))).collect();
    query.extend(args.state.iter().map(|state| ("state", state.clone())));
    let (mut cursor, mut jobs) = (None, Vec::new());
    loop {
        let mut query = query.clone();
        query.push(("limit", missing.min(PAGE).to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = client.jobs(&query).await?;
        missing = missing.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        if args.json {
            print(&page.items.iter().map(json_line).collect::<String>())?;
        } else {
            jobs.extend(page.items.iter().map(row));
        }
        cursor = page.next_cursor;
        if cursor.is_none() || missing == 0 {
            break;
        }
    }
    if !args.json {
        show(jobs, cursor.is_some())?;
    }
    Ok(Outcome::Done)
}

/// Lists the server's presets.
pub(super) async fn presets(client: &Client, args: &Presets) -> Result<Outcome, Error> {
    let presets = client.presets().await?;
    if args.json {
        print(&presets.iter().map(|preset| preset.to_string() + "\n").collect::<String>())?;
        return Ok(Outcome::Done);
    }
    let odd = |error| Error::Foreign(format!("the server's presets can't be read: {error}"));
    let rows: Vec<_> = presets
        .into_iter()
        .map(|preset| serde_json::from_value::<PresetListing>(preset).map(|preset| preset_row(&preset)))
        .collect::<Result<_, _>>()
        .map_err(odd)?;
    print(&table(&rows))?;
    Ok(Outcome::Done)
}

fn show(jobs: Vec<Vec<String>>, more: bool) -> Result<(), Error> {
    if jobs.is_empty() {
        complain("no jobs");
        return Ok(());
    }
    let head = ["ID", "STATE", "DONE", "SUBMITTED", "INPUT", "OUTPUTS"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(jobs).collect();
    print(&table(&rows))?;
    if more {
        complain("there are more; --all shows them");
    }
    Ok(())
}

fn json_line(job: &Job) -> String {
    // Numbers and strings can always be written as JSON.
    serde_json::to_string(job).unwrap_or_default() + "\n"
}

fn row(job: &Job) -> Vec<String> {
    let percent = job.progress.as_ref().and_then(|progress| progress.percent);
    let percent = percent.filter(|_| matches!(job.state, JobState::Running | JobState::Cancelling));
    let outputs: Vec<_> = job.outputs.iter().map(|output| plain(&output.name)).collect();
    vec![
        job.id.to_string(),
        job.state.to_string(),
        percent.map(|percent| format!("{percent:.0} %")).unwrap_or_default(),
        job.created_at.to_string(),
        plain(&job.input).into_owned(),
        outputs.join(", "),
    ]
}

fn preset_row(preset: &PresetListing) -> Vec<String> {
    let container = plain(preset.container.as_deref().unwrap_or_default()).into_owned();
    vec![plain(&preset.name).into_owned(), container, plain(&preset.description).into_owned()]
}
