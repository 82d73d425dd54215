//! The async front: line, permits, pauses.

use std::time::Duration;

use pacer::{Config, Outcome, Pacer};
use tokio::time::Instant;

const ANSWERED: Outcome = Outcome::Answered {
    latency: Duration::from_millis(50),
    work: 1,
};

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_they_came() {
    let pacer = Pacer::new(Config {
        max_in_flight: 1,
        ..Config::default()
    });
    let first = pacer.acquire().await;
    let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
    for waiter in 0..20 {
        let (line, served) = (pacer.clone(), served.clone());
        tokio::spawn(async move {
            let permit = line.acquire().await;
            served.send(waiter).unwrap();
            permit.report(ANSWERED);
        });
        while pacer.stats().waiting == waiter {
            tokio::task::yield_now().await;
        }
    }
    first.report(ANSWERED);
    for waiter in 0..20 {
        assert_eq!(order.recv().await, Some(waiter));
    }
}

#[tokio::test(start_paused = true)]
async fn one_refusal_pauses_all_workers() {
    let pacer = Pacer::new(Config::default());
    let begin = Instant::now();
    pacer
        .acquire()
        .await
        .report(Outcome::RateLimited { retry_after: None });
    assert_eq!(
        pacer.stats().paused_until,
        Some(begin + Duration::from_millis(500))
    );
    pacer.acquire().await.report(ANSWERED);
    assert_eq!(begin.elapsed(), Duration::from_millis(500));
    assert_eq!(pacer.stats().paused_until, None);
    assert_eq!(pacer.stats().rate_limited, 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_leaves_the_line_to_the_next() {
    let pacer = Pacer::new(Config {
        max_in_flight: 1,
        ..Config::default()
    });
    let permit = pacer.acquire().await;
    let impatient = tokio::time::timeout(Duration::from_secs(1), pacer.acquire()).await;
    assert!(impatient.is_err());
    assert_eq!(pacer.stats().waiting, 0);
    permit.report(ANSWERED);
    pacer.acquire().await.report(ANSWERED);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_is_given_back() {
    let pacer = Pacer::new(Config {
        max_in_flight: 1,
        ..Config::default()
    });
    drop(pacer.acquire().await);
    assert_eq!(pacer.stats().in_flight, 0);
    pacer.acquire().await.report(Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_longer_retry_after_keeps_those_who_wait_already_waiting() {
    let pacer = Pacer::new(Config::default());
    let begin = Instant::now();
    let (short, long) = (pacer.acquire().await, pacer.acquire().await);
    short.report(Outcome::RateLimited {
        retry_after: Some(Duration::from_secs(2)),
    });
    let waiter = tokio::spawn({
        let pacer = pacer.clone();
        async move { pacer.acquire().await.report(ANSWERED) }
    });
    while pacer.stats().waiting == 0 {
        tokio::task::yield_now().await;
    }
    long.report(Outcome::RateLimited {
        retry_after: Some(Duration::from_secs(25)),
    });
    waiter.await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(25));
}
