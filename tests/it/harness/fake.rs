//! A script in ffmpeg's place, for the faults that the real one shows too seldom.
//!
//! It gets the transcodes that make an mp3 or m4a (the victims); everything else, the checks of results included, goes to
//! the real ffmpeg, so that the jobs beside a victim are real ones. The script finds the real program in `$real`, the
//! folder of the server in `$here`, the input and the output in `$in` and `$out`, and a sound mp3 of the blip in `$ready`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::clips::{blip, ready_mp3};
use super::server::Server;

const FRAME: &str = r#"#!/bin/sh
real='REAL'; ready='READY'; here=${0%/*}
case " $* " in *" -progress "*) ;; *" -loglevel error "*" -f null - ") CHECKS ;; *) exec "$real" "$@" ;; esac
for out; do [ "$last" = -i ] && in=${out#file:}; last=$out; done
out=${out#file:}
case $out in *.mp3 | *.m4a) ;; *) exec "$real" "$@" ;; esac
# What a client sees as progress.
progress() { printf 'frame=1\nout_time_us=40000\nprogress=continue\n'; }
# Goes on once the test says so, or ends where it is asked to.
wait_to_go() { until [ -e "$here/go" ]; do sleep 0.05; done; }
"#;

/// The job that the script gets, as short as can be.
pub fn victim() -> Value {
    json!({"input": blip(), "outputs": [{"name": "victim.mp3"}]})
}

/// Lets scripts go on that wait for it.
pub fn let_go(server: &Server) {
    std::fs::write(server.data_dir().join("go"), "").unwrap();
}

/// Puts the script into the data folder, where it stays over restarts, and returns its path. What is known of the real
/// ffmpeg is noted as being known of the fake, since it takes seconds to find out.
pub(super) fn place(folder: &Path, script: &str, checks: bool, known: &Path) -> PathBuf {
    let path = folder.join("fake-ffmpeg");
    if path.exists() {
        return path;
    }
    let real = transcoded::ffmpeg::locate_in_environment().expect("ffmpeg is installed").ffmpeg;
    let checks = if checks { r#"exec "$real" "$@""# } else { "exit 0" };
    let frame = FRAME
        .replace("CHECKS", checks)
        .replace("REAL", real.to_str().unwrap())
        .replace("READY", ready_mp3().to_str().unwrap());
    std::fs::write(&path, frame + script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    if let Ok(facts) = std::fs::read(known) {
        let file = path.metadata().unwrap();
        let mut facts: Value = serde_json::from_slice(&facts).unwrap();
        facts["ffmpeg"] = json!(path);
        facts["size"] = json!(file.size());
        facts["modified_ns"] = json!(file.mtime() * 1_000_000_000 + file.mtime_nsec());
        std::fs::write(folder.join("ffmpeg.json"), facts.to_string()).unwrap();
    }
    path
}
