//! What an encoder that was killed has left.

use std::time::Duration;

use super::super::fragments::Index;
use super::super::*;
use super::fixture::{Film, SEGMENT, X264, ffmpeg, ffprobe, picture, sound};

/// Cuts the file of a rendition off.
fn shorten(film: &Film, folder: &str, length: u64) {
    std::fs::File::options().write(true).open(film.file(folder)).unwrap().set_len(length).unwrap();
}

fn index(film: &Film, folder: &str) -> Index {
    Index::read(film.file(folder), &CancellationToken::new()).unwrap().unwrap()
}

fn remove(film: &Film) {
    let _ = std::fs::remove_dir_all(film.made());
}

#[test]
fn every_length_gives_the_whole_fragments_or_says_that_there_are_none() {
    let film = Film::encode(&[&picture("32x32", "5", 6)], &[("video", &format!("{X264} -crf 51"))]);
    let whole = index(&film, "video");
    let full = std::fs::read(film.file("video")).unwrap();
    assert!(whole.finished && whole.fragments.len() == 3);
    for length in (0..=full.len()).rev() {
        shorten(&film, "video", length as u64);
        let expected = whole.fragments.iter().filter(|fragment| fragment.at + fragment.length <= length as u64).count();
        remove(&film);
        match film.package() {
            Ok(packaged) => {
                assert_eq!(packaged.renditions[0].segments.len(), expected, "{length} bytes");
                assert_eq!(packaged.cut_short, length < full.len(), "{length} bytes");
                // Reading back each of thousands would take long; what differs is seen in these.
                if length % 97 == 0 {
                    check(&film.made(), &CancellationToken::new()).unwrap();
                }
            }
            Err(PackageError::NothingWhole { .. }) => assert_eq!(expected, 0, "{length} bytes"),
            Err(error) => panic!("{length} bytes: {error}"),
        }
        let kept = whole_length(film.file("video"), &CancellationToken::new()).unwrap();
        let last = whole.fragments[..expected].last().map(|last| last.at + last.length);
        assert_eq!(kept, if length == full.len() { Some(length as u64) } else { last }, "{length} bytes");
    }
}

#[test]
fn all_renditions_end_where_the_shortest_video_ends() {
    let film = Film::ladder();
    let low = index(&film, "video/90");
    // The third fragment of the smaller one isn't whole, and the audio is a second behind the other.
    shorten(&film, "video/90", low.fragments[2].at + 100);
    let packaged = film.checked();
    assert!(packaged.cut_short);
    for rendition in &packaged.renditions {
        assert_eq!(rendition.segments.len(), 2, "{rendition:?}");
        // Audio ends with a fragment of its own.
        let over = rendition.end().checked_sub(Duration::from_secs(4)).unwrap();
        assert!(over < Duration::from_millis(550), "{rendition:?}");
    }
}

#[test]
fn audio_that_nothing_is_there_of_is_left_out_and_told() {
    let film = Film::ladder();
    shorten(&film, "audio/eng", 10);
    let packaged = film.checked();
    assert_eq!(packaged.missing, ["audio/eng"]);
    assert_eq!(packaged.renditions.len(), 2);
    assert!(packaged.cut_short);
}

#[test]
fn an_encoder_that_is_killed_leaves_a_package() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = format!("-nostdin -v error {} {}", picture("160x90", "25", 600), sound(600));
    let mut args: Vec<String> = format!("{inputs} -map 0:v {X264}").split_whitespace().map(str::to_owned).collect();
    args.extend(force_key_frames(SEGMENT));
    args.extend(VIDEO_MUXER.iter().map(|word| (*word).to_owned()));
    args.extend(["v.mp4", "-map", "1:a", "-c:a", "aac"].map(str::to_owned));
    args.extend(AUDIO_MUXER.iter().map(|word| (*word).to_owned()));
    args.push("a.mp4".to_owned());
    let mut child = std::process::Command::new("ffmpeg").args(&args).current_dir(folder.path()).spawn().unwrap();
    let (video, audio) = (folder.path().join("v.mp4"), folder.path().join("a.mp4"));
    while std::fs::metadata(&video).map_or(0, |meta| meta.len()) < 400_000 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let film = Film {
        folder,
        sources: vec![
            Source { path: video, folder: "video".into(), words: Words::Video { frame_rate: None } },
            Source {
                path: audio,
                folder: "audio".into(),
                words: Words::Audio { name: String::new(), language: None, default: true },
            },
        ],
    };
    let packaged = film.checked();
    assert!(packaged.cut_short && packaged.duration > Duration::from_secs(2), "{packaged:?}");
    let ends: Vec<f64> = packaged.renditions.iter().map(|rendition| rendition.end().as_secs_f64()).collect();
    assert!((ends[0] - ends[1]).abs() < 0.6, "{ends:?}");
}

#[test]
fn the_whole_part_of_a_muxed_file_plays() {
    let folder = tempfile::tempdir().unwrap();
    let args = format!(
        "{} {} -c:v libx264 -g 25 -c:a aac -f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof both.mp4",
        picture("160x90", "25", 6),
        sound(6)
    );
    ffmpeg(folder.path(), &args.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let path = folder.path().join("both.mp4");
    let token = CancellationToken::new();
    let full = std::fs::metadata(&path).unwrap().len();
    assert_eq!(whole_length(&path, &token).unwrap(), Some(full));
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(full * 3 / 4).unwrap();
    let whole = whole_length(&path, &token).unwrap().unwrap();
    assert!(whole < full * 3 / 4 && whole > full / 2);
    file.set_len(whole).unwrap();
    let args = "-xerror -err_detect explode -i both.mp4 -c copy out.mp4";
    ffmpeg(folder.path(), &args.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(ffprobe(&folder.path().join("out.mp4"), "codec_name"), "h264");
    std::fs::write(&path, b"no film at all, but long enough").unwrap();
    assert_eq!(whole_length(&path, &token).unwrap(), None);
}
