//! Inputs that are missing, strange or damaged.

use serde_json::{Value, json};
use transcoded::domain::failure::FailureCode as C;
use transcoded::transcode::ProbeFailure;

use super::world::World;

fn mp4() -> Value {
    json!({ "name": "a.mp4", "video": { "speed": "ultrafast" } })
}

fn to_mp4(input: &str) -> Value {
    json!({ "input": input, "outputs": [mp4()] })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_media_is_told_apart() {
    let world = World::new();
    std::fs::write(world.path("empty.mp4"), "").unwrap();
    std::fs::write(world.path("text.mp4"), "Dear diary,\nthis is no film.\n".repeat(50)).unwrap();
    std::fs::write(world.path("list.mp4"), "#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n").unwrap();
    std::fs::create_dir(world.path("folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, world.path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", world.path("link.mp4")).unwrap();
    for (input, code) in [
        ("empty.mp4", C::InputInvalid),
        ("text.mp4", C::InputInvalid),
        ("list.mp4", C::InputInvalid),
        ("folder", C::InputInvalid),
        ("fifo", C::InputInvalid),
        ("missing.mp4", C::InputMissing),
        ("link.mp4", C::InputUnreadable),
        ("../data/x", C::InputUnreadable),
        ("/etc/passwd", C::InputUnreadable),
        ("ftp://example.org/a.mp4", C::InputInvalid),
        ("https://127.0.0.1/a.mp4", C::InputUnreadable),
    ] {
        let failure = world.fail(to_mp4(input)).await;
        assert_eq!(failure.code, code, "{input}: {failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_cut_short_fails_however_well_ffmpeg_ends() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=4 -c:v libx264 \
         -preset ultrafast -pix_fmt yuv420p -movflags +faststart",
        "whole.mp4",
    );
    world.clip("-i {whole.mp4} -c copy", "whole.mkv");
    for (whole, cut) in [("whole.mp4", "cut.mp4"), ("whole.mkv", "cut.mkv")] {
        let bytes = std::fs::read(world.path(whole)).unwrap();
        std::fs::write(world.path(cut), &bytes[..bytes.len() / 2]).unwrap();
        let failure = world.fail(to_mp4(cut)).await;
        assert_eq!(failure.code, C::InputInvalid, "{failure}");
        assert!(failure.message.contains("cut short"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_of_sound_that_are_lost_in_the_middle_are_no_success() {
    let world = World::new();
    // Sound that fills most of the file, so that a hole in it is a hole in the sound.
    world.clip(
        "-f lavfi -i color=size=160x120:rate=5:duration=8 -f lavfi -i anoisesrc=duration=8:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -g 5 -pix_fmt yuv420p -c:a aac -b:a 192k -movflags +faststart",
        "torn.mp4",
    );
    let mut bytes = std::fs::read(world.path("torn.mp4")).unwrap();
    let length = bytes.len();
    bytes[length * 4 / 10..length * 6 / 10].fill(0);
    std::fs::write(world.path("torn.mp4"), bytes).unwrap();
    for output in [mp4(), json!({ "name": "a.mp3" }), json!({ "name": "a.mkv", "video": { "codec": "none" } })] {
        let failure = world.fail(json!({ "input": "torn.mp4", "outputs": [output] })).await;
        assert_eq!(failure.code, C::InputInvalid, "{output}: {failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_that_is_cut_off_is_the_inputs_fault() {
    let world = World::new();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=4 -c:v libx264 -g 100 \
         -preset ultrafast -c:a aac -movflags frag_keyframe+empty_moov",
        "whole.mp4",
    );
    // The sound stands behind the pictures of its fragment, so none of it is left.
    let bytes = std::fs::read(world.path("whole.mp4")).unwrap();
    std::fs::write(world.path("cut.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    let failure = world.fail(to_mp4("cut.mp4")).await;
    assert_eq!(failure.code, C::InputInvalid, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_that_are_not_read_are_told_from_damaged_files() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=160x120:duration=1 -frames:v 1", "picture.png");
    let failure = world.fail(to_mp4("picture.png")).await;
    assert_eq!(failure.code, C::InputInvalid);
    assert!(failure.message.contains("format") && !failure.message.contains("damaged"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_without_times_are_copied_all_the_same() {
    let world = World::new();
    world.small_clip();
    world.clip("-i {in.mp4} -c:v mpeg2video -bf 2 -c:a mp2", "in.mpg");
    let media = world.one("in.mpg", json!({ "name": "a.mkv", "preset": "remux" })).await.media.unwrap();
    assert_eq!(media.video.unwrap().codec, "mpeg2video");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_missing_are_named() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=160x120:duration=1 -c:v libx264 -preset ultrafast", "silent.mp4");
    world.clip("-f lavfi -i sine=duration=1 -c:a flac", "sound.flac");
    let failure = world.fail(json!({ "input": "silent.mp4", "outputs": [{ "name": "a.mp3" }] })).await;
    assert_eq!(failure.code, C::StreamMissing);
    assert_eq!(world.fail(to_mp4("sound.flac")).await.code, C::StreamMissing);
    assert!(world.one("silent.mp4", mp4()).await.media.unwrap().audio.is_none());
    let output = world.one("sound.flac", json!({ "name": "a.mp4", "video": { "codec": "none" } })).await;
    assert!(output.media.unwrap().video.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn cover_art_is_no_video() {
    let world = World::new();
    world.clip("-f lavfi -i testsrc2=size=160x120:duration=1 -frames:v 1", "cover.png");
    world.clip(
        "-f lavfi -i sine=duration=1 -i {cover.png} -map 0 -map 1 -c:a libmp3lame -c:v copy -id3v2_version 3 \
         -disposition:v attached_pic",
        "song.mp3",
    );
    assert_eq!(world.fail(to_mp4("song.mp3")).await.code, C::StreamMissing);
    let media = world.one("song.mp3", json!({ "name": "song.ogg" })).await.media.unwrap();
    assert!(media.video.is_none() && media.audio.unwrap().codec == "opus");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_belong_to_the_file_as_it_is() {
    let world = World::new();
    world.small_clip();
    let token = tokio_util::sync::CancellationToken::new();
    let probe = || world.transcoder.probe(&token, "in.mp4");
    let (one, two) = tokio::join!(probe(), probe());
    let info = one.unwrap();
    assert_eq!(info, two.unwrap());
    assert_eq!(info.video().map(|(_, facts)| (facts.width, facts.height)), Some((160, 120)));
    let missing = world.transcoder.probe(&token, "missing.mp4").await;
    assert!(matches!(missing, Err(ProbeFailure::Input(_))), "{missing:?}");
    std::fs::write(world.path("in.mp4"), "now it is text").unwrap();
    let changed = probe().await;
    assert!(matches!(changed, Err(ProbeFailure::Media(ref failure)) if failure.code == C::InputInvalid), "{changed:?}");
}
