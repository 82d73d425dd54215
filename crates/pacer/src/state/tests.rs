use proptest::prelude::*;

use super::*;
use crate::budget::Refusal;

const WINDOW: Duration = Duration::from_secs(10);
const LATENCY: Duration = Duration::from_millis(40);

/// A state machine under test and its time, in milliseconds since its beginning.
struct Clocked {
    state: State,
    begin: Instant,
    now_ms: u64,
}

impl Clocked {
    fn new(config: Config) -> Self {
        Self {
            state: State::new(config),
            begin: Instant::now(),
            now_ms: 0,
        }
    }

    fn now(&self) -> Instant {
        self.begin + Duration::from_millis(self.now_ms)
    }

    fn turn(&mut self) -> Turn {
        let now = self.now();
        self.state.turn(now)
    }

    fn go(&mut self) -> Ticket {
        match self.turn() {
            Turn::Go(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn goes(&mut self, requests: usize) -> Vec<Ticket> {
        (0..requests).map(|_| self.go()).collect()
    }

    fn waits_until_ms(&mut self) -> u64 {
        match self.turn() {
            Turn::WaitUntil(until) => {
                u64::try_from(until.duration_since(self.begin).as_millis()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    fn report(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Pause> {
        let now = self.now();
        self.state.report(ticket, outcome, now)
    }

    fn answered(&mut self, ticket: Ticket) {
        let latency = LATENCY;
        self.report(ticket, Outcome::Answered { latency, work: 1 });
    }

    fn refused(&mut self, ticket: Ticket, retry_after_ms: Option<u64>) -> Option<Pause> {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        self.report(ticket, Outcome::RateLimited { retry_after })
    }

    /// Asks all the time for `ms`, and has each request answered at once. Returns how many.
    fn ask_for(&mut self, ms: u64) -> u32 {
        let (until_ms, mut answered) = (self.now_ms + ms, 0);
        while self.now_ms < until_ms {
            match self.turn() {
                Turn::Go(ticket) => {
                    self.answered(ticket);
                    answered += 1;
                }
                _ => self.now_ms += 1,
            }
        }
        answered
    }

    /// Learns a budget from a steady 90 in 10 s that are refused in the end, and ends when requests
    /// flow again.
    fn learn_a_budget(&mut self) {
        for _ in 0..100 {
            let ticket = self.go();
            self.answered(ticket);
            self.now_ms += 110;
        }
        let ticket = self.go();
        self.refused(ticket, None);
        self.now_ms += 500;
        let alone = self.go();
        self.answered(alone);
        let budget = self.state.requests_per_window();
        assert!((85..=90).contains(&budget.unwrap()), "{budget:?}");
    }
}

fn with_all_in_flight() -> Clocked {
    Clocked::new(Config {
        max_in_flight: 10_000,
        ..Config::default()
    })
}

#[test]
fn no_more_than_the_bound_are_in_flight() {
    let mut pacer = Clocked::new(Config {
        max_in_flight: 2,
        ..Config::default()
    });
    let tickets = pacer.goes(2);
    assert_eq!(pacer.turn(), Turn::WaitForReport);
    pacer.answered(tickets[0]);
    pacer.go();
    assert_eq!(pacer.turn(), Turn::WaitForReport);
}

#[test]
fn the_hard_cap_holds_in_a_sliding_window() {
    let mut pacer = Clocked::new(Config {
        requests_per_10s: Some(3),
        ..Config::default()
    });
    pacer.go();
    pacer.now_ms = 4_000;
    pacer.goes(2);
    assert_eq!(pacer.waits_until_ms(), 10_000);
    pacer.now_ms = 10_000;
    pacer.go();
    assert_eq!(pacer.waits_until_ms(), 14_000);
}

#[test]
fn many_refusals_of_one_window_pause_once_and_cut_once() {
    let mut pacer = with_all_in_flight();
    pacer.state.budget.refused(Refusal {
        limit: Some(100_000),
        soon: false,
        lasted_percent: 0,
    });
    assert_eq!(pacer.state.requests_per_window(), Some(98_000));
    let tickets = pacer.goes(8);
    let pauses = tickets
        .iter()
        .filter_map(|&ticket| pacer.refused(ticket, None));
    assert_eq!(pauses.collect::<Vec<_>>(), [Pause::Rate]);
    pacer.now_ms = 500;
    let alone = pacer.go();
    pacer.answered(alone);
    assert_eq!(pacer.state.requests_per_window(), Some(96_040));
}

#[test]
fn a_late_refusal_from_before_the_pause_is_old_news() {
    let mut pacer = with_all_in_flight();
    let tickets = pacer.goes(2);
    pacer.refused(tickets[1], None);
    pacer.now_ms = 500;
    let alone = pacer.go();
    pacer.answered(alone);
    let learned = pacer.state.requests_per_window();
    assert_eq!(pacer.refused(tickets[0], Some(5_000)), None);
    pacer.go();
    assert_eq!(pacer.state.requests_per_window(), learned);
}

#[test]
fn a_refusal_is_followed_by_one_request_alone_after_growing_pauses() {
    let mut pacer = with_all_in_flight();
    let ticket = pacer.go();
    pacer.refused(ticket, None);
    // The last but one is cut short: by then the service's own window has begun anew.
    for begin_ms in [500, 1_500, 3_500, 7_500, 10_000, 15_000] {
        assert_eq!(pacer.waits_until_ms(), begin_ms);
        pacer.now_ms = begin_ms;
        let alone = pacer.go();
        assert!(matches!(pacer.turn(), Turn::WaitUntil(_)));
        assert_eq!(pacer.refused(alone, None), None);
    }
}

#[test]
fn a_request_alone_that_is_not_refused_soon_keeps_nobody_waiting() {
    let mut pacer = with_all_in_flight();
    pacer.learn_a_budget();
    for _ in 0..10 {
        pacer.now_ms += 200;
        let ticket = pacer.go();
        pacer.answered(ticket);
    }
    pacer.now_ms += 200;
    let ticket = pacer.go();
    pacer.refused(ticket, None);
    pacer.now_ms += 500;
    let alone = pacer.go();
    assert_eq!(pacer.waits_until_ms(), pacer.now_ms + 1_000);
    pacer.now_ms += 1_000;
    pacer.go();
    // Its late refusal is about the present.
    assert_eq!(pacer.refused(alone, None), Some(Pause::Rate));
}

#[test]
fn retry_after_is_honoured_and_the_longest_one_wins() {
    let mut pacer = with_all_in_flight();
    let tickets = pacer.goes(3);
    pacer.refused(tickets[0], Some(2_000));
    assert_eq!(pacer.waits_until_ms(), 2_000);
    pacer.refused(tickets[1], Some(31_000));
    pacer.refused(tickets[2], Some(1_000));
    assert_eq!(pacer.waits_until_ms(), 31_000);
}

#[test]
fn a_retry_after_of_nothing_is_none() {
    let mut pacer = with_all_in_flight();
    let ticket = pacer.go();
    pacer.refused(ticket, Some(0));
    assert_eq!(pacer.waits_until_ms(), 500);
}

#[test]
fn a_retry_after_beyond_all_time_is_a_day() {
    let mut pacer = with_all_in_flight();
    let ticket = pacer.go();
    pacer.refused(ticket, Some(u64::MAX));
    assert_eq!(pacer.waits_until_ms(), 24 * 60 * 60 * 1000);
}

#[test]
fn a_breaker_pauses_long_and_then_lets_one_request_through_until_it_is_answered() {
    let mut pacer = with_all_in_flight();
    let tickets = pacer.goes(3);
    assert_eq!(
        pacer.report(tickets[0], Outcome::Overloaded),
        Some(Pause::Breaker)
    );
    assert_eq!(pacer.report(tickets[1], Outcome::Overloaded), None);
    pacer.answered(tickets[2]);
    assert_eq!(pacer.waits_until_ms(), 60_000);
    pacer.now_ms = 60_000;
    let alone = pacer.go();
    assert_eq!(pacer.turn(), Turn::WaitForReport);
    pacer.report(alone, Outcome::Overloaded);
    assert_eq!(pacer.waits_until_ms(), 120_000);
    pacer.now_ms = 120_000;
    let alone = pacer.go();
    pacer.answered(alone);
    pacer.goes(2);
    assert_eq!(pacer.state.requests_per_window(), None);
}

#[test]
fn a_run_of_failures_falls_back_to_asking_alone() {
    let mut pacer = with_all_in_flight();
    let tickets = pacer.goes(8);
    for &ticket in &tickets[..7] {
        assert_eq!(pacer.report(ticket, Outcome::Failed), None);
    }
    assert_eq!(
        pacer.report(tickets[7], Outcome::Failed),
        Some(Pause::Failures)
    );
    for begin_ms in [500, 1_500, 3_500, 7_500, 10_000, 15_000] {
        assert_eq!(pacer.waits_until_ms(), begin_ms);
        pacer.now_ms = begin_ms;
        let alone = pacer.go();
        assert_eq!(pacer.turn(), Turn::WaitForReport);
        pacer.report(alone, Outcome::Failed);
    }
    pacer.now_ms = 20_000;
    let alone = pacer.go();
    pacer.answered(alone);
    assert_eq!(pacer.state.paused_until(pacer.now()), None);
    pacer.go();
}

#[test]
fn failures_between_answers_do_not_stop_the_others() {
    let mut pacer = with_all_in_flight();
    for _ in 0..100 {
        for outcome in [Outcome::Failed, Outcome::Failed] {
            let ticket = pacer.go();
            assert_eq!(pacer.report(ticket, outcome), None);
        }
        let ticket = pacer.go();
        pacer.answered(ticket);
    }
}

#[test]
fn requests_are_spaced_once_the_limit_is_known() {
    let mut pacer = with_all_in_flight();
    pacer.learn_a_budget();
    let budget = pacer.state.requests_per_window().unwrap();
    pacer.ask_for(1_000);
    let tenth = pacer.ask_for(1_000);
    assert!(tenth.abs_diff(budget / 10) <= 1, "{tenth} of {budget}");
}

#[test]
fn the_budget_binds_when_callers_wait_for_it_and_not_when_they_do_not_come() {
    let mut pacer = with_all_in_flight();
    assert!(!pacer.state.is_rate_bound(pacer.now()));
    pacer.learn_a_budget();
    pacer.ask_for(10_500);
    assert!(pacer.state.is_rate_bound(pacer.now()));
    for _ in 0..12 {
        pacer.now_ms += 1_000;
        let ticket = pacer.go();
        pacer.answered(ticket);
    }
    assert!(!pacer.state.is_rate_bound(pacer.now()));
}

#[test]
fn a_refusal_says_for_a_window_that_requests_are_scarce() {
    let mut pacer = with_all_in_flight();
    let ticket = pacer.go();
    pacer.refused(ticket, None);
    assert!(pacer.state.is_rate_bound(pacer.now()));
    pacer.now_ms += 9_999;
    assert!(pacer.state.is_rate_bound(pacer.now()));
    pacer.now_ms += 1;
    assert!(!pacer.state.is_rate_bound(pacer.now()));
}

#[test]
fn a_cap_that_is_set_is_spread_over_the_window_from_the_first_request_on() {
    let mut pacer = Clocked::new(Config {
        requests_per_10s: Some(100),
        ..Config::default()
    });
    let at_first = pacer.ask_for(2_000);
    assert!((20..=23).contains(&at_first), "{at_first} in 2 s");
    assert!(pacer.state.is_rate_bound(pacer.now()));
    assert_eq!(pacer.ask_for(8_000) + at_first, 100);
}

#[test]
fn a_cap_that_binds_says_nothing_about_what_the_service_would_allow() {
    let mut pacer = Clocked::new(Config {
        requests_per_10s: Some(120),
        ..Config::default()
    });
    pacer.learn_a_budget();
    pacer.state.config.requests_per_10s = Some(20);
    pacer.ask_for(120_000);
    assert!(pacer.state.is_rate_bound(pacer.now()));
    pacer.state.config.requests_per_10s = None;
    assert!(pacer.state.requests_per_window() <= Some(90));
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    Pass(u64),
    Answer(usize, u64),
    Fail(usize),
    Refuse(usize, Option<u64>),
    Break(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Ask),
        3 => (1_u64..12_000).prop_map(Step::Pass),
        4 => (any::<usize>(), 0_u64..10_000)
            .prop_map(|(which, latency_ms)| Step::Answer(which, latency_ms)),
        2 => any::<usize>().prop_map(Step::Fail),
        1 => (any::<usize>(), proptest::option::of(1_u64..20_000))
            .prop_map(|(which, wait)| Step::Refuse(which, wait)),
        1 => any::<usize>().prop_map(Step::Break),
    ]
}

proptest! {
    #[test]
    fn bounds_hold_and_nobody_waits_for_nothing(
        max_in_flight in 1_usize..20,
        cap in proptest::option::of(1_u32..20),
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut pacer = Clocked::new(Config {
            max_in_flight,
            requests_per_10s: cap,
            ..Config::default()
        });
        let mut out: Vec<Ticket> = Vec::new();
        let mut grants_ms: Vec<u64> = Vec::new();
        let mut silent_until_ms = 0;
        for step in steps {
            let taken = |out: &mut Vec<Ticket>, which: usize| {
                (!out.is_empty()).then(|| out.swap_remove(which % out.len()))
            };
            match step {
                Step::Pass(ms) => pacer.now_ms += ms,
                Step::Answer(which, latency_ms) => {
                    if let Some(ticket) = taken(&mut out, which) {
                        let latency = Duration::from_millis(latency_ms);
                        pacer.report(ticket, Outcome::Answered { latency, work: which as u32 });
                    }
                }
                Step::Fail(which) => {
                    if let Some(ticket) = taken(&mut out, which)
                        && pacer.report(ticket, Outcome::Failed).is_some()
                    {
                        silent_until_ms = silent_until_ms.max(pacer.now_ms + 500);
                    }
                }
                Step::Refuse(which, wait) => {
                    if let Some(ticket) = taken(&mut out, which)
                        && pacer.refused(ticket, wait).is_some()
                    {
                        silent_until_ms = pacer.now_ms + wait.unwrap_or(500);
                    }
                }
                Step::Break(which) => {
                    if let Some(ticket) = taken(&mut out, which)
                        && pacer.report(ticket, Outcome::Overloaded).is_some()
                    {
                        silent_until_ms = silent_until_ms.max(pacer.now_ms + 60_000);
                    }
                }
                Step::Ask => match pacer.turn() {
                    Turn::Go(ticket) => {
                        prop_assert!(pacer.now_ms >= silent_until_ms, "granted within a pause");
                        out.push(ticket);
                        grants_ms.push(pacer.now_ms);
                        prop_assert!(out.len() <= max_in_flight);
                        let window_ms = u64::try_from(WINDOW.as_millis()).unwrap();
                        let in_window = grants_ms
                            .iter()
                            .filter(|&&at| at + window_ms > pacer.now_ms)
                            .count();
                        if let Some(cap) = cap {
                            prop_assert!(in_window <= cap as usize, "{in_window} over {cap}");
                        }
                    }
                    Turn::WaitUntil(until) => prop_assert!(until > pacer.now()),
                    Turn::WaitForReport => prop_assert!(!out.is_empty()),
                },
            }
            prop_assert_eq!(pacer.state.in_flight(), out.len());
            prop_assert!((1..=max_in_flight).contains(&pacer.state.concurrency()));
        }
        // Whatever happened, once all requests have ended some time brings the next turn.
        for ticket in out {
            pacer.answered(ticket);
        }
        pacer.now_ms += 100_000;
        prop_assert!(matches!(pacer.turn(), Turn::Go(_)));
    }
}
