//! `POST /v1/jobs`

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::db::IdempotencyKey;
use crate::domain::id::JobId;
use crate::domain::invalid::FieldError;
use crate::domain::job::Job;
use crate::domain::request::{Examined, JobRequest, JobSpec};
use crate::http::context::Context;
use crate::http::json::Lenient;
use crate::http::problem::Problem;
use crate::storage::Claim;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Submits a job. It is on disk when this answers.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", request_body = JobRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 visible ASCII characters; the same key and body again finds the same job, for 24 hours")),
    responses(
        (status = 201, body = Job, headers(("Location" = String, description = "The job's URL"))),
        (status = 200, description = "The job of an earlier request with this key", body = Job, headers(("Idempotency-Replayed" = String, description = "true"))),
        (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn submit(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Lenient<JobRequest>,
) -> Result<Response, Problem> {
    if context.draining.is_cancelled() {
        return Err(Problem::unavailable("shutting-down", "the server is shutting down and takes no more jobs"));
    }
    let request = body.value.clone();
    let idempotency = idempotency_key(&headers, &request)?;
    let Examined { spec, places, errors, .. } = request.examine(&context.presets, context.allow_raw_args);
    let errors = body.and(errors);
    if errors.is_empty()
        && let Some(key) = &idempotency
        && let Some(job) = context.queue.replayed(key.clone()).await?
    {
        return Ok(answer(&job, true));
    }
    // Held until the job is on record, so that its upload isn't removed in between.
    let _input = check_against_the_machine(&context, &spec, &places, errors).await?;
    let submitted = context.queue.submit(new_id(&context)?, spec, idempotency).await?;
    Ok(answer(&submitted.job, submitted.replayed))
}

fn answer(job: &Job, replayed: bool) -> Response {
    let location = format!("/v1/jobs/{}", job.id);
    if replayed {
        (StatusCode::OK, [(LOCATION, location.as_str()), (REPLAYED, "true")], axum::Json(job)).into_response()
    } else {
        (StatusCode::CREATED, [(LOCATION, location)], axum::Json(job)).into_response()
    }
}

fn idempotency_key(headers: &HeaderMap, request: &JobRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = |key: &&str| (1..=255).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    let key = value.to_str().ok().filter(fits);
    let key =
        key.ok_or_else(|| Problem::invalid_field("Idempotency-Key", "a key is 1 to 255 visible ASCII characters"))?;
    // Of the request as it was understood, so that another order of the fields is no other request.
    let document = serde_json::to_vec(request).map_err(|_| Problem::internal())?;
    Ok(Some(IdempotencyKey { caller: String::new(), key: key.to_owned(), request: Sha256::digest(document).into() }))
}

/// What only this machine can tell: is the input there, does the encoder work? Everything that is wrong comes in one answer.
async fn check_against_the_machine(
    context: &Context,
    spec: &JobSpec,
    places: &[usize],
    mut errors: Vec<FieldError>,
) -> Result<Option<Claim>, Problem> {
    errors.extend(context.transcoder.missing_encoders(spec, places));
    let known = errors.iter().any(|error| error.pointer == "/input");
    let mut claimed = None;
    if !known {
        match context.transcoder.claim_input(&spec.input).await {
            Ok(claim) => claimed = claim,
            Err(error) => errors.push(FieldError { pointer: "/input".to_owned(), detail: error.to_string() }),
        }
    }
    if errors.is_empty() { Ok(claimed) } else { Err(Problem::invalid(errors)) }
}

fn new_id(context: &Context) -> Result<JobId, Problem> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| Problem::internal())?;
    Ok(JobId::new(context.clock.now(), &random))
}
