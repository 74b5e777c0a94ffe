//! What is too large is told as early as it can be told.

use std::sync::Arc;

use transcoded::fetch::{Bounds, FetchError, Fetcher, Networks};

use super::transfers::{fetched_by, fetcher_of};
use super::web::{Reply, Web};
use crate::harness::{Options, Server};
use serde_json::json;

#[tokio::test]
async fn the_announced_size_counts_at_once_and_the_real_one_while_it_comes() {
    let body = vec![7; 1_000_000];
    let announced = Web::serve({
        let body = body.clone();
        move |_, _| Reply::whole(&body).without_last(999_000).then_silence()
    });
    let counted = Web::serve({
        let body = body.clone();
        move |_, _| Reply::chunked(&body.chunks(10_000).collect::<Vec<_>>(), true)
    });
    for web in [announced, counted] {
        let error = fetched_by(&fetcher_of(999_999), &web, "/a").await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { limit: 999_999 }), "{error:?}");
        assert_eq!(web.asked().len(), 1);
    }
    let web = Web::serve(move |_, _| Reply::whole(&body));
    assert_eq!(fetched_by(&fetcher_of(1_000_000), &web, "/a").await.unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_not_begun() {
    let web = Web::serve(|_, _| Reply::raw("200 OK\r\nContent-Length: 1000", b"").then_silence());
    let networks = Arc::new(Networks::new(vec!["127.0.0.1/32".parse().unwrap()]));
    let fetcher = Fetcher::new(Bounds { networks, reserve_bytes: u64::MAX - 1000, ..Bounds::default() });
    let error = fetched_by(&fetcher, &web, "/a").await.unwrap_err();
    assert!(matches!(error, FetchError::NoRoom), "{error:?}");
}

#[tokio::test]
async fn a_job_whose_input_is_too_large_fails_for_good() {
    let web = Web::serve(|_, _| Reply::whole(&[7; 1001]));
    let server = Server::start_with(Options::with(&["--allow-network", "127.0.0.0/8", "--max-input-bytes", "1000"]));
    let job = json!({"input": web.url("/a.mp4"), "outputs": [{"name": "a.mp4"}]});
    let job = server.over(&server.submit(&job).await).await;
    assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("failed"), Some("input_invalid")));
    assert_eq!(job["attempts"].as_array().unwrap().len(), 1, "{job:#}");
    assert!(job["error"]["message"].as_str().unwrap().contains("1000 bytes"), "{job:#}");
}
