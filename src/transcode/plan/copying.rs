//! Which codecs each container may hold when a stream is copied as it is, and whether a stream already is what was asked for.
//!
//! Names are ffmpeg's. The lists follow what its muxers take and players play, and leave out what needs conversion.

use super::picture::{MAPPED, Picture};
use super::sound;
use super::tracks::audio_codec_name;
use crate::domain::format::{Container, VideoCodec};
use crate::domain::media::{AudioFacts, MediaInfo, Stream, VideoFacts};
use crate::domain::output::{CopyPolicy, OutputSpec, VideoSpec};

/// How much above the asked bitrate a stream may be and still count as fitting.
const TOLERANCE: f64 = 1.1;
/// The most bits for a pixel of a stream that is copied where no bitrate was asked for: twice what good quality needs.
const GENEROUS: f64 = 0.2;

/// Whether the video can be copied instead of encoded.
///
/// # Errors
/// Why it has to be encoded, in words for people.
pub(super) fn video_fits(
    (stream, facts): (&Stream, &VideoFacts),
    info: &MediaInfo,
    spec: &OutputSpec,
    picture: &Picture,
) -> Result<(), String> {
    let video = &spec.video;
    common(spec, info)?;
    if stream.codec != video.codec.name() {
        return Err(format!("the input is {}", stream.codec));
    }
    if !usual_profile(video, stream, facts) {
        let profile = stream.profile.as_deref().unwrap_or("of an unknown profile");
        let format = facts.pixel_format.as_deref().unwrap_or("unknown pixels");
        return Err(format!("the input is {profile} with {format}, which not every player shows"));
    }
    if picture.size != (facts.width, facts.height) || facts.rotation != 0 {
        return Err(format!("{}x{} becomes {}x{}", facts.width, facts.height, picture.size.0, picture.size.1));
    }
    if facts.sample_aspect_ratio.is_some() {
        return Err("its pixels aren't square".to_owned());
    }
    if picture.filters.iter().any(|filter| filter.starts_with("pad") || filter.starts_with("crop")) {
        return Err("its shape changes".to_owned());
    }
    // A stream that doesn't say whether it is interlaced is let through by the filter as well as here.
    if facts.interlaced == Some(true) && picture.filters.iter().any(|filter| filter.starts_with("bwdif")) {
        return Err("it is interlaced".to_owned());
    }
    if facts.colour.is_hdr() && !picture.hdr {
        return Err(MAPPED.to_owned());
    }
    if facts.bit_depth.is_some_and(|bits| bits > 8) != picture.deep {
        return Err("its bit depth changes".to_owned());
    }
    if picture.rate.is_some_and(|rate| facts.frame_rate != Some(rate)) {
        return Err("its frame rate changes".to_owned());
    }
    if let Some(crf) = video.crf {
        return Err(format!("a quality of {crf} was asked for, and that of the input can't be told"));
    }
    if video.keyframe_interval_ms.is_some() {
        return Err("an interval of key frames was asked for".to_owned());
    }
    check_rate(bitrate_of(stream, info), video.bitrate_bps.or(video.max_bitrate_bps), facts)
}

/// What keeps any stream from being copied.
fn common(spec: &OutputSpec, info: &MediaInfo) -> Result<(), String> {
    if spec.copy == CopyPolicy::Never {
        return Err("copying is turned off".to_owned());
    }
    if spec.trim.is_some_and(|trim| trim.is_exact()) {
        return Err("it is cut to the frame".to_owned());
    }
    let timed = ["mov", "mp4", "matroska", "webm", "mpegts", "flv", "ogg", "mp3", "flac", "wav", "aac"];
    if !info.container.split(',').any(|name| timed.contains(&name)) {
        return Err(format!("{} doesn't say well enough when each frame is shown", info.container));
    }
    Ok(())
}

