//! The task that owns the open batch, the queue of sealed ones, and the inserts under way.
//!
//! Everything that changes lies in this one task, so nothing is locked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::error;

use crate::batch::{Batch, EncodedRows};
use crate::batcher::Batcher;
use crate::courier::{Courier, Settled};
use crate::error::Error;
use crate::ledger::{Answer, Ledger};
use crate::shared::Shared;

/// Tells that everything asked for is durable, or why it is not.
type Done = oneshot::Sender<Result<(), Error>>;

/// What handles ask of the owner.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take rows; their room in the queue comes with them.
    Rows {
        /// By group.
        rows: BTreeMap<u64, EncodedRows>,
        permit: OwnedSemaphorePermit,
        answer: Answer,
    },
    /// Insert rows as one block under this token.
    Block {
        token: String,
        rows: Vec<EncodedRows>,
        permit: OwnedSemaphorePermit,
        answer: Answer,
    },
    /// A sender began to wait for room.
    Pressed,
    /// Insert what is there, and say when it is durable.
    Flush(Done),
    /// The same, and take nothing more.
    Close(Done),
}

/// A flush that waits for batches.
#[derive(Debug)]
struct Flushing {
    /// It is done when no batch below this number is under way.
    below: u64,
    answer: Done,
}

#[derive(Debug)]
pub(crate) struct Owner {
    commands: mpsc::UnboundedReceiver<Command>,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    courier: Arc<Courier>,
    batcher: Batcher,
    ledger: Ledger,
    /// Sealed batches that wait for an insert, in order.
    sealed: VecDeque<Batch>,
    inserting: JoinSet<Result<Settled, Error>>,
    /// Numbers of sealed batches that are not settled.
    under_way: BTreeSet<u64>,
    flushes: Vec<Flushing>,
    /// Answered when everything is drained.
    closing: Vec<Done>,
    /// No more commands come.
    closed: bool,
}

impl Owner {
    pub(crate) fn new(
        commands: mpsc::UnboundedReceiver<Command>,
        room: Arc<Semaphore>,
        shared: Arc<Shared>,
        courier: Courier,
        batcher: Batcher,
    ) -> Self {
        Self {
            commands,
            room,
            shared,
            courier: Arc::new(courier),
            batcher,
            ledger: Ledger::default(),
            sealed: VecDeque::new(),
            inserting: JoinSet::new(),
            under_way: BTreeSet::new(),
            flushes: Vec::new(),
            closing: Vec::new(),
            closed: false,
        }
    }

    /// Runs until closed and drained, or until an insert fails for good.
    pub(crate) async fn run(mut self) {
        let unfinished = Unfinished(Arc::clone(&self.shared));
        let outcome = self.work().await;
        if let Err(error) = &outcome {
            error!(%error, "sink has stopped");
        }
        self.end(outcome).await;
        drop(unfinished);
    }

    async fn work(&mut self) -> Result<(), Error> {
        loop {
            self.advance();
            if self.closed && self.under_way.is_empty() {
                return Ok(());
            }
            let due = self.batcher.deadline().filter(|_| self.is_free());
            tokio::select! {
                biased;
                Some(done) = self.inserting.join_next() => self.settle(done)?,
                command = self.commands.recv(), if !self.closed => match command {
                    Some(command) => self.obey(command),
                    None => self.closed = true,
                },
                () = at(due) => {}
            }
        }
    }

    /// Does everything that needs no waiting.
    fn advance(&mut self) {
        self.start_sealed();
        while let Some(batch) = self.batch_that_must_go() {
            self.enqueue([batch]);
            self.start_sealed();
        }
        let oldest = self.under_way.first().copied().unwrap_or(u64::MAX);
        for flushing in self.flushes.extract_if(.., |f| f.below <= oldest) {
            let _ = flushing.answer.send(Ok(()));
        }
    }

    fn start_sealed(&mut self) {
        while self.has_slot() {
            let Some(batch) = self.sealed.pop_front() else {
                break;
            };
            #[cfg(feature = "mutations")]
            let batch = self.receipts_at_start(batch);
            self.courier.counters.started(batch.rows());
            self.inserting
                .spawn(Arc::clone(&self.courier).deliver(batch));
        }
    }

