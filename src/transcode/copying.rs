//! Which codecs each container may hold when a stream is copied as it is.
//!
//! Names are ffmpeg's. The lists follow what its muxers take and players play, and leave out what needs conversion.

use crate::domain::format::Container;

/// Whether `container` may hold video of this codec.
pub(super) fn holds_video(container: Container, codec: &str) -> bool {
    match container {
        Container::Mp4 => matches!(codec, "h264" | "hevc" | "av1" | "vp9" | "mpeg4" | "mpeg2video" | "mpeg1video"),
        Container::Mov => {
            matches!(codec, "h264" | "hevc" | "mpeg4" | "mpeg2video" | "prores" | "dnxhd" | "mjpeg" | "dvvideo" | "png")
        }
        Container::Webm => matches!(codec, "vp8" | "vp9" | "av1"),
        Container::Mkv => codec != "unknown",
        Container::Mp3 | Container::M4a | Container::Ogg | Container::Flac | Container::Wav => false,
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
        for container in Container::ALL {
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
