//! What an encoder has brought to its end.

use crate::transcode::package::codecs::VideoRange;
use crate::transcode::package::make::PackagedFile;
use crate::transcode::package::rendition::Piece;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::*;
use super::fixture::{Film, SEGMENT, X264, ffmpeg, ffprobe, picture, sound};

fn starts(rendition: &Rendition) -> Vec<f64> {
    let seconds = |piece: &Piece| f64::from(u32::try_from(piece.start).unwrap()) / f64::from(rendition.timescale);
    rendition.segments.iter().map(seconds).collect()
}

#[test]
fn a_ladder_becomes_segments_of_equal_times_and_manifests_over_them() {
    let film = Film::ladder();
    let packaged = film.checked();
    let [high, low, audio] = packaged.renditions.as_slice() else { panic!("{packaged:?}") };
    assert!(!packaged.cut_short && packaged.missing.is_empty());
    for video in [high, low] {
        let level = ffprobe(film.file(&video.folder), "profile,level");
        let told = u8::from_str_radix(&video.codec[9..], 16).unwrap();
        assert_eq!((level.as_str(), &video.codec[..9]), (format!("High,{told}").as_str(), "avc1.6400"));
        assert_eq!(starts(video), [0.0, 2.0, 4.0]);
        assert_eq!(video.end(), Duration::from_secs(6));
    }
    assert_eq!((audio.codec.as_str(), audio.segments.len()), ("mp4a.40.2", 3));
    assert_eq!(audio.end(), Duration::from_secs(6));
    assert_eq!(packaged.duration, Duration::from_secs(6));
    assert_eq!((packaged.hls, packaged.dash), (Some("master.m3u8"), Some("manifest.mpd")));
    for PackagedFile { path, bytes } in &packaged.files {
        let length = std::fs::metadata(film.made().join(path)).unwrap().len();
        assert!(length == *bytes && length > 0, "{path} has {length} bytes");
    }
    let Facts::Video { width: 320, height: 180, frame_rate, range: VideoRange::Sdr } = high.facts else {
        panic!("{high:?}")
    };
    assert_eq!((frame_rate.numerator, frame_rate.denominator), (25, 1));
}

#[test]
fn segments_begin_at_the_first_frame_after_each_multiple() {
    let video = format!("-map 0:v {X264}");
    let film = Film::encode(&[&picture("160x90", "24000/1001", 7)], &[("video", &video)]);
    let packaged = film.checked();
    let frame = 1001.0 / 24_000.0;
    assert_eq!(starts(&packaged.renditions[0]), [0.0, 48.0 * frame, 96.0 * frame, 144.0 * frame]);
    assert!(film.read("master.m3u8").contains("FRAME-RATE=23.976"));
    let playlist = film.read("video/index.m3u8");
    assert!(playlist.contains("#EXT-X-TARGETDURATION:2\n") && playlist.contains("#EXTINF:2.002000,"), "{playlist}");
}

#[test]
fn frames_at_odd_times_keep_the_rungs_together() {
    // A frame now and then, a hole of three seconds, and another clock than the encoder likes.
    let odd = "-fps_mode vfr -vf select='not(between(t,2.5,5.6))*gt(mod(n,7),1)',settb=1/90000";
    let (high, low) = (format!("-map 0:v {odd} {X264}"), format!("-map 0:v {odd},scale=80:44 {X264}"));
    let film = Film::encode(&[&picture("160x90", "30", 9)], &[("video/a", &high), ("video/b", &low)]);
    let packaged = film.checked();
    let [high, low] = packaged.renditions.as_slice() else { panic!("{packaged:?}") };
    assert_eq!(starts(high), starts(low));
    let starts = starts(high);
    assert_eq!(starts.len(), 5, "{starts:?}");
    assert!(starts[1] >= 2.0 && starts[1] < 2.2 && starts[2] > 5.5 && starts[2] < 5.8, "{starts:?}");
}

#[test]
fn what_begins_late_is_late_in_the_package_too() {
    let video = format!("-map 0:v -fps_mode passthrough {X264}");
    for (late_video, late_audio) in [("0", "0.5"), ("0.32", "0")] {
        let inputs = [
            format!("-itsoffset {late_video} {}", picture("160x90", "25", 5)),
            format!("-itsoffset {late_audio} {}", sound(5)),
        ];
        let film = Film::encode(&[&inputs[0], &inputs[1]], &[("video", &video), ("audio/eng", "-map 1:a -c:a aac")]);
        let packaged = film.checked();
        for (rendition, late) in packaged.renditions.iter().zip([late_video, late_audio]) {
            let begins = starts(rendition)[0] - late.parse::<f64>().unwrap();
            // Sound that begins late has what sets its decoder going before it.
            let early = if rendition.folder == "audio/eng" && late != "0" { 1024.0 / 48_000.0 } else { 0.0 };
            assert!((begins + early).abs() < 0.001, "{rendition:?}");
        }
    }
}

#[test]
fn audio_alone_makes_a_package() {
    let film = Film::encode(&[&sound(5)], &[("audio/eng", "-c:a aac")]);
    let packaged = film.checked();
    assert_eq!(packaged.duration, Duration::from_secs(5));
    let master = film.read("master.m3u8");
    assert!(master.ends_with("CODECS=\"mp4a.40.2\"\naudio/eng/index.m3u8\n"), "{master}");
    assert!(!master.contains("EXT-X-MEDIA"));
}