    /// Seals an open batch that has to go although it is not full: because no more rows come,
    /// because it is old and an insert is free, or because senders wait for room and nothing under
    /// way would give them any. Where rows are spread over many batches, none of which becomes
    /// full, the largest goes as soon as senders wait and an insert is free.
    fn batch_that_must_go(&mut self) -> Option<Batch> {
        let now = Instant::now();
        let is_old = self.batcher.deadline().is_some_and(|at| at <= now);
        let is_pressed = self.shared.senders_waiting() > 0;
        if self.closed || (is_old && self.is_free()) {
            self.batcher.seal_oldest()
        } else if is_pressed
            && (self.under_way.is_empty() || self.is_free() && self.batcher.is_spread())
        {
            self.batcher.seal_largest()
        } else {
            None
        }
    }

    fn has_slot(&self) -> bool {
        self.inserting.len() < self.courier.config.parallel_inserts
    }

    fn is_free(&self) -> bool {
        self.sealed.is_empty() && self.has_slot()
    }

    #[cfg(feature = "mutations")]
    fn receipts_at_start(&mut self, mut batch: Batch) -> Batch {
        if mutation::is_on(mutation::Mutation::ReceiptAtStart) {
            for share in std::mem::take(&mut batch.shares) {
                self.ledger.inserted(share);
            }
        }
        batch
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Pressed => {}
            Command::Rows {
                rows,
                permit,
                answer,
            } => {
                let count = rows.values().map(|rows| rows.ends.len()).sum();
                let send = self.ledger.enter(count, permit, answer);
                for (group, rows) in rows {
                    let full = self.batcher.push(send, group, rows, Instant::now());
                    self.enqueue(full);
                }
            }
            Command::Block {
                token,
                rows,
                permit,
                answer,
            } => {
                let count = rows.iter().map(|rows| rows.ends.len()).sum();
                let send = self.ledger.enter(count, permit, answer);
                let block = self.batcher.block(send, token, rows);
                self.enqueue([block]);
            }
            Command::Flush(answer) => self.flush(answer),
            Command::Close(answer) => {
                self.room.close();
                self.commands.close();
                self.closing.push(answer);
            }
        }
    }

    fn flush(&mut self, answer: Done) {
        while let Some(batch) = self.batcher.seal_oldest() {
            self.enqueue([batch]);
        }
        let below = self.under_way.last().map_or(0, |last| last + 1);
        self.flushes.push(Flushing { below, answer });
    }

    fn enqueue(&mut self, batches: impl IntoIterator<Item = Batch>) {
        for batch in batches {
            self.under_way.insert(batch.sequence);
            self.sealed.push_back(batch);
        }
    }

    fn settle(&mut self, done: Result<Result<Settled, Error>, JoinError>) -> Result<(), Error> {
        // The only foreign code in there is the handler of refused rows.
        let settled = done.map_err(|panic| Error::DeadLetter {
            message: panic.to_string(),
        })??;
        self.under_way.remove(&settled.sequence);
        for share in settled.inserted {
            self.ledger.inserted(share);
        }
        for share in settled.refused {
            self.ledger.refused(share);
        }
        Ok(())
    }

    /// Answers everyone who still waits.
    async fn end(mut self, outcome: Result<(), Error>) {
        let error = outcome.as_ref().err().cloned().unwrap_or(Error::Closed);
        self.shared.stop(error.clone());
        self.room.close();
        self.commands.close();
        self.inserting.shutdown().await;
        self.ledger.fail(&error);
        let flushes = self.flushes.into_iter().map(|flushing| flushing.answer);
        for answer in flushes.chain(self.closing) {
            let _ = answer.send(outcome.clone());
        }
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Pressed => {}
                Command::Rows { answer, .. } | Command::Block { answer, .. } => {
                    let _ = answer.send(Err(error.clone()));
                }
                Command::Flush(answer) | Command::Close(answer) => {
                    let _ = answer.send(outcome.clone());
                }
            }
        }
    }
}

/// Says so where the owner ends without having said how.
struct Unfinished(Arc<Shared>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.0.is_stopped() {
            error!("sink was aborted, rows that it held are not in the table");
            self.0.stop(Error::Aborted);
        }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
