//! Trims of inputs that are hard to trim: without an index, without a duration, with streams that end early.

use serde_json::{Value, json};
use transcoded::domain::failure::FailureCode as C;

use super::world::World;

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
