//! Servers that limit in all the ways that clients meet, in simulated time.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// The way to the server and back, each; the answer itself takes [`SERVICE`] as a rule: 205 ms
/// together.
const NETWORK: Duration = Duration::from_millis(20);
const SERVICE: Duration = Duration::from_millis(165);

/// How requests are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    None,
    /// So many in each window; the first one ends at `phase`.
    Fixed {
        phase: Duration,
    },
    /// Tokens flow in evenly, up to a part of a window's worth.
    Bucket {
        capacity: f64,
    },
}

/// Other clients of the same limit, who want half of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Others {
    None,
    Evenly,
    /// All of it within a second, at another time in each window of the server.
    InBursts,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) limit: Limit,
    pub(crate) per_window: u32,
    pub(crate) others: Others,
    pub(crate) retry_after: bool,
    /// From a time on there are so many in a window.
    pub(crate) change: Option<(Duration, u32)>,
    /// All requests fail from the one time to the other.
    pub(crate) failing: Option<(Duration, Duration)>,
    /// Requests worked on at once; the rest queue.
    pub(crate) places: usize,
}

impl Rules {
    pub(crate) fn new(limit: Limit, per_window: u32) -> Self {
        Self {
            limit,
            per_window,
            others: Others::None,
            retry_after: false,
            change: None,
            failing: None,
            places: Semaphore::MAX_PERMITS,
        }
    }

    pub(crate) fn per_window_at(&self, at: Duration) -> u32 {
        match self.change {
            Some((from, changed)) if at >= from => changed,
            _ => self.per_window,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Served,
    Refused { retry_after: Option<Duration> },
    Failed,
}

/// When a request of another client came or will come, and what was served to them.
#[derive(Debug, Default)]
pub(crate) struct OtherClients {
    next: Duration,
    left_of_burst: u32,
    pub(crate) served: Vec<Duration>,
}

pub(crate) struct Server {
    rules: Rules,
    begin: Instant,
    places: Semaphore,
    state: RefCell<State>,
}

struct State {
    rng: Rng,
    window: u64,
    used: u32,
    tokens: f64,
    tokens_at: Duration,
    others: OtherClients,
}

impl Server {
    pub(crate) fn new(rules: Rules, seed: u64) -> Self {
        let tokens = match rules.limit {
            Limit::Bucket { capacity } => capacity * f64::from(rules.per_window),
            _ => 0.0,
        };
        Self {
            rules,
            begin: Instant::now(),
            places: Semaphore::new(rules.places),
            state: RefCell::new(State {
                rng: Rng::with_seed(seed),
                window: 0,
                used: 0,
                tokens,
                tokens_at: Duration::ZERO,
                others: OtherClients::default(),
            }),
        }
    }

    /// Sends one request and waits for its answer. Returns also when it came to the server.
    pub(crate) async fn ask(&self) -> (Answer, Duration) {
        tokio::time::sleep(self.network()).await;
        let at = self.begin.elapsed();
        let answer = self.state.borrow_mut().decide(&self.rules, at);
        if answer == Answer::Served {
            let place = self.places.acquire().await;
            let service = self.service();
            if self.rules.places < Semaphore::MAX_PERMITS {
                tokio::time::sleep(service).await;
                drop(place);
                tokio::time::sleep(self.network()).await;
            } else {
                tokio::time::sleep(service + self.network()).await;
            }
        } else {
            tokio::time::sleep(self.network()).await;
        }
        (answer, at)
    }

    /// Returns what was served to others since `from`.
    pub(crate) fn served_to_others(&self, from: Duration, to: Duration) -> usize {
        let state = self.state.borrow();
        let within = |at: &&Duration| (from..to).contains(*at);
        state.others.served.iter().filter(within).count()
    }

    fn network(&self) -> Duration {
        NETWORK.mul_f64(log_normal(&mut self.state.borrow_mut().rng, 0.4))
    }

    /// Requests ask for pages of different cost, the dearest four times the cheapest, and each
    /// takes a little longer or shorter for reasons of its own.
    fn service(&self) -> Duration {
        let rng = &mut self.state.borrow_mut().rng;
        let cost = 0.4 + 1.2 * rng.f64();
        SERVICE.mul_f64(cost * log_normal(rng, 0.3))
    }
}

impl State {
    fn decide(&mut self, rules: &Rules, at: Duration) -> Answer {
        self.let_others_ask(rules, at);
        if rules
            .failing
            .is_some_and(|(from, to)| (from..to).contains(&at))
        {
            return Answer::Failed;
        }
        if self.take(rules, at) {
            return Answer::Served;
        }
        let wait = match rules.limit {
            Limit::Fixed { phase } => {
                let into = (at + WINDOW - phase).as_secs_f64() % WINDOW.as_secs_f64();
                WINDOW.as_secs_f64() - into
            }
            _ => (1.0 - self.tokens) / per_second(rules, at),
        };
        let retry_after = rules
            .retry_after
            .then(|| Duration::from_secs(wait.ceil() as u64));
        Answer::Refused { retry_after }
    }

    fn take(&mut self, rules: &Rules, at: Duration) -> bool {
        match rules.limit {
            Limit::None => true,
            Limit::Fixed { phase } => {
                let window = ((at + WINDOW - phase).as_nanos() / WINDOW.as_nanos()) as u64;
                if window != self.window {
                    (self.window, self.used) = (window, 0);
                }
                let free = self.used < rules.per_window_at(at);
                self.used += u32::from(free);
                free
            }
            Limit::Bucket { capacity } => {
                let passed = (at - self.tokens_at).as_secs_f64();
                let most = capacity * f64::from(rules.per_window_at(at));
                self.tokens = (self.tokens + passed * per_second(rules, at)).min(most);
                self.tokens_at = at;
                let free = self.tokens >= 1.0;
                self.tokens -= f64::from(u8::from(free));
                free
            }
        }
    }

    fn let_others_ask(&mut self, rules: &Rules, until: Duration) {
        while rules.others != Others::None && self.others.next <= until {
            let at = self.others.next;
            if self.take(rules, at) {
                self.others.served.push(at);
            }
            let half = rules.per_window_at(at) / 2;
            self.others.next += match rules.others {
                Others::InBursts if self.others.left_of_burst > 0 => {
                    self.others.left_of_burst -= 1;
                    Duration::from_secs(1) / half
                }
                Others::InBursts => {
                    self.others.left_of_burst = half - 1;
                    let phase = match rules.limit {
                        Limit::Fixed { phase } => phase,
                        _ => Duration::ZERO,
                    };
                    let windows = (at + WINDOW - phase).as_secs() / WINDOW.as_secs();
                    let offset = WINDOW.mul_f64(0.9 * self.rng.f64());
                    WINDOW * windows as u32 + phase + offset - at
                }
                _ => WINDOW / half,
            };
        }
    }
}

fn per_second(rules: &Rules, at: Duration) -> f64 {
    f64::from(rules.per_window_at(at)) / WINDOW.as_secs_f64()
}

/// Returns a number around 1, by the Box–Muller transform.
fn log_normal(rng: &mut Rng, deviation: f64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.f64()).cos();
    (deviation * normal).exp()
}
