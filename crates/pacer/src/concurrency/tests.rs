use super::*;

const WINDOW: Duration = Duration::from_secs(10);
const ROUND_TRIP: Duration = Duration::from_millis(200);
const MOST: usize = 128;

/// A service in rounds: all that may be in flight is asked and answered together.
struct Rounds {
    concurrency: Concurrency,
    next: u64,
    now: Instant,
}

impl Rounds {
    fn new() -> Self {
        Self {
            concurrency: Concurrency::new(MOST, WINDOW),
            next: 0,
            now: Instant::now(),
        }
    }

    /// One round trip, with answers that take `slower` times as long as usual with so many in
    /// flight.
    fn answer(&mut self, slower: impl Fn(usize) -> f64) {
        for (in_flight, (number, roomy)) in (1..).zip(self.send()) {
            let latency = ROUND_TRIP.mul_f64(slower(in_flight));
            self.concurrency
                .answered((number, self.next), (latency, 1), roomy, self.now);
        }
    }

    /// One round trip, with the latency and the work of each answer by its number.
    fn answer_as(&mut self, of: impl Fn(u64) -> (Duration, u32)) {
        for (number, roomy) in self.send() {
            self.concurrency
                .answered((number, self.next), of(number), roomy, self.now);
        }
    }

    fn fail(&mut self, every: u64) {
        for (number, roomy) in self.send() {
            if number % every == 0 {
                self.concurrency.failed(number, self.next, self.now);
            } else {
                self.concurrency
                    .answered((number, self.next), (ROUND_TRIP, 1), roomy, self.now);
            }
        }
    }

    fn send(&mut self) -> Vec<(u64, bool)> {
        let limit = self.concurrency.limit();
        let sent = (1..=limit).map(|in_flight| {
            self.next += 1;
            (self.next - 1, self.concurrency.sent(in_flight))
        });
        let sent = sent.collect();
        self.now += ROUND_TRIP;
        sent
    }
}

#[test]
fn slow_start_grows_with_each_answer_that_met_others_up_to_the_most() {
    let mut rounds = Rounds::new();
    for expected in [8, 12, 18, 27, 41, 62, 93, 128, 128] {
        assert_eq!(rounds.concurrency.limit(), expected);
        rounds.answer(|_| 1.0);
    }
}

#[test]
fn a_queue_is_kept_short() {
    // Twenty are worked on at once; the rest wait.
    let queue = |in_flight: usize| (in_flight as f64 / 20.0).max(1.0);
    let mut rounds = Rounds::new();
    for _ in 0..300 {
        rounds.answer(queue);
    }
    let limit = rounds.concurrency.limit;
    assert!((20.0..=50.0).contains(&limit), "{limit}");
}

#[test]
fn a_service_that_has_become_slower_for_good_gets_its_concurrency_back() {
    let mut rounds = Rounds::new();
    for _ in 0..20 {
        rounds.answer(|_| 1.0);
    }
    for _ in 0..2_000 {
        rounds.answer(|_| 3.0);
    }
    let limit = rounds.concurrency.limit;
    assert!(limit >= 100.0, "{limit}");
}

#[test]
fn a_limit_that_nobody_reaches_does_not_grow() {
    let mut concurrency = Concurrency::new(MOST, WINDOW);
    let now = Instant::now();
    for number in 0..1_000 {
        let roomy = concurrency.sent(1);
        concurrency.answered((number, number + 1), (ROUND_TRIP, 1), roomy, now);
    }
    assert_eq!(concurrency.limit(), 8);
}

#[test]
fn failures_lower_the_limit_once_in_a_round_trip_and_by_their_share() {
    let check = |every, expected: std::ops::RangeInclusive<usize>| {
        let mut rounds = Rounds::new();
        for _ in 0..9 {
            rounds.answer(|_| 1.0);
        }
        rounds.fail(every);
        rounds.answer(|_| 1.0);
        let limit = rounds.concurrency.limit();
        assert!(expected.contains(&limit), "one of {every}: {limit}");
    };
    check(1, 60..=72);
    check(2, 80..=110);
    check(64, 120..=128);
}

#[test]
fn few_failures_do_not_wear_the_limit_down() {
    let mut rounds = Rounds::new();
    for _ in 0..9 {
        rounds.answer(|_| 1.0);
    }
    for _ in 0..500 {
        rounds.fail(100);
    }
    assert!(
        rounds.concurrency.limit >= 100.0,
        "{}",
        rounds.concurrency.limit
    );
}

#[test]
fn requests_of_more_work_are_not_taken_for_a_queue() {
    let mut concurrency = Concurrency::new(MOST, WINDOW);
    let (mut next, mut now) = (0, Instant::now());
    for round in 0..200 {
        // Ever more pages in each request, as when requests are the scarce good.
        let work = 1_u32 << (round / 20).min(6);
        let limit = concurrency.limit();
        let first = next;
        let roomy: Vec<bool> = (1..=limit)
            .map(|in_flight| concurrency.sent(in_flight))
            .collect();
        next += limit as u64;
        now += ROUND_TRIP * work;
        for (number, roomy) in (first..next).zip(roomy) {
            concurrency.answered((number, next), (ROUND_TRIP * work, work), roomy, now);
        }
    }
    assert!(concurrency.limit >= 120.0, "{}", concurrency.limit);
}

#[test]
fn requests_of_nearly_as_much_work_are_not_taken_for_a_queue() {
    let mut rounds = Rounds::new();
    for round in 0..60 {
        // Four pages at first, then five to seven: all of one baseline.
        let work = if round < 10 { 4 } else { 5 + round % 3 };
        if round == 10 {
            rounds.concurrency.restart_from_one(rounds.next);
        }
        rounds.answer_as(|_| (ROUND_TRIP * work, work));
    }
    assert!(
        rounds.concurrency.limit >= 100.0,
        "{}",
        rounds.concurrency.limit
    );
}

#[test]
fn few_in_flight_become_more_within_some_round_trips_where_nothing_queues() {
    let mut rounds = Rounds::new();
    for _ in 0..3 {
        rounds.answer(|_| 1.0);
    }
    // A stall, and not a queue, ends slow start with four.
    rounds.answer(|_| 6.0);
    rounds.concurrency.limit = 4.0;
    let mut halved = 0;
    for _ in 0..30 {
        halved += usize::from(rounds.concurrency.drain.is_some());
        rounds.answer(|_| 1.0);
    }
    assert!(!rounds.concurrency.slow_start);
    assert!(
        rounds.concurrency.limit >= 12.0,
        "{}",
        rounds.concurrency.limit
    );
    assert!(halved <= 6, "{halved} of 30 round trips with half");
}

#[test]
fn slow_requests_of_another_kind_say_nothing_about_a_queue() {
    let mut rounds = Rounds::new();
    for _ in 0..60 {
        rounds.answer_as(|number| match number % 3 {
            0 => (ROUND_TRIP * 10, 0),
            _ => (ROUND_TRIP, 1),
        });
    }
    assert!(
        rounds.concurrency.limit >= 120.0,
        "{}",
        rounds.concurrency.limit
    );
}
