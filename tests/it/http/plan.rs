//! `POST /v1/plan`: what a job would do, and everything that is wrong with it, without running it.

use serde_json::{Value, json};

use crate::harness::{Options, Server, clip, media_root};

#[tokio::test]
async fn a_plan_tells_what_a_job_then_does() {
    let server = Server::start();
    let body = json!({ "input": clip(), "outputs": [
        { "name": "film.mp4", "preset": "h264-480p", "video": { "speed": "ultrafast" } },
        { "name": "copy.mkv" },
        { "name": "poster.jpg", "video": { "width": 320 } },
    ] });
    let (status, plan) = server.post("/v1/plan", &body).await;
    assert_eq!((status, &plan["feasible"], &plan["errors"]), (200, &json!(true), &json!([])), "{plan:#}");
    assert_eq!(plan["input"]["duration_ms"], 5312);
    let transcode = plan["commands"].as_array().unwrap().last().unwrap();
    assert_eq!((&transcode["purpose"], &transcode["argv"][0]), (&json!("transcode"), &json!("ffmpeg")));
    let text = plan["commands"].to_string();
    assert!(!text.contains(media_root().to_str().unwrap()), "a path leaked: {text}");
    assert!(text.contains("{output}") && text.contains(&format!("file:{}", clip())), "{text}");
    let (_, listed) = server.get("/v1/jobs").await;
    assert_eq!(listed["items"], json!([]), "nothing was run");
    let id = server.submit(&body).await;
    let job = server.over(&id).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    for (planned, made) in plan["outputs"].as_array().unwrap().iter().zip(job["outputs"].as_array().unwrap()) {
        assert_eq!(planned["decisions"], made["decisions"].clone().take_why_of(&planned["decisions"]));
        let (planned, made) = (&planned["holds"][0]["video"], &made["media"]["video"]);
        assert_eq!((&planned["width"], &planned["height"]), (&made["width"], &made["height"]));
    }
}

#[tokio::test]
async fn a_poster_is_looked_for_once_whatever_is_made_of_it() {
    let server = Server::start();
    let part = json!({ "start_ms": 1000, "end_ms": 3000 });
    let body = json!({ "input": clip(), "outputs": [
        { "name": "large.jpg" },
        { "name": "small.webp", "video": { "width": 64 } },
        { "name": "part.jpg", "trim": part },
        { "name": "part.png", "trim": part },
        { "name": "fixed.jpg", "picture": { "at_ms": 2000 } },
    ] });
    let (_, plan) = server.post("/v1/plan", &body).await;
    let purposes = |plan: &Value| -> Vec<Value> {
        plan["commands"].as_array().unwrap().iter().map(|command| command["purpose"].clone()).collect()
    };
    assert_eq!(purposes(&plan), ["measure", "measure", "transcode"]);
    let why = |place: usize| plan["outputs"][place]["decisions"][0]["why"].as_str().unwrap();
    for place in 0..4 {
        assert_eq!(why(place), "a picture that isn't black, which is looked for when the job runs");
    }
    assert_eq!(why(4), "the picture at 2.000 s");
    assert!(plan["commands"][2].to_string().contains("gte(t,{measured})"));
    let job = server.over(&server.submit(&body).await).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let taken = |place: usize| &job["outputs"][place]["decisions"][0]["why"];
    assert!(taken(0) == taken(1) && taken(2) == taken(3), "{job:#}");
    assert!(taken(0).as_str().unwrap().starts_with("the picture at "), "{job:#}");
}

/// What a poster's decision says of its time is known only when it has been looked for.
trait TakeWhy {
    fn take_why_of(self, other: &Value) -> Value;
}

