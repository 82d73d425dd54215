//! Request and answer with pacing, classification and retries.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fills::SourceError;
use pacer::{Outcome, Pacer, Permit};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, trace_span};

use crate::bundle::Bundle;
use crate::config::{Config, RetryPolicy};
use crate::decoders::Decoders;
use crate::endpoint::Endpoint;
use crate::failure::{self, Class, Failure};
use crate::retry::{Tries, Verdict};
use crate::stats::{Counters, Stats};
use crate::transport::{Answer, Request, Transport, TransportError};

/// Reads the body of an answer, on whatever thread.
pub trait Read<T>: Fn(&[u8]) -> Result<T, Failure> + Send + Sync + 'static {}

impl<T, F: Fn(&[u8]) -> Result<T, Failure> + Send + Sync + 'static> Read<T> for F {}

/// The way to one endpoint.
#[derive(Debug)]
pub struct Exchange {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    pacer: Pacer,
    retry: RetryPolicy,
    survey_retry: RetryPolicy,
    jitter: Jitter,
    bundle: Bundle,
    /// Pages are what the pace is learned from, once they are asked for.
    asks_for_pages: AtomicBool,
    /// An answer was as it should be.
    was_answered: AtomicBool,
    decoders: Decoders,
    /// What to look at where a request is refused as such.
    hint: &'static str,
    counters: Counters,
}

impl Exchange {
    /// Makes the way to the configured endpoint. `hint` says what to look at where a request is
    /// refused as such.
    pub fn new(
        config: Config,
        pacer: Pacer,
        transport: Arc<dyn Transport>,
        hint: &'static str,
    ) -> Self {
        Self {
            transport,
            endpoint: config.endpoint,
            pacer,
            retry: config.retry,
            survey_retry: config.survey_retry,
            jitter: Jitter::new(config.jitter_seed),
            bundle: Bundle::new(config.most_pages_per_request),
            asks_for_pages: AtomicBool::new(false),
            was_answered: AtomicBool::new(false),
            decoders: Decoders::new(config.decoders),
            hint,
            counters: Counters::default(),
        }
    }

    /// Tells what was asked and answered so far.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Counts lists that were answered.
    pub fn add_pages(&self, pages: usize) {
        self.counters.add_pages(pages);
    }

