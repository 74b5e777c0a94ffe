//! Reads a file's packets, to the last one.
//!
//! What can't be told this way is left to ffprobe, see [`Contents`]: HEVC whose header exceeds a kilobyte (ours stay
//! below), AV1 and VP9 in mp4 (the codec isn't named), PCM in mov (a packet per sample would take minutes), and codecs
//! of copied streams that aren't known here.

use std::fs::File;
use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use tokio_util::sync::CancellationToken;

use super::found::{Found, FoundAudio};
use super::tracks::{Kind, Tally, kind, mp3_channels};
use crate::domain::format::Container;
use crate::domain::media::{AudioSummary, MediaSummary, VideoSummary};

/// How far a container's word on its duration may be from its packets' before the packets are believed.
const SLACK_MS: u64 = 500;

/// What was found in a file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) enum Contents {
    /// It was read to its end.
    Known(Found),
    /// It was read to its end, but doesn't tell everything.
    Unnamed,
    /// It couldn't be read to its end; it may be damaged, or of a kind that isn't known here.
    Doubtful,
}

/// Reads the file at `path`; blocks. A cancelled `token` makes it doubtful.
pub(in crate::transcode) fn read(path: &Path, container: Container, token: &CancellationToken) -> Contents {
    let Ok(file) = File::open(path) else { return Contents::Doubtful };
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(container.name());
    let probe = symphonia::default::get_probe();
    match probe.probe(&hint, stream, FormatOptions::default(), MetadataOptions::default()) {
        Ok(reader) => read_packets(reader, container, token),
        Err(_) => Contents::Doubtful,
    }
}

fn read_packets(mut reader: Box<dyn FormatReader + '_>, container: Container, token: &CancellationToken) -> Contents {
    if samples_are_packets(&*reader) {
        return Contents::Doubtful;
    }
    let kinds: Vec<(u32, Kind)> = reader.tracks().iter().map(|track| (track.id, kind(track))).collect();
    let mut tallies: Vec<Tally> = reader.tracks().iter().filter_map(Tally::of).collect();
    let mut in_frame = None;
    loop {
        if token.is_cancelled() {
            return Contents::Doubtful;
        }
        match reader.next_packet() {
            Ok(Some(packet)) => {
                in_frame = in_frame.or_else(|| mp3_channels(&packet.data).filter(|_| is_mp3(&kinds, packet.track_id)));
                if let Some(tally) = tallies.iter_mut().find(|tally| tally.id == packet.track_id) {
                    tally.add(&packet);
                }
            }
            Ok(None) => break,
            Err(_) => return Contents::Doubtful,
        }
    }
    let info = reader.media_info();
    let told = info.time_base.zip(info.duration).and_then(|(base, duration)| base.calc_duration(duration));
    let told_ms = told.and_then(|time| u64::try_from(time.as_millis()).ok()).filter(|told| *told > 0);
    sum_up(kinds, &tallies, container, told_ms, in_frame)
}

/// Whether it is uncompressed sound in mov, where every sample would come as a packet of its own.
fn samples_are_packets(reader: &dyn FormatReader) -> bool {
    reader.format_info().short_name == "isomp4"
        && reader.tracks().iter().any(|track| {
            matches!(&track.codec_params, Some(CodecParameters::Audio(params)) if params.max_frames_per_packet == Some(1))
        })
}

fn is_mp3(kinds: &[(u32, Kind)], id: u32) -> bool {
    kinds.iter().any(|(track, kind)| *track == id && matches!(kind, Kind::Audio(audio) if audio.codec == "mp3"))
}

fn sum_up(
    kinds: Vec<(u32, Kind)>,
    tallies: &[Tally],
    container: Container,
    told_ms: Option<u64>,
    mp3_channels: Option<u32>,
) -> Contents {
    let mut found = Found::only(MediaSummary {
        container: container.name().to_owned(),
        duration_ms: None,
        video: None,
        audio: None,
        audio_tracks: 0,
        // Tracks of text are left to ffprobe.
        subtitle_tracks: 0,
    });
    let mut read_ms = 0;
    for (id, kind) in kinds {
        let tally = tallies.iter().find(|tally| tally.id == id);
        match kind {
            Kind::Unclear => return Contents::Unnamed,
            Kind::Other => continue,
            Kind::Video(summary) => add_video(&mut found, summary, tally),
            Kind::Audio(summary) => {
                let channels = if summary.channels == 0 { mp3_channels.unwrap_or(0) } else { summary.channels };
                add_audio(&mut found, AudioSummary { channels, ..summary }, tally);
            }
        }
        read_ms = read_ms.max(tally.map_or(0, Tally::millis));
    }
    let told_ms = told_ms.filter(|told| told.abs_diff(read_ms) <= SLACK_MS.max(read_ms / 100));
    found.media.duration_ms = Some(told_ms.unwrap_or(read_ms)).filter(|&duration| duration > 0);
    Contents::Known(found)
}

fn add_video(found: &mut Found, summary: VideoSummary, tally: Option<&Tally>) {
    if found.media.video.is_none() {
        found.video_length = tally.map(Tally::length);
        found.media.video = Some(VideoSummary { fps: tally.and_then(Tally::rate).map(thousandths), ..summary });
    }
}

fn add_audio(found: &mut Found, summary: AudioSummary, tally: Option<&Tally>) {
    found.media.audio_tracks += 1;
    let (codec, channels, length) = (summary.codec.clone(), summary.channels, tally.map(Tally::length));
    found.audio.push(FoundAudio { codec, channels, length });
    if found.media.audio.is_none() {
        found.gaps = tally.map(Tally::gaps).unwrap_or_default();
        found.media.audio = Some(summary);
    }
}

fn thousandths(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}
