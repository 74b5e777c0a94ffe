//! Pictures whose colours or depth are unusual.

use super::Source;

pub(super) fn sources() -> Vec<Source> {
    let x264 = |name, how| Source::new(name, how).small("h264").lasts(1000);
    vec![
        Source::new(
            "hdr10.mp4",
            "V:320x180:25:1 A::48000:1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc -color_primaries \
             bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv -x265-params log-level=none:hdr10=1:\
             repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display=\
             G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1) -c:a aac",
        )
        .video("hevc", 320, 180, 25.0)
        .bits(10)
        .transfer("smpte2084")
        .mastered("G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)", "1000,400")
        .stereo("aac")
        .lasts(1000),
        Source::new(
            "hlg.mkv",
            "V:320x180:25:1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -vf setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc -color_primaries bt2020 -color_trc \
             arib-std-b67 -colorspace bt2020nc -x265-params \
             log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
        )
        .video("hevc", 320, 180, 25.0)
        .bits(10)
        .transfer("arib-std-b67")
        .lasts(1000),
        Source::new("hevc-10-bits.mkv", "V:160x120:25:1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none")
            .small("hevc")
            .bits(10)
            .lasts(1000),
        x264("10-bits.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le").bits(10),
        x264("422.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -pix_fmt yuv422p"),
        x264("444.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -pix_fmt yuv444p"),
        x264("grey.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -pix_fmt gray"),
        x264("rgb.mp4", "V:160x120:25:1 -c:v libx264rgb -preset ultrafast -pix_fmt rgb24"),
        x264("full-range.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -pix_fmt yuvj420p"),
        x264("bt601.mp4", "V:160x120:25:1 -c:v libx264 -preset ultrafast -vf setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m -colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m"),
        Source::new("16-bits.mkv", "V:160x120:25:1 -c:v ffv1 -level 3 -pix_fmt gray16le").small("ffv1").bits(16).lasts(1000),
        Source::new("high.mov", "V:160x120:25:1 -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le").small("prores").bits(12).lasts(1000),
    ]
}