#[test]
fn languages_names_and_subtitles_are_told_and_harmless() {
    let video = format!("-map 0:v {X264}");
    let renditions = [
        ("video", video.as_str()),
        ("audio/ger", "-map 1:a -c:a aac -b:a 64k"),
        ("audio/fra", "-map 1:a -c:a aac -b:a 64k -ac 2"),
    ];
    let mut film = Film::encode(&[&picture("160x90", "25", 3), &sound(3)], &renditions);
    if let Words::Audio { name, default, .. } = &mut film.sources[2].words {
        *name = "Fr\"an\n#EXT-X-ENDLIST\n<&>\u{0}".to_owned();
        *default = true;
    }
    let path = film.folder.path().join("x.vtt");
    std::fs::write(&path, "WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n").unwrap();
    let (name, language) = ("]]><script>".to_owned(), Some("eng\"".to_owned()));
    let subtitles = Subtitles { path, folder: "text/0".into(), name, language, default: true, forced: false };
    let packaged = film.package_with(&[subtitles]).unwrap();
    check(&film.made(), &CancellationToken::new()).unwrap();
    let (master, manifest) = (film.read("master.m3u8"), film.read("manifest.mpd"));
    for line in [
        "TYPE=AUDIO,GROUP-ID=\"audio-1\",NAME=\"GER\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"1\",URI=\"audio/ger/index.m3u8\"",
        "TYPE=AUDIO,GROUP-ID=\"audio-1\",NAME=\"Fr'an #EXT-X-ENDLIST <&>\",LANGUAGE=\"fr\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio/fra/index.m3u8\"",
        "TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"]]><script>\",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI=\"text/0/index.m3u8\"",
        "AUDIO=\"audio-1\",SUBTITLES=\"text\"\nvideo/index.m3u8",
    ] {
        assert!(master.contains(line), "{line} isn't in {master}");
    }
    assert!(manifest.contains("<Label>Fr&quot;an #EXT-X-ENDLIST &lt;&amp;&gt;</Label>"), "{manifest}");
    assert!(manifest.contains("<Label>]]&gt;&lt;script&gt;</Label>"), "{manifest}");
    assert_eq!(manifest.matches("contentType=\"audio\"").count(), 2);
    assert!(packaged.files.iter().any(|file| file.path == "text/0/subtitles.vtt"));
}

#[test]
fn each_codec_has_its_name() {
    let rate = FrameRate { numerator: 25, denominator: 1 };
    let svt = format!("-c:v libsvtav1 -preset 12 {}", fixed_key_frames(SEGMENT, rate).join(" "));
    for (options, audio, codec, audio_codec) in [
        (
            "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none:pools=1:open-gop=0",
            "aac",
            "hvc1.1.6.L30.90",
            "mp4a.40.2",
        ),
        (&svt, "libopus", "av01.0.00M.08", "opus"),
        ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "libopus", "vp09.00.10.08", "opus"),
        ("-c:v libx264 -profile:v baseline -level 3.1", "flac -strict -2", "avc1.42c01f", "fLaC"),
        ("-c:v libx264 -profile:v high -level 3.1", "libmp3lame", "avc1.64001f", "mp4a.6B"),
    ] {
        let (video, audio) = (format!("-map 0:v {options}"), format!("-map 1:a -c:a {audio}"));
        let film = Film::encode(&[&picture("160x90", "25", 3), &sound(3)], &[("video", &video), ("audio/eng", &audio)]);
        let packaged = film.checked();
        let codecs: Vec<&str> = packaged.renditions.iter().map(|rendition| rendition.codec.as_str()).collect();
        assert_eq!(codecs, [codec, audio_codec]);
        assert_eq!(starts(&packaged.renditions[0]), [0.0, 2.0], "{codec}");
    }
}

#[test]
fn high_dynamic_range_is_told() {
    let x265 = "-c:v libx265 -preset ultrafast -tag:v hvc1 -pix_fmt yuv420p10le -x265-params log-level=none:open-gop=0";
    let colours = "-vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
                   -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let film = Film::encode(&[&picture("160x90", "25", 2)], &[("video", &format!("{x265} {colours}"))]);
    let packaged = film.checked();
    assert!(packaged.renditions[0].codec.starts_with("hvc1.2.4.L"), "{packaged:?}");
    assert!(film.read("master.m3u8").contains(",VIDEO-RANGE=PQ\n"));
    assert!(film.read("manifest.mpd").contains("TransferCharacteristics\" value=\"16\""));
}

#[test]
fn chapters_and_time_codes_of_the_input_make_no_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let chapters = ";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=one\n";
    let (meta, input) = (folder.path().join("meta.txt"), folder.path().join("in.mov"));
    std::fs::write(&meta, chapters).unwrap();
    let inputs = format!("{} {} -i {}", picture("160x90", "25", 4), sound(4), meta.display());
    let args = format!("{inputs} -map_metadata 2 -map_chapters 2 -timecode 10:00:00:00 -t 4 {}", input.display());
    ffmpeg(folder.path(), &args.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let input = format!("-i {}", input.display());
    let film = Film::encode(&[&input], &[("video", &format!("-map 0:v {X264}")), ("audio/eng", "-map 0:a -c:a aac")]);
    assert_eq!(film.checked().renditions.len(), 2);
}
