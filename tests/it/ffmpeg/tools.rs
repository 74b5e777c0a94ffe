//! Finding the binaries and what they can do.

use std::path::PathBuf;

use transcoded::ffmpeg::{ToolError, Tools, locate, usable_encoders, version};

use super::kit::{Folder, tools};

#[test]
fn a_named_program_comes_before_the_path() {
    let folder = Folder::new();
    let ffmpeg = folder.script("ffmpeg", "exit 0");
    folder.script("ffprobe", "exit 0");
    let path = PathBuf::from(folder.path(""));
    let found = locate(None, None, Some(path.as_os_str())).expect("both are there");
    assert_eq!(found.ffmpeg, ffmpeg);
    let named = folder.script("other", "exit 0");
    let found = locate(Some(named.clone()), None, Some(path.as_os_str())).expect("both are there");
    assert_eq!((found.ffmpeg, found.ffprobe), (named, path.join("ffprobe")));
}

#[test]
fn the_error_says_what_was_tried_and_how_to_install() {
    let error = locate(None, None, Some("/nowhere:/neither".as_ref())).expect_err("nothing is there").to_string();
    for part in ["ffmpeg", "/nowhere:/neither", "apt install ffmpeg", "dnf", "apk", "brew", "TRANSCODED_FFMPEG"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let named = Some("/nowhere/ffprobe".into());
    let error = locate(Some("/bin/sh".into()), named, None).expect_err("it is not there").to_string();
    assert!(error.contains("/nowhere/ffprobe (from TRANSCODED_FFPROBE)"), "{error}");
    let error = locate(None, None, None).expect_err("nothing is there").to_string();
    assert!(error.contains("PATH, which is not set"), "{error}");
}

#[tokio::test]
async fn the_version_is_read() {
    let version = version(&tools()).await.expect("ffmpeg answers");
    assert!(version.chars().next().is_some_and(|first| first.is_ascii_alphanumeric()), "{version}");
    let other = Tools { ffmpeg: "/bin/echo".into(), ffprobe: "/bin/echo".into() };
    assert!(matches!(version_of(&other).await, Err(ToolError::NoAnswer { .. })));
    let none = Tools { ffmpeg: "/nowhere".into(), ffprobe: "/nowhere".into() };
    assert!(matches!(version_of(&none).await, Err(ToolError::NotStarted { .. })));
}

async fn version_of(tools: &Tools) -> Result<String, ToolError> {
    version(tools).await
}

#[tokio::test]
async fn only_encoders_that_encode_are_usable() {
    // A listed encoder that needs hardware or an experimental flag fails its frame; an invented one isn't listed.
    let candidates = ["libx264", "invented", "aac", "h264_vaapi", "opus", "libopus"];
    let usable = usable_encoders(&tools(), &candidates).await.expect("ffmpeg lists its encoders");
    assert_eq!(usable, ["libx264", "aac", "libopus"]);
}
