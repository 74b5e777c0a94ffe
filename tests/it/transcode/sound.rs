//! Sound: as loud as was asked for, dialogue kept when surround becomes stereo, the tracks that were chosen.

use std::path::Path;

use serde_json::json;
use transcoded::domain::failure::FailureCode as C;

use super::world::{World, describe, said};

/// What ffmpeg's own meter tells of a file.
struct Heard {
    /// Integrated loudness in LUFS.
    lufs: f64,
    /// True peak in dBTP.
    true_peak: f64,
}

fn heard(path: &Path) -> Heard {
    let text = said(&["-i", path.to_str().unwrap(), "-map", "0:a:0", "-af", "ebur128=peak=true", "-f", "null", "-"]);
    let summary = text.rsplit("Integrated loudness:").next().unwrap();
    let number = |name: &str, unit: &str| {
        let line = summary.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(unit).trim().parse().unwrap()
    };
    Heard { lufs: number("I:", "LUFS"), true_peak: number("Peak:", "dBFS") }
}

/// The peak of each channel in dB.
fn peaks(path: &Path) -> Vec<f64> {
    let filter = "astats=measure_perchannel=Peak_level:measure_overall=none";
    let text = said(&["-i", path.to_str().unwrap(), "-af", filter, "-f", "null", "-"]);
    let levels = text.lines().filter_map(|line| line.rsplit_once("Peak level dB: "));
    levels.map(|(_, level)| level.trim().parse().unwrap_or(f64::NEG_INFINITY)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_brought_to_the_loudness_that_was_asked_for() {
    let world = World::new();
    // Not 1000 Hz, which repeats itself so evenly that ffmpeg 9 takes a WAV of it for MPEG-TS.
    let tone = "-f lavfi -i sine=frequency=997:duration=8:sample_rate=48000";
    world.clip(&format!("{tone},volume=0.02 -ac 2 -c:a flac"), "quiet.flac");
    world.clip(&format!("{tone},volume=4 -c:a flac"), "loud.flac");
    // Much too loud as soon as its channels are added up.
    let noise = "-f lavfi -i anoisesrc=a=0.9:c=pink:d=6:r=48000:seed=1";
    world.clip(&format!("{noise} -af pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0 -c:a pcm_s16le"), "surround.wav");
    // A beat of 20 ms twice a second, over a murmur: its peaks leave no room for more than a few dB.
    let beat = "aevalsrc=0.02*random(0)+0.9*sin(2*PI*440*t)*lt(mod(t\\,0.5)\\,0.02):d=6:s=48000";
    world.clip(&format!("-f lavfi -i {beat} -c:a pcm_s16le"), "beat.wav");
    let clicks = "aevalsrc=0.05*sin(2*PI*300*t)+0.9*sin(2*PI*440*t)*lt(mod(t\\,1)\\,0.005):d=6:s=48000";
    world.clip(&format!("-f lavfi -i {clicks} -c:a pcm_s16le"), "clicks.wav");
    world.clip("-f lavfi -i sine=frequency=997:duration=0.8:sample_rate=44100,volume=0.1 -c:a flac", "short.flac");
    world.bunny();
    let part = json!({ "start_ms": 1000, "end_ms": 3500 });
    for (input, target, audio, trim) in [
        ("quiet.flac", -16.0, json!({}), json!(null)),
        ("quiet.flac", -23.0, json!({ "channels": 1 }), json!(null)),
        ("loud.flac", -23.0, json!({}), json!(null)),
        ("loud.flac", -5.0, json!({}), json!(null)),
        ("surround.wav", -16.0, json!({ "channels": 2 }), json!(null)),
        ("surround.wav", -23.0, json!({}), json!(null)),
        ("beat.wav", -20.0, json!({}), json!(null)),
        // What has to be limited by more than a few dB is as loud as was asked for all the same.
        ("clicks.wav", -14.0, json!({}), json!(null)),
        ("short.flac", -16.0, json!({}), json!(null)),
        ("bunny.mp4", -16.0, json!({ "channels": 2 }), json!(null)),
        ("bunny.mp4", -14.0, json!({ "channels": 2 }), json!(null)),
        ("bunny.mp4", -16.0, json!({ "channels": 2 }), part.clone()),
        ("bunny.mp4", -14.0, json!({ "channels": 1 }), part),
        ("bunny.mp4", -23.0, json!({}), json!(null)),
    ] {
        for name in ["a.m4a", "a.wav"] {
            let mut audio = audio.clone();
            audio["loudness_lufs"] = json!(target);
            let (job, output) = world.one_of(input, json!({ "name": name, "audio": audio, "trim": trim })).await;
            let found = heard(&world.files.output(job, 1, name));
            let told = format!("{input} as {name} {audio} {trim}: {} LUFS, {} dBTP", found.lufs, found.true_peak);
            assert!((found.lufs - target).abs() < 1.0, "{told}: {:?}", output.decisions);
            // What a lossy codec does to peaks nobody can know before.
            assert!(found.true_peak < if name == "a.wav" { -1.4 } else { 1.0 }, "{told}");
            // Peaks are found at four times the rate, which nobody asked for.
            let rate = if input == "short.flac" { 44_100 } else { 48_000 };
            assert_eq!(output.media.unwrap().audio.unwrap().sample_rate_hz, rate, "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_of_the_sound_is_its_own_where_its_peaks_are_limited() {
    let world = World::new();
    let beat = "aevalsrc=0.02*random(0)+0.9*sin(2*PI*440*t)*lt(mod(t\\,0.5)\\,0.02):d=3";
    for (rate, name, expected) in
        [(192_000, "a.flac", 192_000), (37_800, "a.m4a", 32_000), (37_800, "a.wav", 37_800), (44_100, "a.mp3", 44_100)]
    {
        world.clip(&format!("-f lavfi -i {beat}:s={rate} -c:a pcm_s16le"), "beat.wav");
        let output = world.one("beat.wav", json!({ "name": name, "audio": { "loudness_lufs": -12 } })).await;
        let limited = output.decisions[0].result.as_ref().unwrap().contains("peaks");
        assert_eq!((limited, output.media.unwrap().audio.unwrap().sample_rate_hz), (true, expected), "{name}");
        std::fs::remove_file(world.path("beat.wav")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_as_loud_as_asked_or_not_be_measured_is_said() {
    let world = World::new();
    let clicks = "aevalsrc=0.9*sin(2*PI*440*t)*lt(mod(t\\,1)\\,0.005):d=6:s=48000";
    world.clip(&format!("-f lavfi -i {clicks} -c:a pcm_s16le"), "clicks.wav");
    world.clip("-f lavfi -i sine=duration=0.2:sample_rate=48000 -c:a pcm_s16le", "blip.wav");
    let said = |output: &transcoded::domain::job::Output| {
        output.decisions.iter().map(|decision| decision.result.clone().unwrap_or_default()).collect::<String>()
    };
    let output = world.one("clicks.wav", json!({ "name": "a.wav", "audio": { "loudness_lufs": -10 } })).await;
    assert!(said(&output).contains("LUFS, as its peaks leave no room for -10"), "{output:?}");
    let (job, output) = world.one_of("blip.wav", json!({ "name": "a.wav", "audio": { "loudness_lufs": -10 } })).await;
    assert!(said(&output).contains("as loud as it is, as there is too little of it to be measured"), "{output:?}");
    // Channels that were added up are held all the same.
    let pan = "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0";
    world.clip(
        &format!("-f lavfi -i aevalsrc=0.99*sin(2*PI*440*t):d=0.2:s=48000 -af {pan} -c:a pcm_s16le"),
        "surround.wav",
    );
    let audio = json!({ "loudness_lufs": -10, "channels": 2 });
    let (loud, _) = world.one_of("surround.wav", json!({ "name": "a.wav", "audio": audio })).await;
    let loud = peaks(&world.files.output(loud, 1, "a.wav"));
    assert!(loud.iter().all(|peak| *peak < -0.9), "{loud:?}");
    let (own, made) = (peaks(&world.path("blip.wav")), peaks(&world.files.output(job, 1, "a.wav")));
    assert!((own[0] - made[0]).abs() < 0.1, "{own:?} {made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_gets_the_same_level_when_surround_becomes_stereo_and_none_clips() {
    let world = World::new();
    world.bunny();
    let mut levels = Vec::new();
    for name in ["a.m4a", "a.wav", "a.flac", "a.mp3", "a.ogg"] {
        let (job, _) = world.one_of("bunny.mp4", json!({ "name": name, "audio": { "channels": 2 } })).await;
        levels.push(heard(&world.files.output(job, 1, name)).lufs);
    }
    assert!(levels.iter().all(|level| (level - levels[0]).abs() < 0.5), "{levels:?}");
    // All channels at once, as loud as they can be, but for a moment without any.
    let all = "aevalsrc=0.99*sin(2*PI*440*t)*not(between(t\\,1\\,1.1)):d=2:s=48000";
    let pan = "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0";
    world.clip(&format!("-f lavfi -i {all} -af {pan} -c:a pcm_s16le"), "full.wav");
    let (job, _) = world.one_of("full.wav", json!({ "name": "a.wav", "audio": { "channels": 2 } })).await;
    let made = world.files.output(job, 1, "a.wav");
    assert!(peaks(&made).iter().all(|peak| *peak < -0.9), "{:?}", peaks(&made));
    // The limiter looks ahead, and yet nothing is shifted.
    let text = said(&["-i", made.to_str().unwrap(), "-af", "silencedetect=n=-50dB:d=0.05", "-f", "null", "-"]);
    let at = |name: &str| -> f64 {
        let after = text.split_once(name).unwrap().1;
        after.split([' ', '\n', '|']).find(|word| !word.is_empty()).unwrap().parse().unwrap()
    };
    assert!((at("silence_start:") - 1.0).abs() < 0.003 && (at("silence_end:") - 1.1).abs() < 0.003, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_stays_silence_and_fails_nothing() {
    let world = World::new();
    world.clip("-f lavfi -i anullsrc=cl=stereo:r=48000 -t 2 -c:a flac", "silence.flac");
    let output = json!({ "name": "a.mp3", "audio": { "loudness_lufs": -16 } });
    let (job, _) = world.one_of("silence.flac", output).await;
    assert!(peaks(&world.files.output(job, 1, "a.mp3")).iter().all(|peak| *peak < -80.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogue_is_as_loud_as_the_rest_when_surround_becomes_stereo() {
    let world = World::new();
    for (name, channel) in [("centre.flac", "FC"), ("left.flac", "FL"), ("behind.flac", "BL")] {
        let source = format!("-f lavfi -i sine=duration=2:sample_rate=48000,pan=5.1|{channel}=c0 -c:a flac");
        world.clip(&source, name);
    }
    let mut heard = Vec::new();
    for input in ["centre.flac", "left.flac", "behind.flac"] {
        let output = json!({ "name": "a.wav", "audio": { "channels": 2 } });
        let (job, _) = world.one_of(input, output).await;
        heard.push(peaks(&world.files.output(job, 1, "a.wav")));
    }
    let [centre, left, behind] = &heard[..] else { panic!("{heard:?}") };
    assert!((centre[0] - centre[1]).abs() < 0.1, "in the middle: {centre:?}");
    assert!((centre[0] - left[0]).abs() < 0.5, "as loud as what is beside it: {centre:?} {left:?}");
    assert!(behind[0] < left[0] - 5.0, "what is behind is softer: {behind:?}");
}

/// A film with three sounds and three subtitles.
fn many(world: &World) {
    std::fs::write(world.path("a.srt"), "1\n00:00:00,100 --> 00:00:00,900\nHello, <i>world</i>\n").unwrap();
    world.clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i sine=frequency=300:duration=1 \
         -f lavfi -i sine=frequency=600:duration=1 -f lavfi -i sine=frequency=900:duration=1 -i {a.srt} \
         -map 0 -map 1 -map 2 -map 3 -map 4 -map 4 -c:v libx264 -preset ultrafast -c:a aac -c:s srt \
         -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:a:2 language=fre \
         -metadata:s:s:0 language=ger -metadata:s:s:1 language=eng -disposition:a:0 0 -disposition:a:1 default",
        "many.mkv",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_are_chosen_by_language_by_number_or_all() {
    let world = World::new();
    many(&world);
    let probe = |path: &Path| {
        let info = describe(path);
        info["streams"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|stream| stream["codec_type"] == "audio")
            .map(|stream| stream["tags"]["language"].as_str().unwrap_or("und").to_owned())
            .collect::<Vec<_>>()
    };
    for (name, tracks, expected) in [
        ("a.mp4", json!("main"), &["eng"][..]),
        ("b.mkv", json!("all"), &["ger", "eng", "fre"]),
        ("c.mp4", json!([{ "language": "de" }]), &["ger"]),
        ("d.mkv", json!([{ "track": 2 }, { "language": "en" }]), &["fre", "eng"]),
        ("e.mp4", json!("none"), &[]),
    ] {
        let output = json!({ "name": name, "audio": { "tracks": tracks } });
        let (job, _) = world.one_of("many.mkv", output).await;
        assert_eq!(probe(&world.files.output(job, 1, name)), expected, "{tracks}");
    }
    for tracks in [json!([{ "language": "jpn" }]), json!([{ "track": 7 }])] {
        let outputs = json!([{ "name": "a.mp4", "audio": { "tracks": tracks } }]);
        let failure = world.fail(json!({ "input": "many.mkv", "outputs": outputs })).await;
        assert_eq!(failure.code, C::StreamMissing);
        assert!(failure.message.contains("it has 3: ger, eng, fre"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subtitles_are_carried_over_or_taken_out() {
    let world = World::new();
    many(&world);
    for (name, expected) in [("a.mkv", 2), ("a.mp4", 2), ("a.mov", 2), ("a.webm", 2)] {
        let output = json!({ "name": name, "subtitles": { "tracks": "all" }, "video": { "speed": "ultrafast" } });
        let media = world.one("many.mkv", output).await.media.unwrap();
        assert_eq!(media.subtitle_tracks, expected, "{name}");
    }
    for (name, start) in [("a.vtt", "WEBVTT"), ("a.srt", "1\n")] {
        let output = json!({ "name": name, "subtitles": { "tracks": [{ "language": "eng" }] } });
        let (job, _) = world.one_of("many.mkv", output).await;
        let text = std::fs::read_to_string(world.files.output(job, 1, name)).unwrap();
        assert!(text.starts_with(start) && text.contains("Hello"), "{name}: {text}");
    }
    world.small_clip();
    let failure = world.fail(json!({ "input": "in.mp4", "outputs": [{ "name": "a.srt" }] })).await;
    assert_eq!(failure.code, C::StreamMissing);
    // None at all is no fault where they only go with something else.
    world.one("in.mp4", json!({ "name": "a.mkv", "subtitles": { "tracks": "all" } })).await;
}
