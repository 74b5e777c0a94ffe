//! Small films, encoded with the arguments that `encode` has.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::*;

/// How long the segments of the tests are.
pub(super) const SEGMENT: Duration = Duration::from_secs(2);

/// A folder with what an encoder has written, and room for the package.
pub(super) struct Film {
    pub(super) folder: tempfile::TempDir,
    pub(super) sources: Vec<Source>,
}

/// Runs ffmpeg, which has to succeed.
pub(super) fn ffmpeg(folder: &Path, args: &[String]) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(args)
        .current_dir(folder)
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What ffprobe says of a file's first stream.
pub(super) fn ffprobe(file: &Path, entries: &str) -> String {
    let args = ["-v", "error", "-select_streams", "0", "-of", "csv=p=0", "-show_entries"];
    let output = Command::new("ffprobe").args(args).arg(format!("stream={entries}")).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}

/// The picture of the tests, `size` large.
pub(super) fn picture(size: &str, rate: &str, seconds: u32) -> String {
    format!("-f lavfi -i testsrc2=s={size}:r={rate}:d={seconds}")
}

/// The sound of the tests.
pub(super) fn sound(seconds: u32) -> String {
    format!("-f lavfi -i sine=r=48000:d={seconds}")
}

/// x264 as small as it gets, but with frames that are reordered.
pub(super) const X264: &str = "-c:v libx264 -preset veryfast -bf 3 -b_strategy 0 -threads 1";

impl Film {
    /// Encodes `inputs` once for all renditions. A rendition is its folder and its options, its map included; those in
    /// `audio/` are audio, in the language of their name.
    pub(super) fn encode(inputs: &[&str], renditions: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = inputs.iter().flat_map(|input| words(input)).collect();
        let mut sources = Vec::new();
        for (name, options) in renditions {
            let file = format!("{}.mp4", name.replace('/', "-"));
            args.extend(words(options));
            let (muxer, words) = if let Some(language) = name.strip_prefix("audio/") {
                let (name, language) = (language.to_uppercase(), Some(language.to_owned()));
                (AUDIO_MUXER, Words::Audio { name, language, default: false })
            } else {
                args.extend(force_key_frames(SEGMENT));
                (VIDEO_MUXER, Words::Video { frame_rate: None })
            };
            args.extend(muxer.iter().map(|word| (*word).to_owned()));
            args.push(file.clone());
            sources.push(Source { path: folder.path().join(file), folder: (*name).to_owned(), words });
        }
        ffmpeg(folder.path(), &args);
        Self { folder, sources }
    }

    /// Two sizes and one sound, six seconds.
    pub(super) fn ladder() -> Self {
        let low = format!("-map 0:v {X264} -s 160x90");
        let high = format!("-map 0:v {X264}");
        let renditions =
            [("video/180", high.as_str()), ("video/90", &low), ("audio/eng", "-map 1:a -c:a aac -b:a 64k")];
        Self::encode(&[&picture("320x180", "25", 6), &sound(6)], &renditions)
    }

    pub(super) fn made(&self) -> PathBuf {
        self.folder.path().join("package")
    }

    pub(super) fn package(&self) -> Result<Packaged, PackageError> {
        self.package_with(&[])
    }

    /// The package, which is read back and found right.
    pub(super) fn checked(&self) -> Packaged {
        let packaged = self.package().unwrap();
        check(&self.made(), &CancellationToken::new()).unwrap();
        packaged
    }

    pub(super) fn package_with(&self, subtitles: &[Subtitles]) -> Result<Packaged, PackageError> {
        let options = Options { hls: true, dash: true, segment: SEGMENT };
        package(&self.sources, subtitles, &options, &self.made(), &CancellationToken::new())
    }

    pub(super) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.made().join(file)).unwrap()
    }

    /// The file of a rendition.
    pub(super) fn file(&self, folder: &str) -> &Path {
        &self.sources.iter().find(|source| source.folder == folder).unwrap().path
    }
}
