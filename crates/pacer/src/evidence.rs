//! What a refusal says about the service's limit.

use std::time::{Duration, Instant};

use crate::grants::Grants;

/// Fewer requests than this between two refusals say nothing about a rate.
const LEAST_SINCE_REFUSAL: u32 = 8;

/// How the service came back after the refusal before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// The request since which all that is served has flowed in, and when it was sent: since the
    /// refusal, if hardly any time was lost after it, else since the first request that was served
    /// again, which may have found more.
    pub(crate) since: (u64, Instant),
    /// It had refused for so long that no bucket can be behind it, but windows.
    pub(crate) in_windows: bool,
}

/// Where a count begins, and what it is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Background {
    /// When callers last left something unused.
    pub(crate) steady_since: Instant,
    /// Requests are spaced evenly, so that hardly one overtakes another.
    pub(crate) spaced: bool,
    pub(crate) flow: Option<Flow>,
}

/// The requests that the service let through in a span of grants that ends with a refusal.
#[derive(Debug, Clone, Copy)]
struct Served {
    from: u64,
    to: u64,
    requests: u32,
}

impl Served {
    fn count(grants: &Grants, from: u64, to: u64) -> Self {
        Self {
            from,
            to,
            requests: grants.served(from, to),
        }
    }
}

/// Measurements of the limit, none of them below it while callers want more than it:
///
/// * **Served in the window before the refusal.** The service's own window began within it, so
///   that all of what that one granted is counted. Exactly the limit, once the window before was
///   used up too; up to twice the limit before that. Says nothing when less was asked for than
///   might have been.
/// * **Served since the refusal before**, as a rate. A bucket was empty then and is empty now: what
///   was served is what flowed in, exactly. A fixed window has begun at most once in between and
///   was used up, in less than its length. Says nothing over more than a window.
/// * The same as a number, where it is known that the service counts in windows and nothing else
///   is.
#[derive(Debug)]
pub(crate) struct Evidence {
    refused_at: Instant,
    in_window: Option<Served>,
    since_refusal: Option<(Served, Duration)>,
    in_windows: bool,
    window: Duration,
}

impl Evidence {
    /// Gathers what is known when `refused` (sent at `refused_at`) is the first one reported.
    pub(crate) fn gather(
        grants: &Grants,
        window: Duration,
        (refused, refused_at): (u64, Instant),
        background: Background,
    ) -> Self {
        let steady_for = refused_at.saturating_duration_since(background.steady_since);
        let since_refusal = background.flow.and_then(|flow| {
            let (number, at) = flow.since;
            let span = refused_at.saturating_duration_since(at);
            let known = !span.is_zero() && span <= window;
            known.then(|| (Served::count(grants, number, refused), span))
        });
        let from = grants.first_in_window_of(refused);
        let to = if background.spaced {
            refused
        } else {
            grants.next()
        };
        Self {
            refused_at,
            in_window: (steady_for >= window).then(|| Served::count(grants, from, to)),
            since_refusal,
            in_windows: background.flow.is_some_and(|flow| flow.in_windows),
            window,
        }
    }

    /// Returns when the refused request was sent.
    pub(crate) fn refused_at(&self) -> Instant {
        self.refused_at
    }

    /// Another request was refused, that counted as served so far if it was sent before.
    pub(crate) fn refuse(&mut self, number: u64) {
        let spans = self
            .in_window
            .iter_mut()
            .chain(self.since_refusal.as_mut().map(|(served, _)| served));
        for served in spans {
            if (served.from..served.to).contains(&number) {
                served.requests = served.requests.saturating_sub(1);
            }
        }
    }

    /// Returns how many requests a window has at most, or nothing where nothing is known.
    pub(crate) fn limit(&self) -> Option<u32> {
        let in_window = self.in_window.map(|served| served.requests);
        let since_refusal = self
            .since_refusal
            .filter(|(served, _)| served.requests >= LEAST_SINCE_REFUSAL);
        if let (None, true, Some((served, _))) = (in_window, self.in_windows, since_refusal) {
            return Some(served.requests);
        }
        let as_rate = since_refusal.map(|(served, span)| {
            // One more: what was left over at either end is less than one request.
            let requests = f64::from(served.requests) + 1.0;
            (requests * self.window.as_secs_f64() / span.as_secs_f64()).ceil() as u32
        });
        match (in_window, as_rate) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    /// Grants at these times in milliseconds, the last of which is refused.
    fn evidence(sent_ms: &[u64], steady_since_ms: u64, flow: Option<(u64, bool)>) -> Evidence {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut grants = Grants::new(WINDOW);
        for &ms in sent_ms {
            grants.add(at(ms));
        }
        let refused = grants.next() - 1;
        grants.refuse(refused);
        let flow = flow.map(|(number, in_windows)| Flow {
            since: (number, at(sent_ms[number as usize])),
            in_windows,
        });
        let refused_at = at(*sent_ms.last().unwrap());
        let background = Background {
            steady_since: at(steady_since_ms),
            spaced: true,
            flow,
        };
        Evidence::gather(&grants, WINDOW, (refused, refused_at), background)
    }

    fn every(ms: u64, times: u64) -> Vec<u64> {
        (0..times).map(|place| place * ms).collect()
    }

    #[test]
    fn a_whole_window_before_the_refusal_tells_the_limit() {
        // The first one was sent exactly a window before.
        assert_eq!(evidence(&every(200, 51), 0, None).limit(), Some(49));
    }

    #[test]
    fn less_than_a_window_tells_nothing() {
        assert_eq!(evidence(&every(100, 51), 0, None).limit(), None);
        assert_eq!(evidence(&every(200, 51), 100, None).limit(), None);
    }

    #[test]
    fn what_flowed_in_since_the_refusal_before_is_a_rate() {
        // 40 in 4 s, and less than one more that was left over.
        let limit = evidence(&every(100, 41), 0, Some((0, false))).limit();
        assert_eq!(limit, Some(103));
        assert_eq!(evidence(&every(100, 5), 0, Some((0, false))).limit(), None);
    }

    #[test]
    fn what_was_served_in_a_window_of_the_service_is_a_number() {
        let limit = evidence(&every(100, 41), 0, Some((0, true))).limit();
        assert_eq!(limit, Some(40));
    }

    #[test]
    fn requests_that_turn_out_refused_were_not_served() {
        let mut evidence = evidence(&every(200, 51), 0, None);
        for number in [0, 1, 49, 50] {
            evidence.refuse(number);
        }
        assert_eq!(evidence.limit(), Some(47));
    }
}
