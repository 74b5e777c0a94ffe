use reqwest::Method;
use serde_json::json;

use crate::harness::{Events, Server, clip, eventually, within};

#[tokio::test]
async fn a_stream_starts_with_a_snapshot_and_ends_with_the_job() {
    let server = Server::start();
    let id =
        server.submit(&json!({"input": clip(), "outputs": [{"name": "a.mp4", "video": {"speed": "ultrafast"}}]})).await;
    let events = server.events(&format!("/v1/jobs/{id}/events")).await.rest().await;
    assert_eq!(events[0].kind, "snapshot");
    assert_eq!(events[0].data["id"], *id);
    assert!(events[0].id.is_some());
    let last = events.last().unwrap();
    assert_eq!((last.kind.as_str(), last.state()), ("state", "succeeded"));
    let ids: Vec<_> = events.iter().filter_map(|event| event.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(events.iter().filter(|event| event.kind == "progress").all(|event| event.id.is_none()));
    let percents: Vec<_> = events.iter().filter_map(|event| event.data["percent"].as_f64()).collect();
    assert!(percents.is_sorted() && percents.iter().all(|percent| (0.0..=100.0).contains(percent)), "{percents:?}");
}

#[tokio::test]
async fn progress_moves_and_its_fields_are_typed() {
    let server = Server::start();
    let id = server.submit(&crate::harness::slow_job("standard")).await;
    let mut events = server.events(&format!("/v1/jobs/{id}/events")).await;
    let mut first = None;
    let moved = loop {
        let progress = events.next_of("progress").await.data;
        assert_eq!(progress["job_id"], *id);
        if progress["phase"] != "transcoding" || progress["out_time_ms"].as_u64() == Some(0) {
            continue;
        }
        let percent = progress["percent"].as_f64();
        if percent > *first.get_or_insert(percent) {
            break progress;
        }
    };
    for field in ["frame", "out_time_ms", "speed", "fps"] {
        assert!(moved[field].is_number(), "{field}: {moved:#}");
    }
    // The record follows the events every now and then.
    let recorded = || async { (server.job(&id).await["progress"]["percent"].as_f64() > Some(0.0)).then_some(()) };
    eventually("the job to tell its progress", recorded).await;
    server.delete(&format!("/v1/jobs/{id}")).await;
    server.over(&id).await;
}

#[tokio::test]
async fn what_was_missed_comes_first_even_after_kill_9() {
    let server = Server::start();
    let mut all = server.events("/v1/events").await;
    let start = all.next().await.unwrap();
    assert_eq!((start.kind.as_str(), &start.data), ("snapshot", &json!({"jobs": []})));
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    let states = ["queued", "running", "succeeded"];
    let mut ids = Vec::new();
    for state in states {
        ids.push(all.until_state(state).await.id.unwrap());
    }
    drop(all);
    let server = server.kill_and_restart();
    for (seen, missed) in [(start.id.unwrap(), &states[..]), (ids[0], &states[1..]), (ids[2], &[])] {
        let path = format!("/v1/jobs/{id}/events");
        let response =
            server.request(Method::GET, &path).header("last-event-id", seen.to_string()).send().await.unwrap();
        let events = Events::new(response).rest().await;
        assert_eq!((events[0].kind.as_str(), events[0].id), ("snapshot", Some(seen)));
        let found: Vec<_> = events[1..].iter().map(crate::harness::Event::state).collect();
        assert_eq!(found, missed);
        let mut all = server.events(&format!("/v1/events?last_event_id={seen}")).await;
        assert_eq!(all.next().await.unwrap().kind, "snapshot");
        for state in missed {
            assert_eq!(all.next_of("state").await.state(), *state);
        }
    }
}

#[tokio::test]
async fn a_reader_that_was_away_for_hundreds_of_events_gets_all_of_them_in_order() {
    let server = Server::start();
    // Nothing of it can run, so that each job has two events: queued and cancelled.
    let (first, second) = (server.submit_slow("slim").await, server.submit_slow("slim").await);
    let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
    for _ in 0..30 {
        let ids = futures_util::future::join_all((0..10).map(|_| server.submit(&body))).await;
        let paths: Vec<_> = ids.iter().map(|id| format!("/v1/jobs/{id}")).collect();
        futures_util::future::join_all(paths.iter().map(|path| server.delete(path))).await;
    }
    // Nothing is in memory any more, and it is more than a page of the database.
    let server = server.kill_and_restart();
    let mut all = server.events("/v1/events?last_event_id=0").await;
    let mut cancelled = 0;
    let mut last = all.next().await.unwrap().id.unwrap();
    while cancelled < 300 {
        let event = all.next_of("state").await;
        assert!(event.id > Some(last), "{:?} after {last}", event.id);
        last = event.id.unwrap();
        cancelled += usize::from(event.state() == "cancelled");
    }
    for id in [first, second] {
        server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
        server.over(&id).await;
    }
}

#[tokio::test]
async fn a_late_reader_gets_the_end_all_the_same() {
    let server = Server::start();
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    server.over(&id).await;
    let events = server.events(&format!("/v1/jobs/{id}/events")).await.rest().await;
    let found: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.state())).collect();
    assert_eq!(found, [("snapshot", "succeeded"), ("state", "succeeded")]);
}

