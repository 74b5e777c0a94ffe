//! `GET /v1/jobs`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::ListQuery;
use crate::domain::job::{Job, JobState};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::query::Params;

const USUAL_LIMIT: u32 = 50;
const HIGHEST_LIMIT: u32 = 500;

/// A page of jobs.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct JobPage {
    /// The jobs, newest first.
    items: Vec<Job>,
    /// The `cursor` of the next page; `null` where there is nothing more.
    next_cursor: Option<String>,
}

/// The jobs, newest first. Pages neither repeat nor skip a job while others arrive.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs",
    params(
        ("state" = Option<JobState>, Query, description = "Only jobs in this state"),
        ("label" = Option<Vec<String>>, Query, description = "Only jobs that bear this label, `key:value`; may be repeated, all must be borne"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "At most so many; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before")
    ),
    responses((status = 200, body = JobPage), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(in crate::http) async fn list(
    State(context): State<Context>,
    params: Params,
) -> Result<axum::Json<JobPage>, Problem> {
    params.only(&["state", "label", "limit", "cursor"])?;
    let page = context.queue.list(read(&params)?).await?;
    Ok(axum::Json(JobPage { items: page.jobs, next_cursor: page.next.map(cursor) }))
}

fn read(params: &Params) -> Result<ListQuery, Problem> {
    let limit = params.get("limit", "a limit is 1 to 500")?.unwrap_or(USUAL_LIMIT);
    if !(1..=HIGHEST_LIMIT).contains(&limit) {
        return Err(Problem::invalid_field("?limit", "a limit is 1 to 500"));
    }
    let label = |text: &str| {
        let pair = text.split_once(':').map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| Problem::invalid_field("?label", "a label is written key:value"))
    };
    let states = JobState::ALL.map(JobState::name).join(", ");
    let state = |name| {
        let found = JobState::of_name(name);
        found.ok_or_else(|| Problem::invalid_field("?state", format!("a state is one of {states}")))
    };
    Ok(ListQuery {
        state: params.all("state").last().map(state).transpose()?,
        labels: params.all("label").map(label).collect::<Result<_, _>>()?,
        before: params.all("cursor").last().map(place).transpose()?,
        limit,
    })
}

/// A cursor is opaque to clients; within, it is a place in the order of submission.
fn cursor(place: i64) -> String {
    format!("c1-{place:x}")
}

fn place(cursor: &str) -> Result<i64, Problem> {
    let place = cursor.strip_prefix("c1-").and_then(|hex| i64::from_str_radix(hex, 16).ok()).filter(|place| *place > 0);
    place.ok_or_else(|| Problem::invalid_field("?cursor", "the cursor is none of ours; start again without one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_made_up_ones_are_refused() {
        assert_eq!(place(&cursor(4711)).unwrap(), 4711);
        for made_up in ["", "1", "c1-", "c1--5", "c1-0", "c1-zz", "c1-ffffffffffffffffff", "c2-1"] {
            assert!(place(made_up).is_err(), "{made_up}");
        }
    }
}
