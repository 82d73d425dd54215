//! From one reading to the next: rates, share done, time left.

use std::collections::VecDeque;
use std::time::Duration;

use crate::history::History;
use crate::pace::Pace;
use crate::reading::Reading;
use crate::status::{State, Status};

/// What "now" is in a rate.
const RECENT: Duration = Duration::from_secs(10);
/// In its first minute a run learns how fast it may ask.
const LEARNING: Duration = Duration::from_secs(60);
/// Without an answer for so long a source counts as stalled: the longest request that is made is
/// expected to take 2.5 s, and others are answered meanwhile.
const STALLED: Duration = Duration::from_secs(3);

/// One reading, as far as rates need it.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    at: Duration,
    fills: u64,
    markets: u64,
    requests: u64,
}

/// Follows a run, reading by reading. Pure: times are those that it is told, since the run began.
#[derive(Debug, Default)]
pub struct Watch {
    marks: VecDeque<Mark>,
    pace: Pace,
    status: Status,
    history: History,
    answered_at: Duration,
    /// When nothing was asked last: nobody is silent who was not asked.
    idle_at: Duration,
    pages: u64,
    /// When the last refusal for the rate was seen, and how many there were by then.
    refused: Option<Duration>,
    rate_limited: u64,
    /// Whether it is known how many requests are granted.
    is_rate_known: bool,
}

impl Watch {
    /// Makes one that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what the last reading meant.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Returns how fast it went since it began.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Takes in a reading made at `at`, later than the one before.
    pub fn note(&mut self, at: Duration, reading: Reading) {
        if reading.pages != self.pages {
            self.pages = reading.pages;
            self.answered_at = at;
        }
        if reading.requests_in_flight == 0 {
            self.idle_at = at;
        }
        if reading.rate_limited != self.rate_limited {
            self.rate_limited = reading.rate_limited;
            self.refused = Some(at);
        }
        self.marks.push_back(Mark {
            at,
            fills: reading.fills_inserted + reading.fills_found,
            markets: reading.markets_met,
            requests: reading.requests,
        });
        // The last one before the recent ones stays: they begin there.
        while self.marks.get(1).is_some_and(|mark| at - mark.at >= RECENT) {
            self.marks.pop_front();
        }
        let state = self.state(at, &reading);
        self.keep_pace(at, state, &reading);
        let recent = self.recent();
        let all = expected(&reading);
        let fills = (reading.fills_inserted + reading.fills_found) as f64;
        let seconds = at.as_secs_f64().max(0.001);
        let status = Status {
            state,
            seconds: at.as_secs_f64(),
            share_done: share(&reading, all),
            seconds_left: self.seconds_left(at, &reading, all),
            fills_done: reading.fills_done(),
            fills_per_second: recent.fills_per_second,
            fills_per_second_overall: fills / seconds,
            markets_per_second: recent.markets_per_second,
            markets_per_second_overall: reading.markets_met as f64 / seconds,
            requests_per_second: recent.requests_per_second,
            seconds_since_answer: (at - self.answered_at).as_secs_f64(),
            warnings: Vec::new(),
            reading,
        };
        self.history.note(at, status.fills_per_second);
        self.status = status;
    }

    fn state(&self, at: Duration, reading: &Reading) -> State {
        if reading.paused_seconds.is_some() {
            return State::Paused;
        }
        if reading.is_source_away {
            return State::Stalled;
        }
        if reading.is_table_away {
            return State::Waiting;
        }
        if reading.requests_in_flight > 0 {
            // Who was refused a moment ago asks one by one until the window is over.
            let was_refused = self.refused.is_some_and(|refused| at - refused < RECENT);
            return match at - self.answered_at.max(self.idle_at) {
                quiet if quiet >= STALLED && was_refused => State::Paused,
                quiet if quiet >= STALLED => State::Stalled,
                _ if reading.pages == 0 => State::Starting,
                _ => State::Running,
            };
        }
        match reading {
            Reading {
                is_up_to_date: true,
                ..
            } => State::Following,
            Reading { pages: 0, .. } => State::Starting,
            Reading {
                rows_in_hand,
                most_rows_in_hand,
                ..
            } if *rows_in_hand > 0 && rows_in_hand >= most_rows_in_hand => State::Waiting,
            Reading { rows_ahead, .. } if *rows_ahead > 0.0 => State::Running,
            // A round that reads again what is in the table, or a run between two steps.
            Reading {
                rows_in_hand: 0, ..
            } => State::Running,
            _ => State::Inserting,
        }
    }

    /// Begins anew with each pause while the source's limit is being learned, and once it is known.
    fn keep_pace(&mut self, at: Duration, state: State, reading: &Reading) {
        let is_rate_known = reading.requests_per_10s.is_some();
        let is_news = is_rate_known && !self.is_rate_known;
        self.is_rate_known = is_rate_known;
        let is_learning = state == State::Paused && at < LEARNING;
        if reading.pages == 0 || is_news || is_learning {
            self.pace.restart();
        }
        self.pace.note(at, fetched(reading));
    }

