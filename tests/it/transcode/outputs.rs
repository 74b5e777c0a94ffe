//! What was asked for is what comes out: sizes, rates, trims, presets, channels, several outputs, raw arguments.

use serde_json::{Value, json};
use transcoded::domain::failure::FailureCode as C;
use transcoded::domain::job::Output;
use transcoded::domain::preset::Presets;

use super::world::{World, spec};
use crate::harness::turn_clockwise;

fn size(output: &Output) -> Option<(u32, u32)> {
    output.media.as_ref()?.video.as_ref().map(|video| (video.width, video.height))
}

fn channels(output: &Output) -> Option<u32> {
    output.media.as_ref()?.audio.as_ref().map(|audio| audio.channels)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_outputs_come_from_one_run() {
    let world = World::new();
    world.small_clip();
    let outputs = world
        .succeed(json!({ "input": "in.mp4", "outputs": [
            { "name": "1.mp4", "video": { "speed": "ultrafast", "bitrate_bps": 200_000 } },
            { "name": "0.mp4", "video": { "speed": "ultrafast", "width": 80, "fps": 12.5 } },
            { "name": "Ünïcode [1] 'name'.mp3" },
            { "name": "sound.wav", "audio": { "channels": 1 } },
        ] }))
        .await;
    let sizes: Vec<_> = outputs.iter().map(size).collect();
    assert_eq!(sizes, [Some((160, 120)), Some((80, 60)), None, None]);
    assert_eq!(outputs[1].media.as_ref().unwrap().video.as_ref().unwrap().fps, Some(12.5));
    assert_eq!(channels(&outputs[3]), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn trims_are_exact_whether_they_are_equal_or_not() {
    let world = World::new();
    world.bunny();
    let output = |name: &str, start: Value, end: Value| {
        let video = json!({ "speed": "ultrafast", "width": 160 });
        json!({ "name": name, "video": video, "trim": { "start_ms": start, "end_ms": end } })
    };
    for (outputs, millis) in [
        ([output("a.mp4", json!(1000), json!(2000)), output("b.mkv", json!(1000), json!(2000))], [1000, 1000]),
        ([output("a.mp4", json!(1000), json!(1500)), output("b.mkv", json!(4000), Value::Null)], [500, 1312]),
    ] {
        let made = world.succeed(json!({ "input": "bunny.mp4", "outputs": outputs })).await;
        for (output, expected) in made.iter().zip(millis) {
            let found = output.media.as_ref().unwrap().duration_ms.unwrap();
            assert!(found.abs_diff(expected) < 100, "{}: {found} instead of {expected}", output.name);
        }
    }
    let late = json!({ "input": "bunny.mp4", "outputs": [output("a.mp4", json!(9000), Value::Null)] });
    assert_eq!(world.fail(late).await.code, C::TrimBeyondEnd);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_preset_works_on_a_real_clip() {
    let world = World::new();
    world.bunny();
    let presets = Presets::built_in();
    let outputs: Vec<Value> = presets
        .all()
        .iter()
        .map(|preset| {
            let name = preset.sample_name().replacen("out", &preset.name, 1);
            json!({ "name": name, "preset": preset.name, "trim": { "end_ms": 200 } })
        })
        .collect();
    let made = world.succeed(json!({ "input": "bunny.mp4", "outputs": outputs })).await;
    assert_eq!(made.len(), presets.all().len());
    for output in made {
        let expected = match output.name.as_str() {
            "remux.mkv" => Some(6),
            "podcast.mp3" => Some(1),
            name if name.starts_with("thumbnails") || name.starts_with("poster") || name.starts_with("storyboard") => {
                None
            }
            _ => Some(2),
        };
        assert_eq!(channels(&output), expected, "{}", output.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn surround_sound_fits_each_codec() {
    let world = World::new();
    world.clip("-f lavfi -i sine=duration=1,aformat=channel_layouts=5.1(side) -c:a flac", "side.flac");
    let outputs: Vec<Value> =
        ["a.ogg", "a.m4a", "a.flac", "a.wav", "a.mp3"].iter().map(|name| json!({ "name": name })).collect();
    let made = world.succeed(json!({ "input": "side.flac", "outputs": outputs })).await;
    let found: Vec<_> = made.iter().filter_map(channels).collect();
    assert_eq!(found, [6, 6, 6, 6, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_and_turned_pictures_come_out_even_and_upright() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=321x241:duration=1 -c:v ffv1", "odd.mkv");
    world.clip("-f lavfi -i testsrc2=size=160x120:duration=1 -c:v libx264 -preset ultrafast", "flat.mp4");
    world.clip("-i {flat.mp4} -c copy", "turned.mp4");
    turn_clockwise(&world.path("turned.mp4"));
    for (input, video, expected) in [
        ("odd.mkv", json!({ "speed": "ultrafast" }), (320, 240)),
        ("odd.mkv", json!({ "speed": "ultrafast", "height": 121 }), (160, 120)),
        ("turned.mp4", json!({ "speed": "ultrafast" }), (120, 160)),
        ("turned.mp4", json!({ "speed": "ultrafast", "height": 80 }), (60, 80)),
        ("flat.mp4", json!({ "speed": "ultrafast", "width": 4000 }), (160, 120)),
    ] {
        let output = world.one(input, json!({ "name": "a.mp4", "video": video })).await;
        assert_eq!(size(&output), Some(expected), "{input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_encoder_cannot_take_is_said_before_it_runs() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=64x20:duration=1 -c:v ffv1", "flat.mkv");
    let video = json!({ "codec": "hevc", "width": 32 });
    let request = json!({ "input": "flat.mkv", "outputs": [{ "name": "a.mp4", "video": video }] });
    let failure = world.fail(request).await;
    assert_eq!(failure.code, C::EncoderUnavailable);
    assert!(failure.message.contains("32x10") && !failure.message.contains("ffmpeg:"), "{failure}");
    let video = json!({ "codec": "av1", "bitrate_bps": 500_000_000, "speed": "ultrafast" });
    world.one("flat.mkv", json!({ "name": "a.mp4", "video": video })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_arguments_keep_every_plain_file_that_they_make() {
    let world = World::new();
    world.small_clip();
    let args =
        json!(["-i", "{input}", "-c", "copy", "{output}/a.mkv", "-frames:v", "1", "-update", "1", "{output}/shot.png"]);
    let made = world.succeed(json!({ "input": "in.mp4", "args": args })).await;
    let found: Vec<_> = made.iter().map(|output| (output.name.as_str(), output.playable)).collect();
    assert_eq!(found, [("a.mkv", Some(true)), ("shot.png", None)]);
    let args = json!(["-i", "{input}", "-nonsense", "1", "{output}/a.mkv"]);
    let failure = world.fail(json!({ "input": "in.mp4", "args": args })).await;
    assert_eq!(failure.code, C::ArgsInvalid, "{failure}");
    let args = json!(["-i", "{input}", "-metadata", "x={output}", "-f", "null", "-"]);
    assert_eq!(world.fail(json!({ "input": "in.mp4", "args": args })).await.code, C::OutputInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn slim_jobs_succeed_too() {
    let world = World::new();
    world.small_clip();
    let outputs = json!([{ "name": "a.mp4", "video": { "speed": "ultrafast" } }]);
    let made = world.succeed(json!({ "input": "in.mp4", "mode": "slim", "outputs": outputs })).await;
    assert_eq!(size(&made[0]), Some((160, 120)));
}

#[test]
fn encoders_that_work_are_not_missed() {
    let world = World::new();
    let request = json!({ "input": "a", "outputs": [{ "name": "a.mp4" }, { "name": "b.webm" }] });
    assert!(world.transcoder.missing_encoders(&spec(request), &[]).is_empty());
}
