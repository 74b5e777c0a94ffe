//! tus's headers: their names, and what is read from them.

use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::problem::Problem;
use crate::storage::{Checksum, Digest, NewUpload};

pub(in crate::http) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(in crate::http) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The longest `Upload-Metadata` in bytes.
const LONGEST_METADATA: usize = 8192;
/// The longest name of a file in bytes.
const LONGEST_NAME: usize = 255;

/// A number of bytes.
///
/// # Errors
/// 400 where it is none.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    // Without the sign that Rust would take.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.map(Some).ok_or_else(|| Problem::malformed(format!("{name} must be a number of bytes")))
}

/// The one value of a header.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| Problem::malformed(format!("{name} must be plain ASCII")))
        }
        _ => Err(Problem::malformed(format!("there is more than one {name}"))),
    }
}

/// What a client says of an upload that begins.
///
/// # Errors
/// 400 where the headers contradict each other or can't be read.
pub(super) fn new_upload(headers: &HeaderMap) -> Result<NewUpload, Problem> {
    let length = number(headers, &UPLOAD_LENGTH)?;
    match (length, text(headers, &UPLOAD_DEFER_LENGTH)?) {
        (Some(_), None) | (None, Some("1")) => {}
        _ => return Err(Problem::malformed("an upload begins with Upload-Length, or with Upload-Defer-Length: 1")),
    }
    let metadata = text(headers, &UPLOAD_METADATA)?.filter(|metadata| !metadata.is_empty());
    let filename = metadata.map(filename_in).transpose()?.flatten();
    Ok(NewUpload { length, filename, metadata: metadata.map(str::to_owned) })
}

/// The value of `filename` in `key base64,key base64`.
fn filename_in(metadata: &str) -> Result<Option<String>, Problem> {
    let odd =
        || Problem::malformed("Upload-Metadata must be pairs of a key and a value in Base64, with commas between");
    if metadata.len() > LONGEST_METADATA {
        return Err(Problem::malformed(format!("Upload-Metadata may have {LONGEST_METADATA} bytes at most")));
    }
    let mut found = None;
    for pair in metadata.split(',') {
        let pair = pair.trim();
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() {
            return Err(odd());
        }
        let value = STANDARD.decode(value.trim()).map_err(|_| odd())?;
        if key == "filename" {
            found = plain_name(&String::from_utf8_lossy(&value));
        }
    }
    Ok(found)
}

/// A file's name as it is shown: without control characters, bounded. It is never used as a path.
pub(super) fn plain_name(name: &str) -> Option<String> {
    let mut name: String = name.chars().filter(|c| !c.is_control()).collect();
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    (!name.is_empty()).then_some(name)
}

/// The checksum of a request's bytes.
///
/// # Errors
/// 400 where it can't be read or is of a kind that isn't known.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let Some(text) = text(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
    let (name, value) = text.split_once(' ').unwrap_or((text, ""));
    let (digest, length) = match name {
        "sha1" => (Digest::Sha1, 20),
        "sha256" => (Digest::Sha256, 32),
        _ => return Err(Problem::malformed("Upload-Checksum must begin with sha1 or sha256")),
    };
    let expected = STANDARD.decode(value.trim()).ok().filter(|expected| expected.len() == length);
    let odd = || Problem::malformed(format!("Upload-Checksum must have {length} bytes in Base64 after {name}"));
    expected.map(|expected| Some(Checksum { digest, expected })).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_upload_begins_with_its_length_or_without_one() {
        assert_eq!(new_upload(&map(&[(UPLOAD_LENGTH, "5")])).unwrap().length, Some(5));
        assert_eq!(new_upload(&map(&[(UPLOAD_DEFER_LENGTH, "1")])).unwrap().length, None);
        for odd in [
            &[][..],
            &[(UPLOAD_LENGTH, "-1")],
            &[(UPLOAD_LENGTH, "+1")],
            &[(UPLOAD_LENGTH, "")],
            &[(UPLOAD_LENGTH, "99999999999999999999")],
            &[(UPLOAD_DEFER_LENGTH, "2")],
            &[(UPLOAD_LENGTH, "5"), (UPLOAD_DEFER_LENGTH, "1")],
        ] {
            assert_eq!(new_upload(&map(odd)).unwrap_err().status, 400, "{odd:?}");
        }
    }

    #[test]
    fn the_name_is_found_in_the_metadata() {
        let name = |metadata: &str| filename_in(metadata).map(Option::unwrap_or_default).map_err(|_| ());
        assert_eq!(name("filetype dmlkZW8=,filename w7wubXA0"), Ok("ü.mp4".to_owned()));
        assert_eq!(name("secret"), Ok(String::new()));
        assert_eq!(name("filename YQoAYg=="), Ok("ab".to_owned()), "no control characters");
        assert!(name("filename !").is_err() && name(",").is_err() && name(&"a".repeat(9000)).is_err());
    }

    #[test]
    fn checksums_are_of_known_kinds_and_whole() {
        let read = |text: &str| checksum(&map(&[(UPLOAD_CHECKSUM, text)])).map(|sum| sum.map(|sum| sum.digest));
        assert_eq!(read("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap(), Some(Digest::Sha1));
        for odd in ["sha1 abcd", "sha1", "md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert_eq!(read(odd).unwrap_err().status, 400, "{odd}");
        }
    }
}
