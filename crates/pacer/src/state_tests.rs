use proptest::prelude::*;

use super::*;

const WINDOW: Duration = Duration::from_secs(10);

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

    fn answered(&mut self, ticket: Ticket) {
        self.state.answered(ticket, Duration::from_millis(40));
    }

    fn refused(&mut self, ticket: Ticket, retry_after_ms: Option<u64>) -> bool {
        let now = self.now();
        let wait = retry_after_ms.map(Duration::from_millis);
        self.state.rate_limited(ticket, wait, now)
    }

    fn overloaded(&mut self, ticket: Ticket) -> bool {
        let now = self.now();
        self.state.overloaded(ticket, now)
    }
}

fn unbounded() -> Clocked {
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
fn many_refusals_of_one_window_pause_once_and_teach_once() {
    let mut pacer = unbounded();
    let tickets = pacer.goes(128);
    // The refused ones come back first, as they do from a real service.
    let pauses = tickets[50..]
        .iter()
        .filter(|&&ticket| pacer.refused(ticket, None))
        .count();
    assert_eq!(pauses, 1);
    for &ticket in &tickets[..50] {
        pacer.answered(ticket);
    }
    assert_eq!(pacer.waits_until_ms(), 10_000);
    pacer.now_ms = 10_000;
    pacer.goes(47);
    assert_eq!(pacer.state.requests_per_window(), Some(47));
    assert_eq!(pacer.waits_until_ms(), 20_000);
    assert_eq!(pacer.state.refusals(), 78);
}

#[test]
fn a_late_refusal_from_before_the_pause_is_old_news() {
    let mut pacer = unbounded();
    let tickets = pacer.goes(100);
    pacer.refused(tickets[99], None);
    pacer.now_ms = 10_000;
    pacer.go();
    let learned = pacer.state.requests_per_window();
    assert!(!pacer.refused(tickets[98], Some(5_000)));
    pacer.go();
    assert_eq!(pacer.state.requests_per_window(), learned);
}

#[test]
fn retry_after_is_honoured_and_the_longest_one_wins() {
    let mut pacer = unbounded();
    let tickets = pacer.goes(3);
    pacer.refused(tickets[0], Some(2_000));
    assert_eq!(pacer.waits_until_ms(), 2_000);
    pacer.refused(tickets[1], Some(31_000));
    pacer.refused(tickets[2], Some(1_000));
    assert_eq!(pacer.waits_until_ms(), 31_000);
}

#[test]
fn a_retry_after_of_nothing_means_a_window() {
    let mut pacer = unbounded();
    let ticket = pacer.go();
    pacer.refused(ticket, Some(0));
    assert_eq!(pacer.waits_until_ms(), 10_000);
}

#[test]
fn a_retry_after_beyond_all_time_is_a_day() {
    let mut pacer = unbounded();
    let ticket = pacer.go();
    pacer.refused(ticket, Some(u64::MAX));
    assert_eq!(pacer.waits_until_ms(), 24 * 60 * 60 * 1000);
}

#[test]
fn a_breaker_pauses_long_and_then_lets_one_request_through_until_it_is_answered() {
    let mut pacer = unbounded();
    let tickets = pacer.goes(3);
    assert!(pacer.overloaded(tickets[0]));
    assert!(!pacer.overloaded(tickets[1]));
    pacer.answered(tickets[2]);
    assert_eq!(pacer.waits_until_ms(), 60_000);
    pacer.now_ms = 60_000;
    let probe = pacer.go();
    assert_eq!(pacer.turn(), Turn::WaitForReport);
    assert!(pacer.overloaded(probe));
    assert_eq!(pacer.waits_until_ms(), 120_000);
    pacer.now_ms = 120_000;
    let probe = pacer.go();
    pacer.answered(probe);
    pacer.goes(2);
}

#[test]
fn a_breaker_teaches_nothing_about_the_rate() {
    let mut pacer = unbounded();
    let ticket = pacer.go();
    pacer.overloaded(ticket);
    pacer.now_ms = 60_000;
    pacer.go();
    assert_eq!(pacer.state.requests_per_window(), None);
}

#[test]
fn a_service_with_a_fixed_window_is_kept_busy_and_rarely_refuses() {
    // The service lets 1000 requests through in each window of its own, whose phase is unknown.
    let (limit, phase_ms) = (1_000_u32, 3_700);
    let mut pacer = unbounded();
    let (mut window, mut used, mut answered, mut refused) = (0, 0, 0_u32, 0_u32);
    while pacer.now_ms < 600_000 {
        let Turn::Go(ticket) = pacer.turn() else {
            pacer.now_ms += 5;
            continue;
        };
        let service_window = (pacer.now_ms + phase_ms) / 10_000;
        if service_window != window {
            (window, used) = (service_window, 0);
        }
        if used < limit {
            used += 1;
            answered += 1;
            pacer.answered(ticket);
        } else {
            refused += 1;
            pacer.refused(ticket, None);
        }
    }
    assert!(answered > 60 * limit * 85 / 100, "{answered} answered");
    assert!(refused < 10, "{refused} refused");
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    Pass(u64),
    Answer(usize),
    Fail(usize),
    Refuse(usize, Option<u64>),
    Break(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Ask),
        3 => (1_u64..12_000).prop_map(Step::Pass),
        4 => any::<usize>().prop_map(Step::Answer),
        1 => any::<usize>().prop_map(Step::Fail),
        1 => (any::<usize>(), proptest::option::of(1_u64..20_000))
            .prop_map(|(which, wait)| Step::Refuse(which, wait)),
        1 => any::<usize>().prop_map(Step::Break),
    ]
}

proptest! {
    #[test]
    fn bounds_hold_and_nobody_waits_for_nothing(
        max_in_flight in 1_usize..12,
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
                Step::Answer(which) => {
                    if let Some(ticket) = taken(&mut out, which) {
                        pacer.answered(ticket);
                    }
                }
                Step::Fail(which) => {
                    if taken(&mut out, which).is_some() {
                        pacer.state.failed();
                    }
                }
                Step::Refuse(which, wait) => {
                    if let Some(ticket) = taken(&mut out, which)
                        && pacer.refused(ticket, wait)
                    {
                        silent_until_ms = pacer.now_ms + wait.unwrap_or(10_000);
                    }
                }
                Step::Break(which) => {
                    if let Some(ticket) = taken(&mut out, which)
                        && pacer.overloaded(ticket)
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
        }
        // Whatever happened, once all requests have ended some time brings the next turn.
        for ticket in out {
            pacer.answered(ticket);
        }
        pacer.now_ms += 100_000;
        prop_assert!(matches!(pacer.turn(), Turn::Go(_)));
    }
}
