use std::time::Duration;

/// How fast to ask at most, and how long to pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Most requests at once; 0 counts as 1.
    pub max_in_flight: usize,
    /// Most requests in any window, whatever is learned; nothing means that only the service's
    /// refusals bound the rate. 0 counts as 1.
    pub requests_per_10s: Option<u32>,
    /// The length of the window that the service counts in: ten seconds, shorter only in tests.
    ///
    /// **Source**: Goldsky's refusals say "limits reset every 10 seconds".
    pub window: Duration,
    /// How long to pause when the service opens its breaker.
    ///
    /// **Source**: Goldsky's breaker counts what happened "in the past 60 seconds".
    pub overload_pause: Duration,
}

impl Default for Config {
    /// 128 requests in flight, no cap, ten-second windows, a pause of 60 seconds.
    fn default() -> Self {
        Self {
            max_in_flight: 128,
            requests_per_10s: None,
            window: Duration::from_secs(10),
            overload_pause: Duration::from_secs(60),
        }
    }
}