#[tokio::test]
async fn the_stream_of_a_job_that_is_tried_again_goes_on_past_its_old_end() {
    let server = Server::start();
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    server.over(&id).await;
    server.post("/v1/node/drain", &json!({})).await;
    assert_eq!(server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await.0, 200);
    let events = server.events(&format!("/v1/jobs/{id}/events?last_event_id=0")).await;
    server.post("/v1/node/resume", &json!({})).await;
    let events = events.rest().await;
    let found: Vec<_> = events.iter().filter(|event| event.kind == "state").map(crate::harness::Event::state).collect();
    assert_eq!(found, ["queued", "running", "succeeded", "queued", "running", "succeeded"]);
}

#[tokio::test]
async fn ids_that_are_none_are_refused_and_ids_of_the_future_are_ignored() {
    let server = Server::start();
    for path in ["/v1/events?last_event_id=soon", "/v1/events?last_event_id=-1", "/v1/events?nonsense=1"] {
        assert_eq!(server.get(path).await.0, 422, "{path}");
    }
    let mut all = server.events("/v1/events?last_event_id=999999").await;
    assert_eq!(all.next().await.unwrap().id, Some(0));
    assert_eq!(server.get("/v1/jobs/019234ab-5678-7def-8123-456789abcdef/events").await.0, 404);
}

#[tokio::test]
async fn log_lines_come_only_when_asked_for_and_name_no_folder_of_the_server() {
    let server = Server::start();
    let id = server.submit(&crate::harness::slow_job("standard")).await;
    let mut with_log = server.events(&format!("/v1/jobs/{id}/events?log=true")).await;
    let line = with_log.next_of("log").await.data;
    assert_eq!(line["job_id"], *id);
    assert!(line["line"].is_string() && line["level"].is_string());
    server.encoding(&id).await;
    server.delete(&format!("/v1/jobs/{id}")).await;
    let rest = server.events(&format!("/v1/jobs/{id}/events")).await.rest().await;
    assert!(rest.iter().all(|event| event.kind != "log"));
    let text =
        server.client.get(format!("{}/v1/jobs/{id}/log", server.url)).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("Input #0"), "{text}");
    let roots = [server.data_dir(), crate::harness::media_root()];
    assert!(roots.iter().all(|root| !text.contains(root.to_str().unwrap())), "{text}");
}

#[tokio::test]
async fn a_reader_that_never_reads_slows_nobody() {
    let server = Server::start();
    // Opened and never read from: what it doesn't take stays in the database, not in the server.
    let idle = futures_util::future::join_all((0..50).map(|_| server.events("/v1/events?log=true"))).await;
    let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
    let submits = (0..20).map(|_| server.submit(&body));
    for id in futures_util::future::join_all(submits).await {
        assert_eq!(within("the job", server.over(&id)).await["state"], "succeeded");
    }
    drop(idle);
}
