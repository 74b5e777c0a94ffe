//! A stream that already is what was asked for is copied, stream by stream; everything else is encoded, and the plan says why.

use serde_json::{Value, json};
use transcoded::domain::decision::Action;
use transcoded::domain::job::Output;

use super::world::{World, cli, describe};

fn actions(output: &Output) -> Vec<Action> {
    output.decisions.iter().map(|decision| decision.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_fits_is_copied() {
    use Action::{Copy, Encode};
    let world = World::new();
    world.small_clip();
    let long = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1";
    world.clip(&format!("{long} -c:v libx264 -preset ultrafast -pix_fmt yuv444p"), "444.mp4");
    world.clip(&format!("{long} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -aspect 2"), "anamorphic.mp4");
    world.clip(
        &format!("{long} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -vf setfield=tff -flags +ilme+ildct"),
        "fields.mp4",
    );
    for (input, output, expected) in [
        ("in.mp4", json!({ "name": "a.mp4" }), &[Copy, Copy][..]),
        ("in.mp4", json!({ "name": "a.mkv", "preset": "h264-720p" }), &[Copy, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "copy": "never" }), &[Encode, Encode]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "width": 80 } }), &[Encode, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "audio": { "channels": 1 } }), &[Copy, Encode]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "crf": 20 } }), &[Encode, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "bitrate_bps": 20_000 } }), &[Encode, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "max_bitrate_bps": 5_000_000 } }), &[Copy, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "fps": 12 } }), &[Encode, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "video": { "codec": "hevc", "speed": "ultrafast" } }), &[Encode, Copy]),
        ("in.mp4", json!({ "name": "a.mp4", "trim": { "start_ms": 200 } }), &[Encode, Encode]),
        ("in.mp4", json!({ "name": "a.mp4", "trim": { "end_ms": 500, "mode": "keyframe" } }), &[Copy, Copy]),
        ("in.mp4", json!({ "name": "a.mp3" }), &[Encode]),
        ("in.mp4", json!({ "name": "a.m4a" }), &[Copy]),
        ("444.mp4", json!({ "name": "a.mp4" }), &[Encode]),
        ("anamorphic.mp4", json!({ "name": "a.mp4" }), &[Encode]),
        ("fields.mp4", json!({ "name": "a.mp4" }), &[Encode]),
    ] {
        let made = world.one(input, output.clone()).await;
        assert_eq!(actions(&made), expected, "{input} {output}: {:?}", made.decisions);
        assert!(made.decisions.iter().all(|decision| !decision.why.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trim_is_exact_unless_key_frames_are_asked_for() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -f lavfi -i sine=duration=6 -c:v libx264 -g 50 \
         -preset ultrafast -pix_fmt yuv420p -c:a aac",
        "gop.mp4",
    );
    let trimmed = |mode: Value| json!({ "name": "a.mp4", "trim": { "start_ms": 3000, "end_ms": 5000, "mode": mode } });
    let exact = world.one("gop.mp4", trimmed(json!("exact"))).await;
    let exact = exact.media.unwrap().duration_ms.unwrap();
    assert!(exact.abs_diff(2000) < 60, "{exact}");
    let fast = world.one("gop.mp4", trimmed(json!("keyframe"))).await;
    assert_eq!(actions(&fast), [Action::Copy, Action::Copy]);
    // From the key frame at 2 s.
    let fast = fast.media.unwrap().duration_ms.unwrap();
    assert!((1900..3200).contains(&fast), "{fast}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bits_that_are_asked_for_are_copied() {
    let world = World::new();
    let source = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -pix_fmt yuv420p10le";
    world.clip(&format!("{source} -c:v libx264 -preset ultrafast"), "high10.mp4");
    world.clip(&format!("{source} -c:v libvpx-vp9 -deadline realtime -b:v 100k"), "profile2.webm");
    for (input, name, codec) in [("high10.mp4", "a.mp4", "h264"), ("profile2.webm", "a.webm", "vp9")] {
        for (bits, action) in [(json!(10), Action::Copy), (json!(null), Action::Encode)] {
            let output = json!({ "name": name, "video": { "codec": codec, "speed": "ultrafast", "bit_depth": bits } });
            assert_eq!(actions(&world.one(input, output).await), [action], "{input} with {bits}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_can_be_safe_from_crashes_too() {
    let world = World::new();
    world.small_clip();
    // What mp4 says at the beginning, transport streams say within their packets.
    world.clip("-i {in.mp4} -c copy", "in.ts");
    world.clip("-i {in.mp4} -c copy", "in.mkv");
    world.clip("-i {in.mp4} -c:v copy -c:a libmp3lame", "mp3.mkv");
    for (input, name) in
        [("in.ts", "a.mp4"), ("in.ts", "a.mov"), ("in.mkv", "a.mp4"), ("mp3.mkv", "a.mp4"), ("in.ts", "a.m4a")]
    {
        let mut output = json!({ "name": name, "audio": { "codec": "copy" } });
        if name != "a.m4a" {
            output["video"] = json!({ "codec": "copy" });
        }
        let request = json!({ "input": input, "crash_safe": true, "outputs": [output] });
        let (job, outputs) = world.succeed_as(request).await;
        let bytes = std::fs::read(world.files.output(job, 1, name)).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"moof"), "{input} to {name} was put together");
        assert!(outputs[0].media.as_ref().unwrap().audio.is_some(), "{outputs:?}");
    }
    // Cues and chapters come through as they do without.
    std::fs::write(world.path("a.srt"), "1\n00:00:00,100 --> 00:00:00,900\nHello\n").unwrap();
    let chapter = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n";
    std::fs::write(world.path("chapters.txt"), chapter).unwrap();
    world.clip("-i {in.mp4} -i {a.srt} -i {chapters.txt} -map 0 -map 1 -map_metadata 2 -c copy -c:s srt", "all.mkv");
    for name in ["a.mp4", "a.mov"] {
        for subtitles in [json!("none"), json!("all")] {
            let output = json!({ "name": name, "subtitles": { "tracks": subtitles }, "video": { "codec": "copy" } });
            let mut told = Vec::new();
            for safe in [true, false] {
                let request = json!({ "input": "all.mkv", "crash_safe": safe, "outputs": [output] });
                let (job, _) = world.succeed_as(request).await;
                let path = world.files.output(job, 1, name);
                let chapters = describe(&path)["chapters"].as_array().unwrap().len();
                let cues = cli().arg("-i").arg(&path).args(["-map", "0:s?", "-f", "srt", "-"]).output().unwrap().stdout;
                told.push((chapters, String::from_utf8_lossy(&cues).into_owned()));
            }
            assert!(told[0] == told[1] && told[0].0 == 1, "{name} {subtitles}: {told:?}");
            assert_eq!(told[0].1.contains("Hello"), subtitles == "all", "{told:?}");
        }
    }
}