    fn seconds_left(&self, at: Duration, reading: &Reading, all: Option<f64>) -> Option<f64> {
        // What the parts under way tell of the whole takes them some time to tell.
        if reading.is_up_to_date || reading.fills_expected.is_none() && at < LEARNING {
            return None;
        }
        // The rest is fetched and what came is inserted side by side.
        let known = reading.fills_before + fetched(reading);
        let left = (all? - known as f64).max(reading.rows_in_hand as f64);
        self.pace.rows_per_second().map(|pace| left / pace)
    }

    /// Returns the rates of the last ten seconds, or since the run began.
    fn recent(&self) -> Rates {
        let Some(&last) = self.marks.back() else {
            return Rates::default();
        };
        let from = match self.marks.front() {
            Some(first) if last.at - first.at >= RECENT => *first,
            _ => Mark::default(),
        };
        let seconds = (last.at - from.at).as_secs_f64().max(0.001);
        Rates {
            fills_per_second: (last.fills - from.fills) as f64 / seconds,
            markets_per_second: (last.markets - from.markets) as f64 / seconds,
            requests_per_second: (last.requests - from.requests) as f64 / seconds,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    fills_per_second: f64,
    markets_per_second: f64,
    requests_per_second: f64,
}

/// Returns the rows that came since the run began, those not durable yet among them.
fn fetched(reading: &Reading) -> u64 {
    reading.fills_inserted + reading.fills_found + reading.rows_in_hand
}

/// Returns how many rows the job has, as far as anything tells: never fewer than are known by now.
fn expected(reading: &Reading) -> Option<f64> {
    let known = (reading.fills_before + fetched(reading)) as f64;
    match reading.fills_expected {
        Some(expected) => Some((expected as f64).max(known)),
        None if reading.rows_ahead > 0.0 => Some(known + reading.rows_ahead),
        None => None,
    }
}

fn share(reading: &Reading, all: Option<f64>) -> f64 {
    match all {
        Some(all) if all > 0.0 => reading.fills_done() as f64 / all,
        _ => reading.share_of_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn reading(fills_inserted: u64) -> Reading {
        Reading {
            fills_inserted,
            pages: fills_inserted / 1000,
            requests: fills_inserted / 10_000,
            requests_in_flight: 3,
            fills_expected: Some(100_000),
            ..Reading::default()
        }
    }

    #[test]
    fn rates_are_of_the_last_ten_seconds_and_of_all() {
        let mut watch = Watch::new();
        for second in 1..=30 {
            // Slow at first, then ten times as fast.
            let fills = if second <= 10 {
                second * 100
            } else {
                1000 + (second - 10) * 1000
            };
            watch.note(Duration::from_secs(second), reading(fills));
        }
        let status = watch.status();
        assert_eq!(status.fills_per_second, 1000.0);
        assert_eq!(status.fills_per_second_overall, 700.0);
        assert_eq!(status.share_done, 0.21);
        // The first page came after ten seconds, and then they came evenly.
        assert_eq!(status.seconds_left, Some(79_000.0 / 1000.0));
    }

    #[test]
    fn markets_a_second_are_those_met_for_the_first_time() {
        let mut watch = Watch::new();
        for second in 1..=20_u64 {
            let met = Reading {
                markets_met: second.min(15) * 30,
                ..reading(second * 100)
            };
            watch.note(Duration::from_secs(second), met);
        }
        let status = watch.status();
        assert_eq!(status.markets_per_second, 15.0);
        assert_eq!(status.markets_per_second_overall, 22.5);
    }

    #[test]
    fn a_source_that_does_not_answer_is_stalled_within_three_seconds() {
        let mut watch = Watch::new();
        watch.note(seconds(1.0), reading(5000));
        assert_eq!(watch.status().state, State::Running);
        watch.note(seconds(3.9), reading(5000));
        assert_eq!(watch.status().state, State::Running);
        watch.note(seconds(4.0), reading(5000));
        assert_eq!(watch.status().state, State::Stalled);
        assert_eq!(watch.status().seconds_since_answer, 3.0);
        watch.note(seconds(5.0), reading(6000));
        assert_eq!(watch.status().state, State::Running);
    }

    #[test]
    fn a_source_that_was_not_asked_is_not_silent() {
        let mut watch = Watch::new();
        watch.note(seconds(1.0), reading(5000));
        let idle = Reading {
            requests_in_flight: 0,
            ..reading(5000)
        };
        watch.note(seconds(60.0), idle.clone());
        watch.note(seconds(60.5), reading(5000));
        assert_eq!(watch.status().state, State::Running);
        watch.note(seconds(63.5), reading(5000));
        assert_eq!(watch.status().state, State::Stalled);
        let away = Reading {
            is_source_away: true,
            ..idle
        };
        watch.note(seconds(64.0), away);
        assert_eq!(watch.status().state, State::Stalled);
    }

    #[test]
    fn silence_after_a_refusal_is_a_pause() {
        let mut watch = Watch::new();
        let refused = Reading {
            rate_limited: 1,
            ..reading(5000)
        };
        watch.note(seconds(1.0), refused.clone());
        watch.note(seconds(9.0), refused.clone());
        assert_eq!(watch.status().state, State::Paused);
        watch.note(seconds(11.0), refused);
        assert_eq!(watch.status().state, State::Stalled);
    }

    #[test]
    fn what_a_run_waits_for_is_told_apart() {
        let check = |reading: Reading, expected| {
            let mut watch = Watch::new();
            watch.note(seconds(1.0), reading);
            assert_eq!(watch.status().state, expected);
        };
        check(Reading::default(), State::Starting);
        let some = Reading {
            pages: 1,
            rows_in_hand: 500,
            most_rows_in_hand: 1000,
            ..Reading::default()
        };
        check(some.clone(), State::Inserting);
        check(
            Reading {
                is_up_to_date: true,
                ..some.clone()
            },
            State::Following,
        );
        let paused_seconds = Some(2.0);
        check(
            Reading {
                paused_seconds,
                ..some.clone()
            },
            State::Paused,
        );
        let full = Reading {
            rows_in_hand: 1000,
            ..some
        };
        check(full, State::Waiting);
        let away = Reading {
            is_table_away: true,
            ..Reading::default()
        };
        check(away, State::Waiting);
    }

    /// A run that goes on at one pace at a time, a reading a second.
    struct Run {
        watch: Watch,
        second: u64,
        fills: u64,
    }

    impl Run {
        /// Goes on for some seconds, and returns what is told of the end.
        fn goes_on(&mut self, seconds: u64, pace: u64, is: &Reading) -> Option<f64> {
            for _ in 0..seconds {
                self.second += 1;
                self.fills += pace;
                let reading = Reading {
                    fills_inserted: self.fills,
                    pages: self.fills,
                    fills_expected: Some(100_000),
                    ..is.clone()
                };
                self.watch.note(Duration::from_secs(self.second), reading);
            }
            self.watch.status().seconds_left
        }
    }

    #[test]
    fn while_a_run_learns_the_limit_its_end_is_not_told() {
        let (watch, second, fills) = Default::default();
        let mut run = Run {
            watch,
            second,
            fills,
        };
        let free = Reading::default();
        let paused = Reading {
            paused_seconds: Some(1.0),
            ..free.clone()
        };
        let known = Reading {
            requests_per_10s: Some(50),
            ..free.clone()
        };
        let known_and_paused = Reading {
            requests_per_10s: Some(50),
            ..paused.clone()
        };
        // As fast as a source answers that has not refused anything yet.
        assert_eq!(run.goes_on(5, 4_000, &free), Some(20.0));
        assert_eq!(run.goes_on(5, 0, &paused), None);
        assert_eq!(run.goes_on(1, 0, &free), None);
        assert_eq!(run.goes_on(9, 1_000, &free), Some(71.0));
        assert_eq!(run.goes_on(1, 1_000, &known), None);
        assert_eq!(run.goes_on(5, 2_000, &known), Some(30.0));
        assert_eq!(run.goes_on(34, 100, &known).map(f64::round), Some(566.0));
        // Later a pause is a part of how it goes.
        let left = run.goes_on(2, 0, &known_and_paused).unwrap();
        assert!((600.0..700.0).contains(&left), "{left}");
    }

    #[test]
    fn rows_in_hand_are_on_their_way_and_not_left_to_fetch() {
        let mut watch = Watch::new();
        let mut left = |second: u64, fills: u64, rows_in_hand: u64| {
            let reading = Reading {
                pages: 1,
                rows_in_hand,
                ..reading(fills)
            };
            watch.note(Duration::from_secs(second), reading);
            (watch.status().seconds_left, watch.status().share_done)
        };
        for second in 1..=8 {
            left(second, 0, second * 10_000);
        }
        assert_eq!(left(9, 70_000, 20_000), (Some(2.0), 0.7));
        // All is fetched, and has to be inserted yet.
        assert_eq!(left(10, 70_000, 30_000), (Some(3.0), 0.7));
    }

    #[test]
    fn without_an_estimate_the_parts_under_way_and_then_time_tell() {
        let mut watch = Watch::new();
        let unknown = Reading {
            fills_expected: None,
            rows_ahead: 15_000.0,
            ..reading(5000)
        };
        watch.note(seconds(1.0), unknown.clone());
        assert_eq!(watch.status().share_done, 0.25);
        let nothing = Reading {
            rows_ahead: 0.0,
            share_of_time: 0.5,
            ..unknown
        };
        watch.note(seconds(2.0), nothing);
        assert_eq!(watch.status().share_done, 0.5);
        assert_eq!(watch.status().seconds_left, None);
    }

    #[test]
    fn there_are_never_fewer_fills_than_came() {
        let mut watch = Watch::new();
        for second in 1..=6 {
            watch.note(Duration::from_secs(second), reading(second * 20_000));
        }
        assert_eq!(watch.status().share_done, 1.0);
        assert_eq!(watch.status().seconds_left, Some(0.0));
    }
}