/// The profiles that every player of the codec shows, and those with ten bits where they are asked for.
fn usual_profile(video: &VideoSpec, stream: &Stream, facts: &VideoFacts) -> bool {
    let profile = stream.profile.as_deref().unwrap_or_default();
    let pixels = facts.pixel_format.as_deref().unwrap_or_default();
    let deep = video.bit_depth == Some(10) && pixels == "yuv420p10le";
    match video.codec {
        VideoCodec::H264 if deep => profile == "High 10",
        VideoCodec::H264 => {
            matches!(profile, "Constrained Baseline" | "Baseline" | "Main" | "High")
                && matches!(pixels, "yuv420p" | "yuvj420p")
        }
        VideoCodec::Hevc => matches!((profile, pixels), ("Main", "yuv420p") | ("Main 10", "yuv420p10le")),
        VideoCodec::Av1 => profile == "Main" && matches!(pixels, "yuv420p" | "yuv420p10le"),
        VideoCodec::Vp9 if deep => profile == "Profile 2",
        VideoCodec::Vp9 => profile == "Profile 0" && pixels == "yuv420p",
        VideoCodec::Copy | VideoCodec::None => false,
    }
}

fn bitrate_of(stream: &Stream, info: &MediaInfo) -> Option<u64> {
    // Matroska tells no rate of its streams; that of the file is an upper bound.
    stream.bitrate_bps.or(info.bitrate_bps)
}

#[expect(clippy::cast_precision_loss, reason = "a comparison")]
fn check_rate(own: Option<u64>, asked: Option<u64>, facts: &VideoFacts) -> Result<(), String> {
    let rate = facts.frame_rate.map_or(30.0, crate::domain::media::FrameRate::per_second);
    let generous = (f64::from(facts.width) * f64::from(facts.height) * rate * GENEROUS).max(400_000.0);
    let most = asked.map_or(generous, |asked| asked as f64 * TOLERANCE);
    match own {
        None => Err("the input's bitrate isn't known".to_owned()),
        Some(own) if own as f64 > most => Err(format!("its {} kbit/s are more than {:.0}", own / 1000, most / 1000.0)),
        Some(_) => Ok(()),
    }
}

/// Whether the sound can be copied instead of encoded.
///
/// # Errors
/// Why it has to be encoded, in words for people.
pub(super) fn audio_fits(
    (stream, facts): (&Stream, &AudioFacts),
    info: &MediaInfo,
    spec: &OutputSpec,
) -> Result<(), String> {
    let audio = &spec.audio;
    common(spec, info)?;
    if stream.codec != audio_codec_name(audio.codec) {
        return Err(format!("the input is {}", stream.codec));
    }
    if stream.codec == "aac" && !matches!(stream.profile.as_deref(), None | Some("LC" | "HE-AAC" | "HE-AACv2")) {
        return Err("the input is a kind of AAC that not every player knows".to_owned());
    }
    let channels = sound::channels(audio, facts);
    if channels.is_some_and(|channels| channels != facts.channels) {
        return Err(format!("{} channels become {}", facts.channels, channels.unwrap_or(0)));
    }
    if audio.sample_rate_hz.is_some_and(|rate| rate != facts.sample_rate_hz) {
        return Err("its sample rate changes".to_owned());
    }
    if audio.loudness_lufs.is_some() {
        return Err("its loudness is brought to what was asked for".to_owned());
    }
    if !audio.codec.has_bitrate() {
        return Ok(());
    }
    let most = sound::bitrate(audio, channels.unwrap_or(2)) * 11 / 10;
    match stream.bitrate_bps {
        // Matroska doesn't tell; what it holds is as good as it gets.
        None if audio.bitrate_bps.is_none() || info.container.starts_with("matroska") => Ok(()),
        None => Err("its bitrate isn't known".to_owned()),
        Some(own) if own > most => Err(format!("its {} kbit/s are more than {}", own / 1000, most / 1000)),
        Some(_) => Ok(()),
    }
}

/// Whether subtitles of this codec can be copied into `container`; text that can't is converted.
pub(super) fn holds_subtitles(container: Container, codec: &str) -> bool {
    match container {
        Container::Mkv => codec != "mov_text" && codec != "unknown",
        Container::Mp4 | Container::Mov => codec == "mov_text",
        Container::Webm | Container::Vtt => codec == "webvtt",
        Container::Srt => codec == "subrip",
        _ => false,
    }
}

