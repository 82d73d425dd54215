//! Reads are repeated here, and only here; inserts are the sink's.

use std::time::Duration;

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

/// Repeats a read for as long as it fails with what may pass.
pub(crate) async fn reading<T, F>(read: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for wait in WAITS {
        match read().await {
            Err(error) if may_pass(&error) => {
                tracing::warn!(%error, wait_ms = wait.as_millis(), "a read failed and is repeated");
                tokio::time::sleep(wait).await;
            }
            outcome => return outcome,
        }
    }
    read().await
}

/// **Source**: `src/Common/ErrorCodes.cpp` of `ClickHouse`: time-out, too many queries, network,
/// aborted, memory, keeper, system error.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused { code, .. } => matches!(
            code,
            Some(159 | 202 | 209 | 210 | 236 | 241 | 279 | 425 | 999)
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

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
        let message = String::new;
        assert_eq!(
            attempts(|| Error::Unreachable { message: message() }).await,
            7
        );
        let refused = |code| {
            move || Error::Refused {
                code,
                message: message(),
            }
        };
        assert_eq!(attempts(refused(Some(241))).await, 7);
        assert_eq!(attempts(refused(Some(60))).await, 1);
        assert_eq!(attempts(|| Error::NoRights { message: message() }).await, 1);
    }
}
