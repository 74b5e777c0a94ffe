//! One input for each usual codec and container of moving pictures.

use super::Source;

const X264: &str = "V A -c:v libx264 -preset ultrafast -bf 2 -g 25 -c:a aac";

pub(super) fn sources() -> Vec<Source> {
    let mut sources = of_today();
    sources.extend(of_old());
    sources.extend(of_studios());
    sources
}

fn of_today() -> Vec<Source> {
    vec![
        Source::new("bunny.mp4", "BUNNY -map 0 -c copy")
            .video("h264", 1280, 720, 25.0)
            .audio("aac", 6, 48_000)
            .lasts(5312),
        Source::new("bunny.mkv", "BUNNY -map 0 -c copy")
            .video("h264", 1280, 720, 25.0)
            .audio("aac", 6, 48_000)
            .lasts(5312),
        Source::new("h264.mp4", X264).small("h264").stereo("aac").lasts(2000),
        Source::new("h264.ts", X264).small("h264").stereo("aac").lasts(2000),
        Source::new("h264.m4v", X264).small("h264").stereo("aac").lasts(2000),
        // Its first picture is shown for as long as the sound leads, so its rate isn't quite constant.
        Source::new(
            "fragmented.mp4",
            "V A -c:v libx264 -preset ultrafast -g 10 -c:a aac -movflags frag_keyframe+empty_moov",
        )
        .video("h264", 160, 120, 0.0)
        .stereo("aac")
        .lasts(2000),
        Source::new("hevc.mp4", "V A -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 -c:a aac")
            .small("hevc")
            .stereo("aac")
            .lasts(2000),
        Source::new("av1.mp4", "V A -c:v libsvtav1 -preset 12 -c:a libopus").small("av1").stereo("opus").lasts(2000),
        Source::new("av1.webm", "V A -c:v libaom-av1 -cpu-used 8 -usage realtime -c:a libopus")
            .small("av1")
            .stereo("opus")
            .lasts(2000),
        Source::new("vp8.webm", "V A -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis")
            .small("vp8")
            .stereo("vorbis")
            .lasts(2000),
        Source::new("vp9.webm", "V A -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus")
            .small("vp9")
            .stereo("opus")
            .lasts(2000),
        Source::new("picture.gif", "V:160x120:10:2").video("gif", 160, 120, 10.0).lasts(2000),
    ]
}

fn of_old() -> Vec<Source> {
    vec![
        Source::new("mpeg2.ts", "V A -c:v mpeg2video -bf 2 -c:a mp2").small("mpeg2video").stereo("mp2").lasts(2000),
        Source::new("mpeg2.mpg", "V A -c:v mpeg2video -bf 2 -c:a mp2 -f vob")
            .small("mpeg2video")
            .stereo("mp2")
            .lasts(2000),
        Source::new("xvid.avi", "V A -c:v libxvid -bf 1 -c:a libmp3lame")
            .small("mpeg4")
            .stereo("mp3")
            .uncopied()
            .lasts(2000),
        Source::new("mjpeg.avi", "V A -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le")
            .small("mjpeg")
            .stereo("pcm_s16le")
            .lasts(2000),
        Source::new("flash.flv", "V A::44100 -c:v flv -c:a libmp3lame")
            .small("flv1")
            .audio("mp3", 2, 44_100)
            .lasts(2000),
        Source::new("windows.wmv", "V A::44100 -c:v wmv2 -c:a wmav2")
            .small("wmv2")
            .audio("wmav2", 2, 44_100)
            .lasts(2000),
        Source::new("phone.3gp", "V:176x144:15:2 A:mono:32000 -c:v h263 -c:a aac")
            .video("h263", 176, 144, 15.0)
            .audio("aac", 1, 32_000)
            .lasts(2000),
        Source::new("theora.ogv", "V A -c:v libtheora -c:a libvorbis").small("theora").stereo("vorbis").lasts(2000),
    ]
}

fn of_studios() -> Vec<Source> {
    vec![
        Source::new("prores.mov", "V A -c:v prores_ks -pix_fmt yuv422p10le -c:a pcm_s24le")
            .small("prores")
            .bits(10)
            .stereo("pcm_s24le")
            .lasts(2000),
        Source::new(
            "dnxhd.mxf",
            "V:1280x720:25:0.4 A:mono:48000:0.4 -c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -c:a pcm_s16le",
        )
        .video("dnxhd", 1280, 720, 25.0)
        .audio("pcm_s16le", 1, 48_000)
        .lasts(400),
        Source::new("tape.dv", "V:720x576:25:0.6 A::48000:0.6 -target pal-dv")
            .video("dvvideo", 720, 576, 25.0)
            .pixels(16, 15)
            .stereo("pcm_s16le")
            .lasts(600),
        Source::new("ffv1.mkv", "V A -c:v ffv1 -level 3 -c:a flac").small("ffv1").stereo("flac").lasts(2000),
        Source::new("png.mov", "V:160x120:25:1 A::48000:1 -c:v png -pix_fmt rgb24 -c:a pcm_s16le")
            .small("png")
            .stereo("pcm_s16le")
            .lasts(1000),
        Source::new("alpha.mov", "V:160x120:25:1 -c:v qtrle -pix_fmt argb").small("qtrle").uncopied().lasts(1000),
        Source::new("alpha.webm", "V:160x120:25:1 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuva420p")
            .small("vp9")
            .lasts(1000),
        Source::new("plain.y4m", "V:160x120:25:1").small("rawvideo").lasts(1000),
        Source::new("plain.h264", "V:160x120:25:2 -c:v libx264 -preset ultrafast -bf 2")
            .small("h264")
            .uncopied()
            .really(2000),
        Source::new("piped.mkv", "V A -c:v libx264 -preset ultrafast -c:a aac -f matroska pipe:1")
            .small("h264")
            .stereo("aac")
            .really(2000),
    ]
}
