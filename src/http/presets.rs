//! `GET /v1/presets`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::context::Context;
use crate::domain::preset::Preset;

/// The presets.
#[derive(Serialize, ToSchema)]
pub(super) struct Presets {
    /// All of them, the built-in ones first.
    items: Vec<Preset>,
}

/// The presets that an output may name.
#[utoipa::path(get, path = "/v1/presets", tag = "media", responses((status = 200, body = Presets)))]
pub(super) async fn list(State(context): State<Context>) -> axum::Json<Presets> {
    axum::Json(Presets { items: context.presets.all().to_vec() })
}
