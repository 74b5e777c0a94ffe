//! What a reader says of a document, in words for people who know neither the reader nor the types behind it.

use std::fmt;

use serde_json::error::Category;

use crate::domain::invalid::names;

/// How alike two names must be for one to be meant by the other, 0 to 1.
const ALIKE: f64 = 0.8;
/// What people call things that have another name here.
const ALIASES: [(&str, &str); 6] =
    [("h265", "hevc"), ("x265", "hevc"), ("libx265", "hevc"), ("avc", "h264"), ("wave", "wav"), ("vorbis", "opus")];
/// The longest piece of a document that is quoted back, in characters.
const LONGEST_QUOTE: usize = 60;

/// Why one field can't be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A field of this name is needed.
    Missing(String),
    /// There is no field of that name, but those.
    Unknown(String, Vec<String>),
    /// There is no such choice, but those.
    NoChoice(String, Vec<String>),
    /// It is one kind of thing, and should be the other.
    Kind(String, String),
    /// In words of our own.
    Other(String),
}

impl Trouble {
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let told = error.to_string();
        Self::read(&told).unwrap_or(Self::Other(told))
    }

    /// serde's sentences, which stand in `serde::de::Error`; serde has no other form of them.
    fn read(told: &str) -> Option<Self> {
        // A name may hold a backtick itself, but what serde says behind it doesn't.
        let named = |rest: &str| {
            let (name, choices) = rest.rsplit_once("`, expected ").or_else(|| rest.rsplit_once("`, there are no "))?;
            Some((name.to_owned(), choices.split('`').skip(1).step_by(2).map(str::to_owned).collect()))
        };
        if let Some(rest) = told.strip_prefix("missing field `") {
            return Some(Self::Missing(rest.strip_suffix('`')?.to_owned()));
        }
        if let Some(rest) = told.strip_prefix("unknown field `") {
            return named(rest).map(|(name, choices)| Self::Unknown(name, choices));
        }
        if let Some(rest) = told.strip_prefix("unknown variant `") {
            return named(rest).map(|(name, choices)| Self::NoChoice(name, choices));
        }
        let rest = told.strip_prefix("invalid type: ").or_else(|| told.strip_prefix("invalid value: "))?;
        let (found, expected) = rest.rsplit_once(", expected ")?;
        Some(Self::Kind(found.to_owned(), expected.to_owned()))
    }

    /// The field that is missing, which wasn't being read when that was found.
    pub(super) fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(_) => f.write_str("it is missing"),
            Self::Unknown(name, known) => match meant(name, known) {
                Some(meant) => write!(f, "there is no such field; did you mean {meant:?}?"),
                None if known.is_empty() => f.write_str("there is no such field"),
                None => write!(f, "there is no such field; there are {}", all(known)),
            },
            Self::NoChoice(name, known) => {
                write!(f, "it is {}, not {}", all(known), quoted(name))?;
                meant(name, known).map_or(Ok(()), |meant| write!(f, "; did you mean {meant:?}?"))
            }
            Self::Kind(found, expected) => write!(f, "it must be {}, not {}", kind(found, expected), value(found)),
            Self::Other(words) => f.write_str(words),
        }
    }
}

fn all(known: &[String]) -> String {
    names(known.iter().map(String::as_str))
}

/// Which of the known names somebody meant.
fn meant<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['-', '_', ' ', '.'], "").to_lowercase();
    let wanted = plain(&name.chars().take(LONGEST_QUOTE).collect::<String>());
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == wanted) {
        return known.iter().find(|known| known == name).map(String::as_str);
    }
    let alike = known.iter().map(|known| (strsim::jaro_winkler(&wanted, &plain(known)), known));
    let best = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

/// What is there, as it was written.
fn value(found: &str) -> String {
    match found {
        "sequence" | "tuple variant" => "a list".to_owned(),
        "map" | "struct variant" => "an object".to_owned(),
        "null" | "unit value" | "Option value" | "unit variant" => "null".to_owned(),
        _ => match found.strip_prefix("string ") {
            Some(text) => quoted(&serde_json::from_str::<String>(text).unwrap_or_else(|_| unquoted(text).to_owned())),
            None => found.split('`').nth(1).unwrap_or(found).to_owned(),
        },
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What should be there.
fn kind(found: &str, expected: &str) -> String {
    let whole = ["i32", "i64", "u8", "u16", "u32", "u64"].contains(&expected);
    match expected {
        "i32" | "i64" if found.starts_with("integer `-") => "a larger number".to_owned(),
        _ if whole && found.starts_with("integer `-") => "0 or more".to_owned(),
        _ if whole && found.starts_with("integer `") => "a smaller number".to_owned(),
        _ if whole => "a whole number".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "string or map" | "map with a single key" | "unit" | "variant identifier" | "a string" | "field identifier" => {
            "a string".to_owned()
        }
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ if expected.starts_with("enum ") || expected.starts_with("variant ") => "a string".to_owned(),
        other => other.to_owned(),
    }
}

/// Why something is no JSON, and where.
pub(super) fn syntax(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    let told = match told {
        _ if error.classify() == Category::Eof => "it ends too early",
        "expected value" | "expected ident" => "a value is expected",
        "trailing characters" => "something follows behind its end",
        "trailing comma" => "there is a comma too many",
        "key must be a string" => "a field's name in double quotes is expected",
        "recursion limit exceeded" => "it is nested too deeply",
        "number out of range" => "a number is too large",
        "invalid number" => "a number isn't written as JSON wants it",
        "expected `:`" => "a colon is expected behind a field's name",
        "expected `,` or `}`" => "a comma or a closing brace is expected",
        "expected `,` or `]`" => "a comma or a closing bracket is expected",
        "invalid unicode code point" | "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "a text holds a character that there isn't"
        }
        "invalid escape" => "a text holds a backslash with a meaning that JSON doesn't know",
        other if other.starts_with("control character") => {
            "a text holds a line break or another control character; write it as \\n or \\u…"
        }
        other => other,
    };
    format!("{told} (line {}, column {})", error.line(), error.column())
}
