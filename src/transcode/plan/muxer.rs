//! How files are written: the muxer, never left to the file's name, and its settings.

use crate::domain::format::Container;

/// How a container of sound and moving pictures is written.
pub(in crate::transcode) fn whole(container: Container) -> &'static [&'static str] {
    match container {
        // FLAC in mp4 counts as experimental in ffmpeg 5.1, though players know it.
        Container::Mp4 => {
            &["-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-strict", "experimental", "-f", "mp4"]
        }
        Container::Mov => &["-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mov"],
        Container::M4a => &["-movflags", "+faststart", "-f", "ipod"],
        Container::Mkv => &["-max_muxing_queue_size", "4096", "-f", "matroska"],
        Container::Webm => &["-max_muxing_queue_size", "4096", "-f", "webm"],
        Container::Mp3 => &["-f", "mp3"],
        Container::Ogg => &["-f", "ogg"],
        Container::Flac => &["-f", "flac"],
        // Beyond 4 GB its sizes need 64 bits, or the file is broken.
        Container::Wav => &["-rf64", "auto", "-f", "wav"],
        Container::Vtt => &["-f", "webvtt"],
        Container::Srt => &["-f", "srt"],
        Container::Jpg | Container::Png | Container::Webp => &["-f", "image2"],
        Container::Cmaf => &["-f", "mp4"],
    }
}

/// The same where the file is to hold what was written of it when its writer is killed: in fragments that go to the disk as
/// they come, with key frames and at least once a second. Only the first packets of a stream tell when it begins, and of one
/// that is copied what it is; so the file's beginning waits until each has one.
pub(super) const CRASH_SAFE: &[&str] = &[
    "-max_muxing_queue_size",
    "4096",
    "-movflags",
    "+frag_keyframe+empty_moov+delay_moov+default_base_moof",
    "-frag_duration",
    "1000000",
    "-flush_packets",
    "1",
    "-strict",
    "experimental",
    "-f",
    "mp4",
];

/// How a picture is encoded, and as what pixels.
pub(super) fn picture(container: Container) -> &'static [&'static str] {
    match container {
        Container::Png => &["-c:v", "png", "-pix_fmt", "rgb24"],
        Container::Webp => &["-c:v", "libwebp", "-quality", "82", "-pix_fmt", "yuv420p"],
        _ => &["-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"],
    }
}
