//! Compares what is in a finished file with what the plan says must be in it.

use std::time::Duration;

use crate::domain::media::{AudioSummary, MediaSummary, VideoSummary};
use crate::transcode::plan::{HeldAudio, HeldVideo, Holds};

/// What is wrong with an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) enum Fault {
    /// It isn't what was asked for; the text says how.
    Differs(String),
    /// It lacks its video or its audio.
    Missing(&'static str),
    /// It ends too early. `exact` says whether the input's length was sure to be right.
    Short {
        /// How long it is.
        found: Duration,
        /// How long it should be.
        expected: Duration,
        /// Whether the input's own word on its length can be trusted.
        exact: bool,
    },
}

/// Compares an output with what it must hold. `whole` is false for one that was stopped, whose length is free.
///
/// # Errors
/// The first thing that is wrong.
pub(in crate::transcode) fn check(holds: &Holds, found: &MediaSummary, whole: bool) -> Result<(), Fault> {
    check_video(holds.video.as_ref(), found.video.as_ref())?;
    if whole {
        check_length(holds, found)?;
    }
    // Last, as sound may be missing where the part that is taken has none.
    match check_audio(holds.audio.first(), found.audio.as_ref()) {
        // It may begin later than it was stopped.
        Err(Fault::Missing(_)) if !whole && found.video.is_some() => return Ok(()),
        checked => checked?,
    }
    if whole { check_tracks(holds, found) } else { Ok(()) }
}

fn check_tracks(holds: &Holds, found: &MediaSummary) -> Result<(), Fault> {
    let audio = u32::try_from(holds.audio.len()).unwrap_or(u32::MAX);
    for (kind, held, found) in
        [("audio", audio, found.audio_tracks), ("subtitle", holds.subtitles, found.subtitle_tracks)]
    {
        if held != found {
            return Err(Fault::Differs(format!("it has {found} {kind} tracks instead of {held}")));
        }
    }
    Ok(())
}

fn check_length(holds: &Holds, found: &MediaSummary) -> Result<(), Fault> {
    let found = Duration::from_millis(found.duration_ms.unwrap_or(0));
    match holds.length {
        // The last frames of streams seldom end together.
        Some(length) if found + TIGHT + length.expected / 1000 < length.expected => {
            Err(Fault::Short { found, expected: length.expected, exact: length.exact })
        }
        _ => Ok(()),
    }
}

/// How much shorter an output may be at least.
const TIGHT: Duration = Duration::from_millis(500);

/// How much shorter it may be where nothing else speaks for a fault.
pub(in crate::transcode) fn slack(expected: Duration) -> Duration {
    TIGHT.max(expected / 100)
}

fn check_video(held: Option<&HeldVideo>, found: Option<&VideoSummary>) -> Result<(), Fault> {
    let (held, found) = match (held, found) {
        (None, None) => return Ok(()),
        (Some(held), Some(found)) => (held, found),
        (Some(_), None) => return Err(Fault::Missing("video")),
        (None, Some(_)) => return Err(Fault::Differs("there is video in it that nobody asked for".to_owned())),
    };
    if !held.codec.is_empty() && held.codec != found.codec {
        return Err(Fault::Differs(format!("the video is {} instead of {}", found.codec, held.codec)));
    }
    match held.size {
        Some((width, height)) if (width, height) != (found.width, found.height) => {
            Err(Fault::Differs(format!("the video is {}x{} instead of {width}x{height}", found.width, found.height)))
        }
        _ => Ok(()),
    }
}

fn check_audio(held: Option<&HeldAudio>, found: Option<&AudioSummary>) -> Result<(), Fault> {
    let (held, found) = match (held, found) {
        (None, None) => return Ok(()),
        (Some(held), Some(found)) => (held, found),
        (Some(_), None) => return Err(Fault::Missing("audio")),
        (None, Some(_)) => return Err(Fault::Differs("there is audio in it that nobody asked for".to_owned())),
    };
    if held.codec != found.codec {
        return Err(Fault::Differs(format!("the audio is {} instead of {}", found.codec, held.codec)));
    }
    match held.channels {
        Some(channels) if channels != found.channels => {
            Err(Fault::Differs(format!("the audio has {} channels instead of {channels}", found.channels)))
        }
        _ => Ok(()),
    }
}

/// Puts the exact frame rate in place of one that was measured from rounded time stamps, where the two agree.
pub(in crate::transcode) fn settle_rate(holds: &Holds, found: &mut MediaSummary) {
    let exact = holds.video.as_ref().and_then(|video| video.rate).map(crate::domain::media::FrameRate::per_second);
    if let (Some(exact), Some(video)) = (exact, found.video.as_mut()) {
        match video.fps {
            Some(measured) if (measured - exact).abs() > exact * 0.01 => {}
            _ => video.fps = Some((exact * 1000.0).round() / 1000.0),
        }
    }
}
