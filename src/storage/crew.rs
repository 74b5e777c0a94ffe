//! Threads for work that may block and mostly doesn't: one of them does all that waits, and only where it is stuck does
//! another one come to help.
//!
//! A thread for each piece of work would be woken for microseconds; with many at once they would mostly fight for the
//! lock of their pool.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long work may wait behind other work before another thread takes it.
const PATIENCE: Duration = Duration::from_millis(5);

type Work = Box<dyn FnOnce() + Send>;

/// The threads, which come and go with the work.
#[derive(Clone, Default)]
pub(super) struct Crew(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    /// How many threads are at work.
    threads: usize,
}

impl Crew {
    /// Does `work` on one of the threads and returns what it returned; `None` where it panicked or the runtime ends.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the work to be done.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (tell, mut told) = oneshot::channel();
        // Nobody may wait for it any more.
        self.add(Box::new(move || drop(tell.send(work()))));
        loop {
            match timeout(PATIENCE, &mut told).await {
                Ok(answer) => return answer.ok(),
                // A helper may get stuck as well before it comes to this work; once none waits, this is being done.
                Err(_slow) if self.help() => {}
                Err(_slow) => return told.await.ok(),
            }
        }
    }

    fn add(&self, work: Work) {
        let mut state = self.state();
        state.waiting.push_back(work);
        let thread = (state.threads == 0).then(|| Thread::count(self, &mut state));
        drop(state);
        if let Some(thread) = thread {
            thread.start();
        }
    }

    /// Starts another thread where work waits; whether it did.
    fn help(&self) -> bool {
        let mut state = self.state();
        let thread = (!state.waiting.is_empty()).then(|| Thread::count(self, &mut state));
        drop(state);
        thread.map(Thread::start).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No work is done while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("threads", &self.state().threads).finish_non_exhaustive()
    }
}

/// One of the threads that are counted.
struct Thread {
    crew: Crew,
    counted: bool,
}

impl Thread {
    fn count(crew: &Crew, state: &mut State) -> Self {
        state.threads += 1;
        Self { crew: crew.clone(), counted: true }
    }

    /// Not while the state is locked: a runtime that ends drops it here.
    fn start(mut self) {
        tokio::task::spawn_blocking(move || {
            while let Some(work) = self.next() {
                work();
            }
        });
    }

    /// The work that has waited longest. Where there is none the thread counts no longer, in the same moment, so that
    /// work which comes then gets another.
    fn next(&mut self) -> Option<Work> {
        let mut state = self.crew.state();
        let work = state.waiting.pop_front();
        if work.is_none() {
            state.threads -= 1;
            self.counted = false;
        }
        work
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Its work panicked, or the runtime ended before it began.
        if self.counted {
            self.crew.state().threads -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_behind_work_that_is_stuck_is_done_all_the_same() {
        let crew = Crew::default();
        let (release, released) = mpsc::channel::<()>();
        let stuck = tokio::spawn({
            let crew = crew.clone();
            async move { crew.run(move || released.recv().is_ok()).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(crew.run(|| 1).await, Some(1));
        release.send(()).unwrap();
        assert_eq!(stuck.await.unwrap(), Some(true));
    }

    #[tokio::test]
    async fn work_that_panics_takes_no_other_with_it() {
        let crew = Crew::default();
        let (first, second) = tokio::join!(crew.run(|| panic!("as the test wants it")), crew.run(|| 2));
        assert_eq!((first, second), (None::<()>, Some(2)));
        assert_eq!(crew.run(|| 3).await, Some(3));
    }

    #[tokio::test]
    async fn no_thread_is_left_counted_when_all_work_is_done() {
        let crew = Crew::default();
        let all = futures_util::future::join_all((0..200).map(|number| crew.run(move || number))).await;
        assert_eq!(all, (0..200).map(Some).collect::<Vec<_>>());
        while crew.state().threads > 0 {
            tokio::task::yield_now().await;
        }
    }
}
