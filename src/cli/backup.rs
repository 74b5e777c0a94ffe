//! `transcoded backup`

use std::io;

use serde_json::json;

use super::args::Backup;
use super::error::Error;
use super::outcome::Outcome;
use super::print::print;
use super::text::size;
use crate::config::{Flags, Settings};
use crate::db;

/// Copies the database of a server, which may be running, and shows where the copy is.
pub(super) fn backup(args: &Backup) -> Result<Outcome, Error> {
    let Backup { config, data_dir, database_url, .. } = args.clone();
    let flags = Flags { config, data_dir, database_url, ..Flags::default() };
    let database = Settings::load(flags).map_err(|error| Error::Usage(error.to_string()))?.database;
    if !database.exists() {
        let shown = database.display();
        let message = format!("there is no database at {shown}; name the server's data folder with --data-dir");
        return Err(Error::Usage(message));
    }
    let path = args.file.display();
    db::backup(&database, &args.file).map_err(|error| match error {
        db::Error::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
            Error::File(format!("{path} is there already, and nothing is overwritten; name another file"))
        }
        error => Error::File(error.to_string()),
    })?;
    let bytes = args.file.metadata().map_err(|error| Error::File(format!("{path}: {error}")))?.len();
    if args.json {
        print(&format!("{}\n", json!({ "path": args.file.to_string_lossy(), "size_bytes": bytes })))?;
    } else {
        print(&format!("{path}  {}\n", size(bytes)))?;
    }
    Ok(Outcome::Done)
}
