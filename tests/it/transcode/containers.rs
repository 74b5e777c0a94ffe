//! Every container with each of its codecs, made and checked.

use serde_json::json;
use transcoded::domain::failure::FailureCode;
use transcoded::domain::format::{AudioCodec, Container, VideoCodec};

use super::world::World;

/// Makes every codec that a container holds, and looks at what is told of it.
async fn every_codec_of(container: Container) {
    let world = World::new();
    world.small_clip();
    let (videos, audios) = (container.video_codecs(), container.audio_codecs());
    for index in 0..videos.len().max(audios.len()) {
        let video = videos.get(index % videos.len().max(1)).copied().unwrap_or(VideoCodec::None);
        let audio = audios[index % audios.len()];
        let case = format!("{container} {video:?} {audio:?}");
        let mut output = json!({ "name": format!("out.{container}"), "audio": { "codec": audio.name() } });
        if video != VideoCodec::None {
            output["video"] = json!({ "codec": video.name(), "speed": "ultrafast" });
        }
        let output = world.one("in.mp4", output).await;
        assert_eq!(output.playable, Some(true));
        let media = output.media.expect("facts");
        let millis = media.duration_ms.unwrap();
        assert!((950..1150).contains(&millis), "{case}: {millis}");
        let found = media.audio.unwrap();
        let codec = if audio == AudioCodec::Pcm { "pcm_s16le" } else { audio.name() };
        assert_eq!((found.codec.as_str(), found.channels, found.sample_rate_hz), (codec, 2, 48000), "{case}");
        let found = media.video.map(|found| (found.codec, found.width, found.height, found.fps));
        let expected = (video != VideoCodec::None).then(|| (video.name().to_owned(), 160, 120, Some(25.0)));
        assert_eq!(found, expected, "{case}");
    }
}

macro_rules! every_codec {
    ($($name:ident: $container:ident),*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            every_codec_of(Container::$container).await;
        })*
    };
}

every_codec! {
    mp4_holds_each_of_its_codecs: Mp4,
    mkv_holds_each_of_its_codecs: Mkv,
    webm_holds_each_of_its_codecs: Webm,
    mov_holds_each_of_its_codecs: Mov,
    mp3_holds_its_codec: Mp3,
    m4a_holds_its_codec: M4a,
    ogg_holds_each_of_its_codecs: Ogg,
    flac_holds_its_codec: Flac,
    wav_holds_its_codec: Wav
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_keep_their_streams_in_every_container_that_can_hold_them() {
    let world = World::new();
    world.bunny();
    for name in ["out.mp4", "out.mkv", "out.mov"] {
        let media = world.one("bunny.mp4", json!({ "name": name, "preset": "remux" })).await.media.unwrap();
        let (video, audio) = (media.video.unwrap(), media.audio.unwrap());
        assert_eq!((video.codec.as_str(), video.width, video.height, video.fps), ("h264", 1280, 720, Some(25.0)));
        assert_eq!((audio.codec.as_str(), audio.channels), ("aac", 6));
    }
    let request = json!({ "input": "bunny.mp4", "outputs": [{ "name": "a.webm", "preset": "remux" }] });
    assert_eq!(world.fail(request).await.code, FailureCode::CopyImpossible);
}
