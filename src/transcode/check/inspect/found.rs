//! What a finished file holds, as far as a plan can say what it must hold.

use std::time::Duration;

use crate::domain::format::Container;
use crate::domain::media::{MediaInfo, MediaSummary};

/// What was found in a file. What isn't known is left out, and held against nobody.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) struct Found {
    /// In short, as a job shows it.
    pub(in crate::transcode) media: MediaSummary,
    /// How long the video is, from its first picture to the end of its last one.
    pub(in crate::transcode) video_length: Option<Duration>,
    /// Bits of each of the video's colour components.
    pub(in crate::transcode) depth: Option<u8>,
    /// Every sound, in the order of the file.
    pub(in crate::transcode) audio: Vec<FoundAudio>,
    /// How much is missing in the middle of the first sound.
    pub(in crate::transcode) gaps: Duration,
}

/// One sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct FoundAudio {
    /// ffmpeg's name of the codec.
    pub(in crate::transcode) codec: String,
    /// The number of channels.
    pub(in crate::transcode) channels: u32,
    /// How long it is.
    pub(in crate::transcode) length: Option<Duration>,
}

impl Found {
    /// What ffprobe has found.
    pub(in crate::transcode) fn of(info: &MediaInfo, container: Container) -> Self {
        let video = info.video();
        let length = |own: Option<u64>| own.map(Duration::from_millis);
        let audio = info.audios().map(|(stream, facts)| FoundAudio {
            codec: stream.codec.clone(),
            channels: facts.channels,
            length: length(stream.own_ms),
        });
        Self {
            video_length: video.and_then(|(stream, _)| length(stream.own_ms)),
            depth: video.and_then(|(_, facts)| facts.bit_depth),
            audio: audio.collect(),
            ..Self::only(MediaSummary::of(info, container.name()))
        }
    }

    /// A file of which no more is known than that.
    pub(in crate::transcode) fn only(media: MediaSummary) -> Self {
        Self { media, video_length: None, depth: None, audio: Vec::new(), gaps: Duration::ZERO }
    }
}
