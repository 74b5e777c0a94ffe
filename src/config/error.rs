//! Why settings can't be used.

use std::io;
use std::path::PathBuf;

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the configuration file {} can't be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file isn't TOML, or holds unknown keys or wrong types.
    #[error("the configuration file {} is wrong: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// Several files can't be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<ConfigError>),
    /// A setting has a value that can't be used.
    #[error("{setting}: {message}")]
    Unusable {
        /// Its name.
        setting: &'static str,
        /// Why.
        message: String,
    },
}

/// # Errors
/// Where the value of `setting` is 0.
pub(super) fn check_positive(setting: &'static str, value: u64) -> Result<(), ConfigError> {
    if value == 0 { Err(ConfigError::Unusable { setting, message: "it must be at least 1".into() }) } else { Ok(()) }
}
