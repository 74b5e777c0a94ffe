//! The HTTP API: the only place that knows of status codes and headers. What it promises is in `openapi.yaml`.

mod context;
mod dashboard;
mod errors;
mod events;
mod guard;
mod health;
mod jobs;
mod json;
mod metrics;
mod node;
mod patience;
mod plan;
mod presets;
mod probe;
mod problem;
mod query;
mod request_id;
mod router;
mod serve;
mod uploads;

pub use context::{Context, Parts};
pub use metrics::Metrics;
pub use problem::Problem;
pub use router::{DOCUMENT, openapi, router};
pub use serve::{most_connections, serve};