impl TakeWhy for Value {
    fn take_why_of(mut self, other: &Value) -> Value {
        for (own, other) in self.as_array_mut().unwrap().iter_mut().zip(other.as_array().unwrap()) {
            if own["action"] == "capture" {
                own["why"] = other["why"].clone();
            }
        }
        self
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_by_field() {
    let server = Server::start();
    let body = json!({ "input": clip(), "mode": "fast", "priority": 5000, "outputs": [
        { "name": "a.mp4", "video": { "codec": "divx", "height": 7, "fps": 9999 } },
        { "name": "../b.mp4" },
        { "name": "c.srt" },
        { "name": "d.webm", "audio": { "codec": "mp3" } },
        { "name": "e.mp4", "colour": "red" },
        { "name": "f.mp4", "video": { "codec": "hevc" }, "audio": { "tracks": [{ "track": 7 }, { "track": 0 }, { "language": "ger" }] },
          "subtitles": { "tracks": [{ "language": "fre" }] }, "trim": { "start_ms": 90000 } },
        { "name": "g.mp4", "video": { "codec": "none", "crf": 99 }, "audio": { "tracks": [{ "track": 9 }] } },
    ] });
    let (status, plan) = server.post("/v1/plan", &body).await;
    assert_eq!((status, &plan["feasible"]), (200, &json!(false)));
    let errors = plan["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    // Only what needs the input to be looked at is left to the job itself.
    let of_input = [
        "/outputs/2/subtitles/tracks",
        "/outputs/5/audio/tracks/0",
        "/outputs/5/audio/tracks/2",
        "/outputs/5/subtitles/tracks/0",
        "/outputs/5/trim/start_ms",
        "/outputs/6/audio/tracks/0",
    ];
    let expected = [
        "/mode",
        "/priority",
        "/outputs/0/video/codec",
        "/outputs/0/video/height",
        "/outputs/0/video/fps",
        "/outputs/1/name",
        "/outputs/3/audio/codec",
        "/outputs/4/colour",
        "/outputs/6/video/crf",
    ];
    for pointer in expected.into_iter().chain(of_input) {
        assert!(pointers.contains(&pointer), "{pointer}: {pointers:?}");
    }
    // What can be planned is.
    assert_eq!(plan["outputs"].as_array().unwrap().last().unwrap()["name"], "e.mp4");
    let (status, problem) = server.post("/v1/jobs", &body).await;
    assert_eq!(status, 422);
    let told: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in expected {
        assert!(told.contains(&pointer), "{pointer}: {told:?}");
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_nobody_asked_for() {
    let server = Server::start();
    let body = json!({ "input": clip(), "outputs": [
        // There is sound, but not that of this track.
        { "name": "a.m4a", "audio": { "tracks": [{ "track": 9 }] } },
        // 60 is right for the codec that was meant, and too much for mp4's usual one.
        { "name": "b.mp4", "video": { "codec": "AV1", "crf": 60 } },
        { "video": { "codec": "vp9" } },
        {},
        { "name": "out.mkv" },
    ] });
    let (_, plan) = server.post("/v1/plan", &body).await;
    let mut told: Vec<&str> =
        plan["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        ["/outputs/0/audio/tracks/0", "/outputs/1/video/codec", "/outputs/2/name", "/outputs/3/name"],
        "{:#}",
        plan["errors"]
    );
    let planned: Vec<&str> =
        plan["outputs"].as_array().unwrap().iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert!(planned.contains(&"out.mkv") && planned.iter().all(|name| !name.contains("missing")), "{planned:?}");
}

#[tokio::test]
async fn an_input_that_is_none_is_told_beside_the_rest() {
    let server = Server::start();
    std::fs::write(media_root().join("text.mp4"), "not a film").unwrap();
    for (input, told) in [("nothing.mp4", "no such file"), ("text.mp4", "no media file")] {
        let body = json!({ "input": input, "outputs": [{ "name": "a.mp4", "video": { "crf": 99 } }] });
        let (status, plan) = server.post("/v1/plan", &body).await;
        assert_eq!((status, &plan["feasible"], &plan["input"]), (200, &json!(false), &json!(null)));
        let errors = plan["errors"].to_string();
        assert!(errors.contains(told) && errors.contains("/outputs/0/video/crf"), "{errors}");
    }
    let (status, _) = server.post("/v1/plan", &json!([])).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn presets_of_the_operator_are_listed_and_used_and_wrong_ones_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let house = "description = 'Ours'\ncontainer = 'mp4'\n[video]\ncodec = 'h264'\nheight = 90\nspeed = 'ultrafast'\n";
    std::fs::write(folder.path().join("house.toml"), house).unwrap();
    let options = Options::with(&["--preset-dir", folder.path().to_str().unwrap()]);
    let server = Server::start_with(options);
    let (_, presets) = server.get("/v1/presets").await;
    let names: Vec<&str> =
        presets["items"].as_array().unwrap().iter().map(|preset| preset["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"house") && names.contains(&"h264-720p"), "{names:?}");
    let output = json!({ "name": "a.mp4", "preset": "house", "video": { "height": 60 }, "trim": { "end_ms": 400 } });
    let id = server.submit(&json!({ "input": clip(), "outputs": [output] })).await;
    let job = server.over(&id).await;
    assert_eq!(job["outputs"][0]["media"]["video"]["height"], 60, "{job:#}");
    std::fs::write(folder.path().join("odd.toml"), "container = 'mp4'\n[video]\ncrf = 99\ncodec = 'h264'\n").unwrap();
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_transcoded"))
        .args(["serve", "--listen", "127.0.0.1:0", "--preset-dir"])
        .arg(folder.path())
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("odd.toml") && told.contains("video/crf"), "{told}");
}

#[tokio::test]
async fn pictures_beyond_the_end_are_told_before_anything_is_run() {
    let server = Server::start();
    let body = json!({ "input": clip(), "outputs": [
        { "name": "late.jpg", "picture": { "at_ms": 6000 } },
        { "name": "shots", "thumbnails": { "at_ms": [0, 5279, 6000, 9000] } },
        { "name": "last.jpg", "picture": { "at_ms": 5279 } },
    ] });
    let (_, plan) = server.post("/v1/plan", &body).await;
    let told: Vec<_> = plan["errors"].as_array().unwrap().iter().map(|e| (&e["pointer"], &e["detail"])).collect();
    let late = json!("late.jpg needs the picture at 6.000 s, but the input's video ends at 5.280 s");
    let shot = |at: &str| json!(format!("shots needs a picture at {at} s, but the input's video ends at 5.280 s"));
    let expected = [
        (&json!("/outputs/0/picture/at_ms"), &late),
        (&json!("/outputs/1/thumbnails/at_ms/2"), &shot("6.000")),
        (&json!("/outputs/1/thumbnails/at_ms/3"), &shot("9.000")),
    ];
    assert_eq!(told, expected, "{plan:#}");
}
