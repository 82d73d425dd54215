//! Reads are repeated here, and only here; inserts are the sink's.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// Waits before each further attempt, half a minute in all: a server that restarts is back by
/// then.
const WAITS: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// Repeats a read for as long as it fails with what may pass, half a minute at most.
pub(crate) async fn reading<T, F>(read: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    repeated(WAITS, read).await
}

/// Repeats a read in the middle of a run, without end, as the run's inserts are.
pub(crate) async fn reading_on<T, F>(read: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let longest = WAITS[WAITS.len() - 1];
    let waits = WAITS.into_iter().chain(std::iter::repeat(longest));
    repeated(waits, read).await
}

async fn repeated<T, F>(
    waits: impl IntoIterator<Item = Duration>,
    read: impl Fn() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for wait in waits {
        match read().await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, wait_ms = wait.as_millis(), "a read failed and is repeated");
                tokio::time::sleep(wait).await;
            }
            outcome => return outcome,
        }
    }
    read().await
}

/// How long a server that starts or wakes up is waited for, and the time between two attempts.
const FIRST_CONTACT_PATIENCE: Duration = Duration::from_secs(60);
const FIRST_CONTACT_INTERVAL: Duration = Duration::from_secs(5);

/// Repeats a first request while the server is silent, or something in front of it says that it is not
/// ready: for a minute and the time of the last attempt. A refused connection is not repeated.
pub(crate) async fn first_contact<T, F>(request: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let deadline = Instant::now() + FIRST_CONTACT_PATIENCE;
    loop {
        match request().await {
            Err(error) if error.is_of_a_start() && Instant::now() < deadline => {
                let pause_s = FIRST_CONTACT_INTERVAL.as_secs();
                tracing::warn!(%error, "ClickHouse is not ready, retrying in {pause_s} s");
                tokio::time::sleep(FIRST_CONTACT_INTERVAL).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn said(answer: &str) -> Error {
        clickhouse::error::Error::BadResponse(answer.to_owned()).into()
    }

    async fn attempts(error: impl Fn() -> Error) -> usize {
        let count = Cell::new(0);
        let outcome: Result<(), Error> = reading(|| {
            count.set(count.get() + 1);
            let error = error();
            async move { Err(error) }
        })
        .await;
        assert!(outcome.is_err());
        count.get()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_repeated() {
        let unreachable = || Error::Unreachable {
            message: String::new(),
            is_silent: false,
        };
        assert_eq!(attempts(unreachable).await, 7);
        for (answer, expected) in [
            ("Code: 241. DB::Exception: Memory limit exceeded", 7),
            ("503 Service Unavailable", 7),
            ("<html><title>502 Bad Gateway</title>", 7),
            ("404 Not Found", 1),
            ("Code: 60. DB::Exception: no such table", 1),
            ("Code: 497. DB::Exception: not enough privileges", 1),
        ] {
            assert_eq!(attempts(|| said(answer)).await, expected, "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_waits_out_an_hour_without_its_server() {
        let began = tokio::time::Instant::now();
        let hour = Duration::from_secs(3600);
        let outcome = reading_on(|| async {
            match began.elapsed() {
                away if away < hour => Err(Error::Unreachable {
                    is_silent: false,
                    message: "refused".to_owned(),
                }),
                _ => Ok(()),
            }
        })
        .await;
        assert!(outcome.is_ok());
        assert!(began.elapsed() < hour + Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_starts_is_waited_for_and_a_refused_connection_is_not() {
        let ready_after = async |wait: u64, is_silent: bool| {
            let began = Instant::now();
            let contact = first_contact(|| async {
                match began.elapsed().as_secs() >= wait {
                    true => Ok(()),
                    false if is_silent => Err(Error::Unreachable {
                        message: String::new(),
                        is_silent,
                    }),
                    false => Err(said("503 Service Unavailable")),
                }
            });
            (contact.await.is_ok(), began.elapsed().as_secs())
        };
        assert_eq!(ready_after(58, true).await, (true, 60));
        assert_eq!(ready_after(58, false).await, (true, 60));
        assert_eq!(ready_after(600, true).await, (false, 60));
        let began = Instant::now();
        let refused = first_contact(|| async {
            Err::<(), _>(Error::Unreachable {
                message: String::new(),
                is_silent: false,
            })
        });
        assert!(refused.await.is_err());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
