//! Whether a server could keep its data where it is to be kept.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::cli::text::size;

const SUBJECT: &str = "data folder";
/// With less than this, jobs soon fail.
const LITTLE: u64 = 2 << 30;
/// With less than this, a database can't even be kept.
const NOTHING: u64 = 64 << 20;

/// Looks at the data folder, without leaving anything behind.
pub(super) fn data_folder(folder: &Path) -> Finding {
    let Some(existing) = nearest_existing(folder) else {
        let advice = "name a folder in --data-dir or TRANSCODED_DATA_DIR";
        return Finding::problem(SUBJECT, format!("there is no way to {}", folder.display()), advice);
    };
    let shown = folder.display();
    if let Err(error) = write_something(&existing) {
        let advice = "give the server's user the right to write there, or name another folder in --data-dir";
        return Finding::problem(SUBJECT, format!("{} can't be written to: {error}", existing.display()), advice);
    }
    let is_new = if existing == folder { "" } else { " (will be made)" };
    let free = match rustix::fs::statvfs(&existing) {
        Ok(facts) => facts.f_bavail.saturating_mul(facts.f_frsize),
        Err(error) => {
            let message = format!("{shown}{is_new} can be written to, but its free space isn't known: {error}");
            return Finding::warning(SUBJECT, message, "make sure that there is room");
        }
    };
    judge(&format!("{shown}{is_new} can be written to, {} free", size(free)), free)
}

fn judge(message: &str, free: u64) -> Finding {
    let advice = "make room, or name a folder on another disk in --data-dir";
    match free {
        0..NOTHING => Finding::problem(SUBJECT, message, advice),
        NOTHING..LITTLE => Finding::warning(SUBJECT, message, advice),
        LITTLE.. => Finding::ok(SUBJECT, message),
    }
}

/// The folder itself, or the one above in which it would be made.
fn nearest_existing(folder: &Path) -> Option<PathBuf> {
    let here = Path::new(".");
    let above = folder.ancestors().map(|path| if path.as_os_str().is_empty() { here } else { path });
    above.map(Path::to_owned).find(|path| path.exists())
}

/// Only an attempt tells: permissions, read-only mounts and quotas all have their say.
fn write_something(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".transcoded-doctor.{}", std::process::id()));
    let written = std::fs::write(&probe, b"written to see whether it can be\n");
    let removed = std::fs::remove_file(&probe);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_good_folder_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let finding = data_folder(folder.path());
        assert!(finding.message.contains("can be written to"), "{finding:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_yet_to_be_made_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let finding = data_folder(&folder.path().join("a/b"));
        assert!(finding.message.contains("(will be made)"), "{finding:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_way_is_a_problem() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(data_folder(file.path()).level, Level::Problem);
    }

    #[test]
    fn little_room_is_a_warning_and_none_a_problem() {
        let levels = [0, NOTHING, LITTLE].map(|free| judge("", free).level);
        assert_eq!(levels, [Level::Problem, Level::Warning, Level::Ok]);
    }
}
