//! `GET /v1/presets`

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::preset::{self, Preset};

/// The presets.
#[derive(Serialize, ToSchema)]
pub(super) struct Presets {
    /// All of them.
    items: &'static [Preset],
}

/// The presets that an output may name.
#[utoipa::path(get, path = "/v1/presets", tag = "media", responses((status = 200, body = Presets)))]
pub(super) async fn list() -> axum::Json<Presets> {
    axum::Json(Presets { items: preset::BUILT_IN })
}
