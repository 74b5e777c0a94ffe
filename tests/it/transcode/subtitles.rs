//! Subtitles in parts of a film: each cue is shown when it is spoken, whatever else is made of the same track.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::world::{World, cli};

/// Six seconds with three cues, of which one is shown from 1 s to 3 s, as plain text and with styles.
fn spoken(world: &World) {
    let cues = "1\n00:00:01,000 --> 00:00:03,000\nfirst\n\n2\n00:00:03,500 --> 00:00:04,000\nsecond\n\n\
                3\n00:00:05,000 --> 00:00:05,500\nthird\n\n";
    std::fs::write(world.path("cues.srt"), cues).unwrap();
    world.clip(
        "-f lavfi -i testsrc2=size=64x48:rate=25:duration=6 -f lavfi -i sine=duration=6:sample_rate=48000 -i {cues.srt} \
         -map 0 -map 1 -map 2 -map 2 -c:v libx264 -preset ultrafast -g 50 -c:a aac -c:s:0 srt -c:s:1 ass \
         -metadata:s:s:0 language=eng -metadata:s:s:1 language=fra",
        "spoken.mkv",
    );
}

/// When the cues of a track are shown, in milliseconds, and what they say.
fn cues(path: &Path, track: u32) -> Vec<(u64, u64, String)> {
    let mut command = cli();
    let read = command.arg("-i").arg(path).args(["-map", &format!("0:s:{track}"), "-c:s", "srt", "-f", "srt", "-"]);
    let text = String::from_utf8(read.output().unwrap().stdout).unwrap();
    let millis = |text: &str| {
        let numbers: Vec<u64> = text.split([':', ',']).map(|number| number.trim().parse().unwrap()).collect();
        ((numbers[0] * 60 + numbers[1]) * 60 + numbers[2]) * 1000 + numbers[3]
    };
    let cue = |cue: &str| {
        let mut lines = cue.lines().skip(1);
        let (from, to) = lines.next()?.split_once(" --> ")?;
        Some((millis(from), millis(to), lines.next()?.to_owned()))
    };
    text.split("\n\n").filter_map(cue).collect()
}

fn part(name: &str, start: u64, end: u64, track: u32) -> Value {
    json!({
        "name": name, "subtitles": { "tracks": [{ "track": track }] }, "copy": "never", "video": { "speed": "ultrafast" },
        "trim": { "start_ms": start, "end_ms": end },
    })
}

/// The tracks of text in a package.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let within = |path: PathBuf| if path.is_dir() { texts(&path) } else { vec![path] };
    entries.flat_map(within).filter(|path| path.extension().is_some_and(|extension| extension == "vtt")).collect()
}

