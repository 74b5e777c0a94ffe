//! Packages in the players and parsers of other people.

use std::process::Command;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::*;
use super::browser::{Driver, play, players, serve};
use super::fixture::{Film, X264, picture, sound};

/// Plays packages with both players, in one browser; gives what each has found.
async fn played(films: &[&Film]) -> Vec<Value> {
    played_so(films, "").await
}

/// Plays with more to say to the player's page.
async fn played_so(films: &[&Film], more: &str) -> Vec<Value> {
    let driver = Driver::start();
    let browser = driver.browser().await;
    let mut found = Vec::new();
    for film in films {
        let address = serve(film.made(), players());
        for manifest in ["hls=/package/master.m3u8", "dash=/package/manifest.mpd"] {
            let result = play(&browser, &format!("{address}/player.html?{manifest}{more}")).await;
            assert_eq!(result["errors"], json!([]), "{manifest}: {result}");
            assert_eq!(result["ended"], true, "{manifest}: {result}");
            found.push(result);
        }
    }
    browser.close().await.unwrap();
    found
}

/// A time of what the browser has buffered, in seconds of the package.
fn buffered(found: &Value, kind: &str, which: &str) -> f64 {
    let buffer = &found["buffered"][kind];
    assert_eq!(buffer["ranges"], 1, "{found}");
    // hls.js moves picture and sound together when the picture begins late.
    buffer[which].as_f64().unwrap() - buffer["offset"].as_f64().unwrap()
}

/// Sound and picture may be so far apart, in seconds; nobody hears a fifth of a frame.
const IN_SYNC: f64 = 0.005;

#[tokio::test]
async fn both_players_play_a_ladder_to_its_end_in_sync() {
    let film = Film::ladder();
    film.checked();
    for found in played(&[&film]).await {
        assert_eq!((&found["levels"], &found["warnings"]), (&json!(2), &json!([])), "{found}");
        for kind in ["video", "audio"] {
            assert!(buffered(&found, kind, "start").abs() < IN_SYNC, "{found}");
            assert!((buffered(&found, kind, "end") - 6.0).abs() < IN_SYNC, "{found}");
        }
    }
}

#[tokio::test]
async fn both_players_change_between_renditions_whose_frames_are_ordered_differently() {
    let high = format!("-map 0:v {X264}");
    let low = "-map 0:v -s 160x90 -c:v libx264 -preset ultrafast";
    let renditions = [("video/a", high.as_str()), ("video/b", low), ("audio/eng", "-map 1:a -c:a aac")];
    let film = Film::encode(&[&picture("320x180", "25", 10), &sound(10)], &renditions);
    film.checked();
    for found in played_so(&[&film], "&change&rate=4").await {
        let sizes = found["sizes"].as_array().unwrap();
        assert!(sizes.contains(&json!("160x90")) && sizes.last() == Some(&json!("320x180")), "{found}");
        assert!(buffered(&found, "video", "start").abs() < IN_SYNC, "{found}");
        assert!((buffered(&found, "video", "end") - 10.0).abs() < IN_SYNC, "{found}");
    }
}

#[tokio::test]
async fn both_players_play_what_begins_late_in_sync() {
    let video = format!("-map 0:v -fps_mode passthrough {X264}");
    for (late_video, late_audio) in [("0", "0.5"), ("0.32", "0")] {
        let inputs = [
            format!("-itsoffset {late_video} {}", picture("160x90", "25", 5)),
            format!("-itsoffset {late_audio} {}", sound(5)),
        ];
        let film = Film::encode(&[&inputs[0], &inputs[1]], &[("video", &video), ("audio/eng", "-map 1:a -c:a aac")]);
        film.checked();
        for found in played(&[&film]).await {
            for (kind, late) in [("video", late_video), ("audio", late_audio)] {
                let end = 5.0 + late.parse::<f64>().unwrap();
                assert!((buffered(&found, kind, "end") - end).abs() < IN_SYNC, "{found}");
            }
        }
    }
}

#[tokio::test]
async fn both_players_play_what_a_killed_encoder_has_left() {
    let film = Film::ladder();
    for (folder, part) in [("video/90", 66), ("video/180", 90), ("audio/eng", 90)] {
        let open = std::fs::File::options().write(true).open(film.file(folder)).unwrap();
        open.set_len(open.metadata().unwrap().len() * part / 100).unwrap();
    }
    let packaged = film.checked();
    assert!(packaged.cut_short);
    let length = packaged.duration.as_secs_f64();
    assert!((2.0..4.6).contains(&length), "{length}");
    for found in played(&[&film]).await {
        assert!((found["duration"].as_f64().unwrap() - length).abs() < IN_SYNC, "{found} of {length}");
    }
}

