//! `GET /metrics`: the numbers for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, Method, StatusCode};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::context::Context;
use super::problem::Problem;
use crate::domain::job::JobState;

/// Upper bounds of the histograms in seconds: from answers in memory to jobs of hours.
const SECONDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0, 1800.0, 7200.0];

/// The numbers of this process.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting, for the whole process.
    ///
    /// # Errors
    /// Never with the bounds above; the library asks for it.
    pub fn install() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(SECONDS)?.build_recorder();
        let handle = recorder.handle();
        // A second server in one process counts into the first one's numbers.
        let _ = metrics::set_global_recorder(recorder);
        Ok(Self(handle))
    }
}

/// Counts a request that was answered.
pub(super) fn count_request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let labels =
        [("method", name_of(method).to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
    counter!("transcoded_http_requests_total", &labels).increment(1);
    histogram!("transcoded_http_request_duration_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// The method, if it is one that there is: a client may send any word, and each would be a series of its own for ever.
fn name_of(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "other",
    }
}

/// The numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, content_type = "text/plain", body = String), (status = 503, body = Problem)))]
pub(super) async fn metrics(
    State(context): State<Context>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let counts = context.queue.counts().await?;
    for state in JobState::ALL {
        let count = counts.iter().find(|(found, _)| *found == state).map_or(0, |(_, count)| *count);
        #[expect(clippy::cast_precision_loss, reason = "exact to 2^53 jobs")]
        gauge!("transcoded_jobs", "state" => state.name()).set(count as f64);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
    gauge!("transcoded_slots").set(context.slots as f64);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], context.metrics.0.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_share_one_name() {
        assert_eq!(name_of(&Method::DELETE), "DELETE");
        for made_up in ["BREW", "get", "PROPFIND"] {
            assert_eq!(name_of(&made_up.parse().unwrap()), "other", "{made_up}");
        }
    }
}
