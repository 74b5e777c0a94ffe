//! Which of an input's tracks of one kind go into an output.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::invalid::FieldErrors;

/// The most tracks of one kind in one output.
const MOST_TRACKS: usize = 16;

/// Which of the input's tracks: `"main"` is the one that the file marks as default, else the first; `"all"`, `"none"`; or a
/// list of choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "give \"main\", \"all\", \"none\", or a list such as [{\"language\": \"eng\"}, {\"track\": 1}]"
)]
pub enum Tracks {
    /// By a word.
    Named(NamedTracks),
    /// These, in this order.
    Chosen(Vec<TrackChoice>),
}

impl Default for Tracks {
    fn default() -> Self {
        Self::Named(NamedTracks::Main)
    }
}

/// Words for tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedTracks {
    /// The one that the file marks as default, else the first.
    Main,
    /// All of them.
    All,
    /// None of them.
    None,
}

/// One track: give either a `language` or the number of the `track`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackChoice {
    /// Its language, as the file marks it, e.g. `eng` or `en`; the first one of that language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("eng"))]
    pub language: Option<String>,
    /// Its number among the tracks of its kind, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u32>,
}

impl Tracks {
    /// Whether it says what it would be anyway.
    #[must_use]
    pub fn is_main(&self) -> bool {
        matches!(self, Self::Named(NamedTracks::Main))
    }

    /// Whether there are to be none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Named(NamedTracks::None))
    }

    /// Whether it may stand for more than one.
    #[must_use]
    pub fn may_be_many(&self) -> bool {
        matches!(self, Self::Named(NamedTracks::All)) || matches!(self, Self::Chosen(chosen) if chosen.len() > 1)
    }

    pub(super) fn check(&self, at: &str, errors: &mut FieldErrors) {
        let Self::Chosen(chosen) = self else { return };
        let count = (1..=MOST_TRACKS).contains(&chosen.len());
        errors.check(count, at, format!("choose 1 to {MOST_TRACKS} tracks"));
        for (index, choice) in chosen.iter().enumerate() {
            let one = choice.language.is_some() != choice.track.is_some();
            errors.check(one, format!("{at}/{index}"), "give either a language or the number of a track");
            let plain = |text: &String| {
                (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            };
            errors.check(
                choice.language.as_ref().is_none_or(plain),
                format!("{at}/{index}/language"),
                "a language is written as \"eng\" or \"en\"",
            );
        }
    }
}

/// Whether two names stand for the same language: `en`, `eng`, `en-GB`.
#[must_use]
pub fn same_language(one: &str, other: &str) -> bool {
    let base = |text: &str| three_letters(text.split(['-', '_']).next().unwrap_or_default());
    base(one) == base(other)
}

/// The code of ISO 639-2/T for the two-letter one and for the older bibliographic ones; others stay.
#[must_use]
pub fn three_letters(language: &str) -> String {
    let language = language.to_ascii_lowercase();
    let long = match language.as_str() {
        "ar" => "ara",
        "bg" => "bul",
        "ca" => "cat",
        "cs" | "cze" => "ces",
        "da" => "dan",
        "de" | "ger" => "deu",
        "el" | "gre" => "ell",
        "en" => "eng",
        "es" => "spa",
        "et" => "est",
        "fa" | "per" => "fas",
        "fi" => "fin",
        "fr" | "fre" => "fra",
        "he" => "heb",
        "hi" => "hin",
        "hr" => "hrv",
        "hu" => "hun",
        "id" => "ind",
        "it" => "ita",
        "ja" => "jpn",
        "ko" => "kor",
        "lt" => "lit",
        "lv" => "lav",
        "nb" => "nob",
        "nl" | "dut" => "nld",
        "no" => "nor",
        "pl" => "pol",
        "pt" => "por",
        "ro" | "rum" => "ron",
        "ru" => "rus",
        "sk" | "slo" => "slk",
        "sl" => "slv",
        "sr" => "srp",
        "sv" => "swe",
        "th" => "tha",
        "tr" => "tur",
        "uk" => "ukr",
        "vi" => "vie",
        "zh" | "chi" => "zho",
        _ => return language,
    };
    long.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_the_same_however_they_are_spelled() {
        for (one, other) in [("en", "eng"), ("ger", "de"), ("en-GB", "ENG"), ("zh_TW", "chi"), ("xx", "xx")] {
            assert!(same_language(one, other), "{one} {other}");
        }
        assert!(!same_language("en", "fr") && !same_language("e", "en"));
    }

    #[test]
    fn tracks_are_named_or_chosen() {
        let read = |json: &str| serde_json::from_str::<Tracks>(json);
        assert!(read("\"main\"").unwrap().is_main() && read("\"none\"").unwrap().is_none());
        assert!(read("\"all\"").unwrap().may_be_many());
        assert!(!read(r#"[{"language": "eng"}]"#).unwrap().may_be_many());
        let error = read("\"some\"").unwrap_err().to_string();
        assert!(error.contains("\"main\", \"all\""), "{error}");
    }
}
