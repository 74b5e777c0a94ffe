//! What is asked for: small jobs on short real clips, some of which can't be read.

use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::harness::{clip, media_root};

/// Puts the clips into a new folder.
pub fn place(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let real = media_root().join(clip());
    std::fs::copy(&real, folder.join("real.mp4")).unwrap();
    std::fs::write(folder.join("text.mp4"), "This is no film.\n").unwrap();
    std::fs::write(folder.join("empty.mp4"), "").unwrap();
    let cut = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&real)
        .args(["-t", "0.8", "-vf", "scale=320:180", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"])
        .arg(folder.join("short.mp4"))
        .status();
    assert!(cut.expect("ffmpeg runs").success());
}

/// The body of a submit, with a number that no other one has.
pub fn body(rng: &mut Rng, number: u64) -> Value {
    let (kind, input, outputs) = match rng.u8(..100) {
        0..8 => ("bad", "text.mp4", json!([{"name": "a.mp4"}])),
        8..12 => ("bad", "empty.mp4", json!([{"name": "a.wav"}])),
        12..50 => ("good", "short.mp4", json!([{"name": "a.wav"}])),
        50..68 => ("good", "short.mp4", json!([video("a.mkv", "ultrafast", 90)])),
        68..80 => {
            let outputs =
                json!([video("a.mp4", "ultrafast", 120), video("b.mkv", "ultrafast", 60), {"name": "c.flac"}]);
            ("good", "short.mp4", outputs)
        }
        80..92 => ("good", "real.mp4", json!([video("a.mp4", "veryfast", 180), {"name": "b.m4a"}])),
        _ => ("good", "real.mp4", json!([video("a.mp4", "medium", 480)])),
    };
    let mut body = json!({
        "input": input,
        "outputs": outputs,
        "mode": rng.choice(["slim", "standard", "graceful", "graceful"]),
        "priority": rng.i32(-2..=2),
        "max_attempts": rng.u32(1..=3),
        "labels": {"number": number.to_string(), "kind": kind},
    });
    if rng.u8(..100) < 15 {
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(rng.i64(0..800));
        body["run_at"] = soon.to_string().into();
    }
    body
}

fn video(name: &str, speed: &str, height: u32) -> Value {
    json!({"name": name, "video": {"codec": "h264", "speed": speed, "height": height}})
}

/// Whether real ffmpeg decodes all of a file without a word.
pub fn decodes(path: &Path) -> bool {
    let decode = ["-v", "error", "-xerror", "-nostdin", "-i"];
    let output = Command::new("ffmpeg").args(decode).arg(path).args(["-f", "null", "-"]).output().unwrap();
    output.status.success() && output.stderr.is_empty()
}
