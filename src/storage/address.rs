//! Reads the name of an input: a relative path, a `file://` URL, an upload, or a URL of another server.
//!
//! Whether there is such a file, and whether it may be read, is up to `roots` and `uploads`; what may be fetched is none of
//! this room's business.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::roots::InputError;
use crate::domain::id::UploadId;
use crate::domain::input::is_web;

/// The longest name of an input in bytes, as for any path on Linux.
const LONGEST: usize = 4095;

/// What an input's name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A path relative to a media root.
    Relative(PathBuf),
    /// An absolute path, from a URL.
    Absolute(PathBuf),
    /// What a client has uploaded.
    Upload(UploadId),
    /// A `http(s)://` URL, read no further.
    Web,
}

/// Reads the name of an input.
pub(super) fn read(input: &str) -> Result<Address, InputError> {
    if input.is_empty() {
        return Err(InputError::Odd { why: "is empty" });
    }
    if input.len() > LONGEST {
        return Err(InputError::Odd { why: "is too long" });
    }
    if let Some(rest) = strip_file_scheme(input) {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let bytes = decode(path)?;
        check_bytes(&bytes)?;
        let path = PathBuf::from(OsString::from_vec(bytes));
        return if path.is_absolute() { Ok(Address::Absolute(path)) } else { Err(NOT_ABSOLUTE) };
    }
    if let Some(id) = input.strip_prefix("upload:") {
        return id.parse().map(Address::Upload).map_err(|_| NO_UPLOAD_ID);
    }
    if is_web(input) {
        return Ok(Address::Web);
    }
    if let Some(scheme) = scheme(input) {
        return Err(InputError::Unsupported { scheme: scheme.to_owned() });
    }
    check_bytes(input.as_bytes())?;
    Ok(Address::Relative(PathBuf::from(input)))
}

const NO_UPLOAD_ID: InputError =
    InputError::Odd { why: "names no upload: after upload: comes the id as it was answered" };
const NOT_ABSOLUTE: InputError = InputError::Odd { why: "names no absolute path after file://" };

fn strip_file_scheme(input: &str) -> Option<&str> {
    let (scheme, rest) = input.split_at_checked("file://".len())?;
    scheme.eq_ignore_ascii_case("file://").then_some(rest)
}

/// The scheme before a colon, as RFC 3986 spells schemes. `./12:30.mp4` has none, since a slash comes first.
fn scheme(input: &str) -> Option<&str> {
    let (scheme, _) = input.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain)).then_some(scheme)
}

fn check_bytes(bytes: &[u8]) -> Result<(), InputError> {
    if bytes.iter().any(u8::is_ascii_control) {
        return Err(InputError::Odd { why: "holds a control character" });
    }
    Ok(())
}

/// Decodes `%20` and the like.
fn decode(text: &str) -> Result<Vec<u8>, InputError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        decoded.push(value.ok_or(InputError::Odd { why: "holds a % that no two hexadecimal digits follow" })?);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_and_file_urls_are_read() {
        for (input, path) in [("a.mp4", "a.mp4"), ("./12:30.mp4", "./12:30.mp4"), ("a/%20.mp4", "a/%20.mp4")] {
            assert_eq!(read(input).unwrap(), Address::Relative(path.into()));
        }
        for (input, path) in
            [("file:///m/a%20b.mp4", "/m/a b.mp4"), ("FILE://localhost/m/a", "/m/a"), ("file:///%C3%BC", "/ü")]
        {
            assert_eq!(read(input).unwrap(), Address::Absolute(path.into()));
        }
    }

    #[test]
    fn uploads_are_named_by_their_ids() {
        let id = "019234ab-5678-7def-8123-456789abcdef";
        assert_eq!(read(&format!("upload:{id}")).unwrap(), Address::Upload(id.parse().unwrap()));
        for odd in ["upload:", "upload:../a", "upload:019234AB-5678-7def-8123-456789abcdef"] {
            assert_eq!(read(odd), Err(NO_UPLOAD_ID), "{odd}");
        }
    }

    #[test]
    fn urls_of_other_servers_are_told_apart() {
        for input in ["https://example.org/a.mp4", "HTTP://127.0.0.1/", "http://"] {
            assert_eq!(read(input).unwrap(), Address::Web);
        }
    }

    #[test]
    fn other_schemes_are_named_and_refused() {
        for (input, name) in [
            ("https:example.org/a.mp4", "https"),
            ("ftp://example.org/a.mp4", "ftp"),
            ("s3://bucket/key", "s3"),
            ("concat:a|b", "concat"),
            ("pipe:0", "pipe"),
            ("data:text/plain,x", "data"),
            ("file:a.mp4", "file"),
        ] {
            match read(input) {
                Err(InputError::Unsupported { scheme }) => assert_eq!(scheme, name),
                other => panic!("{input}: {other:?}"),
            }
        }
    }

    #[test]
    fn odd_names_are_refused() {
        let long = "x".repeat(4096);
        for input in
            ["", "a\0b", "a\nb", "file://m/a", "file:///a%0ab", "file:///a%00", "file:///a%2", "file:///%zz", &long]
        {
            assert!(matches!(read(input), Err(InputError::Odd { .. })), "{input:?}");
        }
    }
}
