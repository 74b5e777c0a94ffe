//! The settings of a server: plain data, and how flags, environment and file are laid over each other.

mod flags;
mod limits;
mod settings;

pub use flags::{Flags, LogFormat};
pub use limits::Limits;
pub use settings::{ConfigError, DEFAULT_MEDIA_ROOT, Settings};
