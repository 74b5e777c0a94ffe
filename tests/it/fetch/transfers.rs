//! The fetcher alone: what it makes of servers that break off, lie and redirect.

use std::sync::Arc;
use std::time::Duration;

use transcoded::fetch::{Bounds, FetchError, Fetcher, Networks, Patience};

use super::web::{Reply, Web};
use crate::harness::within;

/// A fetcher that may reach this machine, and waits for nothing.
pub fn fetcher() -> Fetcher {
    fetcher_of(u64::MAX)
}

pub fn fetcher_of(max_bytes: u64) -> Fetcher {
    let patience =
        Patience { silence: Duration::from_millis(200), wait: Duration::from_millis(1), ..Patience::default() };
    let networks = Arc::new(Networks::new(vec!["127.0.0.0/8".parse().unwrap()]));
    Fetcher::new(Bounds { networks, max_bytes, patience, ..Bounds::default() })
}

/// What is fetched from a path of the server.
pub async fn fetched_by(fetcher: &Fetcher, web: &Web, path: &str) -> Result<Vec<u8>, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fetched");
    let target = fetcher.target(&web.url(path)).unwrap();
    let mut furthest = 0;
    let size =
        within("the transfer", fetcher.fetch(&target, &file, u64::MAX, &mut |bytes, _| furthest = bytes)).await?;
    let bytes = std::fs::read(file).unwrap();
    assert_eq!((size, furthest), (bytes.len() as u64, bytes.len() as u64));
    Ok(bytes)
}

async fn fetched(web: &Web) -> Result<Vec<u8>, FetchError> {
    fetched_by(&fetcher(), web, "/a").await
}

/// Bytes that are the same nowhere, so that a part in a wrong place is seen.
fn body() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test]
async fn a_file_comes_whole_in_one_piece_or_in_chunks() {
    let web = Web::serve(|_, _| Reply::whole(&body()));
    assert!(fetched(&web).await.unwrap() == body());
    assert_eq!(web.asked()[0].header("accept-encoding"), Some("identity"));
    let web = Web::serve(|_, _| Reply::chunked(&body().chunks(70_000).collect::<Vec<_>>(), true));
    assert!(fetched(&web).await.unwrap() == body());
    let web = Web::serve(|_, _| Reply::whole(b""));
    assert!(fetched(&web).await.unwrap().is_empty());
}

#[tokio::test]
async fn after_each_break_it_goes_on_where_it_was() {
    let web = Web::serve(|number, asked| {
        let from = asked.from().unwrap_or(0);
        let reply = if from == 0 { Reply::whole(&body()) } else { Reply::rest(&body(), from) };
        if number < 12 { reply.without_last((body().len() - from) * 3 / 4) } else { reply }
    });
    assert!(fetched(&web).await.unwrap() == body());
    let asked = web.asked();
    assert_eq!(asked.len(), 13);
    let starts: Vec<_> = asked[1..].iter().map(|asked| asked.from().unwrap()).collect();
    assert!(starts.is_sorted() && starts[0] > 0, "{starts:?}");
    assert!(asked[1..].iter().all(|asked| asked.header("if-range") == Some("\"a\"")));
}

