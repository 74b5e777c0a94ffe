//! Media roots and the server's own folder, on a real file system.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use transcoded::domain::id::JobId;
use transcoded::domain::time::Timestamp;
use transcoded::storage::{Files, InputError, MediaRoots};

fn job(number: u8) -> JobId {
    JobId::new(Timestamp::from_millis(1_700_000_000_000), &[number; 10])
}

#[test]
fn nothing_outside_the_roots_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let (root, other) = (base.join("media"), base.join("media2"));
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(base.join("secret"), "x").unwrap();
    fs::write(root.join("a.mp4"), "x").unwrap();
    fs::write(other.join("b c.mp4"), "x").unwrap();
    symlink("../secret", root.join("up")).unwrap();
    symlink(base.join("secret"), root.join("away")).unwrap();
    symlink("/proc/self/root/etc/passwd", root.join("magic")).unwrap();
    symlink("../a.mp4", root.join("sub/inside")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let roots = MediaRoots::open(&[root.clone(), other.clone()]).unwrap();
    let url = |path: &Path| format!("file://{}", path.display());
    for input in ["a.mp4", "./a.mp4", "sub/../a.mp4", "sub/inside", &url(&root.join("a.mp4"))] {
        assert_eq!(roots.resolve(input), Ok(root.join("a.mp4")), "{input}");
    }
    assert_eq!(roots.resolve("b c.mp4"), Ok(other.join("b c.mp4")));
    assert_eq!(roots.resolve(&url(&other.join("b%20c.mp4"))), Ok(other.join("b c.mp4")));
    let climbing = url(&root.join("../secret"));
    for input in
        ["../secret", "sub/../../secret", "up", "away", "magic", "/etc/passwd", "file:///etc/passwd", climbing.as_str()]
    {
        assert_eq!(roots.resolve(input), Err(InputError::Outside), "{input}");
    }
    for input in ["missing", "a.mp4/x", "sub/missing"] {
        assert_eq!(roots.resolve(input), Err(InputError::Missing), "{input}");
    }
    assert!(matches!(roots.resolve("loop"), Err(InputError::Odd { .. })));
}

#[test]
fn only_regular_readable_files_are_inputs_and_a_fifo_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    fs::create_dir(root.join("folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let roots = MediaRoots::open(std::slice::from_ref(&root)).unwrap();
    for (input, what) in [("folder", "a folder"), (".", "a folder"), ("fifo", "a FIFO"), ("socket", "a socket")] {
        assert_eq!(roots.resolve(input), Err(InputError::NotAFile { what }), "{input}");
    }
    fs::write(root.join("closed"), "x").unwrap();
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(roots.resolve("closed"), Err(InputError::Unreadable { .. })));
    }
}

#[test]
fn outputs_appear_together_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    let workspace = files.begin(job(1), 1).unwrap();
    for name in ["a.mp4", "b.mp3", "rest.tmp"] {
        fs::write(workspace.outputs().join(name), name).unwrap();
    }
    fs::create_dir(workspace.outputs().join("sub")).unwrap();
    symlink("/etc/passwd", workspace.outputs().join("link")).unwrap();
    assert!(!files.output(job(1), 1, "a.mp4").exists());
    workspace.publish(&["a.mp4".to_owned(), "b.mp3".to_owned()]).unwrap();
    assert_eq!(fs::read_to_string(files.output(job(1), 1, "a.mp4")).unwrap(), "a.mp4");
    assert_eq!(fs::read_dir(files.output(job(1), 1, "a.mp4").parent().unwrap()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0);
}

#[test]
fn every_attempt_publishes_where_only_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    // The later one first: the earlier one was taken for dead, and wasn't.
    for attempt in [2, 1] {
        let workspace = files.begin(job(1), attempt).unwrap();
        fs::write(workspace.outputs().join("a.mp4"), attempt.to_string()).unwrap();
        workspace.publish(&["a.mp4".to_owned()]).unwrap();
    }
    assert_eq!(fs::read_to_string(files.output(job(1), 2, "a.mp4")).unwrap(), "2");
    let mut published = files.published(job(1)).unwrap();
    published.sort_unstable();
    assert_eq!(published, [1, 2]);
    files.withdraw_before(job(1), 2).unwrap();
    assert_eq!(files.published(job(1)).unwrap(), [2]);
    assert_eq!(files.kept().unwrap().collect::<Vec<_>>(), [job(1)]);
    files.withdraw(job(1), 2).unwrap();
    files.withdraw(job(1), 2).unwrap();
    assert!(files.published(job(1)).unwrap().is_empty());
}

#[test]
fn a_missing_output_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    let workspace = files.begin(job(1), 1).unwrap();
    fs::write(workspace.outputs().join("a.mp4"), "a").unwrap();
    assert!(workspace.publish(&["a.mp4".to_owned(), "b.mp4".to_owned()]).is_err());
    assert!(!files.output(job(1), 1, "a.mp4").exists());
    assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0);
}

#[test]
fn a_start_after_a_crash_clears_the_scratch_space_and_keeps_the_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    let done = files.begin(job(1), 1).unwrap();
    fs::write(done.outputs().join("a.mp4"), "a").unwrap();
    done.publish(&["a.mp4".to_owned()]).unwrap();
    let crashed = files.begin(job(2), 1).unwrap();
    fs::write(crashed.outputs().join("b.mp4"), "b").unwrap();
    std::mem::forget(crashed);
    let files = Files::open(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0);
    assert!(files.output(job(1), 1, "a.mp4").exists());
    drop(files.begin(job(2), 1).unwrap());
    assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0);
}

#[test]
fn logs_come_and_go_with_their_job() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    assert_eq!(files.read_log(job(1), 1).unwrap(), None);
    files.write_log(job(1), 1, "one").unwrap();
    files.write_log(job(1), 1, "two").unwrap();
    assert_eq!(files.read_log(job(1), 1).unwrap().as_deref(), Some("two"));
    files.remove(job(1)).unwrap();
    files.remove(job(1)).unwrap();
    assert_eq!(files.read_log(job(1), 1).unwrap(), None);
}
