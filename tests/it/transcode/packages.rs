//! HLS and DASH packages: complete, playable, in a ladder that suits the input, and finished even when they are cancelled.

use serde_json::json;
use transcoded::domain::failure::FailureCode as C;
use transcoded::domain::job::{CancelReason, Phase};
use transcoded::transcode::{Controls, End};

use super::world::{Witness, World, decodes, spec};

fn film(world: &World, seconds: u32) {
    let clip = format!(
        "-f lavfi -i testsrc2=size=320x240:rate=25:duration={seconds} -f lavfi -i sine=duration={seconds}:sample_rate=48000 \
         -f lavfi -i sine=frequency=900:duration={seconds}:sample_rate=48000 -map 0 -map 1 -map 2 -c:v libx264 \
         -preset ultrafast -pix_fmt yuv420p -c:a aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu"
    );
    world.clip(&clip, "film.mkv");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_has_a_ladder_every_sound_and_both_manifests() {
    let world = World::new();
    film(&world, 5);
    let output = json!({ "name": "stream", "package": { "segment_ms": 2000, "ladder": [{ "height": 240 }, { "height": 120 }, { "height": 1080 }] },
        "video": { "speed": "ultrafast" }, "audio": { "tracks": "all" } });
    let (job, output) = world.one_of("film.mkv", output).await;
    let media = output.media.unwrap();
    let video = media.video.unwrap();
    assert_eq!((video.codec.as_str(), video.width, video.height, media.audio_tracks), ("h264", 320, 240, 2));
    assert!(media.duration_ms.unwrap().abs_diff(5000) < 60, "{:?}", media.duration_ms);
    let folder = world.files.output(job, 1, "stream");
    for file in ["master.m3u8", "manifest.mpd", "video/240p/00003.m4s", "video/120p/init.mp4", "audio/2/index.m3u8"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    assert!(!folder.join("video/1080p").exists(), "nothing is enlarged");
    let master = std::fs::read_to_string(folder.join("master.m3u8")).unwrap();
    assert!(
        master.contains("LANGUAGE=\"en\"") && master.contains("LANGUAGE=\"de\"") && master.contains("mp4a.40.2"),
        "{master}"
    );
    assert!(decodes(&folder.join("master.m3u8")) && decodes(&folder.join("video/120p/index.m3u8")));
    assert_eq!((output.links["hls"].as_str(), output.links["dash"].as_str()), ("master.m3u8", "manifest.mpd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_begins_with_the_sound_that_the_input_begins_with() {
    let world = World::new();
    film(&world, 2);
    world.clip(
        "-i {film.mkv} -map 0 -c copy -disposition:a:0 0 -disposition:a:1 default -default_mode passthrough",
        "second.mkv",
    );
    for (tracks, first) in [(json!("all"), "de"), (json!([{ "track": 0 }, { "track": 1 }]), "en")] {
        let output =
            json!({ "name": "s", "package": {}, "video": { "speed": "ultrafast" }, "audio": { "tracks": tracks } });
        let (job, _) = world.one_of("second.mkv", output).await;
        let master = std::fs::read_to_string(world.files.output(job, 1, "s").join("master.m3u8")).unwrap();
        let default: Vec<&str> = master.lines().filter(|line| line.contains("DEFAULT=YES")).collect();
        assert!(default.len() == 1 && default[0].contains(&format!("LANGUAGE=\"{first}\"")), "{tracks}: {master}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_may_have_one_manifest_sound_alone_or_subtitles() {
    let world = World::new();
    film(&world, 3);
    std::fs::write(world.path("a.srt"), "1\n00:00:00,100 --> 00:00:00,900\nHello\n").unwrap();
    world.clip(
        "-i {film.mkv} -i {a.srt} -map 0:v -map 0:a:0 -map 1 -c copy -c:s srt -metadata:s:s:0 language=eng",
        "subs.mkv",
    );
    let speed = json!({ "speed": "ultrafast" });
    let hls = json!({ "name": "s", "package": { "formats": ["hls"], "segment_ms": 1000 }, "video": speed });
    let (job, made) = world.one_of("film.mkv", hls).await;
    assert!(made.links.contains_key("hls") && !made.links.contains_key("dash"));
    assert!(!world.files.output(job, 1, "s/manifest.mpd").exists());
    let sound = json!({ "name": "s", "package": {}, "video": { "codec": "none" }, "audio": { "codec": "opus" } });
    let (_, made) = world.one_of("film.mkv", sound).await;
    assert!(made.media.unwrap().video.is_none());
    let texts = json!({ "name": "s", "package": {}, "video": speed, "subtitles": { "tracks": "all" } });
    let (job, made) = world.one_of("subs.mkv", texts).await;
    assert_eq!(made.media.unwrap().subtitle_tracks, 1);
    let master = std::fs::read_to_string(world.files.output(job, 1, "s").join("master.m3u8")).unwrap();
    assert!(master.contains("TYPE=SUBTITLES"), "{master}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_cancelled_is_finished_and_plays() {
    let world = World::new();
    film(&world, 2);
    world.clip("-stream_loop 300 -i {film.mkv} -c copy", "long.mkv");
    let output = json!({ "name": "stream", "package": { "segment_ms": 2000 }, "video": { "speed": "ultrafast" } });
    let controls = Controls::default();
    let witness = Witness { stop_at: Some((Phase::Transcoding, controls.clone())), ..Witness::default() };
    let (job, outcome) =
        world.run(&spec(json!({ "input": "long.mkv", "outputs": [output] })), &controls, &witness).await;
    assert_eq!(controls.reason(), CancelReason::Client);
    let End::Stopped { outputs, note: None, .. } = outcome.end else { panic!("{:?}", outcome.end) };
    assert!(outputs[0].partial && outputs[0].playable == Some(true), "{outputs:?}");
    let folder = world.files.output(job, 1, "stream");
    let playlist = std::fs::read_to_string(folder.join("video/240p/index.m3u8")).unwrap();
    assert!(playlist.ends_with("#EXT-X-ENDLIST\n") && decodes(&folder.join("master.m3u8")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_of_what_is_not_there_says_so() {
    let world = World::new();
    world.clip("-f lavfi -i sine=duration=1 -c:a flac", "sound.flac");
    let failure = world.fail(json!({ "input": "sound.flac", "outputs": [{ "name": "s", "package": {} }] })).await;
    assert_eq!(failure.code, C::StreamMissing, "{failure}");
}
