//! A bound on requests that nothing gets around, retries neither.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use goldsky_client::{Answer, Http, Request, Transport, TransportError};
use tokio::sync::Semaphore;

/// How many requests may still be made.
#[derive(Debug)]
pub struct Allowance {
    left: AtomicU64,
    made: AtomicU64,
    /// Closed when one more was wanted than there was.
    open: Semaphore,
}

impl Allowance {
    /// Allows so many.
    pub fn new(requests: u64) -> Self {
        Self {
            left: AtomicU64::new(requests),
            made: AtomicU64::new(0),
            open: Semaphore::new(0),
        }
    }

    /// Returns how many were made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Waits until one more was wanted than was allowed.
    pub async fn used_up(&self) {
        // No permit is ever added, so this ends only where the semaphore is closed.
        let _ = self.open.acquire().await;
    }

    fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        match taken {
            Ok(_) => self.made.fetch_add(1, Ordering::Relaxed),
            Err(_) => {
                self.open.close();
                return false;
            }
        };
        true
    }
}

/// HTTP within an allowance; a request beyond it is never answered, and the run is to be stopped.
#[derive(Debug)]
pub struct Allowed {
    /// The way to the endpoint.
    pub http: Http,
    /// What is left.
    pub allowance: std::sync::Arc<Allowance>,
}

#[async_trait]
impl Transport for Allowed {
    async fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        match self.allowance.take() {
            true => self.http.send(request).await,
            false => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_more_than_allowed_is_refused_and_told() {
        let allowance = Allowance::new(2);
        assert!(allowance.take() && allowance.take());
        assert!(!allowance.take());
        allowance.used_up().await;
        assert_eq!(allowance.made(), 2);
    }
}
