use std::time::Duration;

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service answered, be it with an error of its own.
    Answered {
        /// From the request's start to the last byte of its answer.
        latency: Duration,
        /// How many equal units of work the request asked for, such as pages, since latencies are only
        /// compared among requests of about the same work; 0 where it was work of another kind, whose
        /// latency says nothing.
        work: u32,
    },
    /// The service refused the request for its rate.
    RateLimited {
        /// How long the service asks to wait, honoured up to a day; nothing or zero means that it
        /// did not say.
        retry_after: Option<Duration>,
    },
    /// The service's breaker is open.
    Overloaded,
    /// There was no answer, or none that says anything about the rate.
    Failed,
}
