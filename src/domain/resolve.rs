//! From the fields of a requested output to its complete settings: preset, name and container are brought together and
//! everything that can be wrong without looking at the input is found.

use super::format::{AudioCodec, Container, VideoCodec};
use super::invalid::{FieldError, FieldErrors};
use super::output::{AudioSettings, AudioSpec, OutputRequest, OutputSpec, VideoSettings, VideoSpec};
use super::preset::{self, Preset};

/// The longest name of an output in bytes, so that there is room for what a file system or we add to it.
const LONGEST_NAME: usize = 200;

/// Makes the complete settings of one output; `at` is the JSON pointer to it, e.g. `/outputs/0`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve_output(request: &OutputRequest, at: &str) -> Result<OutputSpec, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    check_name(&request.name, at, &mut errors);
    let preset = find_preset(request, at, &mut errors);
    let Some(container) = choose_container(request, preset, at, &mut errors) else {
        return Err(errors.or(()).err().unwrap_or_default());
    };
    let video = resolve_video(request, preset, container, at, &mut errors);
    let audio = resolve_audio(request, preset, container, at, &mut errors);
    errors.check(
        video.codec != VideoCodec::None || audio.codec != AudioCodec::None,
        at,
        "an output without video and without audio would be empty",
    );
    if let Some(trim) = request.trim {
        let start = trim.start_ms.unwrap_or(0);
        errors.check(
            trim.end_ms.is_none_or(|end| end > start),
            format!("{at}/trim/end_ms"),
            "the end must be after the start",
        );
    }
    let trim = request.trim.filter(|trim| trim.start_ms.is_some_and(|start| start > 0) || trim.end_ms.is_some());
    errors.or(OutputSpec { name: request.name.clone(), preset: request.preset.clone(), container, video, audio, trim })
}

/// Whether an output may have this name.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let mut errors = FieldErrors::default();
    check_name(name, "", &mut errors);
    errors.or(()).is_ok()
}

/// Only names that no shell, no file system and no tool reads as anything but a name.
fn check_name(name: &str, at: &str, errors: &mut FieldErrors) {
    let at = format!("{at}/name");
    let odd = |c: char| !(c.is_alphanumeric() || " ._-()+,=@[]{}~!&#'".contains(c));
    if name.is_empty() {
        errors.add(at, "a name such as \"out.mp4\" is needed");
    } else if name.len() > LONGEST_NAME {
        errors.add(at, format!("the name is {} bytes long; at most {LONGEST_NAME} are allowed", name.len()));
    } else if name.starts_with(['-', '.', ' ']) || name.ends_with([' ', '.']) {
        errors.add(at, "a name can't start with \"-\", \".\" or a space, nor end with \".\" or a space");
    } else if let Some(c) = name.chars().find(|&c| odd(c)) {
        let hint = if c == '/' || c == '\\' { "; it is a plain file name, not a path" } else { "" };
        errors.add(at, format!("the name holds {c:?}, which is not allowed{hint}"));
    }
}

fn find_preset(request: &OutputRequest, at: &str, errors: &mut FieldErrors) -> Option<&'static Preset> {
    let name = request.preset.as_deref()?;
    let found = preset::find(name);
    errors.check(
        found.is_some(),
        format!("{at}/preset"),
        format!("there is no preset {name:?}; GET /v1/presets lists them"),
    );
    found
}

/// The asked container, else what the name's ending stands for, else the preset's.
fn choose_container(
    request: &OutputRequest,
    preset: Option<&Preset>,
    at: &str,
    errors: &mut FieldErrors,
) -> Option<Container> {
    let named = Container::of_name(&request.name);
    match (request.container, named) {
        (Some(asked), Some(named)) if asked != named => {
            errors.add(format!("{at}/container"), format!("the name ends in .{named}, but the container is {asked}"));
            None
        }
        (Some(container), _) | (None, Some(container)) => Some(container),
        (None, None) => {
            let container = preset.and_then(|preset| preset.container);
            let endings = Container::ALL.map(|container| format!(".{container}")).join(", ");
            let detail =
                format!("the name's ending stands for no container; use one of {endings}, or name a \"container\"");
            errors.check(container.is_some(), format!("{at}/name"), detail);
            container
        }
    }
}

