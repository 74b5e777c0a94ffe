//! Pictures whose rate, beginning or length is unusual, and interlaced ones.

use super::Source;
use super::bytes::{lie_in_mkv, lie_in_mp4, twice};

pub(super) fn sources() -> Vec<Source> {
    let mut sources = rates();
    sources.extend(fields());
    sources.extend(lengths());
    sources.extend(beginnings());
    sources
}

fn rates() -> Vec<Source> {
    let at = |name, how, fps| Source::new(name, how).video("h264", 160, 120, fps);
    vec![
        at("film.mp4", "V:160x120:24000/1001:2.002 -c:v libx264 -preset ultrafast", 23.976).lasts(2002),
        at("film.mkv", "V:160x120:24000/1001:2.002 A -c:v libx264 -preset ultrafast -c:a ac3", 23.976)
            .stereo("ac3")
            .lasts(2002),
        at("59.94.mp4", "V:160x120:60000/1001:1.001 -c:v libx264 -preset ultrafast", 59.94).lasts(1001),
        at("12.5.mp4", "V:160x120:25/2:2 -c:v libx264 -preset ultrafast", 12.5).lasts(2000),
        at("120.mp4", "V:160x120:120:1 -c:v libx264 -preset ultrafast", 120.0).lasts(1000),
        at("slow.mp4", "V:160x120:1:3 -c:v libx264 -preset ultrafast", 1.0).lasts(3000),
        at(
            "variable.mp4",
            "V:160x120:25:2 A -vf select='not(mod(n,3))+lt(n,12)' -fps_mode vfr -c:v libx264 -preset ultrafast -c:a aac",
            0.0,
        )
        .stereo("aac")
        .lasts(2000),
        at(
            "variable.mkv",
            "V:160x120:50:2 -vf select='lt(n,10)+gt(n,60)' -fps_mode vfr -c:v libx264 -preset ultrafast",
            0.0,
        )
        .lasts(2000),
    ]
}

fn fields() -> Vec<Source> {
    let fields = |name, how, codec| Source::new(name, how).small(codec).interlaced().lasts(1000);
    vec![
        fields(
            "top-first.mp4",
            "V:160x120:50:1 -vf tinterlace=4:vlpf -c:v libx264 -preset ultrafast -flags +ildct+ilme -x264-params tff=1",
            "h264",
        ),
        fields(
            "bottom-first.mkv",
            "V:160x120:50:1 -vf tinterlace=5,setfield=bff -c:v libx264 -preset ultrafast -flags +ildct+ilme -x264-params bff=1",
            "h264",
        ),
        fields(
            "fields.ts",
            "V:160x120:50:1 A::48000:1 -vf tinterlace=interleave_bottom -c:v mpeg2video -flags +ildct+ilme -c:a mp2",
            "mpeg2video",
        )
        .stereo("mp2"),
        fields(
            "bottom-first.mpg",
            "V:160x120:50:1 -vf tinterlace=5,setfield=bff -c:v mpeg2video -flags +ildct+ilme -f vob",
            "mpeg2video",
        ),
    ]
}

fn lengths() -> Vec<Source> {
    let x264 = |name, how| Source::new(name, how).small("h264");
    vec![
        x264("one-frame.mp4", "V:160x120:25:1 -frames:v 1 -c:v libx264 -preset ultrafast").lasts(40),
        x264("one-frame.mkv", "V:160x120:25:0.04 A::48000:1 -c:v libx264 -preset ultrafast -c:a aac")
            .stereo("aac")
            .uneven()
            .lasts(1000),
        x264("very-short.mp4", "V:160x120:25:0.12 A::48000:0.12 -c:v libx264 -preset ultrafast -c:a aac")
            .stereo("aac")
            .lasts(120),
        x264("sound-longer.mp4", "V:160x120:25:1 A::48000:2.5 -c:v libx264 -preset ultrafast -c:a aac")
            .stereo("aac")
            .uneven()
            .lasts(2500),
        x264("sound-shorter.mkv", "V:160x120:25:2.5 A::48000:1 -c:v libx264 -preset ultrafast -c:a aac")
            .stereo("aac")
            .uneven()
            .lasts(2500),
        x264("lying.mp4", "V A -c:v libx264 -preset ultrafast -c:a aac").stereo("aac").then(lie_in_mp4).lasts(2000),
        x264("lying.mkv", "V A -c:v libx264 -preset ultrafast -c:a aac").stereo("aac").then(lie_in_mkv).lasts(2021),
    ]
}

fn beginnings() -> Vec<Source> {
    let x264 = |name, how| Source::new(name, how).small("h264").stereo("aac");
    vec![
        x264("sound-late.mkv", "V:160x120:25:2 -itsoffset 0.7 A::48000:1 -c:v libx264 -preset ultrafast -c:a aac").uneven().lasts(2000),
        x264("sound-late.mp4", "V:160x120:25:2 -itsoffset 0.7 A::48000:1 -c:v libx264 -preset ultrafast -c:a aac").uneven().lasts(2000),
        x264("sound-early.mp4", "-itsoffset 0.5 V:160x120:25:1 A::48000:1.5 -c:v libx264 -preset ultrafast -c:a aac").uneven().lasts(1500),
        x264("late.ts", "V A -c:v libx264 -preset ultrafast -c:a aac -output_ts_offset 3600").lasts(2000),
        x264("late.mkv", "V A -c:v libx264 -preset ultrafast -c:a aac -output_ts_offset 100").lasts(2021),
        x264(
            "jump.ts",
            "V A -c:v libx264 -preset ultrafast -c:a aac -bsf:v setts=ts=TS+gte(PTS\\,1)*900 -bsf:a setts=ts=TS+gte(PTS\\,1)*900",
        )
        .untimely(),
        x264("anew.ts", "V A -c:v libx264 -preset ultrafast -c:a aac").then(twice).untimely(),
        Source::new(
            "black-first.mp4",
            "V:160x120:25:2 A -vf drawbox=t=fill:color=black:enable='lt(t,1)' -c:v libx264 -preset ultrafast -c:a aac",
        )
        .small("h264")
        .stereo("aac")
        .lasts(2000),
    ]
}
