//! Every route on one page.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::context::Context;
use super::problem::{PROBLEM_JSON, Problem};
use super::{dashboard, events, guard, health, jobs, metrics, node, plan, presets, probe, request_id, uploads};

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
        (name = "uploads", description = "Files that clients send, to be inputs; the tus protocol too"),
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
    name_rests(&mut document);
    document.to_yaml().map_err(serde::de::Error::custom)
}

/// What stands for the rest of a path is called as any other parameter.
fn name_rests(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
}

/// Error answers have a media type of their own, which the routes needn't repeat each time.
fn name_problems(document: &mut OpenApi) {
    let changing = document
        .paths
        .paths
        .values_mut()
        .flat_map(|path| [&mut path.post, &mut path.patch, &mut path.delete])
        .flatten();
    for operation in changing {
        add_problem(operation, "403", "It comes from a page of another site");
    }
    let operations = document
        .paths
        .paths
        .values_mut()
        .flat_map(|path| {
            [&mut path.get, &mut path.post, &mut path.patch, &mut path.delete, &mut path.head, &mut path.options]
        })
        .flatten();
    for operation in operations {
        add_problem(operation, "400", "The request can't be read");
        add_problem(operation, "421", "The server isn't known by the name in the Host header");
        name_media_types(operation);
    }
}

/// Adds an answer that every operation may give and none names.
fn add_problem(operation: &mut Operation, status: &str, description: &str) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(description).content("application/json", content).build();
    operation.responses.responses.entry(status.into()).or_insert(response.into());
}

fn name_media_types(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        if response.content.get("application/json").is_some_and(is_problem)
            && let Some(content) = response.content.swap_remove("application/json")
        {
            if response.description.is_empty() {
                response.description = "A problem (RFC 9457)".into();
            }
            response.content.insert(PROBLEM_JSON.into(), content);
        }
        if response.description.is_empty() {
            response.description = "As the schema says".into();
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
        .layer(middleware::from_fn_with_state(context.clone(), guard::layer))
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
        .routes(routes!(jobs::salvage::salvage))
        .routes(routes!(events::one))
        .routes(routes!(jobs::log::log))
        .routes(routes!(jobs::output::output))
        .routes(routes!(jobs::output::output_file))
        .routes(routes!(events::all))
        .routes(routes!(presets::list))
        .routes(routes!(probe::probe))
        .routes(routes!(plan::plan))
        .merge(uploads())
        // For those who run the server.
        .routes(routes!(node::node))
        .routes(routes!(node::drain))
        .routes(routes!(node::resume))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

/// Those that speak tus besides.
fn uploads() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(uploads::create::create, uploads::tus::options))
        .routes(routes!(
            uploads::one::get,
            uploads::one::delete,
            uploads::tus::head,
            uploads::tus::patch,
            uploads::tus::overridden,
            uploads::tus::options_of_one
        ))
        .layer(middleware::from_fn(uploads::tus::layer))
}
