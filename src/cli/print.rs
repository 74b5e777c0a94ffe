//! Where a command writes: results on standard output, what people should know meanwhile on standard error.

use std::io::{self, Write as _};

use super::error::Error;

/// Writes a result to standard output.
///
/// # Errors
/// When it can't be written, for example because nobody reads any more.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a line to standard error. Where that can't be written nobody can be told.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
