//! What is wrong with a request, field by field.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One field that can't be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the request, e.g. `/outputs/0/name`; empty for the whole.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl FieldError {
    /// Whether it is about the same field as the other, or about one inside it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.pointer.strip_prefix(&other.pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Adds what else was found to what was `known` before, but for what that explains: something is told once of a field, and
    /// where one couldn't be taken nothing is told of those that were judged by what stood in its place.
    pub fn add(known: &mut Vec<Self>, more: Vec<Self>) {
        let is_new = |error: &Self| !known.iter().any(|known| error.is_within(known) || error.is_judged_by(known));
        let more: Vec<Self> = more.into_iter().filter(is_new).collect();
        known.extend(more);
    }

    /// Whether it is about a field whose bounds depend on the other: those of a section on its codec, and those of an output on
    /// its container, which its name or its preset may tell.
    fn is_judged_by(&self, other: &Self) -> bool {
        let Some((section, judge)) = other.pointer.rsplit_once('/') else { return false };
        let Some(rest) = self.pointer.strip_prefix(section) else { return false };
        let field = rest.rsplit('/').next().unwrap_or_default();
        match judge {
            "codec" => ["", "crf", "bitrate_bps", "channels", "sample_rate_hz", "loudness_lufs"].contains(&field),
            "aspect" | "width" | "height" => field == "fit" || field == "upscale",
            "container" | "name" | "preset" => ["", "codec", "tracks", "video", "audio", "name"].contains(&field),
            _ => false,
        }
    }
}

/// The errors that were found so far in a request.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds an error.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }

    /// Adds an error unless the condition holds.
    pub fn check(&mut self, holds: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.add(pointer, detail);
        }
    }

    /// `value` where nothing was wrong.
    ///
    /// # Errors
    /// Everything that was added.
    pub fn or<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// `a, b or c`.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
