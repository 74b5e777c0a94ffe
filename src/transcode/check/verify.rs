//! Compares what is in a finished file with what the plan says must be in it.

use std::time::Duration;

use super::inspect::Found;
use crate::domain::media::{FrameRate, MediaSummary, VideoSummary};
use crate::transcode::plan::{HeldVideo, Holds, Length};

/// What is wrong with an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) enum Fault {
    /// It isn't what was asked for; the text says how.
    Differs(String),
    /// It lacks its video or its audio.
    Missing(&'static str),
    /// It, or one of its streams, ends too early.
    Short {
        /// Which stream, where it isn't all of it.
        stream: Option<&'static str>,
        /// How long it is.
        found: Duration,
        /// How long it should be.
        expected: Duration,
        /// Whether the input's length was sure to be right.
        exact: bool,
    },
}

/// Compares an output with what it must hold. `whole` is false for one that was stopped, whose length is free.
///
/// # Errors
/// The first thing that is wrong.
pub(in crate::transcode) fn check(holds: &Holds, found: &Found, whole: bool) -> Result<(), Fault> {
    check_video(holds.video.as_ref(), found)?;
    if whole {
        let length = found.media.duration_ms.map(Duration::from_millis).unwrap_or_default();
        check_length(None, holds.length, length, TIGHT + length / 1000)?;
    }
    // Later, as sound may be missing where the part that is taken has none.
    match check_audio(holds, found) {
        // It may begin later than it was stopped.
        Err(Fault::Missing(_)) if !whole && found.media.video.is_some() => Ok(()),
        Ok(()) if whole => check_tracks(holds, found),
        checked => checked,
    }
}

/// Every track must be there, and as long as what it is made of.
fn check_tracks(holds: &Holds, found: &Found) -> Result<(), Fault> {
    let audio = u32::try_from(holds.audio.len()).unwrap_or(u32::MAX);
    let (media, subtitles) = (&found.media, holds.subtitles);
    for (kind, held, found) in [("audio", audio, media.audio_tracks), ("subtitle", subtitles, media.subtitle_tracks)] {
        if held != found {
            return Err(Fault::Differs(format!("it has {found} {kind} tracks instead of {held}")));
        }
    }
    let video = holds.video.as_ref().map(|held| ("video", held.length, found.video_length));
    let audio = holds.audio.iter().zip(&found.audio).map(|(held, found)| ("audio", held.length, found.length));
    for (stream, held, found) in video.into_iter().chain(audio) {
        if let Some(found) = found {
            check_length(Some(stream), held.filter(|held| held.exact), found, slack(found))?;
        }
    }
    Ok(())
}

/// Compares lengths; the last frames of streams seldom end together.
fn check_length(
    stream: Option<&'static str>,
    held: Option<Length>,
    found: Duration,
    slack: Duration,
) -> Result<(), Fault> {
    let Some(Length { expected, exact }) = held else { return Ok(()) };
    if found + slack < expected {
        return Err(Fault::Short { stream, found, expected, exact });
    }
    if exact && expected + self::slack(expected) < found {
        let (what, found, expected) = (stream.unwrap_or("file"), found.as_secs_f64(), expected.as_secs_f64());
        return Err(Fault::Differs(format!("the {what} is {found:.1} s long instead of {expected:.1} s")));
    }
    Ok(())
}

/// How much shorter an output may be at least.
const TIGHT: Duration = Duration::from_millis(500);

/// How much shorter or longer it may be where nothing else speaks for a fault.
pub(in crate::transcode) fn slack(expected: Duration) -> Duration {
    TIGHT.max(expected / 100)
}

fn check_video(held: Option<&HeldVideo>, found: &Found) -> Result<(), Fault> {
    let (held, video) = match (held, &found.media.video) {
        (None, None) => return Ok(()),
        (Some(held), Some(video)) => (held, video),
        (Some(_), None) => return Err(Fault::Missing("video")),
        (None, Some(_)) => return Err(Fault::Differs("there is video in it that nobody asked for".to_owned())),
    };
    if !held.codec.is_empty() && held.codec != video.codec {
        return Err(Fault::Differs(format!("the video is {} instead of {}", video.codec, held.codec)));
    }
    if let Some((width, height)) = held.size.filter(|size| *size != (video.width, video.height)) {
        let how = format!("the video is {}x{} instead of {width}x{height}", video.width, video.height);
        return Err(Fault::Differs(how));
    }
    if let (Some(held), Some(found)) = (held.depth, found.depth)
        && held != found
    {
        return Err(Fault::Differs(format!("the video has {found} bits instead of {held}")));
    }
    check_rate(held, video)
}

/// The rate of what has only a few frames can't be told.
fn check_rate(held: &HeldVideo, video: &VideoSummary) -> Result<(), Fault> {
    let asked = held.rate.filter(|_| held.rated).map(FrameRate::per_second);
    match (asked, video.fps) {
        (Some(asked), Some(found)) if (found - asked).abs() > asked * 0.05 => {
            Err(Fault::Differs(format!("the video has {found:.3} frames/s instead of {asked:.3}")))
        }
        _ => Ok(()),
    }
}

