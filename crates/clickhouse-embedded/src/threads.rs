//! The threads that run statements: the engine's calls block, so they never run on a runtime's.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// ClickHouse's parser and analyser recurse deeply.
const STACK_BYTES: usize = 8 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// A pool that grows up to a limit when all of its threads are busy.
#[derive(Debug)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    limit: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    stopping: bool,
}

impl Threads {
    /// Makes a pool without threads.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shared: Arc::default(),
            handles: Mutex::default(),
            limit: limit.max(1),
        }
    }

    /// Returns the most jobs that run at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Queues a job; false if the pool has ended, and the job was dropped.
    ///
    /// It runs at once if fewer than the limit are running.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut handles = self
            .handles
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        let mut state = self.shared.lock();
        if state.stopping {
            return false;
        }
        state.jobs.push_back(Box::new(job));
        if state.idle < state.jobs.len() && handles.len() < self.limit {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new()
                .name("clickhouse".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || shared.work());
            match thread {
                Ok(handle) => handles.push(handle),
                Err(error) => tracing::warn!(%error, "cannot start a thread for a statement"),
            }
        }
        drop(state);
        self.shared.wake.notify_one();
        true
    }

    /// Runs what is queued, then ends the threads and waits for them. No job may call it.
    pub(crate) fn join(&self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_all();
        let handles = std::mem::take(
            &mut *self
                .handles
                .lock()
                .unwrap_or_else(|poison| poison.into_inner()),
        );
        for handle in handles {
            // A job's panic was caught, so the thread has none.
            drop(handle.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a statement's job panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        state.idle += 1;
        let mut state = self
            .wake
            .wait_while(state, |state| state.jobs.is_empty() && !state.stopping)
            .unwrap_or_else(|poison| poison.into_inner());
        state.idle -= 1;
        state.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn jobs_run_side_by_side_up_to_the_limit() {
        let threads = Threads::new(3);
        let barrier = Arc::new(Barrier::new(3));
        for _ in 0..3 {
            let barrier = Arc::clone(&barrier);
            // Each job ends only when all three are running.
            threads.submit(move || _ = barrier.wait());
        }
        threads.join();
    }

    #[test]
    fn what_is_queued_runs_before_the_pool_ends() {
        let threads = Threads::new(1);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let ran = Arc::clone(&ran);
            threads.submit(move || _ = ran.fetch_add(1, Ordering::SeqCst));
        }
        threads.join();
        assert_eq!(ran.load(Ordering::SeqCst), 10);
    }

    #[test]
    fn a_panic_does_not_end_its_thread() {
        let threads = Threads::new(1);
        let ran = Arc::new(AtomicUsize::new(0));
        threads.submit(|| panic!("on purpose"));
        let after = Arc::clone(&ran);
        threads.submit(move || _ = after.fetch_add(1, Ordering::SeqCst));
        threads.join();
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_ended_pool_takes_no_job() {
        let threads = Threads::new(1);
        threads.join();
        assert!(!threads.submit(|| panic!("it must not run")));
    }
}
