//! What a track says of itself, and what its packets add up to.

use std::time::Duration;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, well_known as audio};
use symphonia::core::codecs::video::{VideoCodecParameters, well_known as video};
use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use crate::domain::media::{AudioSummary, VideoSummary};

/// One track that is sound or moving pictures.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) id: u32,
    base: TimeBase,
    packets: u64,
    /// The earliest and the latest time stamp, and where the packet with the latest one ends.
    first: i64,
    last: i64,
    end: i64,
    /// What the gaps between packets add up to.
    gaps: u64,
}

/// Packets of sound last 120 ms at most, but for odd ones; when the next one comes later than this there is a gap.
const LONGEST_PACKET_MS: u64 = 250;

impl Tally {
    pub(super) fn of(track: &Track) -> Option<Self> {
        let base = track.time_base?;
        Some(Self { id: track.id, base, packets: 0, first: i64::MAX, last: i64::MIN, end: i64::MIN, gaps: 0 })
    }

    pub(super) fn add(&mut self, packet: &Packet) {
        let start = packet.pts.get();
        let end = start.saturating_add_unsigned(packet.dur.get());
        // In mp4 a gap looks like a packet that lasts until its end, so durations tell nothing here.
        let step = start.saturating_sub(self.last).max(0).unsigned_abs();
        if self.packets > 0 && self.to_millis(step) > LONGEST_PACKET_MS {
            self.gaps += step;
        }
        self.packets += 1;
        self.first = self.first.min(start);
        self.last = self.last.max(start);
        self.end = self.end.max(end);
    }

    /// From the first packet's start to the last one's end, in milliseconds.
    ///
    /// Matroska writes no duration beside its audio packets: the last one is taken to be as long as the others.
    pub(super) fn millis(&self) -> u64 {
        if self.packets == 0 {
            return 0;
        }
        let spread = self.last.saturating_sub(self.first).max(0).unsigned_abs();
        let covered = self.end.saturating_sub(self.first).max(0).unsigned_abs();
        let ticks =
            if self.end > self.last || self.packets == 1 { covered } else { spread + spread / (self.packets - 1) };
        self.to_millis(ticks)
    }

    /// Packets per second, which for video are frames.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub(super) fn rate(&self) -> Option<f64> {
        let spread = self.last.checked_sub(self.first).filter(|spread| *spread > 0)?;
        let seconds = spread as f64 * f64::from(self.base.numer.get()) / f64::from(self.base.denom.get());
        Some((self.packets - 1) as f64 / seconds)
    }

    /// The same as [`Self::millis`].
    pub(super) fn length(&self) -> Duration {
        Duration::from_millis(self.millis())
    }

    /// How long the gaps between packets are together. Means something for sound only, where packets come in order.
    pub(super) fn gaps(&self) -> Duration {
        let spread = self.last.saturating_sub(self.first).max(0).unsigned_abs();
        let usual = self.to_millis(spread) / self.packets.max(1);
        Duration::from_millis(if usual > LONGEST_PACKET_MS / 2 { 0 } else { self.to_millis(self.gaps) })
    }

    fn to_millis(&self, ticks: u64) -> u64 {
        let numerator = u128::from(ticks) * u128::from(self.base.numer.get()) * 1000;
        let denominator = u128::from(self.base.denom.get());
        u64::try_from((numerator + denominator / 2) / denominator).unwrap_or(u64::MAX)
    }
}

/// What kind of track it is, and what it tells of itself.
#[derive(Debug)]
pub(super) enum Kind {
    Video(VideoSummary),
    Audio(AudioSummary),
    /// Sound or pictures of which too little is known.
    Unclear,
    /// Neither sound nor pictures.
    Other,
}

pub(super) fn kind(track: &Track) -> Kind {
    match &track.codec_params {
        Some(CodecParameters::Video(params)) => summarize_video(params).map_or(Kind::Unclear, Kind::Video),
        Some(CodecParameters::Audio(params)) => summarize_audio(params).map_or(Kind::Unclear, Kind::Audio),
        Some(_) => Kind::Other,
        None => Kind::Unclear,
    }
}

fn summarize_video(params: &VideoCodecParameters) -> Option<VideoSummary> {
    let codec = match params.codec {
        video::CODEC_ID_H264 => "h264",
        video::CODEC_ID_HEVC => "hevc",
        video::CODEC_ID_AV1 => "av1",
        video::CODEC_ID_VP9 => "vp9",
        video::CODEC_ID_VP8 => "vp8",
        _ => return None,
    };
    let (width, height) = (params.width?, params.height?);
    Some(VideoSummary { codec: codec.to_owned(), width: width.into(), height: height.into(), fps: None })
}

fn summarize_audio(params: &AudioCodecParameters) -> Option<AudioSummary> {
    let codec = match params.codec {
        audio::CODEC_ID_AAC => "aac",
        audio::CODEC_ID_OPUS => "opus",
        audio::CODEC_ID_VORBIS => "vorbis",
        audio::CODEC_ID_MP3 => "mp3",
        audio::CODEC_ID_FLAC => "flac",
        audio::CODEC_ID_PCM_S16LE => "pcm_s16le",
        _ => return None,
    };
    // In mp4 an MP3 track doesn't tell its channels; its packets do, see `mp3_channels`.
    let channels = params.channels.as_ref().map_or(0, |channels| u32::try_from(channels.count()).unwrap_or(0));
    if channels == 0 && codec != "mp3" {
        return None;
    }
    Some(AudioSummary { codec: codec.to_owned(), channels, sample_rate_hz: params.sample_rate? })
}

/// The channels that the header of an MP3 frame tells of.
pub(super) fn mp3_channels(frame: &[u8]) -> Option<u32> {
    match frame {
        [0xff, second, _, fourth, ..] if second & 0xe0 == 0xe0 => Some(if fourth >> 6 == 0b11 { 1 } else { 2 }),
        _ => None,
    }
}
