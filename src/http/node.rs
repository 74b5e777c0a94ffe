//! `GET /v1/node`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::context::Context;
use super::problem::Problem;
use crate::db::ListQuery;
use crate::domain::id::JobId;
use crate::domain::job::{JobProgress, JobState};
use crate::domain::time::Timestamp;

/// What this server is and what it is busy with.
#[derive(Serialize, ToSchema)]
pub(super) struct Node {
    /// The server's version.
    version: &'static str,
    /// What ffmpeg calls its version.
    #[schema(examples("5.1.9-0+deb12u1"))]
    ffmpeg_version: String,
    /// The encoders that passed a test at the start.
    #[schema(examples(json!(["libx264", "aac"])))]
    encoders: Vec<String>,
    /// How many jobs can run at once, and how many do.
    slots: Slots,
    /// The jobs that run.
    running: Vec<RunningJob>,
    /// Whether it starts jobs.
    state: NodeState,
    /// Whether it takes jobs with raw ffmpeg arguments.
    raw_args_allowed: bool,
    /// When it started.
    started_at: Timestamp,
}

/// Whether a server starts jobs.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeState {
    /// It does.
    Accepting,
    /// The disk is too full: jobs wait until there is room.
    DiskLow,
    /// Somebody drained it: what runs goes on, nothing is started.
    Draining,
    /// It ends.
    ShuttingDown,
}

impl NodeState {
    fn of(context: &Context) -> Self {
        let intake = context.queue.intake();
        if context.draining.is_cancelled() {
            Self::ShuttingDown
        } else if intake.is_drained() {
            Self::Draining
        } else if intake.is_disk_low() {
            Self::DiskLow
        } else {
            Self::Accepting
        }
    }
}

/// The seats for running jobs.
#[derive(Serialize, ToSchema)]
pub(super) struct Slots {
    /// All of them.
    total: usize,
    /// Those with a job.
    busy: usize,
}

/// A job that runs.
#[derive(Serialize, ToSchema)]
pub(super) struct RunningJob {
    /// Its id.
    id: JobId,
    /// `running` or `cancelling`.
    state: JobState,
    /// What it reads.
    input: String,
    /// How far it got.
    progress: Option<JobProgress>,
}

/// What this server is, which encoders really work, and what it is busy with.
#[utoipa::path(get, path = "/v1/node", tag = "operations", responses((status = 200, body = Node), (status = 503, body = Problem)))]
pub(super) async fn node(State(context): State<Context>) -> Result<axum::Json<Node>, Problem> {
    let mut running = Vec::new();
    for state in [JobState::Running, JobState::Cancelling] {
        let query = ListQuery { state: Some(state), limit: 1024, ..ListQuery::default() };
        let jobs = context.queue.list(query).await?.jobs;
        running.extend(jobs.into_iter().map(|job| RunningJob {
            id: job.id,
            state,
            input: job.input,
            progress: job.progress,
        }));
    }
    Ok(axum::Json(Node {
        version: env!("CARGO_PKG_VERSION"),
        ffmpeg_version: context.ffmpeg_version.clone(),
        encoders: context.encoders.clone(),
        slots: Slots { total: context.slots, busy: running.len() },
        running,
        state: NodeState::of(&context),
        raw_args_allowed: context.allow_raw_args,
        started_at: context.started_at,
    }))
}

/// Starts no more jobs, before a deploy for example: what runs goes on to its end, what waits or is submitted waits. Ends with
/// `POST /v1/node/resume` or with the process.
#[utoipa::path(post, path = "/v1/node/drain", tag = "operations", responses((status = 200, body = Node), (status = 503, body = Problem)))]
pub(super) async fn drain(State(context): State<Context>) -> Result<axum::Json<Node>, Problem> {
    tracing::info!("drained: no more jobs are started");
    context.queue.intake().drain(true);
    node(State(context)).await
}

/// Starts jobs again after a drain.
#[utoipa::path(post, path = "/v1/node/resume", tag = "operations", responses((status = 200, body = Node), (status = 503, body = Problem)))]
pub(super) async fn resume(State(context): State<Context>) -> Result<axum::Json<Node>, Problem> {
    tracing::info!("resumed: jobs are started again");
    context.queue.intake().drain(false);
    node(State(context)).await
}
