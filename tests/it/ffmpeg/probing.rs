//! Probing real and broken files.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transcoded::domain::media::{FrameRate, MediaInfo};
use transcoded::ffmpeg::{ProbeError, probe};

use super::kit::{CLIP, Folder, SOON, group, tools, until};
use crate::harness::turn_clockwise;

async fn ask(path: &str) -> Result<MediaInfo, ProbeError> {
    probe(&CancellationToken::new(), &tools().ffprobe, Path::new(path), Duration::from_secs(20)).await
}

/// The first frame of sound or picture tells more than a second would.
const SOURCE: [&str; 4] = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30000/1001:duration=1"];

#[tokio::test]
async fn a_clip_is_read_into_facts() {
    let info = ask(CLIP).await.expect("a clip");
    assert_eq!((info.container.as_str(), info.streams.len()), ("mov,mp4,m4a,3gp,3g2,mj2", 2));
    assert!(info.duration_ms.is_some_and(|millis| (5280..5320).contains(&millis)), "{info:?}");
    let (stream, video) = info.video().expect("a picture");
    assert_eq!((stream.codec.as_str(), video.width, video.height), ("h264", 1280, 720));
    assert_eq!((video.frame_rate, video.rotation, video.bit_depth), (FrameRate::new(25, 1), 0, Some(8)));
    let (stream, audio) = info.audio().expect("sound");
    assert_eq!((stream.codec.as_str(), audio.channels, audio.sample_rate_hz), ("aac", 6, 48000));
    assert_eq!((audio.channel_layout.as_deref(), stream.language.as_deref()), (Some("5.1"), None));
}

#[tokio::test]
async fn rotation_language_depth_and_odd_rates_are_read() {
    let folder = Folder::new();
    let args = [
        &SOURCE[..],
        &["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-metadata:s:v", "language=deu", "-tag:v", "hvc1"],
    ]
    .concat();
    let upright = folder.make("upright.mp4", &args);
    let info = ask(&upright).await.expect("a clip");
    let (stream, video) = info.video().expect("a picture");
    assert_eq!((video.bit_depth, stream.language.as_deref()), (Some(10), Some("deu")));
    assert_eq!(video.frame_rate, FrameRate::new(30000, 1001));
    let turned = folder.make("turned.mov", &["-i", CLIP, "-c", "copy", "-t", "1"]);
    turn_clockwise(Path::new(&turned));
    let info = ask(&turned).await.expect("a clip");
    assert_eq!(info.video().expect("a picture").1.rotation, 90);
    let sound =
        ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24"];
    let info = ask(&folder.make("deep.flac", &sound)).await.expect("sound");
    assert_eq!(info.audio().expect("sound").1.bit_depth, Some(24));
}

#[tokio::test]
async fn files_that_are_no_media_say_why() {
    let folder = Folder::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let clip = std::fs::read(CLIP).expect("the clip");
    for (path, cause) in [
        (write("text.mp4", b"This is a letter, not a film.\n"), ""),
        (write("empty.mp4", b""), ""),
        (write("noise.mp4", &(0..20_000_u32).map(|n| ((n * n) >> 7).to_le_bytes()[0]).collect::<Vec<_>>()), ""),
        (write("torn.mp4", &clip[..20_000]), ""),
        (folder.path("missing.mp4"), "No such file or directory"),
        (folder.path(""), ""),
        // A playlist could name files that are nobody's business.
        (
            write("list.mp4", format!("ffconcat version 1.0\nfile '{CLIP}'\n").as_bytes()),
            "its format is not one of those that are read",
        ),
    ] {
        match ask(&path).await {
            Err(ProbeError::Unreadable(message)) => {
                assert!(
                    !message.is_empty() && message.contains(cause) && !message.contains(&path),
                    "{path}: {message}"
                );
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn names_are_never_options_or_addresses() {
    let folder = Folder::new();
    for name in ["-version.mp4", "http:x.mp4", "a%03d.mp4", "pipe:0.mp4", "q'u\"o te.mp4"] {
        let path = folder.path(name);
        std::fs::copy(CLIP, &path).expect("copied");
        assert!(ask(&path).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn missing_and_lying_durations_are_handled() {
    let folder = Folder::new();
    let raw = folder.make("raw.h264", &["-i", CLIP, "-c", "copy", "-map", "0:v", "-bsf:v", "h264_mp4toannexb"]);
    assert_eq!(ask(&raw).await.expect("raw video").duration_ms, None);
    let mp3 = folder
        .make("plain.mp3", &["-i", CLIP, "-vn", "-ac", "2", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0"]);
    let info = ask(&mp3).await.expect("sound");
    assert!(info.duration_ms.is_some_and(|millis| (3000..9000).contains(&millis)), "{info:?}");
    let piped = std::process::Command::new(tools().ffmpeg)
        .args(["-v", "error", "-i", CLIP, "-c", "copy", "-f", "matroska", "pipe:1"])
        .output()
        .expect("ffmpeg runs");
    let path = folder.path("piped.mkv");
    std::fs::write(&path, piped.stdout).expect("written");
    assert_eq!(ask(&path).await.expect("a clip").duration_ms, None);
}

#[tokio::test]
async fn a_named_pipe_times_out_and_a_cancel_is_told_apart() {
    let folder = Folder::new();
    let pipe = folder.path("pipe.mp4");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let (token, ffprobe) = (CancellationToken::new(), tools().ffprobe);
    let asking = probe(&token, &ffprobe, Path::new(&pipe), Duration::from_millis(300));
    let asked = tokio::time::timeout(SOON, asking).await.expect("in time");
    assert!(matches!(asked, Err(ProbeError::TimedOut(_))), "{asked:?}");
    let asking = probe(&token, &ffprobe, Path::new(&pipe), Duration::from_secs(20));
    tokio::pin!(asking);
    assert!(futures_util::poll!(&mut asking).is_pending());
    token.cancel();
    assert!(matches!(asking.await, Err(ProbeError::Cancelled)));
    until("no process is left", || group(std::process::id().cast_signed()).len() <= 1).await;
}

#[tokio::test]
async fn a_prober_that_is_missing_or_dies_is_not_the_files_fault() {
    let folder = Folder::new();
    let token = CancellationToken::new();
    let dying = folder.script("dying", "kill -SEGV $$");
    let asked = probe(&token, &dying, Path::new(CLIP), Duration::from_secs(5)).await;
    assert!(matches!(asked, Err(ProbeError::Died(11))), "{asked:?}");
    let asked = probe(&token, Path::new("/nowhere"), Path::new(CLIP), Duration::from_secs(5)).await;
    assert!(matches!(asked, Err(ProbeError::NotStarted(_))), "{asked:?}");
    let babbling = folder.script("babbling", "echo '{\"format\": 7}'");
    let asked = probe(&token, &babbling, Path::new(CLIP), Duration::from_secs(5)).await;
    assert!(matches!(asked, Err(ProbeError::Unreadable(_))), "{asked:?}");
}
