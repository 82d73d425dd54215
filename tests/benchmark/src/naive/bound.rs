use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When to begin nothing more.
#[derive(Debug)]
pub(super) struct Bound {
    most_fills: Option<u64>,
    until: Option<Instant>,
    stopped: AtomicBool,
}

impl Bound {
    pub(super) fn new(most_fills: Option<u64>, most_time: Option<Duration>) -> Self {
        Self {
            most_fills,
            until: most_time.and_then(|time| Instant::now().checked_add(time)),
            stopped: AtomicBool::new(false),
        }
    }

    /// Tells whether to begin something more after so many fills. Asked only while something is
    /// left, so that a refusal means that not everything was loaded.
    pub(super) fn allows_more(&self, fills: u64) -> bool {
        let enough = self.most_fills.is_some_and(|most| fills >= most);
        let late = self.until.is_some_and(|until| Instant::now() >= until);
        let allowed = !(enough || late);
        if !allowed {
            self.stopped.store(true, Ordering::Relaxed);
        }
        allowed
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_bounds_there_is_always_more() {
        let bound = Bound::new(None, None);
        assert!(bound.allows_more(u64::MAX));
        assert!(!bound.has_stopped());
    }

    #[test]
    fn either_bound_stops() {
        let fills = Bound::new(Some(10), None);
        assert!(fills.allows_more(9));
        assert!(!fills.has_stopped());
        assert!(!fills.allows_more(10));
        assert!(fills.has_stopped());

        let time = Bound::new(None, Some(Duration::ZERO));
        assert!(!time.allows_more(0));
        assert!(time.has_stopped());
    }
}
