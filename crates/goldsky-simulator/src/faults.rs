//! What goes wrong on purpose.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A way in which the source fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name that flags and statistics use.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

faults! {
    /// HTTP 429 with the rate limit's text, without a limit being reached.
    Http429 = "http-429",
    /// HTTP 503 of the breaker, which counts over 60 seconds.
    Http503 = "http-503",
    /// HTTP 500 with a short text.
    Http500 = "http-500",
    /// HTTP 502 with a proxy's page.
    Http502Html = "http-502-html",
    /// HTTP 504 without a body.
    Http504Empty = "http-504-empty",
    /// The connection is reset before an answer.
    Reset = "reset",
    /// The answer comes late, see [`Faults::stalling_for`].
    Stall = "stall",
    /// The connection ends in the middle of the body.
    Truncated = "truncated",
    /// A GraphQL error: the database cancelled the statement.
    StatementTimeout = "statement-timeout",
    /// A GraphQL error: the database is unavailable.
    StoreError = "store-error",
    /// A GraphQL error: the query took too long.
    QueryTimeout = "query-timeout",
    /// A GraphQL error: the query is too expensive.
    TooExpensive = "too-expensive",
    /// A GraphQL error: the service is overloaded.
    Overloaded = "overloaded",
    /// `"data": null` without an error.
    NullData = "null-data",
    /// The deployment has failed: `indexing_error` in place of entities. Meant as a state, rate 1.
    IndexingError = "indexing-error",
    /// A request with more than one list times out. [`crate::Host::most_pages_per_request`] is
    /// the sharp limit.
    HeavyAliases = "heavy-aliases",
    /// The answer is from a node 1,000 blocks behind.
    OldState = "old-state",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each fault happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    rates: Vec<(Fault, f64)>,
    stall: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rates: Vec::new(),
            stall: Duration::from_secs(120),
        }
    }
}

impl Faults {
    /// Sets the share of requests that a fault hits, `[0, 1]`.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: f64) -> Self {
        self.rates.retain(|(other, _)| *other != fault);
        self.rates.push((fault, rate));
        self
    }

    /// Sets how long [`Fault::Stall`] waits: two minutes unless set.
    #[must_use]
    pub fn stalling_for(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    pub(crate) fn stall(&self) -> Duration {
        self.stall
    }

    /// Returns the share of requests that a fault hits.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates
            .iter()
            .find(|(other, _)| *other == fault)
            .map_or(0.0, |(_, rate)| *rate)
    }

    /// Decides by a draw for each fault; those that come earlier in [`Fault::ALL`] win.
    pub(crate) fn strike(&self, mut draw: impl FnMut(Fault) -> f64) -> Option<Fault> {
        if self.rates.is_empty() {
            return None;
        }
        Fault::ALL
            .iter()
            .copied()
            .find(|fault| self.rate(*fault) > 0.0 && draw(*fault) < self.rate(*fault))
    }
}

/// A fault and its rate, as `NAME=RATE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRate {
    /// What goes wrong.
    pub fault: Fault,
    /// The share of requests, `[0, 1]`.
    pub rate: f64,
}

/// Why a text is not a fault and its rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFaultError {
    /// There is no fault of that name.
    #[error("no fault is called {name:?}; there are {}", names())]
    UnknownName {
        /// The name given.
        name: String,
    },
    /// The rate is no number from 0 to 1.
    #[error("{rate:?} is not a rate from 0 to 1, as in {}=0.05", Fault::Http503)]
    Rate {
        /// The rate given.
        rate: String,
    },
}

fn names() -> String {
    let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    names.join(", ")
}

impl FromStr for FaultRate {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let (name, rate) = text.split_once('=').unwrap_or((text, ""));
        let fault = Fault::ALL
            .iter()
            .copied()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| ParseFaultError::UnknownName {
                name: name.to_owned(),
            })?;
        match rate.parse() {
            Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(Self { fault, rate }),
            _ => Err(ParseFaultError::Rate {
                rate: rate.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_parses_by_its_name() {
        for fault in Fault::ALL {
            let parsed: FaultRate = format!("{fault}=0.5").parse().unwrap();
            assert_eq!((parsed.fault, parsed.rate), (*fault, 0.5));
        }
    }

    #[test]
    fn unknown_names_and_rates_are_refused_with_the_names() {
        let check = |text: &str, part: &str| {
            let message = text.parse::<FaultRate>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        };
        check("flood=0.5", "http-503, http-500");
        check("reset", "not a rate");
        check("reset=2", "not a rate");
        check("reset=NaN", "not a rate");
    }

    #[test]
    fn the_first_fault_whose_draw_is_below_its_rate_strikes() {
        let faults = Faults::default()
            .with(Fault::Reset, 0.5)
            .with(Fault::Http500, 0.1);
        assert_eq!(faults.strike(|_| 0.3), Some(Fault::Reset));
        assert_eq!(faults.strike(|_| 0.05), Some(Fault::Http500));
        assert_eq!(faults.strike(|_| 0.5), None);
        assert_eq!(Faults::default().strike(|_| 0.0), None);
    }
}
