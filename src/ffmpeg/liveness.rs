//! Tells whether a process group is still at work, by its processor time and its I/O counters.
//!
//! Neither file sizes nor progress blocks tell: an encoder that flushes sends no block and writes nothing for tens of
//! seconds, and a stalled ffmpeg 7 or later keeps sending the same block.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::procfs::{self, Io, Stat};

/// The least that counts as work: of processor time 20 ms, and a twentieth of the time that has passed.
///
/// A stalled ffmpeg uses a hundredth at most, for its progress blocks; so does a script that starts a program now and
/// then. A process that gets less than this because the machine is full is seen to be runnable.
const WORK_TICKS: u64 = 2;
const TICK: Duration = Duration::from_millis(10);
const WORK_SHARE: u32 = 20;
/// The least I/O that counts as work, in bytes, and in bytes per second. Each program that a script starts and reaps adds
/// 7 KiB to what the script has read.
const WORK_BYTES: u64 = 64 * 1024;
const WORK_BYTES_PER_SECOND: u64 = 64 * 1024;
/// The longest time over which work is measured. What stood still for ten minutes need not make up for them before it is
/// seen to work again.
const WINDOW: Duration = Duration::from_secs(2);

/// What was measured of one process.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    ticks: u64,
    io: Io,
}

/// Follows a process group.
pub(super) struct Liveness {
    group: Pid,
    /// Keyed by id and start, as an id may be used again.
    seen: HashMap<(i32, u64), Counters>,
    ticks: u64,
    read: u64,
    written: u64,
    /// When the last sign of work was seen.
    worked: Instant,
    mark: Mark,
}

/// The state at the last sign of work, or at the beginning of the window.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    ticks: u64,
    read: u64,
    /// Bytes written beyond those that came out of our own pipes.
    elsewhere: i64,
}

/// What a look at the group found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Whether a process of the group is stopped, as by SIGSTOP.
    pub(super) stopped: bool,
    /// How long no work was seen.
    pub(super) idle: Duration,
}

impl Liveness {
    /// Begins to follow `group`, of which `received` bytes have come out of the pipes so far.
    pub(super) fn new(group: Pid, received: u64, now: Instant) -> Self {
        let mark = Mark { at: now, ticks: 0, read: 0, elsewhere: 0 };
        let mut liveness = Self { group, seen: HashMap::new(), ticks: 0, read: 0, written: 0, worked: now, mark };
        for member in procfs::members(group) {
            liveness.add(member);
        }
        liveness.mark.elsewhere = liveness.elsewhere(received);
        liveness
    }

    /// Looks at the processes known so far.
    pub(super) fn sample(&mut self, received: u64, now: Instant) -> Sample {
        let mut stopped = false;
        for ((pid, started), before) in &mut self.seen {
            let Some(stat) = procfs::stat(*pid).filter(|stat| stat.started == *started) else { continue };
            stopped |= stat.state == b'T';
            let io = procfs::io(*pid).unwrap_or(before.io);
            self.ticks += stat.ticks.saturating_sub(before.ticks);
            self.read += io.read.saturating_sub(before.io.read);
            self.written += io.written.saturating_sub(before.io.written);
            *before = Counters { ticks: stat.ticks, io };
        }
        let state = Mark { at: now, ticks: self.ticks, read: self.read, elsewhere: self.elsewhere(received) };
        if self.mark.follow(state) {
            self.worked = now;
        }
        Sample { stopped, idle: now.saturating_duration_since(self.worked) }
    }

    /// Looks for processes that joined the group since, and for threads that wait for a processor or a disk. Whether
    /// any of them is a sign of work.
    pub(super) fn look_closer(&mut self, now: Instant) -> bool {
        let members = procfs::members(self.group);
        let mut at_work = false;
        for member in &members {
            if !self.seen.contains_key(&(member.pid, member.started)) {
                self.add(*member);
                // Only one that does more than start and wait counts.
                at_work |= member.ticks >= 5 * WORK_TICKS;
            }
            at_work |= procfs::waits_for_processor_or_disk(member.pid);
        }
        self.seen.retain(|key, _| members.iter().any(|member| (member.pid, member.started) == *key));
        if at_work {
            self.mark.at = now;
            self.worked = now;
        }
        at_work
    }

    /// Begins a new wait for signs of work.
    pub(super) fn restart(&mut self, now: Instant) {
        self.worked = now;
        self.mark.at = now;
        self.mark.ticks = self.ticks;
        self.mark.read = self.read;
    }

    fn add(&mut self, member: Stat) {
        let io = procfs::io(member.pid).unwrap_or_default();
        self.seen.insert((member.pid, member.started), Counters { ticks: member.ticks, io });
    }

    fn elsewhere(&self, received: u64) -> i64 {
        self.written.cast_signed().saturating_sub(received.cast_signed())
    }
}

impl Mark {
    /// Whether there was work between this state and `now`. Where there was, or where the window ends, it becomes `now`.
    fn follow(&mut self, now: Self) -> bool {
        let passed = now.at.saturating_duration_since(self.at);
        // The bytes of blocks on their way to us swing this number, but a stalled process doesn't lift its maximum.
        let wrote = now.elsewhere.saturating_sub(self.elsewhere).max(0).cast_unsigned();
        let work = is_work(now.ticks - self.ticks, (now.read - self.read).max(wrote), passed);
        if work || passed >= WINDOW {
            *self = Self { elsewhere: now.elsewhere.max(self.elsewhere), ..now };
        }
        work
    }
}

/// Whether so many ticks and bytes are the work of a process that gets on, given the time that has passed.
fn is_work(ticks: u64, bytes: u64, passed: Duration) -> bool {
    let worked = TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
    let least_bytes = WORK_BYTES.max(WORK_BYTES_PER_SECOND * passed.as_secs());
    ticks >= WORK_TICKS && worked >= passed / WORK_SHARE || bytes >= least_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idling_is_no_work_and_a_flush_is() {
        let second = Duration::from_secs(1);
        let cases = [
            (0, 0, second / 10, false),
            (1, 0, second / 10, false),
            (10, 0, second / 10, true),
            (2, 0, second, false),
            (10, 0, second, true),
            (0, 40 * 1024, second, false),
            (0, 100 * 1024, second * 2, false),
            (0, 100 * 1024, second, true),
            (0, 64 * 1024, second / 10, true),
        ];
        for (ticks, bytes, passed, work) in cases {
            assert_eq!(is_work(ticks, bytes, passed), work, "{ticks} ticks, {bytes} bytes in {passed:?}");
        }
    }

    #[test]
    fn a_long_stall_is_seen_to_its_end_and_no_further() {
        let start = Instant::now();
        let mut mark = Mark { at: start, ticks: 0, read: 0, elsewhere: 0 };
        // Ten minutes of what a stalled ffmpeg does: a hundredth of a processor, and its progress blocks.
        let idling = |second: u64| Mark {
            at: start + Duration::from_secs(second),
            ticks: second,
            read: 0,
            elsewhere: second.cast_signed() * 1000,
        };
        assert!((1..=600).all(|second| !mark.follow(idling(second))));
        // A tenth of a processor is work at once, however long nothing happened before.
        let stalled = idling(600);
        let working = Mark { at: stalled.at + Duration::from_secs(1), ticks: stalled.ticks + 10, ..stalled };
        assert!(mark.follow(working));
    }
}
