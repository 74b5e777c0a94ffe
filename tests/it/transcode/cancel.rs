//! What is left of a job that is stopped on its way.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use transcoded::domain::format::Container;
use transcoded::domain::job::{CancelMethod, CancelReason, Phase};
use transcoded::transcode::{Controls, End};

use super::world::{Witness, World, decodes, spec};

/// Runs a job that is stopped in a phase; its end and what is published of it.
async fn stopped(world: &World, request: Value, phase: Phase, controls: Controls) -> (End, Vec<PathBuf>) {
    let witness = Witness { stop_at: Some((phase, controls.clone())), ..Witness::default() };
    let (job, outcome) = world.run(&spec(request), &controls, &witness).await;
    (outcome.end, world.published(job))
}

fn empty(end: &End) -> bool {
    matches!(end, End::Stopped { outputs, .. } if outputs.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_container_is_playable_when_it_is_stopped_half_way() {
    let world = World::new();
    world.long_clip();
    for container in Container::ALL.into_iter().filter(|container| !container.audio_codecs().is_empty()) {
        let name = format!("out.{container}");
        let name = name.strip_suffix(".cmaf").unwrap_or(&name);
        let output = json!({ "name": name, "container": container, "copy": "never" });
        let request = json!({ "input": "long.mp4", "outputs": [output] });
        let (end, kept) = stopped(&world, request, Phase::Transcoding, Controls::default()).await;
        let End::Stopped { method, outputs, note, .. } = end else { panic!("{container}: {end:?}") };
        assert_eq!((method, note), (CancelMethod::Quit, None), "{container}");
        let [output] = &outputs[..] else { panic!("{container}: {outputs:?}") };
        assert!(output.partial && output.playable == Some(true), "{output:?}");
        let millis = output.media.as_ref().and_then(|media| media.duration_ms).unwrap();
        assert!((1000..14_000_000).contains(&millis), "{container}: {millis}");
        let file = if container == Container::Cmaf { kept[0].join("master.m3u8") } else { kept[0].clone() };
        assert!(kept.len() == 1 && decodes(&file), "{container}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_output_of_a_stopped_job_is_kept() {
    let world = World::new();
    world.long_clip();
    let outputs = json!([{ "name": "1.mkv" }, { "name": "0.mp4" }, { "name": "sound.mp3" }]);
    let request = json!({ "input": "long.mp4", "outputs": outputs });
    let (end, kept) = stopped(&world, request, Phase::Transcoding, Controls::default()).await;
    let End::Stopped { outputs, note: None, .. } = end else { panic!("{end:?}") };
    assert!(outputs.len() == 3 && kept.len() == 3 && kept.iter().all(|path| decodes(path)), "{outputs:?}");
}

/// Small pictures of every second, four to a sheet, and three other kinds.
fn pictures(grace_seconds: u32) -> Value {
    let outputs = json!([
        { "name": "board", "storyboard": { "every_ms": 1000, "width": 32, "columns": 2, "rows": 2 } },
        { "name": "shots", "thumbnails": { "every_ms": 500 }, "video": { "width": 32 } },
        { "name": "few", "thumbnails": { "at_ms": [0, 1000, 13_000_000] }, "video": { "width": 32 } },
        { "name": "poster.jpg", "picture": { "at_ms": 1000 } },
    ]);
    json!({ "input": "long.mp4", "grace_seconds": grace_seconds, "outputs": outputs })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_a_stopped_job_are_kept_even_where_it_was_killed() {
    let world = World::new();
    world.long_clip();
    for (grace, killed) in [(60, false), (0, true)] {
        let (controls, witness, spec) = (Controls::default(), Witness::default(), spec(pictures(grace)));
        let stopper = async {
            written(&world, &[".0/00003.jpg", ".1/00005.jpg", ".2/00002.jpg", ".3.jpg"]).await;
            controls.reason.set(CancelReason::Client).unwrap();
            controls.stop.cancel();
        };
        let ((job, outcome), ()) = tokio::join!(world.run(&spec, &controls, &witness), stopper);
        let End::Stopped { method, outputs, note: None, .. } = outcome.end else { panic!("{:?}", outcome.end) };
        assert_eq!((method == CancelMethod::Kill, outputs.len()), (killed, 4), "{method:?}, {outputs:?}");
        let of = |name: &str| world.files.output(job, 1, name);
        assert!(decodes(&of("poster.jpg")) && files(&of("few")).len() == 2);
        let (mut sheets, shots) = (files(&of("board")), files(&of("shots")));
        let told = sheets.pop().unwrap();
        assert!(sheets.len() >= 3 && sheets.iter().chain(&shots).all(|picture| decodes(picture)), "{sheets:?}");
        every_sheet_is_told_of(&std::fs::read_to_string(told).unwrap(), &sheets);
    }
}

/// Each sheet of four pictures has cues, the last one at least one, and nothing is shown that there is no sheet of.
fn every_sheet_is_told_of(text: &str, sheets: &[PathBuf]) {
    let lines = text.lines().zip(text.lines().skip(1));
    let cues: Vec<(&str, &str)> = lines.filter(|(_, place)| place.contains('#')).collect();
    assert_eq!(cues.len().div_ceil(4), sheets.len(), "{text}");
    assert!(sheets.iter().zip(cues.chunks(4)).all(|(sheet, cues)| sheet.ends_with(&cues[0].1[..9])), "{text}");
    let (from, to) = cues[cues.len() - 1].0.split_once(" --> ").unwrap();
    assert_eq!(seconds(to) - seconds(from), 1, "the last one isn't shown to the end of the film: {text}");
}

/// Waits until the only attempt that runs has written these files.
async fn written(world: &World, names: &[&str]) {
    let there = || {
        let folder = std::fs::read_dir(world.data().join("work")).unwrap().next()?.ok()?.path().join("outputs");
        names.iter().all(|name| folder.join(name).exists()).then_some(())
    };
    while there().is_none() {
        tokio::task::yield_now().await;
    }
}

/// Whole seconds of a time such as `00:01:07.500`.
fn seconds(time: &str) -> u32 {
    time[..8].split(':').fold(0, |seconds, part| seconds * 60 + part.parse::<u32>().unwrap())
}

/// What is in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_job_leaves_nothing() {
    let world = World::new();
    world.long_clip();
    let request = json!({ "input": "long.mp4", "mode": "standard", "outputs": [{ "name": "out.mp4" }] });
    let (end, kept) = stopped(&world, request, Phase::Transcoding, Controls::default()).await;
    let End::Stopped { method: CancelMethod::Kill, outputs, note: None, .. } = end else { panic!("{end:?}") };
    assert!(outputs.is_empty() && kept.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slim_job_leaves_nothing() {
    let world = World::new();
    world.long_clip();
    let spec = spec(json!({ "input": "long.mp4", "mode": "slim", "outputs": [{ "name": "out.mkv" }] }));
    let (controls, witness) = (Controls::default(), Witness::default());
    let stopper = async {
        let written = || {
            let folder = std::fs::read_dir(world.data().join("work")).unwrap().next()?.ok()?.path().join("outputs");
            std::fs::read_dir(folder).ok()?.next()
        };
        while written().is_none() {
            tokio::task::yield_now().await;
        }
        controls.stop.cancel();
    };
    let ((job, outcome), ()) = tokio::join!(world.run(&spec, &controls, &witness), stopper);
    assert!(empty(&outcome.end) && world.published(job).is_empty(), "{:?}", outcome.end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_discards_what_is_half_done() {
    let world = World::new();
    world.long_clip();
    let controls = Controls::default();
    controls.reason.set(CancelReason::Shutdown).unwrap();
    let request = json!({ "input": "long.mp4", "outputs": [{ "name": "a.mp4" }] });
    let (end, kept) = stopped(&world, request, Phase::Transcoding, controls).await;
    assert!(empty(&end) && kept.is_empty(), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_stops_the_job_in_its_own_way_and_says_so() {
    let world = World::new();
    world.long_clip();
    // Long enough to come to encode on a busy machine, and far too short for all of it on a fast one.
    let outputs = json!([{ "name": "a.mkv", "copy": "never", "video": { "speed": "veryslow" } }]);
    let request = json!({ "input": "long.mp4", "timeout_seconds": 4, "outputs": outputs });
    let controls = Controls::default();
    let (job, outcome) = world.run(&spec(request), &controls, &Witness::default()).await;
    assert_eq!(controls.reason(), CancelReason::Timeout);
    let End::Stopped { outputs, note: None, .. } = outcome.end else { panic!("{:?}", outcome.end) };
    assert!(outputs.len() == 1 && outputs[0].partial && decodes(&world.files.output(job, 1, "a.mkv")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_the_start_starts_nothing() {
    let world = World::new();
    world.small_clip();
    let request = json!({ "input": "in.mp4", "outputs": [{ "name": "a.mp4" }] });
    let (end, kept) = stopped(&world, request, Phase::Preparing, Controls::default()).await;
    assert!(matches!(end, End::Stopped { method: CancelMethod::NotStarted, drain_ms: 0, .. }), "{end:?}");
    assert!(empty(&end) && kept.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_input_is_measured_says_how_ffmpeg_was_ended() {
    let world = World::new();
    world.long_clip();
    let outputs = json!([{ "name": "a.m4a", "audio": { "loudness_lufs": -16 } }]);
    let request = json!({ "input": "long.mp4", "outputs": outputs });
    let (end, kept) = stopped(&world, request, Phase::Analyzing, Controls::default()).await;
    assert!(matches!(end, End::Stopped { method, .. } if method != CancelMethod::NotStarted), "{end:?}");
    assert!(empty(&end) && kept.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_done_already_is_kept_whole_where_it_is_graceful() {
    let world = World::new();
    world.small_clip();
    for (mode, expected) in [("graceful", 1), ("standard", 0)] {
        let outputs = json!([{ "name": "a.mp4", "video": { "speed": "ultrafast" } }]);
        let request = json!({ "input": "in.mp4", "mode": mode, "outputs": outputs });
        let (end, kept) = stopped(&world, request, Phase::Verifying, Controls::default()).await;
        let End::Stopped { outputs, note: None, .. } = end else { panic!("{mode}: {end:?}") };
        assert!(outputs.len() == expected && kept.len() == expected, "{mode}");
        assert!(outputs.iter().all(|output| !output.partial));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_ends_even_a_graceful_job_at_once() {
    let world = World::new();
    world.long_clip();
    let controls = Controls::default();
    controls.kill.cancel();
    let request = spec(json!({ "input": "long.mp4", "outputs": [{ "name": "a.mp4" }] }));
    let (job, outcome) = world.run(&request, &controls, &Witness::default()).await;
    assert!(empty(&outcome.end) && world.published(job).is_empty(), "{:?}", outcome.end);
}
