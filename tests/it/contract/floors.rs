//! The house has floors: a module may import from lower floors only, never from a sibling on its own.

use std::path::{Path, PathBuf};

/// The floors, the lowest first.
const FLOORS: &[&[&str]] = &[
    &["domain", "failpoint"],
    &["config"],
    &["db", "storage", "ffmpeg", "fetch"],
    &["transcode", "queue"],
    &["http", "worker", "cli"],
    &["app"],
    &["main"],
];

fn floor_of(room: &str) -> usize {
    let found = FLOORS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| {
        panic!("src/{room} is on no floor; give it one in tests/it/contract/floors.rs and docs/ARCHITECTURE.md")
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rooms that a line of code names.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let paths = code.split("crate::").skip(1).chain(code.split("transcoded::").skip(1));
    paths
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        .filter(|room| !room.is_empty())
}

#[test]
fn imports_only_go_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in files(&source).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let inside = file.strip_prefix(&source).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let room = first.strip_suffix(".rs").unwrap_or(first);
        if room == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let climbs = rooms_named(line).filter(|other| *other != room && floor_of(other) >= floor_of(room));
            wrong.extend(
                climbs.map(|other| format!("src/{}:{}: {room} may not import {other}", inside.display(), number + 1)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
