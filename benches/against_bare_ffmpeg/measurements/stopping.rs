//! From a DELETE to the moment when the process is gone, in the modes that kill.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::json;

use crate::ground::{LONG, Result, Server, World, eventually, naming, ticks};
use crate::report::{Aim, Row, Samples, Section};

const HOW: &str = "\
A real ffmpeg encodes 720p alone, with all cores. Once it has used a third of a second of processor time, so that it \
is encoding, the job is deleted. The time runs from before the request is sent until the process has ended (its pidfd \
tells) and is gone from `/proc`, so reaped.";

/// How often a job is stopped, in each mode: enough to speak of one in a hundred.
const STOPS: usize = 100;
/// Processor time after which ffmpeg is encoding, in ticks of 10 ms.
const ENCODING: u64 = 33;
/// How long a process may take to be gone.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let server = Server::start(world).await?;
    let (mut slim, mut standard) = (Vec::new(), Vec::new());
    for _ in 0..STOPS {
        slim.push(stop(&server, "slim").await?);
        standard.push(stop(&server, "standard").await?);
    }
    let rows = vec![row("DELETE to process gone, `slim`", &slim), row("DELETE to process gone, `standard`", &standard)];
    Ok(Section { title: "From a DELETE to no process", how: HOW.into(), rows })
}

async fn stop(server: &Server, mode: &str) -> Result<Duration> {
    let mut events = server.events().await?;
    let output = json!({"name": "out.mp4", "copy": "never", "video": {"codec": "h264"}});
    let job = server.submit(&json!({"input": LONG, "mode": mode, "outputs": [output]})).await?;
    let encodes = |id: &u32| ticks(*id).is_some_and(|ticks| ticks >= ENCODING);
    let id = eventually("ffmpeg to encode", || naming(&job).into_iter().find(encodes)).await?;
    let process = pidfd_open(Pid::from_raw(id.cast_signed()).ok_or("no process id")?, PidfdFlags::empty())?;
    let gone = tokio::task::spawn_blocking(move || wait_until_gone(id, &process));
    let before = Instant::now();
    server.delete(&job).await?;
    let gone = gone.await??;
    events.until("cancelled").await?;
    Ok(gone.duration_since(before))
}

fn wait_until_gone(id: u32, process: &OwnedFd) -> Result<Instant> {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    if poll(&mut fds, Some(&PATIENCE))? == 0 {
        return Err("a process did not end when its job was deleted".into());
    }
    // Between its end and the reap nobody is told; it takes less than a millisecond.
    while fs::exists(format!("/proc/{id}"))? {
        std::thread::yield_now();
    }
    Ok(Instant::now())
}

fn row(what: &str, times: &[Duration]) -> Row {
    let times = Samples::millis(times);
    let worst = times.percentile(99);
    Row {
        what: what.into(),
        ours: times.shown(1, " ms"),
        compared: format!("99 % of {} within {worst:.1} ms", times.count()),
        aim: Some(Aim { text: "99 % under 50 ms", met: worst < 50.0 }),
        ..Row::default()
    }
}
