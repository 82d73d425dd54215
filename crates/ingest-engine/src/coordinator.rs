//! The one owner of a run's state: deals out segments, takes answers in, makes blocks, writes checkpoints,
//! has blocks delivered and marks them done.
//!
//! It only decides: requests, reads of the table, inserts and saves are tasks of their own. Everything they
//! bring meets here, so nothing is locked and no two places decide. Invariants:
//! * A block is sent only after the checkpoint has what it holds.
//! * Seconds are marked done only after the block with their rows was delivered.
//! * An error never counts as a page: the segment is asked for again, or given up and reported.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fills::{Chunk, Slot, SourceError, Span, SpanSet, StoreError};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::backfill::Backfill;
use crate::blocks::{Blocks, Filled, Taken};
use crate::config::Config;
use crate::deliver::{Delivered, Look, deliver};
use crate::error::Error;
use crate::fetch::{Fetched, fetch};
use crate::planner::Planner;
use crate::progress::{FailedUnit, Progress};
use crate::report::{End, Outcome, Snapshot};
use crate::saver::Saver;
use crate::segment::{Place, Segment};
use crate::work::Work;

/// How often the state of the run is shown and looked over.
const TICK: Duration = Duration::from_millis(100);

/// Blocks that are kept on their way while memory is short: one is inserted while another one is sent.
const BLOCKS_LEAVING: usize = 2;

type PendingSlot = Pin<Box<dyn Future<Output = Box<dyn Slot>> + Send>>;

pub(crate) struct Coordinator<'a> {
    run: &'a Backfill,
    config: &'a Config,
    occupied: SpanSet,
    work: Work,
    blocks: Blocks,
    /// Sealed blocks that the checkpoint does not have yet.
    sealed: Vec<Filled>,
    /// Sealed blocks in the checkpoint that is being written.
    saving: Vec<Filled>,
    deliveries: JoinSet<Result<Delivered, StoreError>>,
    /// Rows of sealed blocks that were not delivered yet.
    rows_leaving: u64,
    progress: Progress,
    /// The wait for the next request's slot, where there is something to read.
    slot: Option<PendingSlot>,
    requests: JoinSet<Fetched>,
    /// Tasks of the requests under way.
    tasks_in_flight: usize,
    /// Maximum number of rows that each of them can bring.
    max_rows: u16,
    saver: Saver,
    failures_in_a_row: u32,
    /// The source has stopped answering.
    is_source_lost: bool,
    snapshot: Snapshot,
    watch: &'a watch::Sender<Snapshot>,
}

impl<'a> Coordinator<'a> {
    pub(crate) fn new(
        run: &'a Backfill,
        progress: Progress,
        remaining: Vec<(u32, Span)>,
        occupied: SpanSet,
        watch: &'a watch::Sender<Snapshot>,
    ) -> Self {
        let config = &run.config;
        let max_rows = run.source.max_rows();
        let planner = Planner::new(config.cuts, max_rows, remaining);
        Self {
            run,
            config,
            occupied,
            work: Work::new(planner, run.groups.clone()),
            blocks: Blocks::new(config.block_rows, config.block_age, progress.sealed.clone()),
            sealed: Vec::new(),
            saving: Vec::new(),
            deliveries: JoinSet::new(),
            rows_leaving: 0,
            progress,
            slot: None,
            requests: JoinSet::new(),
            tasks_in_flight: 0,
            max_rows,
            saver: Saver::new(Arc::clone(&run.checkpoint), config),
            failures_in_a_row: 0,
            is_source_lost: false,
            snapshot: watch.borrow().carried_on(),
            watch,
        }
    }

    pub(crate) async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Outcome, Error> {
        let ended = self.work(stop).await;
        self.requests.abort_all();
        if !matches!(ended, Ok(false)) {
            self.drain().await;
        }
        // What is durable is worth keeping however the run ended; the run's own error comes first.
        let saved = self.saver.finish(&self.progress).await;
        self.show();
        let interrupted = ended?;
        self.snapshot.checkpoints += u64::from(saved?);
        let end = match interrupted {
            true => End::Interrupted,
            false if self.progress.is_complete() => End::Complete,
            false => End::WorkLeft,
        };
        Ok(Outcome::new(end, self.progress, &self.snapshot))
    }

