//! The handle that callers hold.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use clickhouse::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::trace_span;

use crate::batch::EncodedRows;
use crate::batcher::{Batcher, Limits};
use crate::config::{Config, MAX_ROWS_PER_BATCH};
use crate::courier::Courier;
use crate::encode::{Checked, EncodeRow, TableColumn};
use crate::error::Error;
use crate::ledger::Delivered;
use crate::owner::{Command, Owner};
use crate::run_ahead::RunAhead;
use crate::shared::{Shared, Waiting};
use crate::start::{open, random_prefix};
use crate::stats::Stats;

/// Bytes that are reserved at most for the rows of a send by the length of its first one, which may be a large one.
const MAX_RESERVED_BYTES: usize = 1 << 20;

/// Takes rows for one table, from many tasks. Clones are handles to the same sink.
///
/// When the last handle is dropped, the rows taken so far are still inserted while the runtime
/// lives; [`Sink::close`] waits for that.
pub struct Sink<R> {
    commands: mpsc::UnboundedSender<Command>,
    room: Arc<Semaphore>,
    /// Room that the queue has in all.
    queue_rows: usize,
    table: Arc<str>,
    columns: Arc<[TableColumn]>,
    shared: Arc<Shared>,
    rows: PhantomData<fn(R)>,
}

/// Resolves when all rows of one send are settled: durable in the table, or refused by the server
/// and put aside.
///
/// # Cancel safety
/// Dropping a receipt does not take its rows back.
#[derive(Debug)]
#[must_use = "rows are only known to be in the table once their receipt resolved"]
pub struct Receipt(oneshot::Receiver<Result<Delivered, Error>>);

impl Future for Receipt {
    type Output = Result<Delivered, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(Error::Closed)))
    }
}

