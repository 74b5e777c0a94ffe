//! Files that nobody's encoder has written, a full disk, and packages that somebody has been at.

use std::process::Command;

use proptest::prelude::*;

use super::super::*;
use super::fixture::{Film, SEGMENT, X264, picture};

fn film() -> Film {
    Film::encode(&[&picture("32x32", "5", 4)], &[("video", &format!("{X264} -crf 51"))])
}

#[test]
fn no_bytes_make_it_panic_or_take_memory() {
    let film = film();
    let sound = std::fs::read(film.file("video")).unwrap();
    let token = CancellationToken::new();
    let config = ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() };
    let change = (0..sound.len(), prop_oneof![Just(0_u8), Just(255), Just(127), any::<u8>()]);
    proptest!(config, |(changes in prop::collection::vec(change, 1..6))| {
        let mut bytes = sound.clone();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        std::fs::write(film.file("video"), &bytes).unwrap();
        let _ = std::fs::remove_dir_all(film.made());
        let _ = film.package();
        let _ = whole_length(film.file("video"), &token);
    });
}

#[test]
fn sizes_that_lie_are_told() {
    let film = film();
    let sound = std::fs::read(film.file("video")).unwrap();
    let token = CancellationToken::new();
    let moof = sound.windows(4).position(|window| window == b"moof").unwrap() - 4;
    let mut bytes = sound.clone();
    bytes[moof..moof + 4].copy_from_slice(&4_u32.to_be_bytes());
    std::fs::write(film.file("video"), &bytes).unwrap();
    let error = film.package().unwrap_err();
    assert_eq!(error.to_string(), format!("video.mp4 is damaged at byte {moof}: the box says that it is 4 bytes long"));
    // A run of samples that says there are four billion of them.
    let trun = sound.windows(4).position(|window| window == b"trun").unwrap();
    let mut bytes = sound.clone();
    bytes[trun + 8..trun + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    std::fs::write(film.file("video"), &bytes).unwrap();
    assert!(matches!(film.package(), Err(PackageError::Damaged { .. })));
    // Zeros, as a file system leaves them after a power failure.
    let mut bytes = sound.clone();
    bytes[moof..].fill(0);
    std::fs::write(film.file("video"), &bytes).unwrap();
    assert!(matches!(film.package(), Err(PackageError::Damaged { .. })));
    assert_eq!(whole_length(film.file("video"), &token).unwrap(), None);
}

/// A disk of 64 KiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path()).status();
        mount.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_gets_full() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a small disk can only be mounted as root");
        return;
    };
    let film = Film::ladder();
    let (into, token) = (disk.0.path().join("package"), CancellationToken::new());
    let options = Options { hls: true, dash: true, segment: SEGMENT };
    // What is free is less than any of the media, the playlists, and the manifest need.
    for free in (0..16).map(|pages| pages * 4096) {
        let _ = std::fs::remove_dir_all(&into);
        std::fs::write(disk.0.path().join("filler"), vec![1; 65_536 - free]).unwrap();
        match package(&film.sources, &[], &options, &into, &token).unwrap_err() {
            PackageError::Io { error, .. } => assert_eq!(error.kind(), std::io::ErrorKind::StorageFull),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_cancelled_token_ends_it() {
    let film = film();
    let token = CancellationToken::new();
    token.cancel();
    let options = Options { hls: true, dash: true, segment: SEGMENT };
    let ended = package(&film.sources, &[], &options, &film.made(), &token);
    assert!(matches!(ended, Err(PackageError::Cancelled)));
}

#[test]
fn what_is_wrong_with_a_package_is_told_with_both_values() {
    let film = film();
    film.checked();
    let token = CancellationToken::new();
    let wrong = |file: &str, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, told: &str| {
        let path = film.made().join(file);
        let before = std::fs::read(&path).unwrap();
        match change(before.clone()) {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let found = check(&film.made(), &token);
        std::fs::write(&path, before).unwrap();
        let Err(CheckError::Differs(found)) = found else { panic!("{found:?} instead of {told}") };
        assert!(found.contains(told), "{found} instead of {told}");
    };
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| Some(String::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes())
    };
    wrong("video/00002.m4s", &|_| None, "video/00002.m4s is named but isn't there");
    wrong("video/00002.m4s", &|_| Some(Vec::new()), "video/00002.m4s is empty");
    wrong("video/00001.m4s", &|bytes| Some(bytes[..bytes.len() - 1].to_vec()), "video/00001.m4s isn't whole");
    wrong("video/index.m3u8", &replace("#EXT-X-ENDLIST\n", ""), "instead of #EXT-X-ENDLIST");
    wrong("video/index.m3u8", &replace("2.000000", "1.900000"), "lasts 2 s where the manifest says 1.9 s");
    wrong("manifest.mpd", &replace("t=\"0\"", "t=\"10\""), "begins at 0 s where the manifest says");
    wrong("manifest.mpd", &replace("static", "dynamic"), "the manifest is dynamic instead of static");
    wrong("manifest.mpd", &replace("avc1.", "avc3."), "where the manifest says avc3.");
    wrong("master.m3u8", &replace("video/", "../video/"), "leads out of the package");
    check(&film.made(), &token).unwrap();
}
