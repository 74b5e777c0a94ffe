//! Places at which a test lets the server die, as suddenly as by SIGKILL: between two steps that belong together.
//!
//! In a debug build `TRANSCODED_DIE_AT=outputs-renamed:2` ends the process the second time it passes that place. In a
//! release build nothing of this is left.

/// A place between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The tables are about to be made or changed.
    Migrating,
    /// The database is open; what the last server left in it is not yet put right.
    Recovering,
    /// What the last server left in the database is put right; its scratch space is still there.
    Recovered,
    /// A transaction with changes of state is written, not committed.
    BeforeCommit,
    /// It is committed; nobody has been told.
    AfterCommit,
    /// A submit is on disk, not answered.
    SubmitCommitted,
    /// A request to cancel is on disk; the job's token is not cancelled.
    CancelCommitted,
    /// A pause is on disk; ffmpeg doesn't know.
    PauseCommitted,
    /// A retry is on disk; what the attempts before it made is still there.
    RetryCommitted,
    /// Jobs are claimed; nothing runs.
    ClaimCommitted,
    /// A process has just been started.
    ProcessStarted,
    /// ffmpeg has ended; nothing is checked.
    FfmpegEnded,
    /// The outputs are checked, not published.
    OutputsVerified,
    /// The outputs have their last name, which is not yet synced.
    OutputsRenamed,
    /// The outputs are published; the database doesn't know.
    OutputsPublished,
    /// The end of an attempt is on disk; its files don't agree with it yet.
    EndRecorded,
    /// A job's record is removed, its files are not.
    JobPurged,
    /// A shutdown has asked everything to stop.
    Stopping,
    /// Every attempt has ended; connections are still open.
    Stopped,
}

impl Point {
    /// Every place.
    pub const ALL: [Self; 19] = [
        Self::Migrating,
        Self::Recovering,
        Self::Recovered,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::SubmitCommitted,
        Self::CancelCommitted,
        Self::PauseCommitted,
        Self::RetryCommitted,
        Self::ClaimCommitted,
        Self::ProcessStarted,
        Self::FfmpegEnded,
        Self::OutputsVerified,
        Self::OutputsRenamed,
        Self::OutputsPublished,
        Self::EndRecorded,
        Self::JobPurged,
        Self::Stopping,
        Self::Stopped,
    ];

    /// The name in the environment variable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Migrating => "migrating",
            Self::Recovering => "recovering",
            Self::Recovered => "recovered",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::SubmitCommitted => "submit-committed",
            Self::CancelCommitted => "cancel-committed",
            Self::PauseCommitted => "pause-committed",
            Self::RetryCommitted => "retry-committed",
            Self::ClaimCommitted => "claim-committed",
            Self::ProcessStarted => "process-started",
            Self::FfmpegEnded => "ffmpeg-ended",
            Self::OutputsVerified => "outputs-verified",
            Self::OutputsRenamed => "outputs-renamed",
            Self::OutputsPublished => "outputs-published",
            Self::EndRecorded => "end-recorded",
            Self::JobPurged => "job-purged",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// Passes a place; the process may end here in a debug build.
#[inline]
pub fn failpoint(point: Point) {
    #[cfg(debug_assertions)]
    armed::pass(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Point;

    /// Where the process is to die.
    struct Fate {
        name: String,
        /// How often the place is still to be passed.
        left: AtomicU32,
    }

    static FATE: OnceLock<Option<Fate>> = OnceLock::new();

    pub(super) fn pass(point: Point) {
        let Some(fate) = FATE.get_or_init(read) else { return };
        // Only the thread that counts down to the last one dies; it takes the others along.
        if fate.name == point.name() && fate.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // SIGKILL can be neither caught nor refused: nothing after this line is ever run.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    fn read() -> Option<Fate> {
        let told = std::env::var("TRANSCODED_DIE_AT").ok()?;
        let (name, count) = told.split_once(':').unwrap_or((&told, "1"));
        Some(Fate { name: name.to_owned(), left: AtomicU32::new(count.parse().ok()?) })
    }
}
