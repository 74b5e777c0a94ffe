use serde_json::json;

use crate::harness::{Server, clip};

#[tokio::test]
async fn a_submitted_job_is_run_verified_and_published() {
    let server = Server::start();
    let body = json!({
        "input": clip(), "labels": {"customer": "42"}, "priority": 3,
        "outputs": [{"name": "small.mp4", "preset": "h264-480p", "video": {"width": 320, "speed": "ultrafast"}}]
    });
    let request = server.client.post(format!("{}/v1/jobs", server.url)).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let job: serde_json::Value = response.json().await.unwrap();
    assert_eq!(location, format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert_eq!((job["state"].as_str(), job["mode"].as_str()), (Some("queued"), Some("graceful")));
    assert_eq!(job["labels"], json!({"customer": "42"}));

    let job = server.over(job["id"].as_str().unwrap()).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(job["progress"]["percent"], 100.0);
    let output = &job["outputs"][0];
    assert_eq!((output["partial"].as_bool(), output["playable"].as_bool()), (Some(false), Some(true)));
    assert_eq!(output["media"]["container"], "mp4");
    let video = &output["media"]["video"];
    assert_eq!(
        (video["codec"].as_str(), video["width"].as_u64(), video["height"].as_u64()),
        (Some("h264"), Some(320), Some(180))
    );
    assert_eq!(video["fps"], 25.0);
    assert_eq!(output["media"]["audio"], json!({"codec": "aac", "channels": 2, "sample_rate_hz": 48000}));
    let duration = output["media"]["duration_ms"].as_u64().unwrap();
    assert!((5200..=5500).contains(&duration), "{duration}");
    assert_eq!(output["sha256"].as_str().unwrap().len(), 64);
    let attempt = &job["attempts"][0];
    assert_eq!((attempt["number"].as_u64(), attempt["outcome"].as_str()), (Some(1), Some("succeeded")));
    assert_eq!(attempt["exit_code"], 0);
}

#[tokio::test]
async fn several_outputs_come_from_one_ffmpeg() {
    let server = Server::start();
    let id = server
        .submit(&json!({"input": clip(), "outputs": [
            {"name": "a.mkv", "video": {"codec": "h264", "height": 180, "speed": "ultrafast"}},
            {"name": "b.webm", "video": {"codec": "vp9", "height": 90, "speed": "ultrafast"}},
            {"name": "c.mp3"}
        ]}))
        .await;
    let job = server.over(&id).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let found: Vec<_> =
        job["outputs"].as_array().unwrap().iter().map(|output| output["media"]["container"].clone()).collect();
    assert_eq!(found, ["mkv", "webm", "mp3"]);
    assert_eq!(job["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_and_body_makes_one_job_even_at_once() {
    let server = Server::start();
    let body = json!({"input": clip(), "outputs": [{"name": "a.flac"}]});
    let submit = |body: serde_json::Value| {
        let request =
            server.client.post(format!("{}/v1/jobs", server.url)).header("idempotency-key", "order-17").json(&body);
        async move {
            let response = request.send().await.unwrap();
            let replayed = response.headers().contains_key("idempotency-replayed");
            (response.status().as_u16(), replayed, response.json::<serde_json::Value>().await.unwrap())
        }
    };
    let answers = futures_util::future::join_all((0..20).map(|_| submit(body.clone()))).await;
    let ids: std::collections::HashSet<_> = answers.iter().map(|(_, _, job)| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|(status, replayed, _)| (*status, *replayed) == (201, false)).count(), 1);
    assert_eq!(answers.iter().filter(|(status, replayed, _)| (*status, *replayed) == (200, true)).count(), 19);
    let (status, _, problem) = submit(json!({"input": clip(), "outputs": [{"name": "b.flac"}]})).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:transcoded:problem:invalid-request")));
}

#[tokio::test]
async fn raw_arguments_are_refused_unless_the_server_allows_them() {
    let body = json!({"input": clip(), "args": ["-t", "1", "-i", "{input}", "-c:v", "libx264", "-preset", "ultrafast", "{output}/out.mkv"]});
    let server = Server::start();
    let (status, problem) = server.post("/v1/jobs", &body).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/args")));
    drop(server);
    let allowed = crate::harness::Options { args: vec!["--allow-raw-args".into()], ..Default::default() };
    let server = Server::start_with(allowed);
    let job = server.over(&server.submit(&body).await).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(job["outputs"][0]["name"], "out.mkv");
    let file = server
        .client
        .get(format!("{}{}", server.url, job["outputs"][0]["url"].as_str().unwrap()))
        .send()
        .await
        .unwrap();
    assert_eq!(file.status(), 200);
}

#[tokio::test]
async fn a_higher_priority_overtakes_and_equal_ones_keep_their_order() {
    let options = crate::harness::Options { args: vec!["--slots".into(), "1".into()], ..Default::default() };
    let server = Server::start_with(options);
    let blocker = server.submit_slow("slim").await;
    let mut expected = Vec::new();
    for (priority, rank) in [(0, 2), (0, 3), (7, 0), (-7, 4), (7, 1)] {
        let body = json!({"input": clip(), "priority": priority, "outputs": [{"name": "a.wav"}]});
        expected.push((rank, server.submit(&body).await));
    }
    expected.sort();
    let mut all = server.events("/v1/events").await;
    server.delete(&format!("/v1/jobs/{blocker}")).await;
    let mut order = Vec::new();
    while order.len() < expected.len() {
        let event = all.until_state("running").await;
        order.push(event.data["id"].as_str().unwrap().to_owned());
    }
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, expected);
    for id in &expected {
        server.over(id).await;
    }
}
