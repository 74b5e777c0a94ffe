//! Programs of other people, run by node: installed once, below `target/`, as the lock file names them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A script of `tests/js`, in a folder where it finds its modules, as a command that awaits its arguments.
pub fn node(script: &str) -> Command {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js").join(script);
    let text = std::fs::read_to_string(source).unwrap();
    let folder = installed();
    // Named after what is in it, so that two tests never write the same file.
    let place = folder.join(format!("{}-{script}", hash(&text)));
    let unfinished = folder.join(format!("{}-{}", std::process::id(), place.file_name().unwrap().display()));
    std::fs::write(&unfinished, text).unwrap();
    std::fs::rename(unfinished, &place).unwrap();
    let mut command = Command::new("node");
    command.arg(place);
    command
}

/// The folder with `node_modules`.
fn installed() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    let [package, lock] =
        ["package.json", "package-lock.json"].map(|name| std::fs::read_to_string(source.join(name)).unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("js-{}", hash(&format!("{package}{lock}"))));
    if folder.exists() {
        return folder;
    }
    let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    std::fs::write(unfinished.join("package.json"), package).unwrap();
    std::fs::write(unfinished.join("package-lock.json"), lock).unwrap();
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let done = Command::new("npm").args(quiet).current_dir(&unfinished).status();
    assert!(done.expect("npm is there; `make test` installs it").success());
    // Another test may do the same; either is as good.
    if std::fs::rename(&unfinished, &folder).is_err() {
        std::fs::remove_dir_all(unfinished).unwrap();
    }
    folder
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
