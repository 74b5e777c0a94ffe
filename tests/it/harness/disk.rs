//! A disk of a size that a test chooses, to be full.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory. Unmounted in the end, so it must outlive what uses it.
pub struct Tmpfs {
    folder: tempfile::TempDir,
}

impl Tmpfs {
    /// Mounts one of that many KiB. Where that isn't allowed, says so; the test then has nothing to do.
    pub fn mount(size_kib: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size_kib}k,mode=755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        eprintln!("skipped: a small disk can only be mounted as root");
        None
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes it as large as this.
    pub fn resize(&self, size_kib: u64) {
        let options = format!("remount,size={size_kib}k");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.path()).status().unwrap().success());
    }

    pub fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    /// Fills it until no more than `left` bytes are free.
    pub fn fill(&self, left: u64) -> Filler {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let block = [0x55; 4096];
        while self.free() > left && file.write_all(&block).is_ok() {}
        Filler(path)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = |lazily: &[&str]| {
            let status = Command::new("umount").args(lazily).arg(self.path()).status();
            status.is_ok_and(|status| status.success())
        };
        // Whoever was killed a moment ago may still hold a file.
        let _ = unmounted(&[]) || unmounted(&["--lazy"]);
    }
}

/// The file that fills a disk; dropped, there is room again.
pub struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
