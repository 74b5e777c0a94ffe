//! Inputs that were whole once.

use super::Source;
use super::bytes::{cut_short, flip_bits, tear};

const X264: &str = "V A -c:v libx264 -preset ultrafast -g 25 -c:a aac";

pub(super) fn sources() -> Vec<Source> {
    let x264 = |name| Source::new(name, X264).small("h264").stereo("aac").damaged();
    vec![
        Source::new("cut.mp4", "V A -c:v libx264 -preset ultrafast -g 25 -c:a aac -movflags +faststart")
            .small("h264")
            .stereo("aac")
            .damaged()
            .then(cut_short)
            .lasts(2000),
        x264("cut.mkv").then(cut_short).lasts(2000),
        x264("cut.ts").then(cut_short),
        x264("cut.flv").then(cut_short).lasts(2000),
        Source::new("cut.avi", "V A -c:v libxvid -c:a libmp3lame")
            .small("mpeg4")
            .stereo("mp3")
            .uncopied()
            .damaged()
            .then(cut_short),
        Source::new("cut.mp3", "A::44100 -c:a libmp3lame -b:a 128k").audio("mp3", 2, 44_100).damaged().then(cut_short),
        Source::new("cut.flac", "A -c:a flac").stereo("flac").damaged().then(cut_short).lasts(2000),
        Source::new("cut.wav", "A -c:a pcm_s16le").stereo("pcm_s16le").damaged().then(cut_short),
        x264("flipped.ts").then(flip_bits),
        x264("flipped.mkv").then(flip_bits).lasts(2000),
        Source::new("flipped.mpg", "V A -c:v mpeg2video -c:a mp2 -f vob")
            .video("mpeg2video", 160, 120, 0.0)
            .stereo("mp2")
            .damaged()
            .then(flip_bits),
        Source::new("flipped.mp4", "V A -c:v libx264 -preset ultrafast -g 25 -c:a aac -movflags +faststart")
            .small("h264")
            .stereo("aac")
            .damaged()
            .then(flip_bits),
        x264("torn.mkv").then(tear).lasts(2000),
        x264("torn.ts").then(tear),
    ]
}
