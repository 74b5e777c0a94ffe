//! `/v1/jobs`: one endpoint a file.

pub(super) mod cancel;
mod conditions;
pub(super) mod get;
pub(super) mod hold;
pub(super) mod list;
pub(super) mod log;
pub(super) mod output;
pub(super) mod retry;
pub(super) mod salvage;
pub(super) mod submit;