fn resolve_video(
    request: &OutputRequest,
    preset: Option<&Preset>,
    container: Container,
    at: &str,
    errors: &mut FieldErrors,
) -> VideoSpec {
    let at = format!("{at}/video");
    let asked = request.video.unwrap_or_default();
    let base = preset.map(|preset| preset.video).unwrap_or_default();
    let codec = asked.codec.or(base.codec).or(container.video_codecs().first().copied()).unwrap_or(VideoCodec::None);
    let holds = || names(container.video_codecs().iter().map(|codec| codec.name()));
    errors.check(
        container.holds_video(codec),
        format!("{at}/codec"),
        match container.video_codecs() {
            [] => format!("{container} holds sound only, no video; leave \"video\" out"),
            _ => format!("{container} can't hold {}; it holds {}", codec.name(), holds()),
        },
    );
    check_video_ranges(&asked, codec, &at, errors);
    // A preset's numbers belong to the preset's codec.
    let base = if asked.codec.is_some_and(|asked| Some(asked) != base.codec) {
        VideoSettings { crf: None, bitrate_bps: None, ..base }
    } else {
        base
    };
    let by_bitrate = asked.bitrate_bps.is_some();
    let by_crf = asked.crf.is_some();
    VideoSpec {
        codec,
        width: asked.width.or(base.width),
        height: asked.height.or(base.height),
        fps: asked.fps.or(base.fps),
        crf: asked.crf.or(base.crf.filter(|_| !by_bitrate)),
        bitrate_bps: asked.bitrate_bps.or(base.bitrate_bps.filter(|_| !by_crf)),
        speed: asked.speed.or(base.speed).unwrap_or_default(),
    }
}

fn check_video_ranges(asked: &VideoSettings, codec: VideoCodec, at: &str, errors: &mut FieldErrors) {
    for (field, pixels) in [("width", asked.width), ("height", asked.height)] {
        let fits = pixels.is_none_or(|pixels| (16..=8192).contains(&pixels));
        errors.check(fits, format!("{at}/{field}"), format!("{field} is 16 to 8192 pixels"));
    }
    if let Some(crf) = asked.crf {
        let most = codec.max_crf();
        errors.check(crf <= most, format!("{at}/crf"), format!("crf is 0 to {most} for {}", codec.name()));
        errors.check(
            asked.bitrate_bps.is_none(),
            format!("{at}/bitrate_bps"),
            "give either crf or bitrate_bps, not both",
        );
    }
    let bitrate_fits = asked.bitrate_bps.is_none_or(|rate| (10_000..=500_000_000).contains(&rate));
    errors.check(bitrate_fits, format!("{at}/bitrate_bps"), "bitrate_bps is 10000 to 500000000 bits per second");
    let rate_fits = asked.fps.is_none_or(|rate| (1.0..=240.0).contains(&rate.0.per_second()));
    errors.check(rate_fits, format!("{at}/fps"), "fps is 1 to 240 frames per second");
    if !codec.encodes() {
        let VideoSettings { codec: _, width, height, fps, crf, bitrate_bps, speed } = asked;
        let any =
            width.or(*height).is_some() || fps.is_some() || crf.is_some() || bitrate_bps.is_some() || speed.is_some();
        errors.check(
            !any,
            at,
            format!("with the codec {:?} nothing is encoded, so nothing else can be set", codec.name()),
        );
    }
}

fn resolve_audio(
    request: &OutputRequest,
    preset: Option<&Preset>,
    container: Container,
    at: &str,
    errors: &mut FieldErrors,
) -> AudioSpec {
    let at = format!("{at}/audio");
    let asked = request.audio.unwrap_or_default();
    let base = preset.map(|preset| preset.audio).unwrap_or_default();
    let codec = asked.codec.or(base.codec).or(container.audio_codecs().first().copied()).unwrap_or(AudioCodec::None);
    let holds = names(container.audio_codecs().iter().map(|codec| codec.name()));
    errors.check(
        container.holds_audio(codec),
        format!("{at}/codec"),
        match codec {
            AudioCodec::None => format!("{container} holds sound only, so it needs audio"),
            codec => format!("{container} can't hold {}; it holds {holds}", codec.name()),
        },
    );
    check_audio_ranges(asked, codec, &at, errors);
    let base = if asked.codec.is_some_and(|asked| Some(asked) != base.codec) {
        AudioSettings { bitrate_bps: None, ..base }
    } else {
        base
    };
    AudioSpec {
        codec,
        bitrate_bps: asked.bitrate_bps.or(base.bitrate_bps).filter(|_| codec.has_bitrate()),
        channels: asked.channels.or(base.channels).filter(|_| codec.encodes()),
    }
}

fn check_audio_ranges(asked: AudioSettings, codec: AudioCodec, at: &str, errors: &mut FieldErrors) {
    if let Some(rate) = asked.bitrate_bps {
        let most = if codec == AudioCodec::Mp3 { 320_000 } else { 512_000 };
        let at = format!("{at}/bitrate_bps");
        errors.check(codec.has_bitrate(), at.clone(), format!("a bitrate can't be chosen for {}", codec.name()));
        errors.check((6_000..=most).contains(&rate), at, format!("bitrate_bps is 6000 to {most} bits per second"));
    }
    if let Some(channels) = asked.channels {
        let most = codec.max_channels();
        let at = format!("{at}/channels");
        errors.check(codec.encodes(), at.clone(), format!("channels can't be chosen for {}", codec.name()));
        errors.check((1..=most).contains(&channels), at, format!("channels is 1 to {most} for {}", codec.name()));
    }
}

