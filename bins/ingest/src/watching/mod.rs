//! What a run tells while it goes on: on the terminal or in the log, as metrics and on the live page.

mod facts;
mod line;

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use fill_table::{FillTable, Store};
use fills::Span;
use goldsky_client::Client;
use ingest_engine::{End, Outcome, Progress, Snapshot};
use monitor::{Change, Live, Reading, Server, State, Status, Watch, Watchdog};
use pacer::Pacer;
use startup::{ExitCode, Failure, Settings};
use tokio::sync::watch;
use wiring::progress::Bar;

use facts::Facts;

/// How often everything is read.
const READ_EVERY: Duration = Duration::from_millis(500);
/// How often it is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// And how often while a source is followed that brings nothing.
const LOG_QUIET_EVERY: Duration = Duration::from_secs(300);
/// How long those who watch get for the last word.
const LAST_WORD: Duration = Duration::from_millis(300);
/// Tokens of a market, which has two outcomes.
const TOKENS_OF_A_MARKET: u64 = 2;

/// What a plan expects of the whole job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expectation {
    pub(crate) fills: u64,
    pub(crate) seconds_high: u64,
}

/// What is read while a run loads.
pub(crate) struct Sources<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Client,
    pub(crate) pacer: &'a Pacer,
    pub(crate) store: &'a Store,
    pub(crate) table: &'a FillTable,
    pub(crate) snapshots: watch::Receiver<Snapshot>,
    pub(crate) span: Span,
    pub(crate) most_rows_in_hand: u64,
}

/// A run that is watched.
pub(crate) struct Watching {
    begun: Instant,
    live: watch::Sender<Live>,
    server: Option<Server>,
    expected: watch::Sender<Option<Expectation>>,
    /// Rows of the job that earlier runs had loaded.
    before: u64,
}

