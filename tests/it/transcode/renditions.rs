//! Pictures in the shape, at the rate, with the colours and the key frames that were asked for.

use std::path::Path;

use serde_json::{Value, json};

use super::world::{World, describe, said};

/// What ffprobe says of a file's video.
fn told(path: &Path, args: &str) -> String {
    let ffprobe = transcoded::ffmpeg::locate_in_environment().unwrap().ffprobe;
    let mut command = std::process::Command::new(ffprobe);
    let answer = command.args(["-v", "error", "-select_streams", "v"]).args(args.split(' ')).arg(path).output();
    String::from_utf8(answer.unwrap().stdout).unwrap()
}

/// The time stamps of the key frames of a file, in milliseconds.
fn key_frames(path: &Path) -> Vec<u64> {
    let text = told(path, "-skip_frame nokey -show_entries frame=pts_time -of csv=p=0");
    let seconds = text.lines().filter_map(|line| line.trim_end_matches(',').parse::<f64>().ok());
    seconds.map(|seconds| format!("{:.0}", seconds * 1000.0).parse().unwrap()).collect()
}

/// What ffprobe says of the first frame.
fn first_frame(path: &Path) -> String {
    told(path, "-read_intervals %+#1 -show_frames")
}

/// How many frames a film has.
fn frames(path: &Path) -> u64 {
    told(path, "-count_packets -show_entries stream=nb_read_packets -of csv=p=0").trim().parse().unwrap()
}

