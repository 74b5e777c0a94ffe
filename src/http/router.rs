//! Every route on one page.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::{Content, OpenApi, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::context::Context;
use super::problem::{PROBLEM_JSON, Problem};
use super::{dashboard, events, health, jobs, metrics, node, presets, probe, request_id};

/// The document as it is committed; a test sees to it that it is what [`openapi`] makes.
pub const DOCUMENT: &str = include_str!("../../openapi.yaml");

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "transcoded",
        description = "A transcoding job queue: POST a job, watch it over server-sent events, DELETE it and keep a playable file.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "jobs", description = "Submitting, watching and cancelling"),
        (name = "events", description = "Server-sent events that can be resumed"),
        (name = "media", description = "Looking at inputs, and the presets"),
        (name = "operations", description = "The server itself")
    )
)]
struct Document;

/// The document of the API, as YAML.
///
/// # Errors
/// Never for the routes below; the library asks for it.
pub fn openapi() -> Result<String, serde_json::Error> {
    let mut document = routes().into_openapi();
    name_problems(&mut document);
    document.to_yaml().map_err(serde::de::Error::custom)
}

/// Error answers have a media type of their own, which the routes needn't repeat each time.
fn name_problems(document: &mut OpenApi) {
    let operations = document
        .paths
        .paths
        .values_mut()
        .flat_map(|path| [&mut path.get, &mut path.post, &mut path.delete].into_iter().filter_map(Option::as_mut));
    for response in operations.flat_map(|operation| operation.responses.responses.values_mut()) {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = "As the schema says".into();
        }
        if response.content.get("application/json").is_some_and(is_problem)
            && let Some(content) = response.content.swap_remove("application/json")
        {
            response.description = "A problem (RFC 9457)".into();
            response.content.insert(PROBLEM_JSON.into(), content);
        }
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) = content else { return false };
    schema.ref_location.ends_with("/Problem")
}

/// The whole of the API, ready to be served.
pub fn router(context: Context) -> Router {
    let (mut router, _) = routes().split_for_parts();
    for (path, page) in dashboard::routes() {
        router = router.route(path, page);
    }
    router
        .route("/openapi.yaml", get(|| async { ([(CONTENT_TYPE, "application/yaml")], DOCUMENT) }))
        .fallback(|| async { Problem::of_status(StatusCode::NOT_FOUND) })
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(request_id::layer))
        .with_state(context)
}

fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Document::openapi())
        // For those who transcode.
        .routes(routes!(jobs::submit::submit, jobs::list::list))
        .routes(routes!(jobs::get::get, jobs::cancel::cancel))
        .routes(routes!(jobs::hold::pause))
        .routes(routes!(jobs::hold::resume))
        .routes(routes!(jobs::retry::retry))
        .routes(routes!(events::one))
        .routes(routes!(jobs::log::log))
        .routes(routes!(jobs::output::output))
        .routes(routes!(events::all))
        .routes(routes!(presets::list))
        .routes(routes!(probe::probe))
        // For those who run the server.
        .routes(routes!(node::node))
        .routes(routes!(node::drain))
        .routes(routes!(node::resume))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}
