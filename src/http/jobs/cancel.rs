//! `DELETE /v1/jobs/{id}`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::domain::id::JobId;
use crate::domain::job::Job;
use crate::domain::request::LONGEST_GRACE_SECONDS;
use crate::failpoint::{Point, failpoint};
use crate::http::context::Context;
use crate::http::errors::job_id;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::queue::{CancelAnswer, Grace};

const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The longest that a client may wait for the answer.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Cancels a job, or removes one that is over.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("grace_seconds" = Option<u32>, Query, minimum = 0, maximum = 3600, description = "Ends the grace of a graceful stop after so many seconds; 0 kills at once in any mode"),
        ("purge" = Option<bool>, Query, description = "Removes the record and the files of a job that is over"),
        ("Prefer" = Option<String>, Header, description = "`wait=30`: answers when the job is over, or after 30 seconds (RFC 7240), at most 300")
    ),
    responses(
        (status = 200, description = "It is cancelled", body = Job),
        (status = 202, description = "It is being stopped", body = Job),
        (status = 204, description = "It is removed"),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn cancel(
    State(context): State<Context>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    params.only(&["grace_seconds", "purge"])?;
    let grace = grace(&params)?;
    if params.flag("purge")? {
        return purge(&context, id).await;
    }
    let job = match context.queue.cancel(id, grace).await? {
        CancelAnswer::Cancelled(job) | CancelAnswer::AlreadyCancelled(job) => {
            return Ok(axum::Json(job).into_response());
        }
        CancelAnswer::TooLate(job) => {
            return Err(Problem::conflict(format!("the job has {} already; ?purge=true removes it", job.state)));
        }
        CancelAnswer::Stopping(job) => job,
    };
    let Some(wait) = wait(&headers) else { return Ok((StatusCode::ACCEPTED, axum::Json(job)).into_response()) };
    let applied = [(APPLIED, format!("wait={}", wait.as_secs()))];
    let (status, now) = tokio::select! {
        over = context.queue.over(id) => (StatusCode::OK, over?),
        () = tokio::time::sleep(wait) => (StatusCode::ACCEPTED, context.queue.job(id).await?),
        () = context.closing.cancelled() => (StatusCode::ACCEPTED, context.queue.job(id).await?),
    };
    Ok((status, applied, axum::Json(now.unwrap_or(job))).into_response())
}

/// Carries out what was begun, even if the client hangs up meanwhile, which drops the handler: no files may outlive the
/// record that names them.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Problem> {
    tokio::spawn(work).await.map_err(|_| Problem::internal())
}

async fn purge(context: &Context, id: JobId) -> Result<Response, Problem> {
    let (queue, files) = (Arc::clone(&context.queue), Arc::clone(&context.files));
    let purge = async move {
        queue.purge(id).await?;
        failpoint(Point::JobPurged);
        let removed = tokio::task::spawn_blocking(move || files.remove(id)).await;
        removed.map_err(|_| Problem::internal())?.map_err(|error| {
            tracing::error!(job.id = %id, %error, "the files of a removed job could not be removed");
            Problem::internal()
        })
    };
    to_the_end(purge).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn grace(params: &Params) -> Result<Grace, Problem> {
    let expected = "grace_seconds is 0 to 3600";
    match params.get::<u32>("grace_seconds", expected)? {
        None => Ok(Grace::Usual),
        Some(seconds) if seconds <= LONGEST_GRACE_SECONDS => Ok(Grace::AtMost(Duration::from_secs(seconds.into()))),
        Some(_) => Err(Problem::invalid_field("?grace_seconds", expected)),
    }
}

/// How long the client prefers to wait; preferences that can't be read are ignored, as RFC 7240 wants it.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences.flat_map(|value| value.split(',')).find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok()).flatten()
    });
    seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_carried_out_though_nobody_waits_for_it() {
        let (begin, ready) = tokio::sync::oneshot::channel();
        let (finish, done) = tokio::sync::oneshot::channel();
        let mut work = Box::pin(to_the_end(async move {
            ready.await.unwrap();
            finish.send(()).unwrap();
        }));
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        begin.send(()).unwrap();
        done.await.unwrap();
    }

    #[test]
    fn the_wait_is_found_among_other_preferences() {
        let wait_of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            wait(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(wait_of("wait=30"), Some(30));
        assert_eq!(wait_of("respond-async, Wait = \"5\"; foo"), Some(5));
        assert_eq!(wait_of("wait=99999999"), Some(300));
        assert_eq!(wait_of("wait=soon"), None);
        assert_eq!(wait_of("return=minimal"), None);
    }
}
