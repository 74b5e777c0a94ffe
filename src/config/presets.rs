//! The operator's own presets: files in a folder, read and checked at the start.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use crate::domain::document::Document;
use crate::domain::invalid::FieldError;
use crate::domain::preset::{Preset, Presets};

/// The longest name of a preset, in bytes.
const LONGEST_NAME: usize = 64;

/// The built-in presets and those of `folder`.
///
/// # Errors
/// Where the folder or some of its presets can't be used: everything that is wrong with them.
pub fn load_presets(folder: Option<&Path>) -> Result<Presets, ConfigError> {
    let Some(folder) = folder else { return Ok(Presets::built_in()) };
    let (mut own, mut wrong) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        match read(&path) {
            Ok(preset) => own.push(preset),
            Err(error) => wrong.push(error),
        }
    }
    own.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in own.windows(2).filter(|pair| pair[0].name == pair[1].name) {
        let message = format!("there are two presets called {:?}", pair[0].name);
        wrong.push(ConfigError::Wrong { path: folder.to_owned(), message });
    }
    match wrong.len() {
        0 => Ok(Presets::built_in().with(own)),
        1 => Err(wrong.remove(0)),
        _ => Err(ConfigError::Several(wrong)),
    }
}

/// The files of presets in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml" || ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Preset, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let document = if is_json { Document::of_json(text.as_bytes()) } else { Document::of_toml(&text) };
    let checked = document.map_err(|message| vec![message]).and_then(|document| check(document, path));
    checked.map_err(|wrong| ConfigError::Wrong { path: path.to_owned(), message: wrong.join("; ") })
}

/// The preset that a file holds.
fn check(document: Document, path: &Path) -> Result<Preset, Vec<String>> {
    let (preset, mut errors) = document.read::<Preset>();
    let preset = preset.unwrap_or_default();
    let mut wrong: Vec<String> = Vec::new();
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if stem.is_empty() || stem.len() > LONGEST_NAME || !stem.chars().all(plain) {
        wrong.push("a preset is called as its file, with letters, digits, \".\", \"_\" and \"-\"".to_owned());
    }
    if !preset.name.is_empty() && preset.name != stem {
        wrong.push(format!("it calls itself {:?}, but its file says {stem:?}", preset.name));
    }
    let preset = Preset { name: stem.to_owned(), ..preset };
    let meaning = preset.check().err().unwrap_or_default();
    FieldError::add(&mut errors, meaning);
    wrong.extend(errors.iter().map(|error| match error.pointer.trim_start_matches('/') {
        "" => error.detail.clone(),
        field => format!("{field}: {}", error.detail),
    }));
    if wrong.is_empty() { Ok(preset) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &[(&str, &str)]) -> Result<Presets, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        load_presets(Some(folder.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn presets_are_read_from_files_and_stand_beside_the_built_in_ones() {
        let presets = loaded(&[
            ("house.toml", "description = 'Ours'\ncontainer = 'mp4'\n[video]\ncodec = 'h264'\nheight = 540\n[audio]\nloudness_lufs = -23"),
            ("clip.json", r#"{"container": "webm", "video": {"codec": "vp9"}}"#),
            ("README.md", "not a preset"),
        ])
        .unwrap();
        let house = presets.find("house").unwrap();
        assert_eq!((house.video.height, house.audio.loudness_lufs), (Some(540), Some(-23.0)));
        assert!(
            presets.find("clip").is_some() && presets.find("h264-720p").is_some() && presets.find("README").is_none()
        );
    }

    #[test]
    fn what_is_wrong_with_a_preset_names_its_file_and_field() {
        for (name, text, told) in [
            ("a.toml", "container = 'mp4'\n[video]\ncodec = 'h264'\ncrf = 99", "video/crf"),
            ("a.toml", "container = 'mp4'\n[video]\ncolour = 'red'", "colour"),
            ("a.toml", "container = ", "a.toml"),
            ("a.json", "{", "a.json"),
            ("a b.toml", "container = 'mp4'", "letters"),
            ("a.toml", "name = 'b'", "calls itself"),
        ] {
            let error = loaded(&[(name, text)]).expect_err(name);
            assert!(error.contains(told) && error.contains(name), "{error}");
        }
        let all = loaded(&[
            (
                "a.toml",
                "container = 'mp5'\n[video]\ncodec = 'h264'\ncrf = 99\ncolour = 'red'\n[audio]\nchannels = 'two'",
            ),
            ("b.json", r#"{"video": {"hieght": 720}}"#),
        ]);
        let all = all.unwrap_err();
        for told in [
            "a.toml is wrong: ",
            "container: it is mp4",
            "did you mean \"mp3\"?",
            "video/crf: crf is 0 to 51",
            "video/colour: there is no such field",
            "audio/channels: it must be a whole number, not \"two\"",
            "b.json is wrong: video/hieght: there is no such field; did you mean \"height\"?",
        ] {
            assert!(all.contains(told), "{told}: {all}");
        }
        let twice = loaded(&[("a.toml", "container = 'mp4'"), ("a.json", r#"{"container": "mp4"}"#)]).unwrap_err();
        assert!(twice.contains("two presets"), "{twice}");
        assert!(load_presets(Some(Path::new("/nowhere"))).is_err());
    }
}
