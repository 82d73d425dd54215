//! Request and answer with pacing, classification and retries.

use std::hash::{BuildHasher, RandomState};

use fills::SourceError;
use pacer::{Outcome, Pacer};
use tokio::time::Instant;

use crate::classify::{Class, Failure};
use crate::config::{Config, RetryPolicy};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::http::{Http, Request};
use crate::retry::{Tries, Verdict};
use crate::stats::Counters;

/// The way to one endpoint.
#[derive(Debug)]
pub(crate) struct Exchange {
    endpoint: Endpoint,
    http: Http,
    pacer: Pacer,
    retry: RetryPolicy,
    survey_retry: RetryPolicy,
    pub(crate) counters: Counters,
}

impl Exchange {
    pub(crate) fn new(config: Config, pacer: Pacer) -> Result<Self, Error> {
        Ok(Self {
            http: Http::new(&config)?,
            endpoint: config.endpoint,
            pacer,
            retry: config.retry,
            survey_retry: config.survey_retry,
            counters: Counters::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks until `read` accepts an answer or there is no hope left.
    ///
    /// Cancel safety: a dropped call gives its permit back and keeps nothing.
    pub(crate) async fn ask<T>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        self.ask_for(&self.retry, request, read).await
    }

    /// Asks like [`Exchange::ask`], with the patience of a survey.
    pub(crate) async fn ask_soon<T>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        self.ask_for(&self.survey_retry, request, read).await
    }

    async fn ask_for<T>(
        &self,
        policy: &RetryPolicy,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        let mut tries = Tries::new(policy);
        loop {
            let permit = self.pacer.acquire().await;
            self.counters.add_request();
            let begin = Instant::now();
            let body = self.http.send(request).await;
            let took = begin.elapsed();
            let answer = body.and_then(|body| {
                self.counters.add_bytes(body.len());
                read(&body)
            });
            permit.report(match &answer {
                Ok(_) => Outcome::Answered { latency: took },
                Err(failure) => match failure.class {
                    // A request that gives up over a long wait must not leave the others in it.
                    Class::RateLimited { retry_after } => Outcome::RateLimited {
                        retry_after: retry_after.map(|wait| wait.min(self.retry.rate_limited)),
                    },
                    Class::Overloaded => Outcome::Overloaded,
                    Class::Passing => Outcome::Failed,
                    _ => Outcome::Answered { latency: took },
                },
            });
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let refused = matches!(failure.class, Class::RateLimited { .. });
            if refused {
                self.counters.add_refusal();
            }
            let words = failure.message.clone();
            let now = Instant::now().into_std();
            match tries.failed(failure, took, now, random()) {
                Verdict::GiveUp(error) => return Err(error),
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
                }
            }
        }
    }
}

/// Returns a number in `[0, 1)`; good enough to keep retries of many workers apart.
fn random() -> f64 {
    // std seeds every RandomState differently. 53 bits are what a double holds exactly.
    let bits = RandomState::new().hash_one(()) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_fill_the_unit_interval() {
        let numbers: Vec<f64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
