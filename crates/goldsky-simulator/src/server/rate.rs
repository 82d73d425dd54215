//! The request budget in fixed windows.

use std::time::Duration;

use crate::host::RateLimit;

const WINDOW: Duration = Duration::from_secs(10);

/// Counts requests. All windows are of ten seconds from the first moment.
#[derive(Debug)]
pub(crate) struct RateWindow {
    limit: RateLimit,
    window: u64,
    used: u32,
}

/// A request beyond the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Seconds until the window ends, rounded up, if the host tells.
    pub(crate) retry_after_seconds: Option<u64>,
}

impl RateWindow {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            window: 0,
            used: 0,
        }
    }

    /// Takes one request of the budget at a time since the first moment.
    pub(crate) fn take(&mut self, elapsed: Duration) -> Result<(), Refused> {
        let window = elapsed.as_secs() / WINDOW.as_secs();
        if window != self.window {
            self.window = window;
            self.used = 0;
        }
        if self.used < self.limit.requests_per_10s {
            self.used += 1;
            return Ok(());
        }
        let end = WINDOW * (window as u32 + 1);
        let left = end.saturating_sub(elapsed).as_millis().div_ceil(1000) as u64;
        Err(Refused {
            retry_after_seconds: self.limit.retry_after.then_some(left.max(1)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_whole_again_in_the_next_window() {
        let mut rate = RateWindow::new(RateLimit {
            requests_per_10s: 2,
            retry_after: true,
        });
        assert!(rate.take(Duration::from_secs(1)).is_ok());
        assert!(rate.take(Duration::from_secs(9)).is_ok());
        assert_eq!(
            rate.take(Duration::from_millis(9_500)),
            Err(Refused {
                retry_after_seconds: Some(1)
            })
        );
        assert!(rate.take(Duration::from_secs(10)).is_ok());
    }

    #[test]
    fn a_host_need_not_say_when_to_come_back() {
        let mut rate = RateWindow::new(RateLimit {
            requests_per_10s: 0,
            retry_after: false,
        });
        let refused = rate.take(Duration::ZERO).unwrap_err();
        assert_eq!(refused.retry_after_seconds, None);
    }
}