impl<R: EncodeRow> Sink<R> {
    /// Compares the rows' columns with the table, and starts the task that owns the batches.
    ///
    /// Server errors that pass are waited for, up to [`RetryPolicy::give_up_start_after`](crate::RetryPolicy::give_up_start_after).
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Schema`] and [`Error::Deduplication`] for what has to be mended,
    /// [`Error::Refused`] and [`Error::Unavailable`] for what the server does.
    pub async fn start(client: Client, config: Config) -> Result<Self, Error> {
        config.validate()?;
        let written = R::columns();
        let (table, window) = open(&client, &config, &written).await?;
        let shared = Arc::new(Shared::default());
        let queue_rows = config.queue_rows.min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(queue_rows));
        let (commands, received) = mpsc::unbounded_channel();
        let limits = Limits {
            max_rows: config.max_rows,
            max_bytes: config.max_bytes,
            max_age: config.max_age,
        };
        let sink = Self {
            commands,
            room: Arc::clone(&room),
            queue_rows,
            table: Arc::from(config.table.as_str()),
            columns: Arc::clone(&table.columns),
            shared: Arc::clone(&shared),
            rows: PhantomData,
        };
        let most_ahead = window.map(|window| window.batches(config.partitions_per_batch));
        let courier = Courier {
            client,
            config,
            table,
            written,
            run_ahead: RunAhead::new(most_ahead.unwrap_or(u64::MAX)),
            window,
            counters: Arc::clone(&shared.counters),
        };
        let batcher = Batcher::new(limits, R::order(), random_prefix());
        tokio::spawn(Owner::new(received, room, shared, courier, batcher).run());
        Ok(sink)
    }

    /// Hands over rows, waiting while the queue is full. They are encoded here, in the caller's
    /// task and without a pause, and batched in order of arrival with other senders' rows.
    ///
    /// # Errors
    /// [`Error::Encode`] and [`Error::Schema`] if these rows cannot be written to the table; any
    /// other error means that the sink has stopped. None of the rows are taken then.
    ///
    /// # Cancel safety
    /// Dropped before it returns, none of the rows are taken.
    pub async fn send(&self, rows: Vec<R>) -> Result<Receipt, Error> {
        if self.shared.is_stopped() {
            return Err(self.shared.reason());
        }
        let count = rows.len();
        let (answer, receipt) = oneshot::channel();
        let receipt = Receipt(receipt);
        if rows.is_empty() {
            let _ = answer.send(Ok(Delivered::default()));
            return Ok(receipt);
        }
        self.check(&rows)?;
        let permit = self.make_room(count).await?;
        // Nothing waits from here on, so the rows are taken all or none.
        let step = trace_span!(target: "step", "transform");
        let rows = encode(&rows)?;
        drop(step);
        self.shared.counters.taken(count);
        let command = Command::Rows {
            rows,
            permit,
            answer,
        };
        self.commands
            .send(command)
            .map_err(|_| self.shared.reason())?;
        Ok(receipt)
    }

    /// Inserts rows as one block under a token of the caller's, and returns when they are settled. The rows
    /// come in parts, which are encoded one after another; their groups are not regarded. A block that was
    /// inserted before under the token, by this sink or by another one, changes nothing for as long as the
    /// table remembers the token.
    ///
    /// # Errors
    /// [`Error::Config`] for more than [`MAX_ROWS_PER_BATCH`] rows; otherwise as [`Sink::send`], and
    /// why the rows could not be inserted.
    ///
    /// # Cancel safety
    /// Dropped before it returns, the rows are inserted or not, all or none.
    pub async fn send_block(&self, token: &str, parts: Vec<Vec<R>>) -> Result<Delivered, Error> {
        if self.shared.is_stopped() {
            return Err(self.shared.reason());
        }
        let count = parts.iter().map(Vec::len).sum();
        if count == 0 {
            return Ok(Delivered::default());
        }
        if count > MAX_ROWS_PER_BATCH {
            return Err(Error::Config(format!(
                "a block of {count} rows: at most {MAX_ROWS_PER_BATCH} rows are one block"
            )));
        }
        self.check(parts.iter().flatten())?;
        let permit = self.make_room(count).await?;
        let step = trace_span!(target: "step", "transform");
        let mut rows = Vec::with_capacity(parts.len());
        for part in parts {
            rows.push(encode_together(&part)?);
        }
        drop(step);
        self.shared.counters.taken(count);
        let (answer, receipt) = oneshot::channel();
        let command = Command::Block {
            token: token.to_owned(),
            rows,
            permit,
            answer,
        };
        self.commands
            .send(command)
            .map_err(|_| self.shared.reason())?;
        Receipt(receipt).await
    }

    /// Compares rows with the table until one has shown all of its types.
    fn check<'r>(&self, rows: impl IntoIterator<Item = &'r R>) -> Result<(), Error>
    where
        R: 'r,
    {
        if self.shared.is_checked() {
            return Ok(());
        }
        for row in rows {
            let checked = row.check(&self.columns);
            let checked = checked.map_err(|mismatch| Error::Schema {
                table: self.table.to_string(),
                message: mismatch.0,
            })?;
            if checked == Checked::Wholly {
                self.shared.set_checked();
                break;
            }
        }
        Ok(())
    }
}

impl<R> Sink<R> {
    async fn make_room(&self, rows: usize) -> Result<OwnedSemaphorePermit, Error> {
        let rows = rows.min(self.queue_rows).try_into().unwrap_or(u32::MAX);
        let room = || Arc::clone(&self.room);
        if let Ok(permit) = room().try_acquire_many_owned(rows) {
            return Ok(permit);
        }
        let _step = trace_span!(target: "step", "queue_wait");
        let _waiting = Waiting::new(&self.shared);
        // The owner may hold a batch that is not full yet, with all the room in it.
        let _ = self.commands.send(Command::Pressed);
        let permit = room().acquire_many_owned(rows).await;
        permit.map_err(|_| self.shared.reason())
    }

    /// Inserts what waits for a fuller batch, and returns when everything sent before is durable.
    ///
    /// # Errors
    /// Why the sink has stopped; receipts of rows that were not settled say the same.
    ///
    /// # Cancel safety
    /// Dropped, the rows are inserted nevertheless.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(Command::Flush).await
    }

    /// Takes no more rows from any handle, and returns when those taken are durable. Senders that
    /// still wait for room get [`Error::Closed`].
    ///
    /// # Errors
    /// Why the sink stopped before; receipts of rows that were not settled say the same.
    ///
    /// # Cancel safety
    /// Dropped, the sink closes nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        match self.ask(Command::Close).await {
            Err(Error::Closed) => Ok(()),
            outcome => outcome,
        }
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Command,
    ) -> Result<(), Error> {
        let (answer, done) = oneshot::channel();
        self.commands
            .send(command(answer))
            .map_err(|_| self.shared.reason())?;
        done.await.unwrap_or_else(|_| Err(self.shared.reason()))
    }

    /// Returns what the sink has done so far.
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }
}

impl<R> Clone for Sink<R> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            room: Arc::clone(&self.room),
            queue_rows: self.queue_rows,
            table: Arc::clone(&self.table),
            columns: Arc::clone(&self.columns),
            shared: Arc::clone(&self.shared),
            rows: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Sink<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Encodes rows in order.
fn encode_together<R: EncodeRow>(rows: &[R]) -> Result<EncodedRows, Error> {
    let mut encoded = EncodedRows::default();
    for (row, value) in rows.iter().enumerate() {
        encoded.push(row, value, rows.len())?;
    }
    Ok(encoded)
}

/// Encodes rows by group, each in order.
pub(crate) fn encode<R: EncodeRow>(rows: &[R]) -> Result<BTreeMap<u64, EncodedRows>, Error> {
    let mut groups: BTreeMap<u64, EncodedRows> = BTreeMap::new();
    for (row, value) in rows.iter().enumerate() {
        let encoded = groups.entry(value.group()).or_default();
        encoded.push(row, value, rows.len())?;
    }
    Ok(groups)
}

impl EncodedRows {
    /// Appends row number `row` of so many.
    fn push<R: EncodeRow>(&mut self, row: usize, value: &R, rows: usize) -> Result<(), Error> {
        value
            .encode(&mut self.bytes)
            .map_err(|source| Error::Encode { row, source })?;
        self.ends.push(self.bytes.len());
        if row == 0 {
            // Most sends are of one group, and most rows of one length. Where there are more, to
            // expect all rows in each would take many times their memory.
            let all = self.bytes.len().saturating_mul(rows);
            self.bytes.reserve(all.min(MAX_RESERVED_BYTES));
            self.ends.reserve(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{ColumnSpec, EncodeError};

    /// A row of eight bytes, in a group of its own choice.
    struct Grouped(u64);

    impl EncodeRow for Grouped {
        fn columns() -> Vec<ColumnSpec> {
            vec![ColumnSpec::typed("n", "UInt64")]
        }

        fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
            buffer.extend_from_slice(&self.0.to_le_bytes());
            Ok(())
        }

        fn group(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn memory_is_not_taken_for_all_rows_in_each_of_many_groups() {
        let rows: Vec<_> = (0..1000).map(|row| Grouped(row % 40)).collect();
        let groups = encode(&rows).unwrap();
        assert_eq!(groups.len(), 40);
        let taken: usize = groups.values().map(|group| group.bytes.capacity()).sum();
        assert!(taken <= 3 * 8 * rows.len(), "{taken} bytes");
    }
}
