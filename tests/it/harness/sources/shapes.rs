//! Pictures of unusual sizes, turned ones, and those whose pixels aren't square.

use super::Source;
use super::bytes::{turn_by_90, turn_by_180, turn_by_270};

pub(super) fn sources() -> Vec<Source> {
    let phone = "V:160x120:25:1 A::48000:1 -c:v libx264 -preset ultrafast -c:a aac";
    let turned =
        |name, degrees| Source::new(name, phone).small("h264").stereo("aac").lasts(1000).turned(degrees).uncopied();
    let mut sources = vec![
        turned("turned-90.mp4", 90).then(turn_by_90),
        turned("turned-180.mp4", 180).then(turn_by_180),
        turned("turned-270.mov", 270).then(turn_by_270),
        Source::new("turned-anamorphic.mp4", "V:160x120:25:1 -vf setsar=4/3 -c:v libx264 -preset ultrafast")
            .small("h264")
            .pixels(4, 3)
            .turned(90)
            .then(turn_by_90)
            .uncopied()
            .lasts(1000),
        Source::new(
            "anamorphic.ts",
            "V:180x144:25:1 A::48000:1 -vf setsar=64/45 -c:v mpeg2video -aspect 16:9 -c:a mp2",
        )
        .video("mpeg2video", 180, 144, 25.0)
        .pixels(64, 45)
        .stereo("mp2")
        .lasts(1000),
        Source::new("narrow-pixels.mkv", "V:320x120:25:1 -vf setsar=1/2 -c:v libx264 -preset ultrafast")
            .video("h264", 320, 120, 25.0)
            .pixels(1, 2)
            .lasts(1000),
    ];
    sources.extend(sizes());
    sources
}

fn sizes() -> Vec<Source> {
    vec![
        Source::new("odd.mkv", "V:322x242:25:1 -vf format=yuv444p,scale=321:241,setsar=1 -c:v ffv1")
            .video("ffv1", 321, 241, 25.0)
            .lasts(1000),
        Source::new(
            "odd.mp4",
            "V:162x122:25:1 -vf format=yuv444p,scale=161:121,setsar=1 -c:v libx264 -preset ultrafast",
        )
        .video("h264", 161, 121, 25.0)
        .lasts(1000),
        Source::new("tiny.mkv", "V:16x16:25:1 -c:v ffv1").video("ffv1", 16, 16, 25.0).lasts(1000),
        Source::new("dot.avi", "V:2x2:25:1 -c:v rawvideo").video("rawvideo", 2, 2, 25.0).lasts(1000),
        Source::new("tall.mp4", "V:120x1000:25:1 -c:v libx264 -preset ultrafast")
            .video("h264", 120, 1000, 25.0)
            .lasts(1000),
        Source::new("wide.mp4", "V:2000x100:25:1 -c:v libx264 -preset ultrafast")
            .video("h264", 2000, 100, 25.0)
            .lasts(1000),
        Source::new("large.mp4", "V:1920x1080:25:0.4 -c:v libx264 -preset ultrafast")
            .video("h264", 1920, 1080, 25.0)
            .lasts(400),
    ]
}