/// Some ms are those by which sound begins before the picture, and are the container's.
fn near(found: &[(u64, u64, String)], expected: &[(u64, u64, &str)], what: &str) {
    let close = |(found, expected): (&(u64, u64, String), &(u64, u64, &str))| {
        found.0.abs_diff(expected.0) <= 60 && found.1.abs_diff(expected.1) <= 60 && found.2.contains(expected.2)
    };
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{what}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_shows_each_cue_when_it_is_spoken() {
    let world = World::new();
    spoken(&world);
    let whole = json!({ "name": "whole.mkv", "preset": "remux", "subtitles": { "tracks": "all" } });
    let outputs = json!([
        part("a.mp4", 2000, 3800, 0),
        whole,
        part("b.mp4", 3000, 6000, 0),
        part("c.mkv", 2000, 3800, 1),
        part("d.webm", 0, 3600, 0),
    ]);
    let (job, made) = world.succeed_as(json!({ "input": "spoken.mkv", "outputs": outputs })).await;
    let of = |name: &str| world.files.output(job, 1, name);
    near(&cues(&of("a.mp4"), 0), &[(0, 1000, "first"), (1500, 1800, "second")], "a.mp4");
    near(&cues(&of("b.mp4"), 0), &[(500, 1000, "second"), (2000, 2500, "third")], "b.mp4");
    near(&cues(&of("c.mkv"), 0), &[(0, 1000, "first"), (1500, 1800, "second")], "c.mkv");
    near(&cues(&of("d.webm"), 0), &[(1000, 3000, "first"), (3500, 3600, "second")], "d.webm");
    for track in 0..2 {
        let all = [(1000, 3000, "first"), (3500, 4000, "second"), (5000, 5500, "third")];
        near(&cues(&of("whole.mkv"), track), &all, "whole.mkv");
    }
    for output in made.iter().filter(|output| output.name != "whole.mkv") {
        let media = output.media.as_ref().unwrap();
        let wanted = match output.name.as_str() {
            "b.mp4" => 3000,
            "d.webm" => 3600,
            _ => 1800,
        };
        assert!(media.duration_ms.unwrap().abs_diff(wanted) < 100, "{}: {media:?}", output.name);
        assert_eq!(output.decisions.last().unwrap().stream, "subtitles");
        assert!(output.decisions.last().unwrap().why.contains("cut where the part begins"), "{:?}", output.decisions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_track_alone_or_in_a_package_is_cut_as_well() {
    let world = World::new();
    spoken(&world);
    let mut package = part("show", 2000, 5200, 0);
    package["package"] = json!({ "ladder": [{ "height": 48 }] });
    let text = |name: &str, start: u64, end: u64| json!({ "name": name, "subtitles": { "tracks": [{ "track": 1 }] }, "trim": { "start_ms": start, "end_ms": end } });
    let outputs = json!([package, text("a.vtt", 2000, 5200), text("b.srt", 3600, 6000), text("none.srt", 4200, 4800)]);
    let (job, _) = world.succeed_as(json!({ "input": "spoken.mkv", "outputs": outputs })).await;
    let three = [(0, 1000, "first"), (1500, 2000, "second"), (3000, 3200, "third")];
    near(&cues(&world.files.output(job, 1, "a.vtt"), 0), &three, "a.vtt");
    near(&cues(&world.files.output(job, 1, "b.srt"), 0), &[(0, 400, "second"), (1400, 1900, "third")], "b.srt");
    let folder = world.files.output(job, 1, "show");
    let vtt = texts(&folder);
    assert_eq!(vtt.len(), 1, "{vtt:?}");
    near(&cues(&vtt[0], 0), &three, "show");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_part_shows_its_cues_with_its_pictures() {
    let world = World::new();
    spoken(&world);
    let copy = |name: &str| json!({ "name": name, "preset": "remux", "subtitles": { "tracks": "main" }, "trim": { "start_ms": 3000, "end_ms": 5800, "mode": "keyframe" } });
    let outputs = json!([copy("a.mkv"), copy("b.mp4")]);
    let (job, _) = world.succeed_as(json!({ "input": "spoken.mkv", "outputs": outputs })).await;
    // The key frame before is the one at 2 s, with which the copy begins.
    let mkv = world.files.output(job, 1, "a.mkv");
    near(&cues(&mkv, 0), &[(1500, 2000, "second"), (3000, 3500, "third")], "a.mkv");
    let mp4 = world.files.output(job, 1, "b.mp4");
    near(&cues(&mp4, 0), &[(500, 1000, "second"), (2000, 2500, "third")], "b.mp4");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_speaks_a_track_is_empty_and_still_one() {
    let world = World::new();
    spoken(&world);
    let trim = json!({ "start_ms": 4200, "end_ms": 4800 });
    let film = json!({ "name": "a.mp4", "subtitles": { "tracks": "main" }, "copy": "never", "trim": trim });
    for (name, content) in [("none.vtt", "WEBVTT"), ("none.srt", "")] {
        for track in 0..2 {
            let text = json!({ "name": name, "subtitles": { "tracks": [{ "track": track }] }, "trim": trim });
            for outputs in [json!([text]), json!([text, film])] {
                let (job, made) = world.succeed_as(json!({ "input": "spoken.mkv", "outputs": outputs })).await;
                let written = std::fs::read_to_string(world.files.output(job, 1, name)).unwrap();
                assert_eq!(written.trim(), content, "{outputs}");
                assert_eq!(made[0].media.as_ref().unwrap().container, name[5..], "{outputs}");
            }
        }
    }
    // A whole film in which nothing is said.
    world.clip(
        "-ss 4.2 -t 0.6 -i {spoken.mkv} -map 0:v -map 0:s -c:v libx264 -preset ultrafast -c:s copy",
        "silent.mkv",
    );
    let outputs = json!([{ "name": "none.vtt" }, { "name": "none.srt" }]);
    let (job, _) = world.succeed_as(json!({ "input": "silent.mkv", "outputs": outputs })).await;
    let written =
        ["none.vtt", "none.srt"].map(|name| std::fs::read_to_string(world.files.output(job, 1, name)).unwrap());
    assert_eq!(written.each_ref().map(|text| text.trim()), ["WEBVTT", ""]);
    let mut package = part("show", 4200, 4800, 0);
    package["package"] = json!({ "ladder": [{ "height": 48 }] });
    let (job, _) = world.one_of("spoken.mkv", package).await;
    let vtt = texts(&world.files.output(job, 1, "show"));
    assert!(vtt.len() == 1 && std::fs::read_to_string(&vtt[0]).unwrap().starts_with("WEBVTT"), "{vtt:?}");
}
