//! From the fields of a requested output to its complete settings: preset, name and container are brought together and
//! everything that can be wrong without looking at the input is found.

use super::{OutputRequest, OutputSpec, PictureSettings, Shape, Times};
use crate::domain::format::{Container, VideoCodec};
use crate::domain::invalid::{FieldError, FieldErrors};
use crate::domain::preset::{Preset, Presets};

/// The longest name of an output in bytes, so that there is room for what a file system or we add to it.
const LONGEST_NAME: usize = 200;

/// Makes the complete settings of one output; `at` is the JSON pointer to it, e.g. `/outputs/0`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve_output(request: &OutputRequest, presets: &Presets, at: &str) -> Result<OutputSpec, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    check_name(&request.name, at, &mut errors);
    let preset = find_preset(request, presets, at, &mut errors);
    let none = Preset::default();
    let base = preset.unwrap_or(&none);
    let wanted = Wanted::of(request, base, at, &mut errors);
    let Some(container) = choose_container(request, base, &wanted, at, &mut errors) else {
        return Err(errors.or(()).err().unwrap_or_default());
    };
    let video =
        request.video.unwrap_or_default().over(base.video).complete(container, &format!("{at}/video"), &mut errors);
    let asked = request.audio.clone().unwrap_or_default();
    let audio = asked.clone().over(&base.audio).complete(&asked, container, &format!("{at}/audio"), &mut errors);
    let subtitles = request.subtitles.clone().unwrap_or_default().over(&base.subtitles);
    let subtitles = subtitles.complete(container, &format!("{at}/subtitles"), &mut errors);
    check_trim(request, at, &mut errors);
    let shape = wanted.shape(container, video.codec, at, &mut errors);
    check_times(&shape, request, at, &mut errors);
    let silent = !audio.codec.is_kept() || audio.tracks.is_none();
    errors.check(
        shape.is_pictures() || container.is_text() || video.codec != VideoCodec::None || !silent,
        at,
        "an output without video and without audio would be empty",
    );
    let trim = request.trim.filter(|trim| trim.start_ms.is_some_and(|start| start > 0) || trim.end_ms.is_some());
    errors.or(OutputSpec {
        name: request.name.clone(),
        preset: request.preset.clone(),
        container,
        video,
        audio,
        subtitles,
        trim,
        copy: request.copy.or(base.copy).unwrap_or_default(),
        shape,
    })
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

fn find_preset<'a>(
    request: &OutputRequest,
    presets: &'a Presets,
    at: &str,
    errors: &mut FieldErrors,
) -> Option<&'a Preset> {
    let name = request.preset.as_deref()?;
    let found = presets.find(name);
    errors.check(
        found.is_some(),
        format!("{at}/preset"),
        format!("there is no preset {name:?}; GET /v1/presets lists them"),
    );
    found
}

fn check_trim(request: &OutputRequest, at: &str, errors: &mut FieldErrors) {
    let Some(trim) = request.trim else { return };
    let start = trim.start_ms.unwrap_or(0);
    let forward = trim.end_ms.is_none_or(|end| end > start);
    errors.check(forward, format!("{at}/trim/end_ms"), "the end must be after the start");
}

/// Pictures can be taken of the part alone that a trim leaves, whose start their times are counted from.
fn check_times(shape: &Shape, request: &OutputRequest, at: &str, errors: &mut FieldErrors) {
    let (section, times) = match shape {
        Shape::Picture(picture) => ("picture", picture.at_ms.as_slice()),
        Shape::Thumbnails(Times::AtMs(times)) => ("thumbnails", times.as_slice()),
        _ => return,
    };
    let Some(trim) = request.trim else { return };
    let Some(length) = trim.end_ms.and_then(|end| end.checked_sub(trim.start_ms.unwrap_or(0))) else { return };
    if let Some(late) = times.iter().find(|time| **time >= length) {
        let detail = format!("{late} is beyond the end of the trim, which leaves {length} ms");
        errors.add(format!("{at}/{section}/at_ms"), detail);
    }
}

/// The sections of which at most one may be given, brought together with those of the preset.
enum Wanted {
    File,
    Package(super::PackageSettings),
    Picture(PictureSettings),
    Thumbnails(super::ThumbnailSettings),
    Storyboard(super::StoryboardSettings),
}

