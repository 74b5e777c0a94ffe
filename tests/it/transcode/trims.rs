//! Trims of inputs that are hard to trim: without an index, without a duration, with streams that end early.

use std::path::Path;

use serde_json::{Value, json};
use transcoded::domain::failure::FailureCode as C;

use super::world::{World, cli, describe, said};

fn trimmed(name: &str, start_ms: u64, end_ms: Option<u64>) -> Value {
    let mut output = json!({ "name": name, "trim": { "start_ms": start_ms, "end_ms": end_ms } });
    if !name.contains("mp3") {
        output["video"] = json!({ "speed": "ultrafast" });
    }
    output
}

/// Six seconds with a key frame every second and a half, and sound.
fn six_seconds(world: &World) {
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=20:duration=6 -f lavfi -i sine=duration=6:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -g 30 -pix_fmt yuv420p -c:a aac",
        "six.mp4",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_where_ffmpeg_finds_no_key_frame_by_itself() {
    let world = World::new();
    six_seconds(&world);
    world.clip("-i {six.mp4} -c copy", "six.ts");
    world.clip("-i {six.mp4} -c:v mpeg2video -g 30 -r 25 -c:a mp2", "six.mpg");
    world.clip("-i {six.mp4} -an -c copy -bsf:v h264_mp4toannexb", "six.h264");
    world.clip("-i {six.mp4} -an -c:v libx265 -preset ultrafast -x265-params keyint=30:log-level=none", "six.hevc");
    for input in ["six.ts", "six.mpg", "six.h264", "six.hevc"] {
        let media = world.one(input, trimmed("a.mp4", 2000, Some(4000))).await.media.unwrap();
        let millis = media.duration_ms.unwrap();
        assert!((1950..2080).contains(&millis), "{input}: {millis}");
        let fps = media.video.unwrap().fps.unwrap();
        assert!((19.0..26.0).contains(&fps), "{input}: frames are missing, {fps} a second are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_starts_after_an_end_that_nobody_knew_starts_too_late() {
    let world = World::new();
    six_seconds(&world);
    world.clip("-i {six.mp4} -c copy", "six.ts");
    world.clip("-i {six.mp4} -c copy -f matroska -live 1", "live.mkv");
    world.clip("-i {six.mp4} -vn -c:a libmp3lame -q:a 4 -write_xing 0", "six.mp3");
    for (input, name) in [("six.ts", "late.mp4"), ("live.mkv", "late.mp4"), ("six.mp3", "late.mp3")] {
        let late = trimmed(name, 60_000, None);
        let first = trimmed(&format!("first-{name}"), 0, Some(1000));
        for outputs in [json!([late]), json!([first, late])] {
            let failure = world.fail(json!({ "input": input, "outputs": outputs })).await;
            assert_eq!(failure.code, C::TrimBeyondEnd, "{input}: {failure}");
            assert!(failure.message.contains(&format!("{name} starts at 60.000 s")), "{failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_sound_is_silent_and_one_without_a_picture_is_none() {
    let world = World::new();
    for (name, picture, sound) in [("quiet.mp4", 4, 1), ("dark.mp4", 1, 4)] {
        let sources = format!(
            "-f lavfi -i testsrc2=size=160x120:duration={picture} -f lavfi -i sine=duration={sound} -c:v libx264 \
             -preset ultrafast -c:a aac"
        );
        world.clip(&sources, name);
    }
    let media = world.one("quiet.mp4", trimmed("a.mp4", 2000, Some(3000))).await.media.unwrap();
    assert!(media.video.is_some() && media.audio.is_none());
    let outputs = json!([trimmed("a.mp4", 2000, Some(3000))]);
    let failure = world.fail(json!({ "input": "dark.mp4", "outputs": outputs })).await;
    assert_eq!(failure.code, C::TrimBeyondEnd, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_finds_no_key_frame_says_what_to_do() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=20:duration=4 -f lavfi -i sine=duration=4 -c:v libx264 -g 1000 \
         -preset ultrafast -c:a aac",
        "one-key-frame.ts",
    );
    let outputs = json!([{ "name": "a.mp4", "preset": "remux", "trim": { "start_ms": 2000 } }]);
    let failure = world.fail(json!({ "input": "one-key-frame.ts", "outputs": outputs })).await;
    assert_eq!(failure.code, C::CopyImpossible, "{failure}");
    assert!(failure.message.contains("key frames"), "{failure}");
}

/// A film whose frames tell which they are by their brightness.
fn counted(world: &World, rate: u32, rest: &str, name: &str) {
    world.clip(
        &format!(
            "-f lavfi -i color=black:size=64x64:rate={rate}:duration=4,geq=lum='40+N*2':cb=128:cr=128 -f lavfi -i \
             sine=duration=4:sample_rate=48000 -ac 2 -c:v libx264 -preset ultrafast -crf 1 -g {rate} -pix_fmt yuv420p -c:a \
             aac {rest}"
        ),
        name,
    );
}

/// The numbers of a film's frames.
fn frames(path: &Path) -> Vec<u32> {
    let mut command = cli();
    let grey = ["-fps_mode", "passthrough", "-vf", "extractplanes=y,crop=16:16,scale=1:1", "-f", "rawvideo", "-"];
    let output = command.arg("-i").arg(path).args(["-map", "0:v"]).args(grey).output().unwrap();
    output.stdout.iter().map(|&grey| (u32::from(grey) - 39) / 2).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_exact_to_the_frame_whatever_else_is_made() {
    let world = World::new();
    counted(&world, 25, "", "pal.mp4");
    counted(&world, 24, "", "film.mkv");
    counted(&world, 25, "", "pal.ts");
    let video = json!({ "codec": "h264", "speed": "ultrafast", "crf": 1 });
    for (input, start, end, first, last) in [
        ("pal.mp4", 1500, 3000, 38, 74),
        ("pal.mp4", 1000, 3000, 25, 74),
        ("film.mkv", 2000, 3000, 48, 71),
        ("film.mkv", 1030, 1071, 25, 25),
        // Its sound begins 21 ms before its pictures.
        ("pal.ts", 1500, 3000, 37, 74),
        ("pal.ts", 0, 1000, 0, 24),
        ("pal.mp4", 0, 1000, 0, 24),
    ] {
        let expected: Vec<u32> = (first..=last).collect();
        let part = |name: &str, mode: &str| {
            let trim = json!({ "start_ms": start, "end_ms": end, "mode": mode });
            json!({ "name": name, "copy": "never", "video": video, "trim": trim })
        };
        let whole = json!({ "name": "whole.mkv", "preset": "remux" });
        let half = json!({ "name": "half.mp4", "video": video, "trim": { "end_ms": 2500 } });
        for others in [vec![], vec![whole], vec![half]] {
            let mut outputs = vec![part("a.mp4", "exact"), part("b.mkv", "keyframe")];
            let count = others.len();
            outputs.extend(others);
            let (job, _) = world.succeed_as(json!({ "input": input, "outputs": outputs })).await;
            for name in ["a.mp4", "b.mkv"] {
                let found = frames(&world.files.output(job, 1, name));
                assert_eq!(found, expected, "{input} {start} to {end}, {name} with {count} others");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_part_begins_at_the_key_frame_before_whatever_else_is_made() {
    let world = World::new();
    counted(&world, 25, "", "pal.mp4");
    let copy = |mode: &str| {
        let trim = json!({ "start_ms": 1500, "end_ms": 3000, "mode": mode });
        json!({ "name": "a.mkv", "preset": "remux", "trim": trim })
    };
    let whole = json!({ "name": "b.mp4", "video": { "codec": "h264", "width": 32, "speed": "ultrafast" } });
    for outputs in [json!([copy("keyframe")]), json!([copy("keyframe"), whole]), json!([copy("exact")])] {
        let (job, made) = world.succeed_as(json!({ "input": "pal.mp4", "outputs": outputs })).await;
        let found = frames(&world.files.output(job, 1, "a.mkv"));
        assert_eq!((found[0], found.last()), (25, Some(&74)), "{outputs}");
        let told = made[0].decisions[0].why.contains("key frame before");
        assert_eq!(told, outputs[0]["trim"]["mode"] == "exact", "{:?}", made[0].decisions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_lasts_no_longer_because_the_whole_has_chapters() {
    let world = World::new();
    let chapter = |start: u32, title: &str| {
        format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={}\ntitle={title}\n", start + 2000)
    };
    let told = [chapter(0, "one"), chapter(2000, "two"), chapter(4000, "three")].concat();
    std::fs::write(world.path("chapters.txt"), format!(";FFMETADATA1\n{told}")).unwrap();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -i {chapters.txt} -map_metadata 1 -c:v libx264 -g 25 \
         -preset ultrafast -pix_fmt yuv420p",
        "in.mkv",
    );
    for (name, mode) in [("a.mp4", "exact"), ("a.mkv", "exact"), ("a.mp4", "keyframe")] {
        let trim = json!({ "start_ms": 1000, "end_ms": 3000, "mode": mode });
        let (job, _) = world.one_of("in.mkv", json!({ "name": name, "trim": trim })).await;
        let path = world.files.output(job, 1, name);
        let found = describe(&path);
        assert_eq!(found["chapters"].as_array().unwrap().len(), 0, "{name} {mode}: they are those of the whole");
        let duration: f64 = found["format"]["duration"].as_str().unwrap().parse().unwrap();
        assert!((duration - 2.0).abs() < 0.05, "{name} {mode}: {duration}");
    }
}

/// When each stream of a file is seen or heard, in seconds: what is decoded of it, by a player's clock.
fn decoded(path: &Path, stream: &str) -> (f64, f64) {
    let (filter, map) = if stream == "v" { ("showinfo", "0:v:0") } else { ("ashowinfo", "0:a:0") };
    let option = if stream == "v" { "-vf" } else { "-af" };
    let text = said(&["-copyts", "-i", path.to_str().unwrap(), "-map", map, option, filter, "-f", "null", "-"]);
    let times = text.lines().filter_map(|line| {
        let time = line.split_once("pts_time:")?.1.split_whitespace().next()?.parse::<f64>().ok()?;
        let samples =
            line.split_once("nb_samples:").and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok());
        Some((time, samples.unwrap_or(0.0) / 48_000.0))
    });
    let times: Vec<(f64, f64)> = times.collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        panic!("nothing in {}: {text}", path.display())
    };
    (first.0, last.0 + last.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_is_encoded_beside_a_copied_part_is_all_there() {
    let world = World::new();
    // A beep at 2 s, and key frames every two seconds.
    let beep = "aevalsrc=0.5*sin(2*PI*997*t)*between(t\\,2\\,2.2):d=6:s=48000";
    world.clip(
        &format!(
            "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -f lavfi -i {beep} -ac 2 -c:v libx264 -g 50 -bf 0 \
             -preset ultrafast -pix_fmt yuv420p -c:a aac"
        ),
        "in.mp4",
    );
    for name in ["a.mp4", "a.mkv"] {
        for end in [json!(3000), json!(null)] {
            let trim = json!({ "start_ms": 1500, "end_ms": end, "mode": "keyframe" });
            for audio in [json!({ "codec": "opus" }), json!({ "codec": "aac", "channels": 1 })] {
                let output = json!({ "name": name, "trim": trim, "audio": audio, "video": { "codec": "copy" } });
                let (job, _) = world.one_of("in.mp4", output).await;
                let path = world.files.output(job, 1, name);
                let (pictures, sound) = (decoded(&path, "v"), decoded(&path, "a"));
                assert!((pictures.1 - sound.1).abs() < 0.15, "{name} {trim} {audio}: {pictures:?} {sound:?}");
                let text =
                    said(&["-i", path.to_str().unwrap(), "-af", "silencedetect=n=-40dB:d=0.1", "-f", "null", "-"]);
                let heard = text.split_once("silence_end: ").unwrap().1.split_whitespace().next().unwrap();
                let heard: f64 = heard.parse().unwrap();
                // The pictures begin with the key frame at 0 s, which an mp4 hides up to the start.
                let expected = if name == "a.mp4" { 0.5 } else { 2.0 };
                assert!((heard - expected).abs() < 0.05, "{name} {trim} {audio}: {heard}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_begins_late_ends_with_the_part() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -itsoffset 2 -f lavfi -i sine=duration=4:sample_rate=48000 \
         -c:v libx264 -g 50 -preset ultrafast -pix_fmt yuv420p -c:a aac",
        "late.mp4",
    );
    for name in ["a.mp4", "a.mkv", "a.m4a"] {
        let (job, _) = world.one_of("late.mp4", json!({ "name": name, "trim": { "end_ms": 2500 } })).await;
        let end = decoded(&world.files.output(job, 1, name), "a").1;
        // A file of sound alone begins with it.
        assert!((end - 2.5).abs() < 0.05 || (name == "a.m4a" && (end - 0.5).abs() < 0.05), "{name}: {end}");
    }
    let package = json!({ "name": "p", "package": {}, "copy": "never", "trim": { "end_ms": 2500 }, "video": { "speed": "ultrafast" } });
    let (job, _) = world.one_of("late.mp4", package).await;
    let end = decoded(&world.files.output(job, 1, "p").join("master.m3u8"), "a").1;
    assert!(end < 2.6 + 1.5, "{end}");
    // The same in fragments, without a part: pictures and sound keep their places.
    let request = json!({ "input": "late.mp4", "crash_safe": true, "outputs": [{ "name": "a.mp4", "copy": "never" }] });
    let (job, _) = world.succeed_as(request).await;
    let path = world.files.output(job, 1, "a.mp4");
    assert!(decoded(&path, "v").0.abs() < 0.01 && (decoded(&path, "a").0 - 1.98).abs() < 0.05);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_behind_the_last_frame_is_told_before_anything_is_run() {
    let world = World::new();
    counted(&world, 25, "", "pal.mp4");
    let outputs = json!([{ "name": "a.mp4", "trim": { "start_ms": 3999 } }]);
    let failure = world.fail(json!({ "input": "pal.mp4", "outputs": outputs })).await;
    assert_eq!(failure.code, C::TrimBeyondEnd);
    assert!(failure.message.contains("starts at 3.999 s, but the input ends at 4.0"), "{failure}");
}
