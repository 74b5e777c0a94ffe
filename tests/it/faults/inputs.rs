//! Inputs that were damaged on their way.

use serde_json::{Value, json};

use super::{Random, a_neighbour_is_unharmed};
use crate::harness::{Options, Server, clip, long_run, media_root};

/// What a damaged input may be said to be.
const CODES: [&str; 5] = ["input_invalid", "stream_missing", "output_invalid", "ffmpeg_failed", "ffmpeg_crashed"];

/// Cuts the clip, or flips some of its bits, or both.
fn damaged(clip: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = clip.to_vec();
    let how = random.below(4);
    if how == 0 {
        bytes.truncate(usize::try_from(random.below(clip.len() as u64)).unwrap());
    }
    // Its index is where a few flipped bits do most.
    let reach = if how == 1 { bytes.len().min(8192) } else { bytes.len() };
    let flips = if how == 0 { 0 } else { 1 << random.below(10) };
    for _ in 0..flips {
        let at = usize::try_from(random.below(reach as u64)).unwrap();
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

/// Whether it decodes; what was copied is allowed the faults that it had.
fn decodes(path: &std::path::Path, copied: bool) -> bool {
    let output = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args((!copied).then_some("-xerror"))
        .arg("-i")
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    output.status.success()
}

#[tokio::test]
async fn every_damaged_input_ends_as_a_sound_result_or_with_a_stable_code() {
    let media = tempfile::tempdir().unwrap();
    let whole = std::fs::read(media_root().join(clip())).unwrap();
    std::fs::write(media.path().join(clip()), &whole).unwrap();
    let options = Options { media_root: Some(media.path().to_owned()), ..Options::with(&["--stall-timeout", "20"]) };
    let server = Server::start_with(options);
    let mut random = Random(20_261_124);
    let mut ids = Vec::new();
    for number in 0..if long_run() { 500 } else { 30 } {
        let name = format!("{number}.mp4");
        std::fs::write(media.path().join(&name), damaged(&whole, &mut random)).unwrap();
        let video = json!({"width": 160, "fps": "5", "speed": "ultrafast"});
        ids.push(server.submit(&json!({"input": name, "outputs": [{"name": "a.mp4", "video": video}]})).await);
    }
    let (mut succeeded, mut failed) = (0, 0);
    for id in ids {
        let job = server.over(&id).await;
        assert_eq!(job["attempts"].as_array().unwrap().len(), 1, "{job:#}");
        if job["state"] == "succeeded" {
            succeeded += 1;
            let decisions = job["outputs"][0]["decisions"].as_array().unwrap();
            let copied = decisions.iter().any(|decision| decision["action"] == "copy");
            let path = server.data_dir().join("jobs").join(&id).join("1/outputs/a.mp4");
            assert!(decodes(&path, copied), "{job:#}");
        } else {
            failed += 1;
            assert_eq!((job["state"].as_str(), job["outputs"][0]["url"].clone()), (Some("failed"), Value::Null));
            assert!(CODES.contains(&job["error"]["code"].as_str().unwrap()), "{job:#}");
        }
    }
    assert!(succeeded > 0 && failed > 0, "{succeeded} succeeded, {failed} failed");
    a_neighbour_is_unharmed(&server).await;
}
