//! Finds out which encoders really work, by encoding one frame with each.
//!
//! ffmpeg's own list doesn't tell: it names hardware encoders where there is no such hardware.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::command::Command;
use super::run::slim;
use super::tools::{ToolError, Tools, ask};

/// Encoders that are worth a question.
pub const ENCODER_CANDIDATES: &[&str] = &[
    "libx264",
    "libx265",
    "libsvtav1",
    "libaom-av1",
    "librav1e",
    "libvpx-vp9",
    "aac",
    "libopus",
    "libmp3lame",
    "flac",
    "libvorbis",
    "pcm_s16le",
    "pcm_s24le",
    "libwebp",
];

/// How long one frame may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns those of `candidates` that work, in their order.
///
/// Takes about a tenth of a second of processor time each; as many run at once as there are processors.
///
/// # Errors
/// When ffmpeg doesn't even list its encoders.
pub async fn usable_encoders(tools: &Tools, candidates: &[&str]) -> Result<Vec<String>, ToolError> {
    let listed = ask(&tools.ffmpeg, &["-hide_banner", "-encoders"]).await?;
    let kinds = kinds(&listed);
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let tests = candidates.iter().map(|encoder| {
        let test = kinds.get(encoder).map(|kind| one_frame(tools, encoder, *kind));
        async move {
            let works = match test {
                Some(test) => slim(&CancellationToken::new(), test).await.succeeded(),
                None => false,
            };
            works.then(|| (*encoder).to_owned())
        }
    });
    let tests: Vec<_> = tests.collect();
    Ok(stream::iter(tests).buffered(at_once).filter_map(std::future::ready).collect().await)
}

/// Reads the list: a line is ` V....D libx264   description`, and the first letter tells the kind.
fn kinds(listed: &str) -> BTreeMap<&str, char> {
    listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (flags, name) = (words.next()?, words.next()?);
            Some((name, flags.chars().next().filter(|kind| matches!(kind, 'V' | 'A'))?))
        })
        .collect()
}

/// Encodes one frame, or a twentieth of a second of sound, to nowhere.
fn one_frame(tools: &Tools, encoder: &str, kind: char) -> Command {
    let (source, flag) = match kind {
        'V' => ("color=size=320x240:rate=25:duration=0.04", "-c:v"),
        _ => ("sine=sample_rate=48000:duration=0.05", "-c:a"),
    };
    Command::new(&tools.ffmpeg).timeout(PATIENCE).args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        "-frames:v",
        "1",
        flag,
        encoder,
        "-f",
        "null",
        "-",
    ])
}
