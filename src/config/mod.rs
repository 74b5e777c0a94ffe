//! The settings of a server: plain data, and how flags, environment and file are laid over each other.

mod error;
mod flags;
mod limits;
mod presets;
mod settings;

pub use error::ConfigError;
pub use flags::{Flags, LogFormat};
pub use limits::Limits;
pub use presets::load_presets;
pub use settings::{DEFAULT_MEDIA_ROOT, Settings};