    /// Works until nothing is left to do; true if it was asked to stop.
    async fn work(&mut self, stop: impl Future<Output = ()> + Send) -> Result<bool, Error> {
        let mut stop = std::pin::pin!(stop);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.line_up();
            if self.is_idle() {
                return Ok(false);
            }
            self.save_if_due()?;
            // In order, so that a run can be replayed; what comes first is rare.
            tokio::select! {
                biased;
                () = &mut stop => return Ok(true),
                _ = tick.tick() => {
                    let old = self.blocks.seal_old(Instant::now());
                    self.seal(old);
                    self.show();
                }
                Some(written) = self.saver.written() => self.note_saved(written)?,
                Some(joined) = self.deliveries.join_next() => {
                    let delivered = joined_ok(joined)?.map_err(Error::Store)?;
                    self.note_delivered(&delivered);
                }
                Some(loaded) = self.work.loaded() => joined_ok(loaded)?.map_err(Error::Store)?,
                Some(joined) = self.requests.join_next() => match joined {
                    Err(error) if error.is_cancelled() => {}
                    joined => self.take_in(joined_ok(joined)?)?,
                },
                Some(slot) = granted(&mut self.slot) => self.start_request(slot),
            }
        }
    }

    /// Returns true if nothing is under way and nothing can be begun.
    fn is_idle(&mut self) -> bool {
        let asks = !self.requests.is_empty() || self.slot.is_some();
        let has_more = !self.is_source_lost && (self.work.has_more() || self.work.is_loading());
        if asks || has_more {
            return false;
        }
        let rest = self.blocks.seal_all();
        self.seal(rest);
        self.blocks_leaving() == 0
    }

    /// Waits for a slot while there is something to read, a free place and room for the rows.
    fn line_up(&mut self) {
        let has_more = !self.is_source_lost && self.work.prepare();
        let wanted = has_more && self.requests.len() < self.config.workers && self.has_room();
        if !wanted {
            self.slot = None;
        } else if self.slot.is_none() {
            let source = Arc::clone(&self.run.source);
            self.slot = Some(Box::pin(async move { source.slot().await }));
        }
    }

    /// Sends a request, decided upon only now that it may be sent.
    fn start_request(&mut self, slot: Box<dyn Slot>) {
        let capacity = slot.capacity(self.work.segments());
        let request = self.work.next_request(capacity);
        if request.tasks.is_empty() {
            return;
        }
        self.tasks_in_flight += request.tasks.len();
        self.requests.spawn(fetch(slot, request));
    }

    /// Returns true if the rows of one more page have room. Where three quarters of the room are taken and few blocks
    /// are on their way, the fullest one goes as it is, so that room comes before it is needed.
    fn has_room(&mut self) -> bool {
        // Every task on its way may bring all its rows. Behind a slow source many are on their way for long, and
        // what they will bring takes no memory yet.
        let limit = self.config.most_rows_in_hand as u64;
        let coming = (self.tasks_in_flight as u64 + 1) * u64::from(self.max_rows);
        let taken = self.snapshot.rows_in_hand + coming.saturating_sub(limit / 2);
        while taken > limit / 4 * 3 && self.blocks_leaving() < BLOCKS_LEAVING {
            match self.blocks.seal_largest() {
                Some(largest) => self.seal([largest]),
                None => break,
            }
        }
        let is_stuck = self.requests.is_empty() && self.blocks_leaving() == 0;
        taken <= limit || is_stuck
    }

    /// Returns how many blocks are sealed and not delivered.
    fn blocks_leaving(&self) -> usize {
        self.sealed.len() + self.saving.len() + self.deliveries.len()
    }

    fn take_in(&mut self, fetched: Fetched) -> Result<(), Error> {
        let Fetched {
            mut segments,
            tasks,
            result,
        } = fetched;
        self.tasks_in_flight -= tasks;
        match result {
            Ok(chunks) => {
                self.failures_in_a_row = 0;
                for (place, chunk) in chunks {
                    self.take_chunk(&mut segments, place, chunk)?;
                }
                for mut segment in segments {
                    segment.recover();
                    self.settle_segment(segment);
                }
                Ok(())
            }
            // One task can take the others of its request with it: fewer are read together first, and what
            // fails alone, after all the retries that the source makes, is given up.
            Err(SourceError::TooHeavy { message }) => {
                self.note_failure(segments, tasks, tasks / 2, 1, &message);
                Ok(())
            }
            Err(SourceError::Unavailable { attempts, message }) => {
                self.note_failure(segments, tasks, 1, attempts, &message);
                Ok(())
            }
            Err(error) => Err(Error::Source(error)),
        }
    }

    fn take_chunk(
        &mut self,
        segments: &mut [Segment],
        place: Place,
        chunk: Chunk,
    ) -> Result<(), Error> {
        let segment = &mut segments[place.segment];
        let end = self.work.end(segment.id);
        let (held, before) = (segment.rows_held(), segment.position(end));
        let is_empty = chunk.is_empty();
        let completed = segment.absorb(place.stream, chunk, end);
        // The source may have found it too heavy, to be asked for less.
        self.snapshot.pages += u64::from(!is_empty || segment.position(end) != before);
        self.snapshot.dead_letters += completed.malformed.len() as u64;
        let came = segment.rows_held() + completed.fills.len() - held;
        self.snapshot.rows_in_hand += came as u64;
        let Taken { filled, empty } = self.blocks.take(completed, Instant::now())?;
        for (group, span) in empty {
            self.progress.mark(group, span, 0);
            self.saver.note_change();
        }
        self.seal(filled);
        Ok(())
    }

    /// Takes blocks that do not change any more: what they hold goes into the next checkpoint.
    fn seal(&mut self, filled: impl IntoIterator<Item = Filled>) {
        for block in filled {
            if !block.is_repeated {
                self.progress.sealed.push(block.sealed.clone());
                self.saver.note_change();
            }
            self.rows_leaving += block.sealed.summary.rows;
            self.sealed.push(block);
        }
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::SendBeforeSealing) {
            for block in std::mem::take(&mut self.sealed) {
                self.deliver(block);
            }
        }
    }

    /// Begins to write a checkpoint if there are blocks to send, or it is time for one.
    fn save_if_due(&mut self) -> Result<(), Error> {
        let is_wanted = !self.sealed.is_empty();
        if self.saver.save_if_due(&self.progress, is_wanted)? {
            self.saving.append(&mut self.sealed);
        }
        Ok(())
    }

    fn note_saved(&mut self, written: Result<(), Error>) -> Result<(), Error> {
        written?;
        self.snapshot.checkpoints += 1;
        for block in std::mem::take(&mut self.saving) {
            self.deliver(block);
        }
        Ok(())
    }

    fn deliver(&mut self, block: Filled) {
        let is_occupied = |span| self.occupied.overlaps(span);
        let may_be_there = block.is_repeated || block.sealed.spans().spans().any(is_occupied);
        let look = match (may_be_there, &self.run.groups) {
            (false, _) => Look::Not,
            (true, None) => Look::ForSeconds,
            (true, Some(_)) => Look::ForTokens,
        };
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::DoneBeforeAcknowledgement) {
            let delivered = Delivered {
                sealed: block.sealed.clone(),
                inserted: 0,
            };
            self.note_delivered(&delivered);
        }
        let store = Arc::clone(&self.run.store);
        self.deliveries.spawn(deliver(block, look, store));
    }

    fn note_delivered(&mut self, delivered: &Delivered) {
        #[cfg(feature = "mutations")]
        if !self.progress.sealed.contains(&delivered.sealed) {
            return;
        }
        let rows = delivered.sealed.summary.rows;
        self.snapshot.rows_in_hand -= rows;
        self.rows_leaving -= rows;
        self.snapshot.fills_inserted += delivered.inserted;
        if !self.snapshot.is_reading_again {
            self.snapshot.fills_found += rows - delivered.inserted;
        }
        self.progress.mark_block(&delivered.sealed);
        self.saver.note_change();
    }

    /// Puts a segment back for its next page, or ends it.
    fn settle_segment(&mut self, segment: Segment) {
        self.work.advance(&segment);
        if segment.is_done() {
            self.end_segment(&segment);
            self.saver.note_unit();
        } else {
            self.work.put_back(segment);
        }
    }

    /// Has the segments of a failed request read with fewer tasks together, or gives one up that failed alone.
    fn note_failure(
        &mut self,
        segments: Vec<Segment>,
        tasks: usize,
        fewer: usize,
        attempts: u32,
        message: &str,
    ) {
        for mut segment in segments {
            if tasks > 1 {
                segment.limit_tasks(fewer);
                self.work.put_back(segment);
            } else {
                self.give_up(&segment, attempts, message);
            }
        }
    }

    fn give_up(&mut self, segment: &Segment, attempts: u32, reason: &str) {
        let end = self.work.end(segment.id);
        let (from, _, _) = segment.position(end);
        tracing::error!(
            group = segment.group,
            from,
            to = end,
            attempts,
            reason,
            "a part of the range was given up"
        );
        self.progress.failed.push(FailedUnit {
            group: segment.group,
            from,
            to: end,
            attempts,
            reason: reason.to_owned(),
        });
        self.end_segment(segment);
        self.saver.note_change();
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= self.config.most_failures_in_a_row && !self.is_source_lost {
            tracing::error!("the source has stopped answering: no further requests are made");
            self.is_source_lost = true;
            self.requests.abort_all();
        }
    }

    /// Lets a segment go of which nothing more is asked for, and the rows that it holds.
    fn end_segment(&mut self, segment: &Segment) {
        self.snapshot.rows_in_hand -= segment.rows_held() as u64;
        self.work.complete(segment.id);
    }

    /// Seals what is complete, and waits, within a bound, until all that is sealed is in the table.
    async fn drain(&mut self) {
        let rest = self.blocks.seal_all();
        self.seal(rest);
        // What is not complete is fetched again.
        self.snapshot.rows_in_hand = self.rows_leaving;
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::StopDropsTheTail) {
            for block in self.progress.sealed.clone() {
                self.progress.mark_block(&block);
            }
            return;
        }
        let deadline = Instant::now() + self.config.drain;
        let mut refused = None;
        loop {
            let saved = self.save_if_due();
            if saved.is_err() || self.blocks_leaving() == 0 {
                refused = saved.err().map(|error| error.to_string()).or(refused);
                break;
            }
            tokio::select! {
                biased;
                Some(written) = self.saver.written() => {
                    if let Err(error) = self.note_saved(written) {
                        refused = Some(error.to_string());
                        break;
                    }
                }
                Some(joined) = self.deliveries.join_next() => match joined_ok(joined) {
                    Ok(Ok(delivered)) => self.note_delivered(&delivered),
                    Ok(Err(error)) => refused = Some(error.to_string()),
                    Err(error) => refused = Some(error.to_string()),
                },
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!(
                        rows = self.snapshot.rows_in_hand,
                        "rows under way are not known to be durable: the next run looks for them"
                    );
                    return;
                }
            }
        }
        if let Some(reason) = refused {
            tracing::warn!(
                rows = self.snapshot.rows_in_hand,
                reason,
                "rows under way were not inserted: the next run fetches them again"
            );
        }
    }

    fn show(&mut self) {
        self.snapshot.requests_in_flight = self.requests.len();
        self.snapshot.rows_ahead = self.work.rows_ahead();
        self.snapshot.share_of_time = self.progress.share_of_time();
        self.snapshot.failed_units = self.progress.failed.len();
        self.watch.send_replace(self.snapshot);
    }
}

/// Resolves with the slot that is waited for; nothing if none is.
async fn granted(slot: &mut Option<PendingSlot>) -> Option<Box<dyn Slot>> {
    let granted = slot.as_mut()?.await;
    *slot = None;
    Some(granted)
}

/// Unwraps a task's result; a task that panicked is an error of the run.
fn joined_ok<T>(joined: Result<T, JoinError>) -> Result<T, Error> {
    joined.map_err(|error| Error::died(&error))
}
