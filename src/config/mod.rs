//! The settings of a server: plain data, and how flags, environment and file are laid over each other.

mod flags;
mod settings;

pub use flags::{Flags, LogFormat};
pub use settings::{ConfigError, DEFAULT_MEDIA_ROOT, Settings};
