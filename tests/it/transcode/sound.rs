//! Sound: as loud as was asked for, dialogue kept when surround becomes stereo, the tracks that were chosen.

use std::path::Path;

use serde_json::json;
use transcoded::domain::failure::FailureCode as C;

use super::world::{World, describe, said};

/// The integrated loudness of a file in LUFS, as ffmpeg's own meter hears it.
fn loudness(path: &Path) -> f64 {
    let text = said(&["-i", path.to_str().unwrap(), "-af", "ebur128", "-f", "null", "-"]);
    let summary = text.rsplit("Integrated loudness:").next().unwrap();
    let line = summary.lines().find_map(|line| line.trim().strip_prefix("I:")).unwrap();
    line.trim().trim_end_matches("LUFS").trim().parse().unwrap()
}

/// The peak of each channel in dB.
fn peaks(path: &Path) -> Vec<f64> {
    let filter = "astats=measure_perchannel=Peak_level:measure_overall=none";
    let text = said(&["-i", path.to_str().unwrap(), "-af", filter, "-f", "null", "-"]);
    let levels = text.lines().filter_map(|line| line.rsplit_once("Peak level dB: "));
    levels.map(|(_, level)| level.trim().parse().unwrap_or(f64::NEG_INFINITY)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_brought_to_the_loudness_that_was_asked_for() {
    let world = World::new();
    world
        .clip("-f lavfi -i sine=frequency=1000:duration=8:sample_rate=48000,volume=0.02 -ac 2 -c:a flac", "quiet.flac");
    world.clip("-f lavfi -i sine=frequency=1000:duration=8:sample_rate=48000,volume=4 -c:a flac", "loud.flac");
    for (input, target) in [("quiet.flac", -16.0), ("quiet.flac", -23.0), ("loud.flac", -23.0)] {
        let audio = json!({ "loudness_lufs": target });
        let (job, output) = world.one_of(input, json!({ "name": "a.m4a", "audio": audio })).await;
        let found = loudness(&world.files.output(job, 1, "a.m4a"));
        assert!((found - target).abs() < 1.0, "{input}: {found} instead of {target}");
        // loudnorm works at four times the rate, which nobody asked for.
        assert_eq!(output.media.unwrap().audio.unwrap().sample_rate_hz, 48_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_stays_silence_and_fails_nothing() {
    let world = World::new();
    world.clip("-f lavfi -i anullsrc=cl=stereo:r=48000 -t 2 -c:a flac", "silence.flac");
    let output = json!({ "name": "a.mp3", "audio": { "loudness_lufs": -16 } });
    let (job, _) = world.one_of("silence.flac", output).await;
    assert!(peaks(&world.files.output(job, 1, "a.mp3")).iter().all(|peak| *peak < -80.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogue_is_as_loud_as_the_rest_when_surround_becomes_stereo() {
    let world = World::new();
    for (name, channel) in [("centre.flac", "FC"), ("left.flac", "FL"), ("behind.flac", "BL")] {
        let source = format!("-f lavfi -i sine=duration=2:sample_rate=48000,pan=5.1|{channel}=c0 -c:a flac");
        world.clip(&source, name);
    }
    let mut heard = Vec::new();
    for input in ["centre.flac", "left.flac", "behind.flac"] {
        let output = json!({ "name": "a.wav", "audio": { "channels": 2 } });
        let (job, _) = world.one_of(input, output).await;
        heard.push(peaks(&world.files.output(job, 1, "a.wav")));
    }
    let [centre, left, behind] = &heard[..] else { panic!("{heard:?}") };
    assert!((centre[0] - centre[1]).abs() < 0.1, "in the middle: {centre:?}");
    assert!((centre[0] - left[0]).abs() < 0.5, "as loud as what is beside it: {centre:?} {left:?}");
    assert!(behind[0] < left[0] - 5.0, "what is behind is softer: {behind:?}");
}

/// A film with three sounds and three subtitles.
fn many(world: &World) {
    std::fs::write(world.path("a.srt"), "1\n00:00:00,100 --> 00:00:00,900\nHello, <i>world</i>\n").unwrap();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i sine=frequency=300:duration=1 \
         -f lavfi -i sine=frequency=600:duration=1 -f lavfi -i sine=frequency=900:duration=1 -i {a.srt} \
         -map 0 -map 1 -map 2 -map 3 -map 4 -map 4 -c:v libx264 -preset ultrafast -c:a aac -c:s srt \
         -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:a:2 language=fre \
         -metadata:s:s:0 language=ger -metadata:s:s:1 language=eng -disposition:a:0 0 -disposition:a:1 default",
        "many.mkv",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_are_chosen_by_language_by_number_or_all() {
    let world = World::new();
    many(&world);
    let probe = |path: &Path| {
        let info = describe(path);
        info["streams"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|stream| stream["codec_type"] == "audio")
            .map(|stream| stream["tags"]["language"].as_str().unwrap_or("und").to_owned())
            .collect::<Vec<_>>()
    };
    for (name, tracks, expected) in [
        ("a.mp4", json!("main"), &["eng"][..]),
        ("b.mkv", json!("all"), &["ger", "eng", "fre"]),
        ("c.mp4", json!([{ "language": "de" }]), &["ger"]),
        ("d.mkv", json!([{ "track": 2 }, { "language": "en" }]), &["fre", "eng"]),
        ("e.mp4", json!("none"), &[]),
    ] {
        let output = json!({ "name": name, "audio": { "tracks": tracks } });
        let (job, _) = world.one_of("many.mkv", output).await;
        assert_eq!(probe(&world.files.output(job, 1, name)), expected, "{tracks}");
    }
    for tracks in [json!([{ "language": "jpn" }]), json!([{ "track": 7 }])] {
        let outputs = json!([{ "name": "a.mp4", "audio": { "tracks": tracks } }]);
        let failure = world.fail(json!({ "input": "many.mkv", "outputs": outputs })).await;
        assert_eq!(failure.code, C::StreamMissing);
        assert!(failure.message.contains("it has 3: ger, eng, fre"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subtitles_are_carried_over_or_taken_out() {
    let world = World::new();
    many(&world);
    for (name, expected) in [("a.mkv", 2), ("a.mp4", 2), ("a.mov", 2), ("a.webm", 2)] {
        let output = json!({ "name": name, "subtitles": { "tracks": "all" }, "video": { "speed": "ultrafast" } });
        let media = world.one("many.mkv", output).await.media.unwrap();
        assert_eq!(media.subtitle_tracks, expected, "{name}");
    }
    for (name, start) in [("a.vtt", "WEBVTT"), ("a.srt", "1\n")] {
        let output = json!({ "name": name, "subtitles": { "tracks": [{ "language": "eng" }] } });
        let (job, _) = world.one_of("many.mkv", output).await;
        let text = std::fs::read_to_string(world.files.output(job, 1, name)).unwrap();
        assert!(text.starts_with(start) && text.contains("Hello"), "{name}: {text}");
    }
    world.small_clip();
    let failure = world.fail(json!({ "input": "in.mp4", "outputs": [{ "name": "a.srt" }] })).await;
    assert_eq!(failure.code, C::StreamMissing);
    // None at all is no fault where they only go with something else.
    world.one("in.mp4", json!({ "name": "a.mkv", "subtitles": { "tracks": "all" } })).await;
}
