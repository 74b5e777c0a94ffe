//! Whether a server answers and takes jobs.

use super::finding::Finding;
use crate::cli::client::Client;
use crate::cli::error::Error;

const SUBJECT: &str = "server";

/// Asks the server whether it takes jobs.
pub(super) async fn server(client: &Client, named: bool) -> Finding {
    let url = client.server();
    match client.ready().await {
        Ok(()) => Finding::ok(SUBJECT, format!("{url} answers and takes jobs")),
        Err(Error::Problem(problem)) => Finding::problem(
            SUBJECT,
            format!("{url} answers, but takes no jobs: {problem}"),
            "its log says more; if it is starting or stopping, ask again in a moment",
        ),
        Err(Error::Unreachable(_)) if !named => {
            Finding::warning(SUBJECT, format!("no server answers at {url}"), "start one with `transcoded serve`")
        }
        Err(error) => {
            Finding::problem(SUBJECT, error.to_string(), "check the address in --server or TRANSCODED_SERVER")
        }
    }
}