/// `a, b or c`.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(json: &str) -> Result<OutputSpec, Vec<String>> {
        let request: OutputRequest = serde_json::from_str(json).unwrap();
        resolve_output(&request, "/o").map_err(|errors| errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn a_name_alone_is_enough() {
        let spec = resolve(r#"{"name": "a.webm"}"#).unwrap();
        assert_eq!(
            (spec.container, spec.video.codec, spec.audio.codec),
            (Container::Webm, VideoCodec::Vp9, AudioCodec::Opus)
        );
        let spec = resolve(r#"{"name": "Ünïcode name (1).wav"}"#).unwrap();
        assert_eq!((spec.video.codec, spec.audio.codec), (VideoCodec::None, AudioCodec::Pcm));
    }

    #[test]
    fn dangerous_names_are_refused() {
        let long = "x".repeat(297) + ".mp4";
        for name in [
            "", "a/b.mp4", "../a.mp4", "..", "-a.mp4", ".a.mp4", "%03d.mp4", "a\nb.mp4", "a\0.mp4", "a:b.mp4",
            "a*.mp4", "a.mp4 ", &long,
        ] {
            let request =
                OutputRequest { name: name.into(), container: Some(Container::Mp4), ..OutputRequest::default() };
            let errors = resolve_output(&request, "/o").expect_err(name);
            assert!(errors.iter().any(|error| error.pointer == "/o/name"), "{name:?}: {errors:?}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_named_by_field() {
        for (json, pointer) in [
            (r#"{"name":"a.mp4","preset":"h265-4k"}"#, "/o/preset"),
            (r#"{"name":"a.webm","audio":{"codec":"mp3"}}"#, "/o/audio/codec"),
            (r#"{"name":"a.mp3","video":{"codec":"h264"}}"#, "/o/video/codec"),
            (r#"{"name":"a.mp4","container":"mkv"}"#, "/o/container"),
            (r#"{"name":"a"}"#, "/o/name"),
            (r#"{"name":"a.mp4","video":{"width":0}}"#, "/o/video/width"),
            (r#"{"name":"a.mp4","video":{"height":1000000}}"#, "/o/video/height"),
            (r#"{"name":"a.mp4","video":{"crf":52}}"#, "/o/video/crf"),
            (r#"{"name":"a.mp4","video":{"crf":20,"bitrate_bps":1000000}}"#, "/o/video/bitrate_bps"),
            (r#"{"name":"a.mp4","video":{"codec":"copy","width":640}}"#, "/o/video"),
            (r#"{"name":"a.mp4","video":{"codec":"none"},"audio":{"codec":"none"}}"#, "/o"),
            (r#"{"name":"a.mp3","audio":{"channels":6}}"#, "/o/audio/channels"),
            (r#"{"name":"a.flac","audio":{"bitrate_bps":96000}}"#, "/o/audio/bitrate_bps"),
            (r#"{"name":"a.mp4","trim":{"start_ms":5000,"end_ms":5000}}"#, "/o/trim/end_ms"),
        ] {
            assert_eq!(resolve(json).expect_err(json), [pointer], "{json}");
        }
    }

    #[test]
    fn single_fields_of_a_preset_may_be_overridden() {
        let spec =
            resolve(r#"{"name":"a.mp4","preset":"h264-720p","video":{"height":360,"bitrate_bps":800000}}"#).unwrap();
        assert_eq!((spec.video.width, spec.video.height), (Some(1280), Some(360)));
        assert_eq!((spec.video.crf, spec.video.bitrate_bps), (None, Some(800_000)));
        let spec = resolve(r#"{"name":"a.flac","preset":"audio-mp3","audio":{"codec":"flac"}}"#).unwrap();
        assert_eq!((spec.audio.codec, spec.audio.bitrate_bps), (AudioCodec::Flac, None));
    }

    #[test]
    fn the_names_ending_wins_over_the_presets_container() {
        assert_eq!(resolve(r#"{"name":"a.mkv","preset":"h264-720p"}"#).unwrap().container, Container::Mkv);
        assert_eq!(resolve(r#"{"name":"clip","preset":"h264-720p"}"#).unwrap().container, Container::Mp4);
        assert!(resolve(r#"{"name":"clip","preset":"remux"}"#).is_err());
    }
}