fn check_audio(holds: &Holds, found: &Found) -> Result<(), Fault> {
    match (holds.audio.first(), &found.media.audio) {
        (None, Some(_)) => return Err(Fault::Differs("there is audio in it that nobody asked for".to_owned())),
        (Some(_), None) => return Err(Fault::Missing("audio")),
        _ => {}
    }
    for (held, found) in holds.audio.iter().zip(&found.audio) {
        if held.codec != found.codec {
            return Err(Fault::Differs(format!("the audio is {} instead of {}", found.codec, held.codec)));
        }
        if let Some(channels) = held.channels.filter(|channels| *channels != found.channels) {
            let how = format!("the audio has {} channels instead of {channels}", found.channels);
            return Err(Fault::Differs(how));
        }
    }
    Ok(())
}

/// Puts the exact frame rate in place of one that was measured from rounded time stamps, where the two agree.
pub(in crate::transcode) fn settle_rate(holds: &Holds, found: &mut MediaSummary) {
    let exact = holds.video.as_ref().and_then(|video| video.rate).map(FrameRate::per_second);
    if let (Some(exact), Some(video)) = (exact, found.video.as_mut())
        && video.fps.is_some_and(|measured| (measured - exact).abs() <= exact * 0.01)
    {
        video.fps = Some((exact * 1000.0).round() / 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect::FoundAudio;
    use super::*;
    use crate::domain::media::AudioSummary;
    use crate::transcode::plan::HeldAudio;

    const FOUR: Duration = Duration::from_secs(4);

    fn held() -> Holds {
        let length = Some(Length { expected: FOUR, exact: true });
        let audio = HeldAudio { codec: "aac".to_owned(), channels: Some(2), length, encoded: true };
        let video = HeldVideo {
            codec: "h264".to_owned(),
            size: Some((320, 240)),
            rate: FrameRate::new(25, 1),
            rated: true,
            depth: Some(10),
            length,
            encoded: true,
        };
        Holds { video: Some(video), audio: vec![audio.clone(), audio], subtitles: 1, length }
    }

    fn found() -> Found {
        let audio = AudioSummary { codec: "aac".to_owned(), channels: 2, sample_rate_hz: 48_000 };
        let one = FoundAudio { codec: "aac".to_owned(), channels: 2, length: Some(FOUR) };
        let video = VideoSummary { codec: "h264".to_owned(), width: 320, height: 240, fps: Some(25.0) };
        let media = MediaSummary {
            container: "mp4".to_owned(),
            duration_ms: Some(4010),
            video: Some(video),
            audio: Some(audio),
            audio_tracks: 2,
            subtitle_tracks: 1,
        };
        let audio = vec![one.clone(), one];
        Found { video_length: Some(FOUR), depth: Some(10), audio, ..Found::only(media) }
    }

    fn fault(change: impl FnOnce(&mut Found)) -> String {
        let mut found = found();
        change(&mut found);
        format!("{:?}", check(&held(), &found, true).expect_err("it differs"))
    }

    #[test]
    fn what_is_as_planned_has_no_fault() {
        assert_eq!(check(&held(), &found(), true), Ok(()));
        let mut loose = held();
        loose.length = loose.length.map(|length| Length { exact: false, ..length });
        let mut longer = found();
        longer.media.duration_ms = Some(60_000);
        assert_eq!(check(&loose, &longer, true), Ok(()), "nobody knew how long it would be");
    }

    #[test]
    fn every_stream_is_compared_and_not_only_the_longest() {
        let second = Some(Duration::from_secs(1));
        assert!(fault(|found| found.audio[1].length = second).contains(r#"Short { stream: Some("audio"), found: 1s"#));
        assert!(fault(|found| found.video_length = second).contains(r#"Short { stream: Some("video"), found: 1s"#));
        let longer = Some(Duration::from_secs(9));
        assert!(fault(|found| found.audio[0].length = longer).contains("the audio is 9.0 s long instead of 4.0 s"));
        assert!(fault(|found| found.media.duration_ms = Some(9000)).contains("the file is 9.0 s long"));
        assert!(fault(|found| found.audio[1].codec = "mp3".to_owned()).contains("mp3 instead of aac"));
        assert!(fault(|found| found.audio[1].channels = 6).contains("6 channels instead of 2"));
    }

    #[test]
    fn rate_and_depth_are_those_that_were_asked_for() {
        let rate = |fps| move |found: &mut Found| found.media.video.as_mut().unwrap().fps = fps;
        assert!(fault(rate(Some(50.0))).contains("50.000 frames/s instead of 25.000"));
        assert!(fault(|found| found.depth = Some(8)).contains("8 bits instead of 10"));
        let mut one_picture = found();
        rate(None)(&mut one_picture);
        assert_eq!(check(&held(), &one_picture, true), Ok(()));
    }

    #[test]
    fn only_a_measured_rate_is_made_exact() {
        for (measured, settled) in [(Some(24.99), Some(25.0)), (Some(20.0), Some(20.0)), (None, None)] {
            let mut found = found();
            found.media.video.as_mut().unwrap().fps = measured;
            settle_rate(&held(), &mut found.media);
            assert_eq!(found.media.video.unwrap().fps, settled);
        }
    }
}