impl Wanted {
    fn of(request: &OutputRequest, base: &Preset, at: &str, errors: &mut FieldErrors) -> Self {
        let asked = [
            ("package", request.package.is_some()),
            ("picture", request.picture.is_some()),
            ("thumbnails", request.thumbnails.is_some()),
            ("storyboard", request.storyboard.is_some()),
        ];
        let mut given = asked.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
        let (first, second) = (given.next(), given.next());
        if let (Some(first), Some(second)) = (first, second) {
            errors
                .add(format!("{at}/{second}"), format!("an output is one thing: leave out either {first} or {second}"));
        }
        match first {
            Some("package") => {}
            Some("picture") => return Self::Picture(request.picture.unwrap_or_default()),
            Some("thumbnails") => {
                let asked = request.thumbnails.clone().unwrap_or_default();
                return Self::Thumbnails(asked.over(&base.thumbnails.clone().unwrap_or_default()));
            }
            Some("storyboard") => {
                let asked = request.storyboard.unwrap_or_default();
                return Self::Storyboard(asked.over(base.storyboard.unwrap_or_default()));
            }
            _ => match base {
                Preset { thumbnails: Some(thumbnails), .. } => return Self::Thumbnails(thumbnails.clone()),
                Preset { storyboard: Some(storyboard), .. } => return Self::Storyboard(*storyboard),
                Preset { package: None, .. } => return Self::File,
                _ => {}
            },
        }
        let asked = request.package.clone().unwrap_or_default();
        Self::Package(asked.over(&base.package.clone().unwrap_or_default()))
    }

    /// The container that this section can only have.
    fn container(&self) -> Option<Container> {
        match self {
            Self::File | Self::Picture(_) => None,
            Self::Package(_) => Some(Container::Cmaf),
            Self::Thumbnails(settings) => Some(settings.format.unwrap_or(Container::Jpg)),
            Self::Storyboard(_) => Some(Container::Jpg),
        }
    }

    fn shape(self, container: Container, codec: VideoCodec, at: &str, errors: &mut FieldErrors) -> Shape {
        match self {
            Self::File if container == Container::Cmaf => {
                Shape::Package(super::PackageSettings::default().complete(codec, at, errors))
            }
            Self::File if container.is_picture() => Shape::Picture(PictureSettings::default()),
            Self::File if container.is_text() => Shape::Text,
            Self::File => Shape::File,
            Self::Package(settings) => Shape::Package(settings.complete(codec, &format!("{at}/package"), errors)),
            Self::Picture(picture) => {
                errors.check(
                    container.is_picture(),
                    format!("{at}/picture"),
                    "a picture is called .jpg, .png or .webp",
                );
                Shape::Picture(picture)
            }
            Self::Thumbnails(settings) => Shape::Thumbnails(settings.complete(&format!("{at}/thumbnails"), errors).0),
            Self::Storyboard(settings) => Shape::Storyboard(settings.complete(&format!("{at}/storyboard"), errors)),
        }
    }
}