fn video_of(path: &Path) -> Value {
    let info = describe(path);
    info["streams"].as_array().unwrap().iter().find(|stream| stream["codec_type"] == "video").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_padded_cropped_and_made_square() {
    let world = World::new();
    let source = "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    world.clip(source, "flat.mp4");
    world.clip(&format!("{source} -aspect 16/9"), "wide.mp4");
    for (input, video, size) in [
        ("flat.mp4", json!({ "aspect": "16:9", "fit": "pad" }), (214, 120)),
        ("flat.mp4", json!({ "aspect": "16:9", "fit": "crop" }), (160, 90)),
        ("flat.mp4", json!({ "width": 90, "height": 90, "fit": "crop" }), (90, 90)),
        ("flat.mp4", json!({ "width": 320, "height": 180, "fit": "pad", "upscale": true }), (320, 180)),
        ("flat.mp4", json!({ "height": 240, "upscale": true }), (320, 240)),
        ("wide.mp4", json!({}), (214, 120)),
        ("wide.mp4", json!({ "width": 107 }), (106, 60)),
    ] {
        let output = json!({ "name": "a.mp4", "video": video, "copy": "never" });
        let (job, made) = world.one_of(input, output).await;
        let found = made.media.unwrap().video.unwrap();
        assert_eq!((found.width, found.height), size, "{input} {video}");
        let stream = video_of(&world.files.output(job, 1, "a.mp4"));
        assert!(matches!(stream["sample_aspect_ratio"].as_str(), None | Some("1:1")), "{stream}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_input_is_brought_to_a_whole_fraction_of_its_rate() {
    let world = World::new();
    let source = "-f lavfi -i testsrc2=size=160x120:rate=60000/1001:duration=1 -c:v libx264 -preset ultrafast";
    world.clip(source, "fast.mp4");
    for (video, expected) in
        [(json!({ "max_fps": 30 }), 29.97), (json!({ "max_fps": 60 }), 59.94), (json!({ "fps": 25 }), 25.0)]
    {
        let output = json!({ "name": "a.mp4", "video": video, "copy": "never" });
        let found = world.one("fast.mp4", output).await.media.unwrap().video.unwrap().fps.unwrap();
        assert!((found - expected).abs() < 0.01, "{video}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_frame_rate_makes_a_film_no_longer() {
    let world = World::new();
    for rate in [50, 24] {
        let source = format!("-f lavfi -i testsrc2=size=64x48:rate={rate}:duration=4 -c:v libx264 -preset ultrafast");
        world.clip(&source, &format!("{rate}.mp4"));
    }
    for (input, video, count) in [
        ("50.mp4", json!({ "fps": 25 }), 100),
        ("50.mp4", json!({ "max_fps": 30 }), 100),
        ("50.mp4", json!({ "max_fps": 48 }), 192),
        ("24.mp4", json!({ "fps": 48 }), 192),
        ("24.mp4", json!({ "fps": 25 }), 100),
    ] {
        let output = json!({ "name": "a.mp4", "video": video, "copy": "never" });
        let (job, _) = world.one_of(input, output).await;
        let path = world.files.output(job, 1, "a.mp4");
        let length = video_of(&path)["duration"].as_str().unwrap().to_owned();
        assert_eq!((frames(&path), length.as_str()), (count, "4.000000"), "{input} {video}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_at_odd_times_do_so_still() {
    let world = World::new();
    let odd = "select='gt(mod(n*7919,13),5)*not(between(t,1,2))'";
    world.clip(
        &format!(
            "-f lavfi -i testsrc2=size=64x48:rate=60:duration=4 -vf {odd} -fps_mode passthrough -enc_time_base 1/1000 \
             -c:v libvpx -deadline realtime"
        ),
        "odd.webm",
    );
    let count = frames(&world.path("odd.webm"));
    let (job, _) = world.one_of("odd.webm", json!({ "name": "a.mp4", "video": { "speed": "ultrafast" } })).await;
    assert_eq!(frames(&world.files.output(job, 1, "a.mp4")), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn interlaced_pictures_become_whole_ones() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=50:duration=1,interlace=scan=bff -c:v mpeg2video -q:v 3 -flags +ilme+ildct",
        "fields.ts",
    );
    for (deinterlace, height, combed) in [("auto", 120, false), ("never", 120, true), ("never", 60, true)] {
        let video = json!({ "deinterlace": deinterlace, "height": height, "speed": "ultrafast", "crf": 10 });
        let (job, output) = world.one_of("fields.ts", json!({ "name": "a.mp4", "video": video })).await;
        let path = world.files.output(job, 1, "a.mp4");
        let found = said(&["-i", path.to_str().unwrap(), "-vf", "idet", "-f", "null", "-"]);
        let line = found.lines().rfind(|line| line.contains("Multi frame detection")).unwrap();
        let count = |word: &str| -> u32 {
            let rest = line.split(word).nth(1).unwrap();
            rest.trim_start().split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
        };
        let (fields, whole) = (count("TFF:") + count("BFF:"), count("Progressive:"));
        assert_eq!(fields > whole, combed, "{deinterlace}: {line}");
        let order = video_of(&path)["field_order"].as_str().unwrap().to_owned();
        assert_eq!(["bb", "bt"].contains(&&*order), combed, "players are told that there are fields: {order}");
        assert_eq!(output.media.unwrap().video.unwrap().fps, Some(25.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bits_are_made_by_every_codec_that_is_asked_for_them() {
    let world = World::new();
    let colours = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let hdr = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc";
    let source = "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1";
    world.clip(
        &format!("{source},{hdr} -c:v libx265 -preset ultrafast {colours} -x265-params log-level=error"),
        "hdr.mp4",
    );
    world.clip(&format!("{source} -c:v libx264 -pix_fmt yuv420p"), "eight.mp4");
    for (codec, name) in [("h264", "a.mp4"), ("hevc", "a.mp4"), ("vp9", "a.webm"), ("av1", "a.mkv")] {
        for (input, transfer) in [("hdr.mp4", Some("smpte2084")), ("eight.mp4", None)] {
            let video = json!({ "codec": codec, "bit_depth": 10, "speed": "ultrafast" });
            let (job, output) = world.one_of(input, json!({ "name": name, "video": video })).await;
            let stream = video_of(&world.files.output(job, 1, name));
            assert_eq!(stream["pix_fmt"], "yuv420p10le", "{codec}: {output:?}");
            assert_eq!(stream["color_transfer"].as_str(), transfer, "{codec} of {input}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_quality_still_plays() {
    let world = World::new();
    world.small_clip();
    for (codec, profile) in [("h264", "High"), ("hevc", "Main")] {
        let video = json!({ "codec": codec, "crf": 0, "speed": "veryfast" });
        let (job, _) = world.one_of("in.mp4", json!({ "name": "a.mp4", "video": video, "copy": "never" })).await;
        assert_eq!(video_of(&world.files.output(job, 1, "a.mp4"))["profile"], profile);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_high_dynamic_range_is_kept_where_it_can_be_and_mapped_elsewhere() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1,format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
         -c:v libx265 -preset ultrafast -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params \
         log-level=error:hdr-opt=1:repeat-headers=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
        "hdr.mp4",
    );
    for (name, video, transfer, pixels) in [
        ("a.mp4", json!({ "codec": "h264" }), "bt709", "yuv420p"),
        ("b.mp4", json!({ "codec": "hevc" }), "smpte2084", "yuv420p10le"),
        ("c.mp4", json!({ "codec": "hevc", "hdr": "sdr" }), "bt709", "yuv420p"),
        ("d.mp4", json!({ "codec": "hevc", "bit_depth": 8 }), "bt709", "yuv420p"),
    ] {
        let mut video = video;
        video["speed"] = json!("ultrafast");
        let output = json!({ "name": name, "video": video, "copy": "never" });
        let (job, _) = world.one_of("hdr.mp4", output).await;
        let stream = video_of(&world.files.output(job, 1, name));
        assert_eq!(
            (stream["color_transfer"].as_str(), stream["pix_fmt"].as_str()),
            (Some(transfer), Some(pixels)),
            "{video}"
        );
        let first = first_frame(&world.files.output(job, 1, name));
        let graded = first.contains("Mastering display") && first.contains("1000");
        assert_eq!(graded, transfer == "smpte2084", "{video}: {stream}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_come_as_often_as_asked_for_with_every_encoder() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -c:v libx264 -preset ultrafast", "long.mp4");
    for codec in ["h264", "hevc", "vp9", "av1"] {
        let video = json!({ "codec": codec, "speed": "ultrafast", "keyframe_interval_ms": 1000 });
        let (job, _) = world.one_of("long.mp4", json!({ "name": "a.mkv", "video": video })).await;
        let found = key_frames(&world.files.output(job, 1, "a.mkv"));
        for second in [0, 1000, 2000, 3000_u64] {
            assert!(found.iter().any(|time| time.abs_diff(second) <= 41), "{codec}: {found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_on_quality_is_kept() {
    let world = World::new();
    world.clip("-f lavfi -i nullsrc=size=320x180:rate=25:duration=6,geq=random(1)*255:128:128 -c:v libx264 -preset ultrafast -crf 5", "noise.mp4");
    for codec in ["h264", "hevc"] {
        let video = json!({ "codec": codec, "speed": "ultrafast", "crf": 10, "max_bitrate_bps": 500_000 });
        let output = world.one("noise.mp4", json!({ "name": "a.mp4", "video": video })).await;
        // Two seconds' worth of a buffer on top.
        let bits = output.size_bytes.unwrap() * 8;
        assert!(bits < 500_000 * (6 + 3), "{codec}: {bits}");
    }
}