/// The encoder that brings text into `container`.
pub(super) fn subtitle_encoder(container: Container) -> Option<&'static str> {
    match container {
        Container::Mp4 | Container::Mov => Some("mov_text"),
        Container::Webm | Container::Vtt | Container::Cmaf => Some("webvtt"),
        Container::Mkv | Container::Srt => Some("srt"),
        _ => None,
    }
}

/// What brings a sound that is copied into the form of `container`, where its muxer doesn't see to that itself in time.
pub(super) fn audio_reframing(info: &MediaInfo, container: Container, codec: &str) -> Option<&'static str> {
    // There AAC describes itself in each packet, in mp4 once at the beginning; fragmented files begin before a packet is seen.
    let described = !matches!(info.container.as_str(), "mpegts" | "aac" | "mpeg" | "avi" | "asf");
    let once = matches!(container, Container::Mp4 | Container::Mov | Container::M4a | Container::Cmaf);
    (codec == "aac" && once && !described).then_some("aac_adtstoasc")
}

/// Whether `container` may hold video of this codec.
pub(super) fn holds_video(container: Container, codec: &str) -> bool {
    match container {
        Container::Mp4 => matches!(codec, "h264" | "hevc" | "av1" | "vp9" | "mpeg4" | "mpeg2video" | "mpeg1video"),
        Container::Mov => {
            matches!(codec, "h264" | "hevc" | "mpeg4" | "mpeg2video" | "prores" | "dnxhd" | "mjpeg" | "dvvideo" | "png")
        }
        Container::Webm => matches!(codec, "vp8" | "vp9" | "av1"),
        // The depth of the last two would be lost.
        Container::Mkv => !matches!(codec, "unknown" | "qtrle" | "8bps"),
        // Sound, pictures, text; and the key frames of a package have to be where its segments begin.
        _ => false,
    }
}

/// Whether `container` may hold audio of this codec.
pub(super) fn holds_audio(container: Container, codec: &str) -> bool {
    match container {
        Container::Mp4 => matches!(codec, "aac" | "mp3" | "opus" | "flac" | "alac" | "ac3" | "eac3"),
        Container::Mov => matches!(codec, "aac" | "mp3" | "alac" | "ac3" | "eac3") || quicktime_pcm(codec),
        Container::Webm => matches!(codec, "opus" | "vorbis"),
        Container::Mkv => codec != "unknown",
        Container::Mp3 => codec == "mp3",
        Container::M4a => matches!(codec, "aac" | "alac"),
        Container::Ogg => matches!(codec, "opus" | "vorbis" | "flac"),
        Container::Flac => codec == "flac",
        Container::Wav => {
            matches!(codec, "pcm_u8" | "pcm_s16le" | "pcm_s24le" | "pcm_s32le" | "pcm_f32le" | "pcm_f64le")
        }
        // The sounds that browsers play in segments.
        Container::Cmaf => matches!(codec, "aac" | "opus" | "flac"),
        Container::Jpg | Container::Png | Container::Webp | Container::Vtt | Container::Srt => false,
    }
}

/// The PCM kinds that both QuickTime and its players know.
fn quicktime_pcm(codec: &str) -> bool {
    matches!(codec, "pcm_s16le" | "pcm_s16be" | "pcm_s24le" | "pcm_s24be" | "pcm_s32le" | "pcm_s32be" | "pcm_f32le")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::{AudioCodec, VideoCodec};

    #[test]
    fn what_can_be_encoded_into_a_container_can_be_copied_into_it() {
        for container in Container::ALL.into_iter().filter(|container| *container != Container::Cmaf) {
            for codec in container.video_codecs() {
                assert!(holds_video(container, codec.name()), "{container} {codec:?}");
            }
            for codec in container.audio_codecs() {
                let name = if *codec == AudioCodec::Pcm { "pcm_s16le" } else { codec.name() };
                assert!(holds_audio(container, name), "{container} {codec:?}");
            }
        }
        assert!(!holds_video(Container::Webm, VideoCodec::H264.name()));
        assert!(!holds_audio(Container::Mp3, "aac"));
        assert!(!holds_audio(Container::Wav, "pcm_s16be"));
    }
}
