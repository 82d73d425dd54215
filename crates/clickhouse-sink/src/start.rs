//! Finds out what has to be known before rows are taken.

use std::hash::{BuildHasher, Hasher};

use clickhouse::Client;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::config::{Config, RetryPolicy};
use crate::encode::ColumnSpec;
use crate::error::Error;
use crate::failure::{Failure, FailureKind};
use crate::table::{Table, TableError};
use crate::window::Window;

/// Reads the table, waiting for a server that is not ready yet.
pub(crate) async fn open(
    client: &Client,
    config: &Config,
    written: &[ColumnSpec],
) -> Result<(Table, Option<Window>), Error> {
    let RetryPolicy {
        first_wait,
        max_wait,
        give_up_start_after: most,
        jitter_seed,
        ..
    } = config.retry;
    let mut backoff = Backoff::new(first_wait, max_wait, jitter_seed);
    let started = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let left = most.saturating_sub(started.elapsed());
        let failure = match timeout(left, read(client, config, written)).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(TableError::Unfit(error))) => return Err(error),
            Ok(Err(TableError::Client(error))) => Failure::of(&error),
            Err(_) => Failure::of(&clickhouse::error::Error::TimedOut),
        };
        let Failure { code, message, .. } = failure;
        let wait = backoff.wait();
        match failure.kind {
            FailureKind::Transient | FailureKind::Unknown if started.elapsed() + wait < most => {
                sleep(wait).await
            }
            FailureKind::Transient => {
                return Err(Error::Unavailable {
                    attempts,
                    waited: started.elapsed(),
                    message,
                });
            }
            _ => return Err(Error::Refused { code, message }),
        }
    }
}

async fn read(
    client: &Client,
    config: &Config,
    written: &[ColumnSpec],
) -> Result<(Table, Option<Window>), TableError> {
    let table = Table::read(client, &config.table, written).await?;
    let window = table.window(client, config).await?;
    Ok((table, window))
}

/// Returns 128 random bits as text, from what seeds the standard library's hash maps.
pub(crate) fn random_prefix() -> String {
    let random = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_prefixes_do_not_repeat() {
        let prefixes: std::collections::HashSet<_> = (0..1000).map(|_| random_prefix()).collect();
        assert_eq!(prefixes.len(), 1000);
        assert!(prefixes.iter().all(|prefix| prefix.len() == 32));
    }
}
