//! The clips that jobs read: the real one of the project, and longer ones made of ffmpeg's own sources, once a run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with all clips, shared by the tests of one process: read only by convention.
pub fn media_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Kept between runs, so that each clip is made once; target/ is git-ignored and goes with `cargo clean`.
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("media");
        std::fs::create_dir_all(&root).unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("media/bigbuckbunny.mp4");
        place(&root.join("bigbuckbunny.mp4"), |path| {
            std::fs::copy(real, path).unwrap();
        });
        root
    })
}

/// A clip of a few seconds with sound, as a path relative to the media root.
pub fn clip() -> &'static str {
    media_root();
    "bigbuckbunny.mp4"
}

/// A clip that takes long enough to encode that a test can act half way: two minutes in 720p.
pub fn slow_clip() -> &'static str {
    place(&media_root().join("slow.mp4"), |path| {
        let source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=120"];
        let sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=120"];
        let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4"];
        let made =
            Command::new("ffmpeg").args(["-v", "error", "-y"]).args(source).args(sound).args(encode).arg(path).status();
        assert!(made.expect("ffmpeg runs").success());
    });
    "slow.mp4"
}

/// Tells players to turn the pictures of an mp4 or mov clockwise, by the matrix in the header of each track.
///
/// No option of ffmpeg's does that in every version.
pub fn turn_clockwise(path: &Path) {
    const MATRIX: [i32; 9] = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000];
    let mut bytes = std::fs::read(path).unwrap();
    let headers: Vec<usize> = (4..bytes.len()).filter(|&at| bytes[at - 4..at] == *b"tkhd").collect();
    assert!(!headers.is_empty(), "no track in {}", path.display());
    for header in headers {
        for (index, number) in MATRIX.into_iter().enumerate() {
            let at = header + 40 + 4 * index;
            bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// A fifth of a second of sound, for jobs that are to be over at once.
pub fn blip() -> &'static str {
    place(&media_root().join("blip.wav"), |path| encode(&["-f", "wav"], path));
    "blip.wav"
}

/// What ffmpeg makes of the blip, for fakes that have no time to encode.
pub(super) fn ready_mp3() -> PathBuf {
    let path = media_root().join("ready.mp3");
    place(&path, |path| encode(&["-c:a", "libmp3lame", "-f", "mp3"], path));
    path
}

fn encode(how: &[&str], path: &Path) {
    let source = ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=440:duration=0.2:sample_rate=48000"];
    assert!(Command::new("ffmpeg").args(source).args(how).arg(path).status().expect("ffmpeg runs").success());
}

/// Makes the file unless it is there; two processes may try at once.
pub(super) fn place(path: &Path, make: impl FnOnce(&Path)) {
    if !path.exists() {
        // The ending stays, since ffmpeg goes by it.
        let name = path.file_name().unwrap().to_str().unwrap();
        let unfinished = path.with_file_name(format!("{}.unfinished.{name}", std::process::id()));
        make(&unfinished);
        std::fs::rename(unfinished, path).unwrap();
    }
}
