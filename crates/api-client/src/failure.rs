//! What went wrong with one attempt, and what a status other than success means. What the words of
//! an answer mean is known to whoever asked.

use std::time::Duration;

use crate::text;

/// What went wrong with one attempt, and what that calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What that calls for.
    pub class: Class,
    /// What happened, on one line, without secrets.
    pub message: String,
}

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Wait with all requests, then ask again; it is nobody's failure.
    RateLimited {
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// Wait long with all requests, then ask again.
    Overloaded,
    /// Ask again after a while.
    Passing,
    /// Ask again after what the service asks to wait.
    Busy {
        /// How long that is.
        retry_after: Duration,
    },
    /// Ask again after a while, or for less where the request is for several pages.
    TimedOut,
    /// Ask again once or twice; if it stays, ask for less.
    HeavyOrPassing,
    /// Ask for less.
    TooHeavy,
    /// Ask again once or twice, since something between may have spoilt the answer; then stop.
    Misshapen,
    /// Stop: the request is refused as such.
    Refused,
    /// Stop: the service says that it exists no longer.
    Gone,
    /// Stop: the source says that its data is broken.
    Broken,
}

impl Failure {
    /// Makes a failure of any class.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }

    /// Makes a failure that may pass.
    pub fn passing(message: impl Into<String>) -> Self {
        Self::new(Class::Passing, message)
    }

    /// Makes a failure of an answer that is not what was asked for.
    pub fn misshapen(message: impl Into<String>) -> Self {
        Self::new(Class::Misshapen, message)
    }

    /// Makes a failure of a request that is refused as such.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, message)
    }
}

/// Classifies an HTTP status other than success.
///
/// `hint` says what to look at where the request is refused as such.
pub fn status(status: u16, retry_after: Option<Duration>, body: &[u8], hint: &str) -> Failure {
    let words = text::excerpt(body);
    let message = if words.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("HTTP {status}: {words}")
    };
    let class = match status {
        // An endpoint that was turned off answers 429 too, and waiting does not help.
        410 => Class::Gone,
        400..500 if words.to_ascii_lowercase().contains("deprecated") => Class::Gone,
        429 => Class::RateLimited { retry_after },
        503 if words.contains("in the past 60 seconds") => Class::Overloaded,
        503 | 529 if let Some(retry_after) = retry_after => Class::Busy { retry_after },
        408 | 504 | 524 => Class::TimedOut,
        500.. | 425 => Class::Passing,
        413 => Class::TooHeavy,
        _ => return Failure::refused(format!("{message}; {hint}")),
    };
    Failure::new(class, message)
}
