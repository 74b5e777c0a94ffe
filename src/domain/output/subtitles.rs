//! The subtitles of an output.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tracks::{NamedTracks, Tracks};
use crate::domain::format::Container;
use crate::domain::invalid::FieldErrors;

/// The subtitles that go into an output; by default none, but for an output that is nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubtitleSettings {
    /// Which of the input's tracks. Those that are text can be brought into any container; those that are pictures only into
    /// mkv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Tracks>,
}

impl SubtitleSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self { tracks: self.tracks.or_else(|| base.tracks.clone()) }
    }

    pub(super) fn complete(self, container: Container, at: &str, errors: &mut FieldErrors) -> Tracks {
        let usual = if container.is_text() { NamedTracks::Main } else { NamedTracks::None };
        let tracks = self.tracks.unwrap_or(Tracks::Named(usual));
        let at = format!("{at}/tracks");
        errors.check(
            container.holds_subtitles() || tracks.is_none(),
            at.clone(),
            format!(
                "{container} holds no subtitles; ask for them as an output of their own, such as \"subtitles.vtt\""
            ),
        );
        errors.check(
            !container.is_text() || !(tracks.may_be_many() || tracks.is_none()),
            at.clone(),
            format!("{container} is one track; choose one"),
        );
        tracks.check(&at, errors);
        tracks
    }
}