#[tokio::test]
async fn both_players_offer_languages_and_subtitles() {
    let aac = ["-map 1:a -c:a aac", "-map 2:a -c:a aac -ac 2"];
    for picture_too in [true, false] {
        let video = format!("-map 0:v {X264}");
        let mut renditions = vec![("audio/ger", aac[0]), ("audio/fre", aac[1])];
        if picture_too {
            renditions.push(("video", &video));
        }
        let film = Film::encode(&[&picture("160x90", "25", 3), &sound(3), &sound(3)], &renditions);
        let path = film.folder.path().join("x.vtt");
        std::fs::write(&path, "WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n").unwrap();
        let (folder, language) = ("text/0".to_owned(), Some("eng".to_owned()));
        let subtitles = Subtitles { path, folder, name: "English".into(), language, default: true, forced: false };
        let subtitles = if picture_too { vec![subtitles] } else { Vec::new() };
        film.package_with(&subtitles).unwrap();
        check(&film.made(), &CancellationToken::new()).unwrap();
        for found in played(&[&film]).await {
            assert_eq!(found["tracks"], json!(["GER de", "FRE fr"]), "{found}");
            assert_eq!(found["texts"], json!(if picture_too { vec!["en: Hello"] } else { Vec::new() }), "{found}");
        }
    }
}

#[tokio::test]
async fn both_players_play_free_codecs_and_sound_alone() {
    let av1 = ("video", "-map 0:v -c:v libsvtav1 -preset 12 -g 50");
    let vp9 = ("video", "-map 0:v -c:v libvpx-vp9 -deadline realtime -cpu-used 8");
    let flac = ("audio/eng", "-map 1:a -c:a flac -strict -2");
    let opus = ("audio/eng", "-map 1:a -c:a libopus");
    let aac = ("audio/eng", "-map 1:a -c:a aac");
    let films = [vec![av1, opus], vec![vp9, flac], vec![opus], vec![aac]].map(|renditions| {
        let film = Film::encode(&[&picture("160x90", "25", 3), &sound(3)], &renditions);
        film.checked();
        film
    });
    for found in played(&films.each_ref()).await {
        assert!((buffered(&found, "audio", "end") - 3.0).abs() < IN_SYNC, "{found}");
    }
}

#[test]
fn parsers_of_others_find_what_was_packaged() {
    let film = Film::encode(
        &[&picture("320x180", "30000/1001", 5), &sound(5)],
        &[
            ("video/a", &format!("-map 0:v {X264}")),
            ("video/b", &format!("-map 0:v {X264} -s 160x90")),
            ("audio/ger", "-map 1:a -c:a aac"),
            ("audio/eng", "-map 1:a -c:a aac"),
        ],
    );
    let packaged = film.checked();
    let output = Command::new("node").arg(players().join("parse.mjs")).arg(film.made()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["warnings"], json!([]), "{found}");
    let (hls, dash) = (&found["hls"], &found["dash"]);
    for at in [0, 1] {
        let rendition = &packaged.renditions[at];
        let audio = packaged.renditions[2..].iter().map(|audio| audio.bandwidth_bps).max().unwrap();
        let variant = &hls["variants"][at];
        assert_eq!(variant["codecs"], format!("{},mp4a.40.2", rendition.codec));
        assert_eq!(variant["bandwidth"], rendition.bandwidth_bps + audio);
        assert!((variant["rate"].as_f64().unwrap() - 29.97).abs() < 0.001, "{variant}");
        assert_eq!(dash["variants"][at]["codecs"], rendition.codec);
        assert_eq!(dash["variants"][at]["bandwidth"], rendition.bandwidth_bps);
        assert_eq!(dash["variants"][at]["segments"], rendition.segments.len());
    }
    assert_eq!(hls["variants"][1]["resolution"], json!({"width": 160, "height": 90}));
    assert_eq!(hls["audio"][0], json!({"name": "GER", "uri": "audio/ger/index.m3u8", "language": "de", "first": true}));
    for media in hls["media"].as_array().unwrap() {
        assert_eq!((&media["endList"], &media["playlistType"]), (&json!(true), &json!("VOD")));
        assert!((media["seconds"].as_f64().unwrap() - 5.0).abs() < 0.01, "{media}");
    }
    assert_eq!(dash["endList"], true);
    assert_eq!(dash["audio"].as_array().unwrap().len(), 2);
    assert!(dash["variants"][0]["last"].as_str().unwrap().ends_with("/video/a/00003.m4s"), "{dash}");
}