    /// Returns where it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks until `read` accepts an answer or there is no hope left.
    ///
    /// # Errors
    /// Any [`SourceError`] that outlasted the retries.
    ///
    /// # Cancel safety
    /// A dropped call gives its permit back and keeps nothing.
    pub async fn ask<T: Send + 'static>(
        &self,
        request: &Request,
        read: impl Read<T>,
    ) -> Result<T, SourceError> {
        let permit = self.permit().await;
        self.ask_for(&self.retry, permit, None, request, read).await
    }

    /// Asks for several pages like [`Exchange::ask`], with a permit that was taken before.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn ask_for_pages<T: Send + 'static>(
        &self,
        permit: Permit,
        pages: usize,
        request: &Request,
        read: impl Read<T>,
    ) -> Result<T, SourceError> {
        self.asks_for_pages.store(true, Ordering::Relaxed);
        self.ask_for(&self.retry, permit, Some(pages), request, read)
            .await
    }

    /// Waits until one more request may be sent.
    pub async fn permit(&self) -> Permit {
        let _step = trace_span!(target: "step", "pacer_wait");
        self.pacer.acquire().await
    }

    /// Returns how many pages one request should ask for at most.
    pub fn pages(&self) -> usize {
        self.bundle.pages()
    }

    /// Returns how many requests may begin while one page is answered; nothing where that is not known
    /// or nothing bounds it.
    pub fn requests_per_page(&self) -> Option<f64> {
        let interval = self.pacer.stats().interval()?;
        Some(self.bundle.page_took()?.div_duration_f64(interval))
    }

    /// Asks like [`Exchange::ask`], with the patience of a survey.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn ask_soon<T: Send + 'static>(
        &self,
        request: &Request,
        read: impl Read<T>,
    ) -> Result<T, SourceError> {
        let permit = self.permit().await;
        self.ask_for(&self.survey_retry, permit, None, request, read)
            .await
    }

    /// Sends a request once and returns an answer with a status of success.
    async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| match error {
            TransportError::NotConnected(words) | TransportError::Broken(words) => {
                Failure::passing(words)
            }
            TransportError::TimedOut(words) => Failure::new(Class::TimedOut, words),
            TransportError::TooLarge(words) => Failure::new(Class::TooHeavy, words),
        })?;
        match answer.status {
            200..300 => Ok(answer),
            // What was let in before is not refused for what it is: a gateway has hiccups.
            401 | 403 | 404 if self.was_answered.load(Ordering::Relaxed) => {
                let mut failure =
                    failure::status(answer.status, answer.retry_after, &answer.body, self.hint);
                if failure.class == Class::Refused {
                    failure.class = Class::Passing;
                }
                Err(failure)
            }
            status => Err(failure::status(
                status,
                answer.retry_after,
                &answer.body,
                self.hint,
            )),
        }
    }

    /// Reads an answer on a thread where reading holds nobody up.
    async fn decode<T: Send + 'static>(
        &self,
        answer: Answer,
        read: &Arc<impl Read<T>>,
    ) -> Result<T, Failure> {
        self.counters.add_bytes(answer.body.len());
        let read = Arc::clone(read);
        let request = Span::current();
        // The room that the body takes is given back when it was read, not before.
        let read_body = move || {
            let Answer { body, room, .. } = answer;
            let step = trace_span!(target: "step", parent: &request, "decode");
            let read = read(&body);
            drop(step);
            drop((body, room));
            read
        };
        self.decoders.run(read_body).await
    }

    async fn ask_for<T: Send + 'static>(
        &self,
        policy: &RetryPolicy,
        permit: Permit,
        pages: Option<usize>,
        request: &Request,
        read: impl Read<T>,
    ) -> Result<T, SourceError> {
        let whole = trace_span!(target: "work", "request", pages, attempts = Empty, error = Empty);
        self.ask_until_answered(policy, permit, pages, request, Arc::new(read))
            .instrument(whole)
            .await
    }

    /// Returns what a request counts as among others: whatever is asked for beside pages takes another time
    /// than they do, and who asks for no pages asks for one thing after another of one kind.
    fn work(&self, pages: Option<usize>) -> u32 {
        let beside_pages = usize::from(!self.asks_for_pages.load(Ordering::Relaxed));
        u32::try_from(pages.unwrap_or(beside_pages)).unwrap_or(u32::MAX)
    }

    async fn ask_until_answered<T: Send + 'static>(
        &self,
        policy: &RetryPolicy,
        mut permit: Permit,
        pages: Option<usize>,
        request: &Request,
        read: Arc<impl Read<T>>,
    ) -> Result<T, SourceError> {
        let mut tries = Tries::new(policy, pages);
        loop {
            self.counters.add_request();
            let begin = Instant::now();
            let answer = self.send(request).await;
            let mut took = begin.elapsed();
            let answer = match answer {
                Ok(answer) => {
                    // Memory is ours, and says nothing of the source.
                    took = took.saturating_sub(answer.room_wait);
                    self.decode(answer, &read).await
                }
                Err(failure) => Err(failure),
            };
            let answered = Outcome::Answered {
                latency: took,
                work: self.work(pages),
            };
            permit.report(match &answer {
                Ok(_) => answered,
                Err(failure) => match failure.class {
                    // A request that gives up over a long wait must not leave the others in it.
                    Class::RateLimited { retry_after } => Outcome::RateLimited {
                        retry_after: retry_after.map(|wait| wait.min(self.retry.rate_limited)),
                    },
                    Class::Overloaded => Outcome::Overloaded,
                    Class::Passing | Class::TimedOut | Class::Busy { .. } => Outcome::Failed,
                    _ => answered,
                },
            });
            let mut failure = match answer {
                Ok(answer) => {
                    self.was_answered.store(true, Ordering::Relaxed);
                    Span::current().record("attempts", tries.attempts() + 1);
                    if let Some(pages) = pages {
                        let pace = self.pacer.stats();
                        let scarce = pace.rate_bound.then(|| pace.all_in_flight_in());
                        self.bundle.answered(pages, took, scarce);
                    }
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            failure.message = self.endpoint.without_secrets(&failure.message);
            let refused = matches!(failure.class, Class::RateLimited { .. });
            if refused {
                self.counters.add_refusal();
            }
            let words = failure.message.clone();
            let now = Instant::now().into_std();
            match tries.failed(failure, took, now, self.jitter.next()) {
                Verdict::GiveUp(error) => {
                    Span::current().record("attempts", tries.attempts());
                    Span::current().record("error", &words);
                    if let (Some(pages), SourceError::TooHeavy { .. }) = (pages, &error) {
                        self.bundle.too_heavy(pages);
                    }
                    return Err(error);
                }
                Verdict::Again { wait } => {
                    if !refused {
                        self.counters.add_retry();
                    }
                    tracing::debug!(
                        endpoint = %self.endpoint,
                        attempt = tries.attempts(),
                        wait_ms = wait.as_millis(),
                        reason = words,
                        "asking the source again"
                    );
                    tokio::time::sleep(wait).await;
                    permit = self.permit().await;
                }
            }
        }
    }
}

/// Numbers that keep the retries of many workers apart: `SplitMix64` over a counter, so that they
/// need no lock and one seed gives one sequence.
#[derive(Debug)]
struct Jitter(AtomicU64);

impl Jitter {
    fn new(seed: Option<u64>) -> Self {
        // std seeds every RandomState differently.
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        Self(AtomicU64::new(seed))
    }

    /// Returns the next number in `[0, 1)`.
    fn next(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 53 bits are what a double holds exactly.
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use tokio::sync::Semaphore;

    use super::*;

    /// A service that works on four requests at once, a tenth of a second on each.
    #[derive(Debug)]
    struct FourPlaces(Semaphore);

    #[async_trait]
    impl Transport for FourPlaces {
        async fn send(&self, _: &Request) -> Result<Answer, TransportError> {
            let _place = self.0.acquire().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Answer {
                status: 200,
                ..Answer::default()
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_asks_for_pages_keeps_queues_short_too() {
        let config = Config::new("http://127.0.0.1:1/".parse().unwrap());
        let pacer = Pacer::new(pacer::Config::default());
        let places = Arc::new(FourPlaces(Semaphore::new(4)));
        let exchange = Exchange::new(config, pacer.clone(), places, "");
        let request = Request::Post {
            url: "http://127.0.0.1:1/".parse().unwrap(),
            json: Bytes::new(),
            pages: 1,
        };
        let worker = || async {
            for _ in 0..30 {
                exchange.ask(&request, |_| Ok(())).await.unwrap();
            }
        };
        futures::future::join_all((0..64).map(|_| worker())).await;
        let most = pacer.stats().concurrency;
        assert!(most <= 16, "{most} at once for four places");
    }

    #[test]
    fn random_numbers_fill_the_unit_interval() {
        let jitter = Jitter::new(None);
        let numbers: Vec<f64> = (0..1000).map(|_| jitter.next()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let numbers = |seed| {
            let jitter = Jitter::new(seed);
            [(); 4].map(|()| jitter.next())
        };
        assert_eq!(numbers(Some(7)), numbers(Some(7)));
        assert_ne!(numbers(Some(7)), numbers(Some(8)));
        assert_ne!(numbers(None), numbers(None));
    }
}