impl Watching {
    /// Begins to watch, and serves what is seen where the settings ask for that.
    ///
    /// # Errors
    /// That the address cannot be listened on.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let (live, receiver) = Live::channel();
        let server = match settings.metrics_listen {
            None => None,
            Some(addr) => {
                let title = format!("Backfill of {}", settings.table.table);
                let server = Server::start(addr, title, receiver)
                    .await
                    .map_err(|error| {
                        let message = format!("nobody can listen on {addr}: {error}");
                        Failure::new(ExitCode::Usage, message).with_hint(
                            "choose another address with --metrics-listen, or leave it out",
                        )
                    })?;
                tracing::info!(
                    url = server.url(),
                    "watch it: live page, /metrics and /health"
                );
                Some(server)
            }
        };
        Ok(Self {
            begun: Instant::now(),
            live,
            server,
            expected: watch::Sender::new(None),
            before: 0,
        })
    }

    /// Takes over what the checkpoint promises already.
    pub(crate) fn resume(&mut self, progress: Option<&Progress>) {
        self.before = progress.map_or(0, |progress| progress.fills);
    }

    /// Takes over what a plan expects; a later one is a closer one.
    pub(crate) fn expect(&self, expectation: Expectation) {
        self.expected.send_replace(Some(expectation));
    }

    /// Reads, shows and serves how the run goes until it is dropped.
    ///
    /// # Cancel safety
    /// Made to be dropped.
    pub(crate) async fn follow(&self, bar: &Bar, sources: Sources<'_>) -> Infallible {
        let (facts, known) = watch::channel(Facts::default());
        tokio::select! {
            never = facts::collect(&sources, &facts) => match never {},
            never = self.read(bar, &sources, known) => match never {},
        }
    }

    async fn read(
        &self,
        bar: &Bar,
        sources: &Sources<'_>,
        facts: watch::Receiver<Facts>,
    ) -> Infallible {
        let (mut watch, mut watchdog) = (Watch::new(), Watchdog::new());
        let mut tick = tokio::time::interval(READ_EVERY);
        let (mut logged, mut fills_logged) = (Instant::now(), 0);
        loop {
            tick.tick().await;
            let at = self.begun.elapsed();
            watch.note(at, self.reading(sources, &facts.borrow()));
            let changes = watchdog.note(at, watch.status());
            changes.iter().for_each(tell);
            let status = Status {
                warnings: watchdog.warnings(),
                ..watch.status().clone()
            };
            if bar.shows() {
                bar.show(&line::parts(&status));
            } else if logged.elapsed() >= log_every(&status, fills_logged) {
                (logged, fills_logged) = (Instant::now(), status.fills_done);
                line::log(&status);
            }
            self.live.send_replace(Live {
                status: status.into(),
                history: watch.history().clone().into(),
            });
        }
    }

    fn reading(&self, sources: &Sources<'_>, facts: &Facts) -> Reading {
        let snapshot = *sources.snapshots.borrow();
        let (client, pacer) = (sources.client.stats(), sources.pacer.stats());
        let sink = sources.store.sink().stats();
        // What was expected was expected of what there was, and not of what comes.
        let expected = *self.expected.borrow();
        let expected = expected.filter(|_| !snapshot.is_reading_again);
        let paused = pacer.paused_until;
        Reading {
            fills_inserted: snapshot.fills_inserted,
            fills_found: snapshot.fills_found,
            fills_expected: expected.map(|expected| expected.fills),
            fills_before: self.before,
            markets_met: markets_met(sources.store),
            rows_in_hand: snapshot.rows_in_hand,
            rows_waiting: sink.rows_waiting + sink.rows_in_flight,
            most_rows_in_hand: sources.most_rows_in_hand,
            rows_ahead: snapshot.rows_ahead,
            share_of_time: snapshot.share_of_time,
            pages: snapshot.pages,
            requests: client.requests,
            retries: client.retries,
            rate_limited: client.rate_limited,
            bytes_received: client.bytes_received,
            requests_in_flight: snapshot.requests_in_flight as u64,
            concurrency: pacer.concurrency as u64,
            requests_per_10s: pacer.requests_per_10s.map(u64::from),
            latency_ms: pacer.latency.map(|latency| latency.as_secs_f64() * 1000.0),
            paused_seconds: paused.map(seconds_until),
            inserts: sink.batches_inserted,
            insert_retries: sink.retries,
            insert_seconds: sink.insert_time.as_secs_f64(),
            dead_letters: snapshot.dead_letters,
            failed_units: snapshot.failed_units as u64,
            checkpoints: snapshot.checkpoints,
            is_up_to_date: snapshot.is_up_to_date,
            is_source_away: snapshot.is_source_away,
            is_table_away: snapshot.is_table_away,
            checkpoint_age_seconds: facts.saved_at.and_then(age_seconds),
            disk_free_bytes: facts.disk_free_bytes,
            disk_bytes: facts.disk_bytes,
            planned_seconds: expected.map(|expected| expected.seconds_high),
            months: facts.months.clone(),
        }
    }

    /// Says the last word to whoever watches.
    pub(crate) async fn end(self, outcome: &Outcome) {
        if self.server.is_none() {
            return;
        }
        self.live.send_modify(|live| {
            let is_complete = outcome.end == End::Complete;
            let status = (*live.status).clone();
            let (inserted, found) = (outcome.fills_inserted, outcome.fills_found);
            live.status = status.ended(inserted, found, is_complete).into();
        });
        tokio::time::sleep(LAST_WORD).await;
    }
}

fn log_every(status: &Status, fills_logged: u64) -> Duration {
    let is_quiet = status.state == State::Following && status.fills_done == fills_logged;
    if is_quiet { LOG_QUIET_EVERY } else { LOG_EVERY }
}

/// Returns of about how many markets fills were sent.
pub(crate) fn markets_met(store: &Store) -> u64 {
    store.tokens_sent().div_ceil(TOKENS_OF_A_MARKET)
}

fn seconds_until(then: tokio::time::Instant) -> f64 {
    let now = tokio::time::Instant::now();
    then.saturating_duration_since(now).as_secs_f64()
}

fn age_seconds(then: SystemTime) -> Option<f64> {
    then.elapsed().ok().map(|age| age.as_secs_f64())
}

/// Logs a warning when it comes up and when it is over: the text is what it says, so that it reads
/// alone.
fn tell(change: &Change) {
    match change {
        Change::Raised(warning) => {
            let (code, mend) = (warning.code, warning.mend);
            tracing::warn!(warning = code, mend, "{}", warning.says);
        }
        Change::Over(code) => tracing::info!(warning = code, "a warning is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_brings_nothing_is_logged_seldom() {
        let check = |state, fills_done, expected| {
            let status = Status {
                state,
                fills_done,
                ..Status::default()
            };
            assert_eq!(log_every(&status, 7), expected);
        };
        check(State::Following, 7, LOG_QUIET_EVERY);
        check(State::Following, 8, LOG_EVERY);
        check(State::Running, 7, LOG_EVERY);
        check(State::Stalled, 7, LOG_EVERY);
    }
}
