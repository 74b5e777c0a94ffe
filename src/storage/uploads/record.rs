//! The small file beside an upload's bytes: what is known of it besides them.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// What is known of an upload besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// How long it will be; `None` as long as its client hasn't said.
    pub(super) length: Option<u64>,
    /// What its client calls it; never used as a path.
    pub(super) filename: Option<String>,
    /// tus's own form of what its client says of it, to be given back.
    pub(super) metadata: Option<String>,
    /// When it began.
    pub(super) created_at: Timestamp,
    /// The bytes from here on are to be compared with a checksum, and don't count before.
    pub(super) unchecked_from: Option<u64>,
}

impl Record {
    /// Reads a record; `None` where there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a record in one step. It is on the disk when this returns, its name once the folder is synced.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let aside = path.with_extension("json.new");
        let written = fs::File::create(&aside).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()
        });
        let kept = written.and_then(|()| fs::rename(&aside, path));
        if kept.is_err() {
            // A full disk must not be left fuller.
            let _ = fs::remove_file(&aside);
        }
        kept
    }
}
