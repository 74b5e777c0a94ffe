//! Inputs of many streams, with subtitles, chapters, attachments and odd words.

use super::Source;

pub(super) fn sources() -> Vec<Source> {
    vec![
        Source::new(
            "many.mkv",
            "V A:stereo A:5.1 A:mono -i {words.srt} -i {words.ass} -i {wörter.srt} -map 0 -map 1 -map 2 -map 3 -map 4 -map 5 \
             -map 6 -c:v libx264 -preset ultrafast -c:a:0 aac -c:a:1 ac3 -c:a:2 libopus -c:s:0 srt -c:s:1 ass -c:s:2 srt \
             -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:2 language=fra \
             -metadata:s:a:2 title=Commentary -metadata:s:s:0 language=eng -metadata:s:s:1 language=deu \
             -metadata:s:s:2 language=zho -disposition:a:1 default -disposition:a:0 0 -disposition:a:2 comment \
             -disposition:s:0 forced -disposition:s:2 hearing_impaired",
        )
        .small("h264")
        .stereo("aac")
        .audio("ac3", 6, 48_000)
        .audio("opus", 1, 48_000)
        .subtitles(&["subrip", "ass", "subrip"])
        .languages(&["eng", "deu", "fra", "eng", "deu", "zho"])
        .lasts(2000),
        Source::new(
            "many.mp4",
            "V A:stereo A:mono -i {words.srt} -map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset ultrafast -c:a aac -c:s mov_text \
             -metadata:s:a:0 language=jpn -metadata:s:a:1 language=eng -metadata:s:s:0 language=eng",
        )
        .small("h264")
        .stereo("aac")
        .audio("aac", 1, 48_000)
        .subtitles(&["mov_text"])
        .languages(&["jpn", "eng", "eng"])
        .lasts(2000),
        Source::new(
            "two-pictures.mkv",
            "V:160x120:25:1 V:320x180:25:1 A::48000:1 -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -c:a aac",
        )
        .small("h264")
        .stereo("aac")
        .lasts(1000),
        Source::new("sound-first.mkv", "V A -map 1 -map 0 -c:v libx264 -preset ultrafast -c:a aac")
            .small("h264")
            .stereo("aac")
            .lasts(2000),
        Source::new("chapters.mp4", "V A -i {chapters.txt} -map_metadata 2 -map 0 -map 1 -c:v libx264 -preset ultrafast -c:a aac")
            .small("h264")
            .stereo("aac")
            .lasts(2000),
        Source::new("chapters.mkv", "V A -i {chapters.txt} -map_metadata 2 -map 0 -map 1 -c:v libx264 -preset ultrafast -c:a aac")
            .small("h264")
            .stereo("aac")
            .lasts(2000),
        Source::new(
            "attachment.mkv",
            "V A -attach {words.ass} -metadata:s:t mimetype=application/x-truetype-font -c:v libx264 -preset ultrafast -c:a aac",
        )
        .small("h264")
        .stereo("aac")
        .lasts(2000),
        Source::new("timecode.mov", "V A -timecode 01:00:00:00 -c:v libx264 -preset ultrafast -c:a aac")
            .small("h264")
            .stereo("aac")
            .lasts(2000),
        Source::new(
            "words only.mkv",
            "-i {words.srt} -c:s srt",
        )
        .subtitles(&["subrip"])
        .lasts(1800),
        Source::new("Ünïcode 'name' [1] %d.mp4", "V A -c:v libx264 -preset ultrafast -c:a aac -metadata title=%s\u{1f3ac}{}")
            .small("h264")
            .stereo("aac")
            .lasts(2000),
    ]
}
