//! What is done to a store: random steps, biased towards what can go wrong.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use transcoded::domain::failure::FailureCode;
use transcoded::domain::job::{CancelMethod, CancelReason, Mode};

/// One step of a sequence.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One thing after the other.
    One(Op),
    /// All sent at once, so that they share transactions.
    Together(Vec<Op>),
    /// Sent by somebody who doesn't wait for the answer.
    Dropped(Op),
    /// The server is killed, and the next one starts.
    Restart,
    /// So many milliseconds pass.
    Pass(u32),
    /// Somebody sets the clock.
    Set(i64),
    /// Somebody looks at part of the jobs or of the history.
    Look(Look),
}

/// What can be asked of a store.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Submit(Submit),
    Claim(u32),
    Renew(Vec<Pick>),
    Expire,
    Finish(Pick, End),
    Cancel(Pick),
    Pause(Pick),
    Resume(Pick),
    Retry(Pick),
    Purge(Pick),
    Tidy { kept_secs: [Option<u32>; 3], most_events: u64 },
}

/// One of the jobs, or of the leases that were ever given.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    pub(super) index: Index,
    /// Only among those for which it makes sense, if there are any.
    pub(super) fitting: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Submit {
    pub(super) priority: i32,
    /// Seconds from now.
    pub(super) run_at: Option<i64>,
    /// The key and what the request was.
    pub(super) key: Option<(u8, u8)>,
    pub(super) mode: Mode,
    pub(super) max_attempts: u32,
}

#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) how: How,
    /// Whether a file was published.
    pub(super) output: bool,
    pub(super) exit_code: Option<i32>,
    pub(super) progress: bool,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    Succeeded,
    Failed(FailureCode),
    Stopped { reason: CancelReason, method: CancelMethod, drain_ms: u64, note: bool },
    Lost,
}

#[derive(Clone, Debug)]
pub(super) enum Look {
    /// All pages, with the state of this number and the jobs with or without a label.
    Pages { state: Option<Index>, odd: Option<bool>, limit: u32 },
    /// The jobs that aren't over.
    Unfinished(u32),
    /// The events after one, of all jobs or of one.
    Events { after: Index, job: Option<Index>, limit: u32 },
    /// One job.
    Job(Index),
}

/// A whole sequence.
pub(super) fn sequence() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..60)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => op().prop_map(Step::One),
        3 => vec(op_on_disk(), 2..8).prop_map(Step::Together),
        2 => op_on_disk().prop_map(Step::Dropped),
        2 => Just(Step::Restart),
        // From a moment over the waits to longer than a lease, the patience and what is kept.
        5 => prop_oneof![1..5_000_u32, 5_000..40_000_u32, 600_000..4_000_000_u32].prop_map(Step::Pass),
        1 => (-90_000_000..90_000_000_i64).prop_map(Step::Set),
        3 => look().prop_map(Step::Look),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![9 => op_on_disk(), 1 => vec(pick(), 1..4).prop_map(Op::Renew)]
}

/// What goes through the disk; the others overtake it.
fn op_on_disk() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => submit().prop_map(Op::Submit),
        7 => (1..4_u32).prop_map(Op::Claim),
        8 => (pick(), end()).prop_map(|(pick, end)| Op::Finish(pick, end)),
        3 => pick().prop_map(Op::Cancel),
        3 => pick().prop_map(Op::Pause),
        3 => pick().prop_map(Op::Resume),
        2 => pick().prop_map(Op::Retry),
        2 => pick().prop_map(Op::Purge),
        2 => Just(Op::Expire),
        2 => (prop::array::uniform3(option::of(1..7_200_u32)), 1..40_u64)
            .prop_map(|(kept_secs, most_events)| Op::Tidy { kept_secs, most_events }),
    ]
}

fn pick() -> impl Strategy<Value = Pick> {
    (any::<Index>(), prop::bool::weighted(0.8)).prop_map(|(index, fitting)| Pick { index, fitting })
}

fn submit() -> impl Strategy<Value = Submit> {
    let run_at = prop_oneof![4 => Just(None), 1 => (-100..900_i64).prop_map(Some)];
    let request = prop_oneof![4 => Just(0), 1 => Just(1_u8)];
    let key = prop_oneof![1 => Just(None), 1 => (0..3_u8, request).prop_map(Some)];
    let mode = select(vec![Mode::Slim, Mode::Standard, Mode::Graceful]);
    (-2..3_i32, run_at, key, mode, 1..4_u32).prop_map(|(priority, run_at, key, mode, max_attempts)| Submit {
        priority,
        run_at,
        key,
        mode,
        max_attempts,
    })
}

fn end() -> impl Strategy<Value = End> {
    (how(), any::<bool>(), option::of(0..3_i32), any::<bool>()).prop_map(|(how, output, exit_code, progress)| End {
        how,
        output,
        exit_code,
        progress,
    })
}

fn how() -> impl Strategy<Value = How> {
    let passing = select(vec![FailureCode::DiskFull, FailureCode::Killed, FailureCode::Internal]);
    let lasting = select(vec![FailureCode::InputInvalid, FailureCode::OutputInvalid]);
    let reason =
        select(vec![CancelReason::Client, CancelReason::Timeout, CancelReason::Stalled, CancelReason::Shutdown]);
    let method =
        select(vec![CancelMethod::Quit, CancelMethod::Terminate, CancelMethod::Kill, CancelMethod::NotStarted]);
    prop_oneof![
        2 => Just(How::Succeeded),
        3 => passing.prop_map(How::Failed),
        1 => lasting.prop_map(How::Failed),
        3 => (reason, method, 0..9_000_u64, any::<bool>())
            .prop_map(|(reason, method, drain_ms, note)| How::Stopped { reason, method, drain_ms, note }),
        2 => Just(How::Lost),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        (option::of(any::<Index>()), option::of(any::<bool>()), 1..5_u32).prop_map(|(state, odd, limit)| Look::Pages {
            state,
            odd,
            limit
        }),
        (0..6_u32).prop_map(Look::Unfinished),
        (any::<Index>(), option::of(any::<Index>()), 1..20_u32).prop_map(|(after, job, limit)| Look::Events {
            after,
            job,
            limit
        }),
        any::<Index>().prop_map(Look::Job),
    ]
}
