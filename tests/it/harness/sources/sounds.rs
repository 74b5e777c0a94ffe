//! Inputs without pictures, or with pictures of unusual sound.

use super::Source;

pub(super) fn sources() -> Vec<Source> {
    let mut sources = alone();
    sources.extend(with_covers());
    sources.extend(with_pictures());
    sources
}

fn alone() -> Vec<Source> {
    vec![
        Source::new("constant.mp3", "A::44100 -c:a libmp3lame -b:a 128k").audio("mp3", 2, 44_100).lasts(2000),
        Source::new("variable.mp3", "A::44100:3 -c:a libmp3lame -q:a 4 -write_xing 0 -id3v2_version 0")
            .audio("mp3", 2, 44_100)
            .lasts(3000),
        Source::new("sound.m4a", "A::44100 -c:a aac").audio("aac", 2, 44_100).lasts(2000),
        Source::new("lossless.m4a", "A -c:a alac").stereo("alac").lasts(2000),
        Source::new("fine.flac", "A::96000 -c:a flac -sample_fmt s32").audio("flac", 2, 96_000).lasts(2000),
        Source::new("7.1.flac", "A:7.1 -c:a flac").audio("flac", 8, 48_000).lasts(2000),
        Source::new("vorbis.ogg", "A::44100 -c:a libvorbis").audio("vorbis", 2, 44_100).lasts(2000),
        Source::new("sound.opus", "A -c:a libopus").stereo("opus").lasts(2000),
        Source::new("surround.opus", "A:5.1 -c:a libopus").audio("opus", 6, 48_000).lasts(2000),
        Source::new("24-bits.wav", "A -c:a pcm_s24le").stereo("pcm_s24le").lasts(2000),
        Source::new("telephone.wav", "A:mono:8000 -c:a pcm_mulaw").audio("pcm_mulaw", 1, 8000).lasts(2000),
        Source::new("adpcm.wav", "A:mono:22050 -c:a adpcm_ima_wav").audio("adpcm_ima_wav", 1, 22_050).lasts(2000),
        Source::new("plain.aac", "A::44100 -c:a aac -f adts").audio("aac", 2, 44_100).lasts(2000),
        Source::new("plain.ac3", "A:5.1(side) -c:a ac3").audio("ac3", 6, 48_000).lasts(2000),
        Source::new("dts.dts", "A:5.1(side) -c:a dca -strict -2").audio("dts", 6, 48_000).lasts(2000),
        Source::new("windows.wma", "A::44100 -c:a wmav2 -f asf").audio("wmav2", 2, 44_100).lasts(2000),
        Source::new("short.wav", "A::48000:0.02 -c:a pcm_s16le").stereo("pcm_s16le").lasts(20),
        Source::new("quiet.flac", "A -af volume=-70dB -c:a flac -sample_fmt s32").stereo("flac").lasts(2000).silent(),
        Source::new("silence.wav", "A -af volume=0 -c:a pcm_s16le").stereo("pcm_s16le").lasts(2000).silent(),
        Source::new("piped.wav", "A -c:a pcm_s16le -f wav pipe:1").stereo("pcm_s16le").lasts(2000),
        Source::new("sound.mka", "A:mono A:stereo -map 0 -map 1 -c:a flac")
            .audio("flac", 1, 48_000)
            .audio("flac", 2, 48_000)
            .lasts(2000),
    ]
}

fn with_covers() -> Vec<Source> {
    vec![
        Source::new(
            "cover.mp3",
            "A::44100 V:100x100:1:1 -map 0 -map 1 -c:a libmp3lame -c:v png -disposition:v attached_pic -id3v2_version 3",
        )
        .audio("mp3", 2, 44_100)
        .cover()
        .lasts(2000),
        Source::new(
            "cover.m4a",
            "A::44100 V:100x100:1:1 -map 0 -map 1 -c:a aac -c:v mjpeg -pix_fmt yuvj420p -disposition:v attached_pic",
        )
        .audio("aac", 2, 44_100)
        .cover()
        .lasts(2000),
        Source::new(
            "cover.flac",
            "A V:101x99:1:1 -map 0 -map 1 -c:a flac -c:v mjpeg -pix_fmt yuvj420p -disposition:v attached_pic",
        )
        .stereo("flac")
        .cover()
        .lasts(2000),
        Source::new(
            "cover.mp4",
            "V:100x100:1:1 V A -map 1 -map 2 -map 0 -c:v:0 libx264 -preset ultrafast -c:a aac -c:v:1 mjpeg -pix_fmt:v:1 yuvj420p \
             -disposition:v:1 attached_pic",
        )
        .small("h264")
        .stereo("aac")
        .cover()
        .lasts(2000),
    ]
}

fn with_pictures() -> Vec<Source> {
    let x264 = |name, how| Source::new(name, how).small("h264");
    vec![
        x264("no-sound.mp4", "V -c:v libx264 -preset ultrafast").lasts(2000),
        x264("5.1.mp4", "V A:5.1 -c:v libx264 -preset ultrafast -c:a aac").audio("aac", 6, 48_000).lasts(2000),
        x264("5.1-side.mkv", "V A:5.1(side) -c:v libx264 -preset ultrafast -c:a ac3")
            .audio("ac3", 6, 48_000)
            .lasts(2000),
        x264("5.1.eac3.mp4", "V A:5.1(side) -c:v libx264 -preset ultrafast -c:a eac3")
            .audio("eac3", 6, 48_000)
            .lasts(2000),
        x264("7.1.mkv", "V A:7.1 -c:v libx264 -preset ultrafast -c:a flac").audio("flac", 8, 48_000).lasts(2000),
        x264("centre.mp4", "V A:mono -af pan=5.1|FC=c0 -c:v libx264 -preset ultrafast -c:a aac")
            .audio("aac", 6, 48_000)
            .lasts(2000),
        x264("truehd.mkv", "V A -c:v libx264 -preset ultrafast -c:a truehd -strict -2").stereo("truehd").lasts(2000),
        x264("quad.mkv", "V A:mono -af pan=quad|FL=c0|FR=c0|BL=c0|BR=c0 -c:v libx264 -preset ultrafast -c:a flac")
            .audio("flac", 4, 48_000)
            .lasts(2000),
        x264("quiet.mp4", "V A -af volume=-55dB -c:v libx264 -preset ultrafast -c:a aac")
            .stereo("aac")
            .lasts(2000)
            .silent(),
    ]
}
