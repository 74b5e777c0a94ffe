//! The operator's own presets: files in a folder, read and checked at the start.

use std::path::Path;

use super::error::ConfigError;
use crate::domain::preset::{Preset, Presets};

/// The longest name of a preset, in bytes.
const LONGEST_NAME: usize = 64;

/// The built-in presets and those of `folder`.
///
/// # Errors
/// Where the folder or one of its presets can't be used.
pub fn load_presets(folder: Option<&Path>) -> Result<Presets, ConfigError> {
    let Some(folder) = folder else { return Ok(Presets::built_in()) };
    let unreadable = |source| ConfigError::Unreadable { path: folder.to_owned(), source };
    let mut own = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let known = path.extension().is_some_and(|ending| ending == "toml" || ending == "json");
        if known {
            own.push(read(&path)?);
        }
    }
    own.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(pair) = own.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let message = format!("there are two presets called {:?}", pair[0].name);
        return Err(ConfigError::Wrong { path: folder.to_owned(), message });
    }
    Ok(Presets::built_in().with(own))
}

fn read(path: &Path) -> Result<Preset, ConfigError> {
    let wrong = |message: String| ConfigError::Wrong { path: path.to_owned(), message };
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let preset: Result<Preset, String> = if path.extension().is_some_and(|ending| ending == "json") {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    let preset = preset.map_err(|message| wrong(message.trim().to_owned()))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if stem.is_empty() || stem.len() > LONGEST_NAME || !stem.chars().all(plain) {
        return Err(wrong("a preset is called as its file, with letters, digits, \".\", \"_\" and \"-\"".to_owned()));
    }
    if !preset.name.is_empty() && preset.name != stem {
        return Err(wrong(format!("it calls itself {:?}, but its file says {stem:?}", preset.name)));
    }
    let preset = Preset { name: stem.to_owned(), ..preset };
    match preset.check() {
        Ok(()) => Ok(preset),
        Err(errors) => {
            let told: Vec<String> = errors
                .iter()
                .map(|error| format!("{}: {}", error.pointer.trim_start_matches('/'), error.detail))
                .collect();
            Err(wrong(told.join("; ")))
        }
    }
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
        let twice = loaded(&[("a.toml", "container = 'mp4'"), ("a.json", r#"{"container": "mp4"}"#)]).unwrap_err();
        assert!(twice.contains("two presets"), "{twice}");
        assert!(load_presets(Some(Path::new("/nowhere"))).is_err());
    }
}
