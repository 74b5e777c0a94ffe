//! Still pictures of a film: one, several in a folder, or sheets of small ones for a player's scrub bar.

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::domain::format::Container;
use crate::domain::invalid::FieldErrors;

/// The most pictures in one folder.
const MOST_PICTURES: u32 = 10_000;
/// The most times that can be listed.
const MOST_TIMES: usize = 200;

/// One picture. The `video` beside it says how large; by default as large as the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureSettings {
    /// When, in milliseconds from the start of what `trim` leaves of the input; by default a time is chosen at which it isn't black.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

/// Pictures in a folder, `00001.jpg`, `00002.jpg`, …; give one of `every_ms`, `at_ms` and `count`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThumbnailSettings {
    /// One after each so many milliseconds, the first at the start; at least 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100)]
    pub every_ms: Option<u64>,
    /// At these times, in milliseconds from the start of what `trim` leaves of the input, growing; up to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<Vec<u64>>,
    /// So many, evenly spread, 1 to 10 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: Option<u32>,
    /// Their format, `jpg`, `png` or `webp`; by default `jpg`.
    #[serde(default, deserialize_with = "picture_format", skip_serializing_if = "Option::is_none")]
    pub format: Option<Container>,
}

/// The name of a format of pictures, or null.
fn picture_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Container>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let mut formats = Container::ALL.into_iter().filter(|container| container.is_picture());
    let known = formats.find(|container| container.name() == text);
    known.map(Some).ok_or_else(|| de::Error::custom("a picture is jpg, png or webp"))
}

/// Sheets of small pictures and a `storyboard.vtt` that says which part of which sheet belongs to which time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoryboardSettings {
    /// The time between two pictures, at least 100; by default a hundredth of the film, from 1 to 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100)]
    pub every_ms: Option<u64>,
    /// How wide a small picture is, 16 to 640 pixels; by default 160.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 640)]
    pub width: Option<u32>,
    /// Pictures beside each other on a sheet, 1 to 20; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub columns: Option<u32>,
    /// Pictures below each other on a sheet, 1 to 20; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub rows: Option<u32>,
}

/// When pictures are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// After each so many milliseconds, the first at the start.
    EveryMs(u64),
    /// At these milliseconds.
    AtMs(Vec<u64>),
    /// So many, evenly spread.
    Count(u32),
}

/// A storyboard, checked and complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoryboardSpec {
    /// The time between two pictures; without it one that suits the film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// How wide a small picture is.
    pub width: u32,
    /// Pictures beside each other.
    pub columns: u32,
    /// Pictures below each other.
    pub rows: u32,
}

impl ThumbnailSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        let timed = self.every_ms.is_some() || self.at_ms.is_some() || self.count.is_some();
        let format = self.format.or(base.format);
        if timed { Self { format, ..self } } else { Self { format, ..base.clone() } }
    }

    pub(super) fn complete(self, at: &str, errors: &mut FieldErrors) -> (Times, Container) {
        let format = self.format.unwrap_or(Container::Jpg);
        errors.check(format.is_picture(), format!("{at}/format"), "a picture is jpg, png or webp");
        let times = match (self.every_ms, self.at_ms, self.count) {
            (Some(every), None, None) => {
                errors.check(every >= 100, format!("{at}/every_ms"), "every_ms is at least 100");
                Times::EveryMs(every)
            }
            (None, Some(times), None) => {
                let fits = (1..=MOST_TIMES).contains(&times.len());
                errors.check(fits, format!("{at}/at_ms"), format!("list 1 to {MOST_TIMES} times"));
                let growing = times.windows(2).all(|pair| pair[0] < pair[1]);
                errors.check(growing, format!("{at}/at_ms"), "each time must be later than the one before");
                Times::AtMs(times)
            }
            (None, None, Some(count)) => {
                let fits = (1..=MOST_PICTURES).contains(&count);
                errors.check(fits, format!("{at}/count"), format!("count is 1 to {MOST_PICTURES}"));
                Times::Count(count)
            }
            (None, None, None) => Times::Count(10),
            _ => {
                errors.add(at, "give one of every_ms, at_ms and count");
                Times::Count(1)
            }
        };
        (times, format)
    }
}

impl StoryboardSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            every_ms: self.every_ms.or(base.every_ms),
            width: self.width.or(base.width),
            columns: self.columns.or(base.columns),
            rows: self.rows.or(base.rows),
        }
    }

    pub(super) fn complete(self, at: &str, errors: &mut FieldErrors) -> StoryboardSpec {
        let spec = StoryboardSpec {
            every_ms: self.every_ms,
            width: self.width.unwrap_or(160),
            columns: self.columns.unwrap_or(10),
            rows: self.rows.unwrap_or(10),
        };
        errors.check(
            spec.every_ms.is_none_or(|every| every >= 100),
            format!("{at}/every_ms"),
            "every_ms is at least 100",
        );
        errors.check((16..=640).contains(&spec.width), format!("{at}/width"), "width is 16 to 640 pixels");
        for (field, count) in [("columns", spec.columns), ("rows", spec.rows)] {
            errors.check((1..=20).contains(&count), format!("{at}/{field}"), format!("{field} is 1 to 20"));
        }
        spec
    }
}