#[tokio::test]
async fn a_server_that_ignores_the_range_is_read_anew() {
    let web = Web::serve(|number, _| {
        let reply = Reply::whole(&body());
        if number == 0 { reply.without_last(1000) } else { reply }
    });
    assert!(fetched(&web).await.unwrap() == body());
    assert!(web.asked()[1].from().is_some());
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_read_anew() {
    let web = Web::serve(|number, asked| match (number, asked.from()) {
        (0, _) => Reply::whole(&body()).without_last(1000),
        // Another state of it, in spite of If-Range.
        (_, Some(from)) => Reply::raw(
            &format!("206 OK\r\nETag: \"b\"\r\nContent-Range: bytes {from}-{from}/{}\r\nContent-Length: 1", from + 1),
            b"x",
        ),
        (_, None) => Reply::whole(b"new"),
    });
    assert!(fetched(&web).await.unwrap() == b"new");
}

#[tokio::test]
async fn without_anything_to_tell_states_apart_nothing_is_pieced_together() {
    let head = |size: usize| format!("200 OK\r\nETag: W/\"a\"\r\nContent-Length: {size}");
    let web = Web::serve(move |number, _| {
        let reply = Reply::raw(&head(body().len()), &body());
        if number == 0 { reply.without_last(1000) } else { reply }
    });
    assert!(fetched(&web).await.unwrap() == body());
    assert_eq!(web.asked()[1].from(), None);
}

#[tokio::test]
async fn a_part_that_begins_elsewhere_is_not_used() {
    let web = Web::serve(|number, asked| match (number, asked.from()) {
        (0, _) => Reply::whole(&body()).without_last(1000),
        (_, Some(from)) => Reply::rest(&body(), from - 1),
        (_, None) => Reply::whole(&body()),
    });
    assert!(fetched(&web).await.unwrap() == body());
    assert_eq!(web.asked().len(), 3);
}

#[tokio::test]
async fn a_server_that_says_less_than_it_promised_is_given_up() {
    let web = Web::serve(|_, asked| match asked.from() {
        None => Reply::raw("200 OK\r\nETag: \"a\"\r\nContent-Length: 100", b"short"),
        Some(_) => Reply::raw("206 OK\r\nETag: \"a\"\r\nContent-Range: bytes 5-99/100\r\nContent-Length: 95", b""),
    });
    assert!(matches!(fetched(&web).await, Err(FetchError::Broken(_))));
    assert_eq!(web.asked().len(), 6, "the first, and five that brought nothing");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_asked_again_and_in_the_end_given_up() {
    let web = Web::serve(|number, asked| match (number, asked.from()) {
        (0, _) => Reply::whole(&body()).without_last(1000).then_silence(),
        (_, Some(from)) => Reply::rest(&body(), from),
        (_, None) => Reply::whole(&body()),
    });
    assert!(fetched(&web).await.unwrap() == body());
    let web = Web::serve(|_, _| Reply::whole(&body()).without_last(body().len()).then_silence());
    assert!(matches!(fetched(&web).await, Err(FetchError::Broken(_))));
    assert_eq!(web.asked().len(), 6);
}

#[tokio::test]
async fn chunks_that_end_too_early_are_no_whole_file() {
    let web = Web::serve(|_, _| Reply::chunked(&[b"abc"], false));
    assert!(matches!(fetched(&web).await, Err(FetchError::Broken(_))));
}

#[tokio::test]
async fn each_answer_has_its_own_meaning() {
    type Meaning = fn(&FetchError) -> bool;
    let meanings: [(&'static str, Meaning); 11] = [
        ("404 Not Found", |error| matches!(error, FetchError::Missing(404))),
        ("410 Gone", |error| matches!(error, FetchError::Missing(410))),
        ("401 Unauthorized", |error| matches!(error, FetchError::Denied(401))),
        ("403 Forbidden", |error| matches!(error, FetchError::Denied(403))),
        ("418 Teapot", |error| matches!(error, FetchError::Answer(418))),
        ("204 No Content", |error| matches!(error, FetchError::Answer(204))),
        ("206 Partial Content\r\nContent-Range: bytes 0-0/1", |error| matches!(error, FetchError::Answer(206))),
        ("304 Not Modified", |error| matches!(error, FetchError::Answer(304))),
        ("429 Too Many Requests", |error| matches!(error, FetchError::Broken(_))),
        ("503 Unavailable", |error| matches!(error, FetchError::Broken(_))),
        ("200 OK\r\nContent-Encoding: gzip", |error| matches!(error, FetchError::Encoded)),
    ];
    for (status, meant) in meanings {
        let web = Web::serve(move |_, _| Reply::status(status));
        let error = fetched(&web).await.unwrap_err();
        assert!(meant(&error), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_ten_times_and_not_for_ever() {
    let hops = |most: usize| {
        move |number: usize, _: &_| if number < most { Reply::redirect("/next") } else { Reply::whole(b"there") }
    };
    assert_eq!(fetched(&Web::serve(hops(10))).await.unwrap(), b"there");
    let web = Web::serve(hops(11));
    assert!(matches!(fetched(&web).await, Err(FetchError::Redirect(_))));
    assert_eq!(web.asked().len(), 11);
}

#[tokio::test]
async fn credentials_go_to_their_own_origin_only() {
    let other = Web::serve(|_, _| Reply::whole(b"there"));
    let to = other.url("/b");
    let web = Web::serve(move |number, _| Reply::redirect(if number == 0 { "/again" } else { &to }));
    let url = web.url("/a").replace("http://", "http://us%40er:pa%3Ass@");
    let folder = tempfile::tempdir().unwrap();
    let fetcher = fetcher();
    let target = fetcher.target(&url).unwrap();
    fetcher.fetch(&target, &folder.path().join("a"), 100, &mut |_, _| {}).await.unwrap();
    let sent = |web: &Web| web.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect();
    let (own, others): (Vec<_>, Vec<_>) = (sent(&web), sent(&other));
    // "us@er:pa:ss"
    assert_eq!(own, vec![Some("Basic dXNAZXI6cGE6c3M=".to_owned()); 2]);
    assert_eq!(others, [None]);
}

#[tokio::test]
async fn no_answer_at_all_is_told_at_once() {
    let web = Web::serve(|_, _| Reply::status("200 OK"));
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (fetcher, folder) = (fetcher(), tempfile::tempdir().unwrap());
    let target = fetcher.target(&format!("http://{gone}/")).unwrap();
    let error = fetcher.fetch(&target, &folder.path().join("a"), 9, &mut |_, _| {}).await.unwrap_err();
    assert!(matches!(error, FetchError::Broken(_)), "{error:?}");
    assert!(web.asked().is_empty());
}
