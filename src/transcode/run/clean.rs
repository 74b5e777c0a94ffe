//! Makes ffmpeg's words fit for clients: no paths of the server, no credentials, bounded.

use std::path::Path;

use crate::domain::log::LogLevel;

/// The longest line in bytes.
const LONGEST: usize = 2048;

/// Knows the paths of one attempt and what clients call them.
#[derive(Clone, Debug, Default)]
pub(in crate::transcode) struct Cleaner {
    names: Vec<(String, String)>,
}

impl Cleaner {
    /// Replaces each path by the name beside it. Longer paths go first, so that a folder doesn't hide what is in it.
    pub(in crate::transcode) fn new<'a>(names: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Self {
        let mut names: Vec<(String, String)> = names
            .into_iter()
            .map(|(path, name)| (path.to_string_lossy().into_owned(), name.to_owned()))
            .filter(|(path, _)| path.len() > 1)
            .collect();
        names.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self { names }
    }

    /// A line of ffmpeg's log: its level, and what it says without marks, paths and secrets.
    pub(in crate::transcode) fn line(&self, raw: &str) -> (LogLevel, String) {
        let (level, text) = split_level(raw);
        (level, self.text(&text))
    }

    /// A line without the paths in it, to be searched for words.
    pub(in crate::transcode) fn nameless(&self, raw: &str) -> String {
        self.names
            .iter()
            .fold(raw.to_owned(), |text, (path, _)| text.replace(&format!("file:{path}"), "").replace(path, ""))
    }

    /// Any text without paths and secrets, on one line.
    pub(in crate::transcode) fn text(&self, raw: &str) -> String {
        let mut text: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        for (path, name) in &self.names {
            text = text.replace(&format!("file:{path}"), name).replace(path, name);
        }
        let mut text = without_paths(&without_credentials(&text));
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        text
    }
}

/// Takes the `[error]` and the `[mov @ 0x55d0c8]` from the beginning of a line.
fn split_level(raw: &str) -> (LogLevel, String) {
    let (mut level, mut origin, mut rest) = (LogLevel::Info, "", raw);
    while let Some((mark, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        match mark {
            "panic" | "fatal" | "error" => level = LogLevel::Error,
            "warning" => level = LogLevel::Warning,
            "info" => level = LogLevel::Info,
            "verbose" | "debug" | "trace" => level = LogLevel::Debug,
            _ => match mark.split_once(" @ 0x") {
                Some((name, _)) => origin = name,
                None => break,
            },
        }
        rest = after;
    }
    let text = if origin.is_empty() { rest.to_owned() } else { format!("{origin}: {rest}") };
    (level, text)
}

/// Replaces what stands between `://` and `@`, and what follows a `?` in an address.
fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "'\"<>".contains(c)).unwrap_or(after.len());
        let (address, next) = after.split_at(end);
        let host = address.find(['/', '?', '#']).unwrap_or(address.len());
        let address = match address[..host].rfind('@') {
            Some(at) => &address[at + 1..],
            None => address,
        };
        match address.split_once('?') {
            Some((bare, _)) => clean.extend([bare, "?…"]),
            None => clean.push_str(address),
        }
        rest = next;
    }
    clean.push_str(rest);
    clean
}

/// Replaces absolute paths that are left over, such as `/usr/share/fonts/x.ttf`, by their last part.
fn without_paths(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let (before, after) = rest.split_at(at);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "'\",;()<>|".contains(c)).unwrap_or(after.len());
        let (path, next) = after.split_at(end);
        let starts_word = before.is_empty() && clean.is_empty()
            || before.ends_with(|c: char| c.is_whitespace() || "'\"=:(,;|<".contains(c));
        let address = before.ends_with(':') && path.starts_with("//");
        if starts_word && !address && path[1..].contains('/') {
            clean.push('…');
            clean.push_str(&path[path.trim_end_matches([':', '/']).rfind('/').unwrap_or(0)..]);
        } else {
            clean.push_str(path);
        }
        rest = next;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaner() -> Cleaner {
        Cleaner::new([
            (Path::new("/srv/media/a.mov"), "a.mov"),
            (Path::new("/var/lib/work/1-1/outputs/.0.mp4"), "out.mp4"),
            (Path::new("/var/lib/work/1-1/outputs"), "{output}"),
        ])
    }

    #[test]
    fn marks_become_levels_and_known_paths_names() {
        for (raw, level, text) in [
            ("[error] file:/srv/media/a.mov: Invalid data", LogLevel::Error, "a.mov: Invalid data"),
            ("[mov,mp4 @ 0x55d0] [warning] odd", LogLevel::Warning, "mov,mp4: odd"),
            ("[in#0 @ 0x5] [mov @ 0x6] [fatal] x", LogLevel::Error, "mov: x"),
            (
                "[info] Output #0, to 'file:/var/lib/work/1-1/outputs/.0.mp4':",
                LogLevel::Info,
                "Output #0, to 'out.mp4':",
            ),
            ("{output}", LogLevel::Info, "{output}"),
            ("[out] plain", LogLevel::Info, "[out] plain"),
            ("  Stream 25/1 kb/s N/A and 16/9", LogLevel::Info, "  Stream 25/1 kb/s N/A and 16/9"),
        ] {
            assert_eq!(cleaner().line(raw), (level, text.to_owned()), "{raw}");
        }
    }

    #[test]
    fn other_paths_and_secrets_are_cut_out() {
        for (raw, text) in [
            ("open /etc/ssl/private/key.pem: denied", "open …/key.pem: denied"),
            ("'/a/b/c d'", "'…/c d'"),
            ("x=/home/user/.ssh/id", "x=…/id"),
            ("https://user:pass@host/a.mp4?token=abc failed", "https://host/a.mp4?… failed"),
            ("a\r\nb\0c", "a  b c"),
        ] {
            assert_eq!(cleaner().text(raw), text, "{raw}");
        }
        assert!(cleaner().text(&"é".repeat(5000)).len() <= LONGEST + 3);
    }
}
