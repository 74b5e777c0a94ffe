//! Which ffmpeg and ffprobe a server would use, and what they can do.

use std::env;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::finding::Finding;
use crate::cli::text::plain;
use crate::ffmpeg::{
    Command, ENCODER_CANDIDATES, LocateError, Tools, locate_in_environment, monitor, standard, usable_encoders, version,
};

/// How long a question about the version may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What clients may ask for, and the encoders any one of which does it.
const NEEDS: &[(&str, &[&str])] = &[
    ("h264", &["libx264"]),
    ("hevc", &["libx265"]),
    ("av1", &["libsvtav1", "libaom-av1", "librav1e"]),
    ("vp9", &["libvpx-vp9"]),
    ("aac", &["aac"]),
    ("opus", &["libopus"]),
    ("mp3", &["libmp3lame"]),
    ("flac", &["flac"]),
    ("pcm", &["pcm_s16le"]),
];

/// Looks for the tools, asks for their versions and tries the encoders.
pub(super) async fn tools() -> Vec<Finding> {
    let tools = match locate_in_environment() {
        Ok(tools) => tools,
        Err(error) => return vec![missing(&error)],
    };
    let (ffmpeg, ffprobe) = tokio::join!(version(&tools), ffprobe_version(&tools.ffprobe));
    let mut findings = Vec::new();
    let ffmpeg = ffmpeg.map_err(|error| error.to_string());
    findings.push(found("ffmpeg", &tools.ffmpeg, "TRANSCODED_FFMPEG", &ffmpeg));
    findings.push(match (&ffmpeg, &ffprobe) {
        (Ok(ffmpeg), Ok(ffprobe)) if ffmpeg != ffprobe => Finding::warning(
            "ffprobe",
            format!("{} at {}, but ffmpeg is {}", plain(ffprobe), tools.ffprobe.display(), plain(ffmpeg)),
            "let both be of one version: set TRANSCODED_FFMPEG and TRANSCODED_FFPROBE",
        ),
        _ => found("ffprobe", &tools.ffprobe, "TRANSCODED_FFPROBE", &ffprobe),
    });
    if ffmpeg.is_ok() {
        findings.extend(encoders(&tools).await);
    }
    findings
}

/// The error's own words tell what was tried and how to install it.
fn missing(error: &LocateError) -> Finding {
    let text = error.to_string();
    let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
    Finding::problem(error.program, message, advice)
}

fn found(subject: &'static str, path: &Path, variable: &str, version: &Result<String, String>) -> Finding {
    let named = env::var_os(variable).is_some_and(|value| !value.is_empty());
    let origin = if named { format!("named by {variable}") } else { "first in PATH".to_owned() };
    match version {
        Ok(version) => Finding::ok(subject, format!("{} at {} ({origin})", plain(version), path.display())),
        Err(error) => {
            let message = format!("{} ({origin}) doesn't work: {}", path.display(), plain(error));
            Finding::problem(subject, message, format!("install ffmpeg again, or name a working one in {variable}"))
        }
    }
}

async fn ffprobe_version(ffprobe: &Path) -> Result<String, String> {
    let (monitor, mut output) = monitor();
    let command = Command::new(ffprobe).arg("-version").timeout(PATIENCE);
    let token = CancellationToken::new();
    let first_line = async {
        let mut first = None;
        while let Some(line) = output.next_line().await {
            first.get_or_insert(line.text);
        }
        first
    };
    let (_report, first) = tokio::join!(standard(&token, command, monitor), first_line);
    let line = first.unwrap_or_else(|| "nothing was printed".to_owned());
    let version = line.strip_prefix("ffprobe version ").and_then(|rest| rest.split_ascii_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| format!("it gave no version: {line}"))
}

async fn encoders(tools: &Tools) -> Vec<Finding> {
    match usable_encoders(tools, ENCODER_CANDIDATES).await {
        Ok(usable) => judge(&usable),
        Err(error) => {
            vec![Finding::problem("encoders", error.to_string(), "install an ffmpeg that works")]
        }
    }
}

/// One finding for the encoders that work, and one for what can't be encoded.
fn judge(usable: &[String]) -> Vec<Finding> {
    if usable.is_empty() {
        let advice = "install an ffmpeg with encoders, such as your distribution's";
        return vec![Finding::problem("encoders", "none passes a test", advice)];
    }
    let mut findings = vec![Finding::ok("encoders", format!("these pass a test: {}", usable.join(", ")))];
    let can = |any_of: &[&str]| any_of.iter().any(|encoder| usable.iter().any(|usable| usable == encoder));
    let lacking: Vec<_> = NEEDS.iter().filter(|(_, any_of)| !can(any_of)).collect();
    if !lacking.is_empty() {
        let codecs: Vec<_> = lacking.iter().map(|(codec, _)| *codec).collect();
        let wanted: Vec<_> = lacking.iter().map(|(_, any_of)| any_of.join(" or ")).collect();
        findings.push(Finding::warning(
            "encoders",
            format!("jobs that make {} fail: nothing here encodes it", codecs.join(", ")),
            format!("install an ffmpeg with {}, or don't ask for them", wanted.join(", ")),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;
    use crate::ffmpeg::locate;

    #[test]
    fn a_missing_tool_tells_where_was_looked_and_how_to_install_it() {
        let error = locate(Some("/nowhere/ffmpeg".into()), None, None).unwrap_err();
        let finding = missing(&error);
        assert_eq!((finding.level, finding.subject), (Level::Problem, "ffmpeg"));
        assert!(finding.message.contains("/nowhere/ffmpeg"), "{finding:?}");
        assert!(finding.advice.unwrap().contains("apt install ffmpeg"));
    }

    #[test]
    fn each_codec_that_cannot_be_made_is_named() {
        let all: Vec<_> = NEEDS.iter().map(|(_, any_of)| any_of[0].to_owned()).collect();
        assert_eq!(judge(&all).len(), 1);
        let findings = judge(&["libx264".into(), "aac".into(), "librav1e".into()]);
        assert_eq!(findings[1].level, Level::Warning);
        assert!(findings[1].message.contains("hevc, vp9, opus, mp3, flac, pcm"), "{findings:?}");
        assert_eq!(judge(&[])[0].level, Level::Problem);
    }
}