/// What the section asks for, else the asked container, else what the name's ending stands for, else the preset's.
fn choose_container(
    request: &OutputRequest,
    base: &Preset,
    wanted: &Wanted,
    at: &str,
    errors: &mut FieldErrors,
) -> Option<Container> {
    if let Some(only) = wanted.container() {
        let fits = request.container.is_none_or(|asked| asked == only);
        errors.check(fits, format!("{at}/container"), format!("this makes a folder, whose container is {only}"));
        let plain = Container::of_name(&request.name).is_none();
        errors.check(
            plain,
            format!("{at}/name"),
            "this makes a folder; give it a name without an ending, such as \"stream\"",
        );
        return Some(only);
    }
    let named = Container::of_name(&request.name);
    match (request.container, named) {
        (Some(asked), Some(named)) if asked != named => {
            errors.add(format!("{at}/container"), format!("the name ends in .{named}, but the container is {asked}"));
            None
        }
        (Some(container), _) | (None, Some(container)) => Some(container),
        (None, None) => {
            let endings = Container::ALL.map(|container| format!(".{container}")).join(", ");
            let detail =
                format!("the name's ending stands for no container; use one of {endings}, or name a \"container\"");
            errors.check(base.container.is_some(), format!("{at}/name"), detail);
            base.container
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::AudioCodec;

    fn resolve(json: &str) -> Result<OutputSpec, Vec<String>> {
        let request: OutputRequest = serde_json::from_str(json).unwrap();
        resolve_output(&request, &Presets::built_in(), "/o")
            .map_err(|errors| errors.into_iter().map(|error| error.pointer).collect())
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
            let errors = resolve_output(&request, &Presets::built_in(), "/o").expect_err(name);
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
            (r#"{"name":"a.jpg","picture":{"at_ms":900},"trim":{"start_ms":100,"end_ms":1000}}"#, "/o/picture/at_ms"),
            (r#"{"name":"t","thumbnails":{"at_ms":[0,900]},"trim":{"end_ms":900}}"#, "/o/thumbnails/at_ms"),
            (r#"{"name":"a.mp4","video":{"width":0}}"#, "/o/video/width"),
            (r#"{"name":"a.mp4","video":{"height":1000000}}"#, "/o/video/height"),
            (r#"{"name":"a.mp4","video":{"crf":52}}"#, "/o/video/crf"),
            (r#"{"name":"a.mp4","video":{"crf":20,"bitrate_bps":1000000}}"#, "/o/video/bitrate_bps"),
            (r#"{"name":"a.mp4","video":{"codec":"copy","width":640}}"#, "/o/video"),
            (r#"{"name":"a.mp4","video":{"codec":"none"},"audio":{"codec":"none"}}"#, "/o"),
            (r#"{"name":"a.mp3","audio":{"channels":6}}"#, "/o/audio/channels"),
            (r#"{"name":"a.flac","audio":{"bitrate_bps":96000}}"#, "/o/audio/bitrate_bps"),
            (r#"{"name":"a.mp4","trim":{"start_ms":5000,"end_ms":5000}}"#, "/o/trim/end_ms"),
            (r#"{"name":"a.mp4","video":{"fit":"crop"}}"#, "/o/video/fit"),
            (r#"{"name":"a.mp4","video":{"aspect":"1:1"}}"#, "/o/video/aspect"),
            (r#"{"name":"a.mp4","video":{"upscale":true}}"#, "/o/video/upscale"),
            (r#"{"name":"a.mp4","video":{"fps":25,"max_fps":30}}"#, "/o/video/max_fps"),
            (r#"{"name":"a.mp4","video":{"bit_depth":12}}"#, "/o/video/bit_depth"),
            (r#"{"name":"a.mp4","audio":{"loudness_lufs":3}}"#, "/o/audio/loudness_lufs"),
            (r#"{"name":"a.mp4","audio":{"sample_rate_hz":44000}}"#, "/o/audio/sample_rate_hz"),
            (r#"{"name":"a.mp3","audio":{"tracks":"all"}}"#, "/o/audio/tracks"),
            (r#"{"name":"a.mp4","audio":{"tracks":[{}]}}"#, "/o/audio/tracks/0"),
            (r#"{"name":"a.mp3","subtitles":{"tracks":"all"}}"#, "/o/subtitles/tracks"),
            (r#"{"name":"s","package":{"segment_ms":1}}"#, "/o/package/segment_ms"),
            (r#"{"name":"s","package":{},"storyboard":{}}"#, "/o/storyboard"),
            (r#"{"name":"s.mp4","package":{}}"#, "/o/name"),
            (r#"{"name":"s","package":{},"video":{"codec":"copy"}}"#, "/o/video/codec"),
            (r#"{"name":"s","thumbnails":{"count":0}}"#, "/o/thumbnails/count"),
            (r#"{"name":"s","thumbnails":{"at_ms":[5,5]}}"#, "/o/thumbnails/at_ms"),
            (r#"{"name":"s.vtt","video":{"codec":"h264"}}"#, "/o/video/codec"),
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
    fn each_shape_has_its_own_section() {
        for (json, container, folder) in [
            (r#"{"name":"s","package":{}}"#, Container::Cmaf, true),
            (r#"{"name":"s","preset":"stream-h264"}"#, Container::Cmaf, true),
            (r#"{"name":"p.jpg","video":{"width":640}}"#, Container::Jpg, false),
            (r#"{"name":"t","thumbnails":{"count":3,"format":"png"}}"#, Container::Png, true),
            (r#"{"name":"b","storyboard":{}}"#, Container::Jpg, true),
            (r#"{"name":"b","preset":"storyboard","storyboard":{"columns":5}}"#, Container::Jpg, true),
            (r#"{"name":"s.srt"}"#, Container::Srt, false),
        ] {
            let spec = resolve(json).unwrap_or_else(|errors| panic!("{json}: {errors:?}"));
            assert_eq!((spec.container, spec.shape.is_folder()), (container, folder), "{json}");
        }
    }

    #[test]
    fn the_names_ending_wins_over_the_presets_container() {
        assert_eq!(resolve(r#"{"name":"a.mkv","preset":"h264-720p"}"#).unwrap().container, Container::Mkv);
        assert_eq!(resolve(r#"{"name":"clip","preset":"h264-720p"}"#).unwrap().container, Container::Mp4);
        assert!(resolve(r#"{"name":"clip","preset":"remux"}"#).is_err());
    }
}
