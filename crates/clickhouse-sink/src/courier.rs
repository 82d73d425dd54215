//! Brings one sealed batch into the table, however many attempts and parts it takes.

use std::sync::Arc;

use clickhouse::Client;
use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info, trace_span, warn};

use crate::backoff::Backoff;
use crate::batch::{Batch, Share};
use crate::config::{Config, Deduplication, RefusedRow};
use crate::decision::{Decision, History};
use crate::doubt::Doubtful;
use crate::encode::ColumnSpec;
use crate::error::Error;
use crate::failure::{Failure, FailureKind};
use crate::insert::attempt;
use crate::run_ahead::RunAhead;
use crate::stats::Counters;
use crate::table::{Table, TableError};
use crate::window::Window;

/// What all inserts of a sink share.
#[derive(Debug)]
pub(crate) struct Courier {
    pub(crate) client: Client,
    pub(crate) config: Config,
    pub(crate) table: Table,
    pub(crate) written: Vec<ColumnSpec>,
    pub(crate) window: Option<Window>,
    pub(crate) run_ahead: RunAhead,
    pub(crate) counters: Arc<Counters>,
}

/// A batch whose rows are all in the table or put aside.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) sequence: u64,
    pub(crate) inserted: Vec<Share>,
    pub(crate) refused: Vec<Share>,
}

/// How one batch, or a part of one, ended.
enum Outcome {
    /// It was acknowledged; `doubtful` if an earlier attempt may have been the one that counted.
    Inserted {
        doubtful: bool,
    },
    Split,
    PutAside {
        message: String,
    },
}

impl Courier {
    /// Delivers a batch; an error stops the sink.
    pub(crate) async fn deliver(self: Arc<Self>, batch: Batch) -> Result<Settled, Error> {
        let mut settled = Settled {
            sequence: batch.sequence,
            inserted: Vec::new(),
            refused: Vec::new(),
        };
        let mut parts = vec![batch];
        while let Some(batch) = parts.pop() {
            match self.bring(&batch).await? {
                Outcome::Inserted { doubtful } => {
                    let missing = match doubtful {
                        true => self.missing(&batch).await?,
                        false => Vec::new(),
                    };
                    if missing.is_empty() {
                        settled.inserted.extend(batch.shares);
                        continue;
                    }
                    self.counters.missed(missing.len());
                    let (missing, inserted) = batch.take_out(&missing);
                    settled.inserted.extend(inserted);
                    parts.push(missing);
                }
                Outcome::PutAside { message } => {
                    self.put_aside(&batch, message).await?;
                    settled.refused.extend(batch.shares);
                }
                Outcome::Split => {
                    if let Some((left, right)) = batch.split() {
                        self.counters.split();
                        parts.extend([right, left]);
                    }
                }
            }
        }
        Ok(settled)
    }

    /// Attempts a batch until its outcome is known.
    async fn bring(&self, batch: &Batch) -> Result<Outcome, Error> {
        let rows = batch.rows();
        let whole = trace_span!(target: "work", "batch", rows, attempts = Empty);
        self.bring_in(batch).instrument(whole).await
    }

    async fn bring_in(&self, batch: &Batch) -> Result<Outcome, Error> {
        let _under_way = self.run_ahead.begin().await;
        let policy = &self.config.retry;
        let mut backoff = Backoff::new(
            policy.first_wait,
            policy.max_wait,
            policy.jitter_seed ^ batch.sequence,
        );
        let mut history = History::default();
        let first = Instant::now();
        let mut number = 0;
        let mut doubtful = false;
        loop {
            number += 1;
            let started = Instant::now();
            let step = trace_span!(target: "step", "insert");
            let answer = attempt(&self.client, &self.table, &self.config, batch, number).await;
            drop(step);
            Span::current().record("attempts", number);
            let Err(error) = answer else {
                let took = started.elapsed();
                self.counters.inserted(batch.rows(), batch.bytes(), took);
                return Ok(Outcome::Inserted { doubtful });
            };
            let mut failure = Failure::of(&error);
            if failure.kind == FailureKind::BadRow {
                failure = self.blame(failure).await?;
            }
            doubtful |= failure.may_have_committed;
            let message = failure.message.clone();
            let memory = self.window.and_then(|window| window.age);
            match history.decide(failure, batch.rows(), first.elapsed(), policy, memory) {
                Decision::Stop(error) => return Err(error),
                Decision::Split => {
                    info!(
                        token = batch.token,
                        rows = batch.rows(),
                        error = message,
                        "batch is split"
                    );
                    return Ok(Outcome::Split);
                }
                Decision::PutAside => return Ok(Outcome::PutAside { message }),
                Decision::Retry => {
                    let wait = backoff.wait();
                    self.counters.retried();
                    let (token, rows) = (&batch.token, batch.rows());
                    warn!(
                        token,
                        rows,
                        attempt = number,
                        wait_ms = wait.as_millis(),
                        error = message,
                        "an insert failed and is repeated"
                    );
                    sleep(wait).await;
                }
            }
        }
    }

    /// Finds out whether a refused row is the row's fault: the table may have been altered since
    /// the sink read it, and then every row would be refused.
    async fn blame(&self, failure: Failure) -> Result<Failure, Error> {
        match Table::read(&self.client, &self.table.name, &self.written).await {
            Ok(table) if table.columns == self.table.columns => Ok(failure),
            Ok(_) => Err(Error::Schema {
                table: self.table.name.clone(),
                message: format!("its columns changed: {}", failure.message),
            }),
            Err(TableError::Unfit(error)) => Err(error),
            Err(TableError::Client(error)) => Ok(Failure {
                may_have_committed: failure.may_have_committed,
                ..Failure::of(&error)
            }),
        }
    }

    /// Finds the rows of an acknowledged batch that the table only remembers.
    async fn missing(&self, batch: &Batch) -> Result<Vec<usize>, Error> {
        let can_be_asked = self.config.deduplication == Deduplication::Required;
        #[cfg(feature = "mutations")]
        let can_be_asked =
            can_be_asked && !mutation::is_on(mutation::Mutation::AcknowledgementIsBelieved);
        let Some(on_doubt) = self.config.on_doubt.as_ref().filter(|_| can_be_asked) else {
            return Ok(Vec::new());
        };
        let doubtful = Doubtful {
            rows: batch.each(),
            columns: Arc::clone(&self.table.columns),
        };
        let missing = on_doubt.missing(doubtful).await?;
        if !missing.is_empty() {
            warn!(
                token = batch.token,
                rows = missing.len(),
                "rows that the server acknowledged are not in the table: they are sent again"
            );
        }
        Ok(missing)
    }

    async fn put_aside(&self, batch: &Batch, message: String) -> Result<(), Error> {
        let Some(on_refused) = &self.config.on_refused else {
            return Err(Error::RowRefused { message });
        };
        self.counters.refused();
        if self.counters.snapshot().rows_refused > self.config.max_refused_rows {
            return Err(Error::RowRefused { message });
        }
        warn!(
            token = batch.token,
            error = message,
            "a row is refused and put aside"
        );
        let row = RefusedRow {
            row: batch.each().concat().into(),
            columns: Arc::clone(&self.table.columns),
            message,
        };
        on_refused.keep(row).await
    }
}
