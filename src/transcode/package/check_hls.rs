//! Reads the playlists of a package back, and finds what is wrong with their form.

use std::collections::BTreeSet;
use std::path::Path;

use super::check::{CheckError, Told, ToldSegment, differs};
use super::error::PackageError;

/// Reads the playlist over all, and every playlist that it names.
pub(super) fn read(master: &Path) -> Result<Vec<Told>, CheckError> {
    let text = text(master)?;
    let mut named: BTreeSet<(String, Vec<String>)> = BTreeSet::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let codecs = attribute(attributes, "CODECS").unwrap_or_default();
            let codecs = codecs.split(',').map(str::to_owned).collect();
            match lines.next().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                Some(uri) => named.insert((uri.to_owned(), codecs)),
                None => return differs("a variant in the master playlist has no playlist".to_owned()),
            };
        } else if let Some(uri) = line.strip_prefix("#EXT-X-MEDIA:").and_then(|line| attribute(line, "URI")) {
            named.insert((uri.to_owned(), Vec::new()));
        }
    }
    if named.is_empty() {
        return differs("the master playlist names no playlist".to_owned());
    }
    let folder = master.parent().unwrap_or(master);
    named.into_iter().map(|(uri, codecs)| playlist(&inside(folder, &uri)?, codecs)).collect()
}

fn playlist(path: &Path, codecs: Vec<String>) -> Result<Told, CheckError> {
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = text(path)?;
    let folder = path.parent().unwrap_or(path);
    let mut told = Told { init: None, codecs, segments: Vec::new() };
    let (mut target, mut length) = (None, None);
    for line in text.lines() {
        if let Some(seconds) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            target = seconds.parse::<f64>().ok();
        } else if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
            told.init = attribute(map, "URI").map(|uri| inside(folder, uri)).transpose()?;
        } else if let Some(info) = line.strip_prefix("#EXTINF:") {
            length = info.split(',').next().and_then(|seconds| seconds.parse::<f64>().ok());
        } else if !line.starts_with('#') && !line.is_empty() {
            let Some(duration) = length.take() else { return differs(format!("{shown}: {line} has no length")) };
            if let Some(target) = target.filter(|target| duration.round() > *target) {
                return differs(format!("{shown}: {line} lasts {duration} s, the target is {target} s"));
            }
            told.segments.push(ToldSegment { path: inside(folder, line)?, start: None, duration: Some(duration) });
        }
    }
    match text.lines().last() {
        Some("#EXT-X-ENDLIST") if target.is_some() && !told.segments.is_empty() => Ok(told),
        Some("#EXT-X-ENDLIST") => differs(format!("{shown} has no target length or no segments")),
        last => differs(format!("{shown} ends with {:?} instead of #EXT-X-ENDLIST", last.unwrap_or_default())),
    }
}

fn text(path: &Path) -> Result<String, CheckError> {
    let text = std::fs::read_to_string(path).map_err(PackageError::io(path))?;
    if text.starts_with("#EXTM3U\n") { Ok(text) } else { differs(format!("{} isn't a playlist", path.display())) }
}

/// A path inside the package; ours never climb.
pub(super) fn inside(folder: &Path, uri: &str) -> Result<std::path::PathBuf, CheckError> {
    let harmless = uri.split('/').all(|part| !part.is_empty() && part != "." && part != "..") && !uri.contains(':');
    if harmless { Ok(folder.join(uri)) } else { differs(format!("{uri:?} leads out of the package")) }
}

/// An attribute of a tag, without its quotes.
fn attribute<'a>(mut attributes: &'a str, wanted: &str) -> Option<&'a str> {
    while let Some((name, rest)) = attributes.split_once('=') {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        if name == wanted {
            return Some(value);
        }
        attributes = after.strip_prefix(',').unwrap_or(after);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_behind_commas_and_signs_in_quotes() {
        let line = "TYPE=AUDIO,NAME=\"a,URI=b\",URI=\"c/index.m3u8\",N=1";
        assert_eq!(attribute(line, "URI"), Some("c/index.m3u8"));
        assert_eq!(attribute(line, "N"), Some("1"));
        assert_eq!(attribute(line, "TYPE"), Some("AUDIO"));
        assert_eq!(attribute(line, "X"), None);
        assert_eq!(attribute("A=\"", "X"), None);
    }

    #[test]
    fn nothing_leads_out_of_the_package() {
        let folder = Path::new("package");
        assert!(inside(folder, "video/1/init.mp4").is_ok());
        for uri in ["../x", "a/../../x", "/etc/passwd", "http://x/y", "", "a//b", "./a"] {
            assert!(inside(folder, uri).is_err(), "{uri}");
        }
    }
}
