//! Still pictures: at the times that were asked for, not black where none was, in sheets that a player can use.

use std::path::Path;

use serde_json::json;
use transcoded::domain::failure::FailureCode as C;
use transcoded::domain::job::Phase;
use transcoded::transcode::{Controls, End};

use super::world::{Witness, World, cli, decodes, grey, spec};

/// Two seconds of black, then four of a test picture.
fn black_lead(world: &World) {
    world.clip(
        "-f lavfi -i color=black:size=160x120:rate=25:duration=2 -f lavfi -i testsrc2=size=160x120:rate=25:duration=4 \
         -filter_complex concat=n=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        "lead.mp4",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_is_not_black_unless_everything_is() {
    let world = World::new();
    black_lead(&world);
    world.clip("-f lavfi -i color=black:size=160x120:rate=25:duration=2 -c:v libx264 -preset ultrafast", "dark.mp4");
    for name in ["poster.jpg", "poster.png", "poster.webp"] {
        let (job, output) = world.one_of("lead.mp4", json!({ "name": name, "video": { "width": 80 } })).await;
        let video = output.media.unwrap().video.unwrap();
        assert_eq!((video.width, video.height), (80, 60), "{name}");
        assert!(grey(&world.files.output(job, 1, name)) > 60, "{name}");
    }
    let (job, _) = world.one_of("dark.mp4", json!({ "name": "poster.jpg" })).await;
    assert!(grey(&world.files.output(job, 1, "poster.jpg")) < 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_is_not_black_where_only_the_first_picture_is_a_key_frame() {
    let world = World::new();
    // Two seconds between darkness that can only be decoded from the start of the file.
    let dark = |seconds| format!("-f lavfi -i color=black:size=160x120:rate=25:duration={seconds}");
    let film = format!("{} -f lavfi -i testsrc2=size=160x120:rate=25:duration=2 {}", dark(6), dark(4));
    for (encoder, name) in [
        ("mpeg2video -g 600 -sc_threshold 1000000000", "film.ts"),
        ("mpeg2video -g 600 -sc_threshold 1000000000 -muxpreload 0", "film.mpg"),
        ("libx264 -preset ultrafast -g 600 -sc_threshold 0", "other.ts"),
        ("libx264 -preset ultrafast -g 600 -sc_threshold 0", "film.h264"),
    ] {
        world.clip(&format!("{film} -filter_complex concat=n=3 -c:v {encoder} -pix_fmt yuv420p"), name);
        let trim = json!({ "end_ms": 12_000 });
        let (job, _) = world.one_of(name, json!({ "name": "poster.jpg", "trim": trim })).await;
        let grey = grey(&world.files.output(job, 1, "poster.jpg"));
        assert!(grey > 60, "{name}: {grey}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_taken_at_the_time_that_was_asked_for() {
    let world = World::new();
    black_lead(&world);
    let outputs = json!([
        { "name": "black.jpg", "picture": { "at_ms": 1000 } },
        { "name": "bright.jpg", "picture": { "at_ms": 3000 } },
        { "name": "film.mp4", "copy": "never", "video": { "speed": "ultrafast" } },
    ]);
    let (job, _) = world.succeed_as(json!({ "input": "lead.mp4", "outputs": outputs })).await;
    assert!(grey(&world.files.output(job, 1, "black.jpg")) < 30);
    assert!(grey(&world.files.output(job, 1, "bright.jpg")) > 60);
    let late = json!({ "input": "lead.mp4", "outputs": [{ "name": "a.jpg", "picture": { "at_ms": 9000 } }] });
    assert_eq!(world.fail(late).await.code, C::TrimBeyondEnd);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_picture_is_taken_up_to_the_end_and_none_beyond() {
    let world = World::new();
    black_lead(&world);
    // The sound goes on for a second, and neither begins with the other.
    world.clip("-itsoffset 0.5 -i {lead.mp4} -f lavfi -i sine=duration=7.5 -c:v copy -c:a aac", "sound.mp4");
    world.clip("-i {sound.mp4} -c copy", "sound.mkv");
    for (input, end_ms) in [("lead.mp4", 6000), ("sound.mp4", 6500), ("sound.mkv", 6500)] {
        for time in [end_ms - 50, end_ms - 15] {
            let outputs = json!([
                { "name": "a.jpg", "picture": { "at_ms": time } },
                { "name": "shots", "thumbnails": { "at_ms": [1000, time] } },
                { "name": "part", "thumbnails": { "at_ms": [0, time - 2000] }, "trim": { "start_ms": 2000 } },
            ]);
            let (_, outputs) = world.succeed_as(json!({ "input": input, "outputs": outputs })).await;
            assert_eq!((outputs[1].files, outputs[2].files), (Some(2), Some(2)), "{input}, {time}");
        }
        let late = json!({ "name": "a.jpg", "picture": { "at_ms": end_ms + 40 } });
        let shots = json!({ "name": "shots", "thumbnails": { "at_ms": [0, end_ms + 40, 9000] } });
        for output in [late, shots] {
            let failure = world.fail(json!({ "input": input, "outputs": [output] })).await;
            let moment = f64::from(end_ms + 40) / 1000.0;
            assert_eq!(failure.code, C::TrimBeyondEnd, "{input}: {failure}");
            assert!(failure.message.contains(&format!("picture at {moment:.3} s")), "{input}: {failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_after_an_end_that_nobody_knew_is_told_with_its_time() {
    let world = World::new();
    black_lead(&world);
    world.clip("-i {lead.mp4} -c copy", "lead.ts");
    let shots = |times: &[u64]| json!({ "name": "shots", "thumbnails": { "at_ms": times } });
    for output in [
        json!({ "name": "a.jpg", "picture": { "at_ms": 60_000 } }),
        shots(&[0, 60_000, 70_000]),
        shots(&[60_000]),
        shots(&[0, 60_000]),
    ] {
        for outputs in [json!([output]), json!([output, { "name": "poster.png" }])] {
            let failure = world.fail(json!({ "input": "lead.ts", "outputs": outputs })).await;
            assert_eq!(failure.code, C::TrimBeyondEnd, "{outputs}: {failure}");
            assert!(failure.message.contains("picture at 60.000 s, where the input has ended"), "{outputs}: {failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbnails_come_at_times_at_intervals_or_evenly_spread() {
    let world = World::new();
    black_lead(&world);
    for (thumbnails, expected) in [
        (json!({ "at_ms": [0, 1500, 5900] }), 3),
        (json!({ "every_ms": 1000 }), 6),
        (json!({ "count": 4, "format": "png" }), 4),
        (json!({}), 10),
    ] {
        let (job, output) = world
            .one_of("lead.mp4", json!({ "name": "shots", "thumbnails": thumbnails, "video": { "height": 60 } }))
            .await;
        assert_eq!(output.files, Some(expected), "{thumbnails}");
        let folder = world.files.output(job, 1, "shots");
        let ending = thumbnails["format"].as_str().unwrap_or("jpg");
        for number in 1..=expected {
            assert!(decodes(&folder.join(format!("{number:05}.{ending}"))), "{thumbnails} {number}");
        }
        assert!(grey(&folder.join(format!("00001.{ending}"))) < 30, "the first one is of the black lead");
        assert!(grey(&folder.join(format!("{expected:05}.{ending}"))) > 60, "the last one isn't");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_interlaced_films_are_whole_ones() {
    let world = World::new();
    // All lines of a frame are equal, those of two fields aren't.
    let stripes = "geq=lum=255*mod(floor((X+6*N)/20)\\,2):cb=128:cr=128";
    world.clip(
        &format!(
            "-f lavfi -i nullsrc=size=160x120:rate=50:duration=2,format=yuv420p,{stripes},interlace=lowpass=0 \
             -c:v mpeg2video -q:v 2 -flags +ilme+ildct"
        ),
        "fields.ts",
    );
    for (deinterlace, combed) in [("auto", false), ("never", true)] {
        let video = json!({ "deinterlace": deinterlace });
        let outputs = json!([
            { "name": "a.png", "picture": { "at_ms": 1000 }, "video": video },
            { "name": "shots", "thumbnails": { "at_ms": [0, 500, 1500], "format": "png" }, "video": video },
            { "name": "board", "storyboard": { "every_ms": 500, "columns": 1, "rows": 1 }, "video": video },
        ]);
        let (job, outputs) = world.succeed_as(json!({ "input": "fields.ts", "outputs": outputs })).await;
        assert_eq!((outputs[1].files, outputs[2].files), (Some(3), Some(5)), "{deinterlace}");
        for picture in ["a.png", "shots/00002.png", "shots/00003.png", "board/00002.jpg"] {
            let combing = combing(&world.files.output(job, 1, picture));
            assert!(if combed { combing > 20 } else { combing < 5 }, "{deinterlace}, {picture}: {combing}");
        }
    }
}

/// How much each line of a picture of 160x120 differs from the next one, on average: 0 to 255.
fn combing(picture: &Path) -> u32 {
    let grey =
        cli().arg("-i").arg(picture).args(["-vf", "format=gray", "-f", "rawvideo", "-"]).output().unwrap().stdout;
    let lines: Vec<&[u8]> = grey.chunks(160).collect();
    assert_eq!(lines.len(), 120, "{}", picture.display());
    let between = lines.windows(2).flat_map(|pair| pair[0].iter().zip(pair[1]));
    between.map(|(one, next)| u32::from(one.abs_diff(*next))).sum::<u32>() / (160 * 119)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_thumbnails_are_as_many_as_were_asked_for() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=32x32:rate=25:duration=120 -c:v libx264 -preset ultrafast", "film.mp4");
    let times: Vec<u64> = (0..200).map(|place| place * 590 + place % 7).collect();
    for (thumbnails, expected) in [(json!({ "at_ms": times }), 200), (json!({ "count": 2500 }), 2500)] {
        let output = world.one("film.mp4", json!({ "name": "shots", "thumbnails": thumbnails })).await;
        assert_eq!(output.files, Some(expected), "{thumbnails}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storyboard_tells_a_player_where_each_picture_is() {
    let world = World::new();
    black_lead(&world);
    let board = json!({ "every_ms": 500, "width": 64, "columns": 3, "rows": 2 });
    let (job, output) = world.one_of("lead.mp4", json!({ "name": "board", "storyboard": board })).await;
    // Twelve pictures of 64x48, six on a sheet, and the file about them.
    assert_eq!((output.files, output.links["vtt"].as_str()), (Some(3), "storyboard.vtt"));
    let video = output.media.unwrap().video.unwrap();
    assert_eq!((video.width, video.height), (192, 96));
    let folder = world.files.output(job, 1, "board");
    let text = std::fs::read_to_string(folder.join("storyboard.vtt")).unwrap();
    let cues: Vec<&str> = text.lines().filter(|line| line.contains("#xywh=")).collect();
    assert_eq!(cues.len(), 12);
    assert_eq!((cues[0], cues[11]), ("00001.jpg#xywh=0,0,64,48", "00002.jpg#xywh=128,48,64,48"));
    assert!(text.contains("00:00:05.520 --> 00:00:06.000"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_makes_no_picture() {
    let world = World::new();
    world.clip("-f lavfi -i sine=duration=1 -c:a flac", "sound.flac");
    for output in [
        json!({ "name": "a.jpg" }),
        json!({ "name": "t", "thumbnails": { "count": 2 } }),
        json!({ "name": "s", "storyboard": {} }),
    ] {
        let failure = world.fail(json!({ "input": "sound.flac", "outputs": [output] })).await;
        assert_eq!(failure.code, C::StreamMissing, "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_picture_is_larger_than_its_format_holds() {
    let world = World::new();
    world.clip("-f lavfi -i color=size=64x2048:rate=5:duration=1 -c:v libx264 -preset ultrafast", "tall.mp4");
    world.clip("-f lavfi -i color=size=16400x16:rate=5:duration=1 -c:v ffv1", "wide.mkv");
    let board = |width, rows| json!({ "name": "board", "storyboard": { "width": width, "columns": 10, "rows": rows } });
    for (input, output, size, most) in [
        ("tall.mp4", board(160, 13), "1600x66560", "65500 a side"),
        ("tall.mp4", board(640, 2), "6400x40960", "134217728 in all"),
        ("wide.mkv", json!({ "name": "a.webp" }), "16400x16", "16383 a side"),
    ] {
        let failure = world.fail(json!({ "input": input, "outputs": [output] })).await;
        assert_eq!(failure.code, C::EncoderUnavailable, "{failure}");
        assert!(failure.message.contains(size) && failure.message.contains(most), "{failure}");
    }
    for (input, output) in [
        ("tall.mp4", board(160, 12)),
        ("wide.mkv", json!({ "name": "a.webp", "video": { "width": 8000 } })),
        ("wide.mkv", json!({ "name": "a.jpg" })),
    ] {
        world.one(input, output).await;
    }
}

/// ffmpeg reports nothing before the last of its outputs has begun, and a sheet begins when it is full.
#[tokio::test(flavor = "multi_thread")]
async fn a_percentage_is_told_while_the_first_sheet_is_not_yet_full() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=640x360:rate=25:duration=60 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        "film.mp4",
    );
    let film = json!({ "name": "a.mp4", "copy": "never", "video": { "codec": "h264", "speed": "veryfast" } });
    let sheets = json!({ "name": "s", "storyboard": { "every_ms": 1000 } });
    let shots = json!({ "name": "t", "thumbnails": { "every_ms": 2000 } });
    for outputs in [json!([film, sheets]), json!([sheets, shots]), json!([sheets])] {
        let spec = spec(json!({ "input": "film.mp4", "outputs": outputs }));
        let witness = Witness::default();
        let (_, outcome) = world.run(&spec, &Controls::default(), &witness).await;
        assert!(matches!(outcome.end, End::Succeeded(_)), "{:?}", outcome.end);
        let told = witness.progress.into_inner().unwrap();
        let told: Vec<f64> = told
            .iter()
            .filter(|progress| progress.phase == Phase::Transcoding)
            .filter_map(|progress| progress.percent)
            .filter(|percent| (1.0..90.0).contains(percent))
            .collect();
        assert!(!told.is_empty() && told.is_sorted(), "{outputs}: {told:?}");
    }
}
