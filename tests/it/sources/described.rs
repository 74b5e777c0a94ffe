//! What a probe says of each input.

use serde_json::{Value, json};

use super::available;
use crate::harness::{Facts, Server, Source, Trouble};

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_described_as_it_is() {
    let server = Server::start();
    let mut wrong = Vec::new();
    for (_, source) in available(|_| true) {
        let (status, found) = server.post("/v1/probe", &json!({ "input": source.input() })).await;
        if status != 200 {
            wrong.push(format!("{}: {status} {found}", source.name));
            continue;
        }
        wrong.extend(
            differences(&source, &found).into_iter().map(|difference| format!("{}: {difference}", source.name)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of the answer isn't as it should be.
fn differences(source: &Source, found: &Value) -> Vec<String> {
    let facts = &source.facts;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, expected: Value, found: Value| {
        if expected != found {
            wrong.push(format!("{what} is {found}, not {expected}"));
        }
    };
    expect("the video", json!(expected_video(facts)), found_video(facts, found));
    expect("the sound", json!(expected_sounds(facts)), found_sounds(found));
    expect("the subtitles", json!(facts.subtitles), all(found, "subtitle", "codec"));
    expect("the cover", json!(facts.cover), json!(streams(found).any(is_cover)));
    let languages: Vec<&Value> = streams(found)
        .filter(|stream| stream["type"] != "other")
        .map(|stream| &stream["language"])
        .filter(|language| !language.is_null())
        .collect();
    expect("the languages", json!(facts.languages), json!(languages));
    wrong.extend(wrong_duration(facts, &found["duration_ms"]));
    wrong
}

fn streams(found: &Value) -> impl Iterator<Item = &Value> {
    found["streams"].as_array().into_iter().flatten()
}

fn is_cover(stream: &Value) -> bool {
    stream["attached_picture"] == true
}

fn all(found: &Value, kind: &str, field: &str) -> Value {
    streams(found).filter(|stream| stream["type"] == kind).map(|stream| stream[field].clone()).collect()
}

fn expected_video(facts: &Facts) -> Option<Value> {
    let aspect = facts.pixel_aspect.map(|(width, height)| json!({ "numerator": width, "denominator": height }));
    facts.video.map(|codec| {
        json!({
            "codec": codec, "size": facts.size, "fps": facts.fps.map(thousandths), "rotation": facts.rotation,
            "pixels": aspect, "fields": facts.interlaced == Some(true), "depth": facts.depth.unwrap_or(8),
            "hdr": facts.transfer, "graded": facts.mastering,
        })
    })
}

fn found_video(facts: &Facts, found: &Value) -> Value {
    let Some(video) = streams(found).find(|stream| stream["type"] == "video" && !is_cover(stream)) else {
        return Value::Null;
    };
    let rate = &video["frame_rate"];
    let fps = rate["numerator"].as_f64().zip(rate["denominator"].as_f64()).filter(|_| facts.fps.is_some());
    let fps = fps.map(|(above, below)| thousandths(above / below));
    let transfer = Some(&video["colour"]["transfer"]).filter(|name| *name == "smpte2084" || *name == "arib-std-b67");
    let graded = video["mastering_display"].as_str().map(|display| json!([display, video["content_light"]]));
    json!({
        "codec": video["codec"], "size": [video["width"], video["height"]], "fps": fps, "rotation": video["rotation"],
        "pixels": video["sample_aspect_ratio"], "fields": video["interlaced"] == true,
        "depth": video["bit_depth"].as_u64().or(facts.depth.is_none().then_some(8)), "hdr": transfer, "graded": graded,
    })
}

fn thousandths(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}

fn expected_sounds(facts: &Facts) -> Vec<Value> {
    facts.sounds.iter().map(|sound| json!([sound.codec, sound.channels, sound.rate])).collect()
}

fn found_sounds(found: &Value) -> Value {
    let sounds = streams(found).filter(|stream| stream["type"] == "audio");
    sounds.map(|sound| json!([sound["codec"], sound["channels"], sound["sample_rate_hz"]])).collect()
}

/// A file tells its length to about a frame, and nothing where it can't.
fn wrong_duration(facts: &Facts, found: &Value) -> Option<String> {
    let wrong = match (facts.millis, found.as_u64()) {
        (None, None) => false,
        (Some(expected), Some(found)) => expected.abs_diff(found) > 110,
        (None, Some(_)) => facts.trouble.is_none(),
        (Some(_), None) => facts.trouble != Some(Trouble::Damaged),
    };
    wrong.then(|| format!("the duration is {found}, not {:?}", facts.millis))
}
