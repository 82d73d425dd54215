//! The one owner of a run's state: deals out segments, takes answers in, sends rows, marks what is
//! durable, writes checkpoints.
//!
//! Requests and sends are tasks of their own; everything they bring meets here, so nothing is
//! locked and no two places decide. Invariants:
//! * A part is marked done only after the receipts of all its rows resolved.
//! * An error never counts as a page: the segment is asked for again, or given up and reported.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fills::{FillStore, Page, SourceError, Span, SpanSet, StoreError, Turn};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::backfill::Backfill;
use crate::config::Config;
use crate::error::Error;
use crate::fetch::{Answer, FetchError, Fetched, fetch};
use crate::ledger::{Ledger, Ticket};
use crate::planner::Planner;
use crate::progress::{FailedUnit, Progress};
use crate::report::{End, Outcome, Snapshot};
use crate::saver::Saver;
use crate::segment::Segment;
use crate::work::Work;

/// How often the state of the run is shown and looked over.
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Coordinator<'a> {
    run: &'a Backfill,
    config: &'a Config,
    occupied: Arc<SpanSet>,
    work: Work,
    ledger: Ledger,
    progress: Progress,
    /// The wait for the next request's turn, where there is something to ask for.
    turn: Option<Pin<Box<dyn Future<Output = Turn> + Send>>>,
    requests: JoinSet<Fetched>,
    /// Pages of the requests under way.
    pages_coming: usize,
    sends: JoinSet<Result<Sent, StoreError>>,
    flush: JoinSet<Result<(), StoreError>>,
    saver: Saver,
    failures_in_a_row: u32,
    stopping: bool,
    snapshot: Snapshot,
    watch: &'a watch::Sender<Snapshot>,
}

/// Rows that became durable.
struct Sent {
    ticket: Ticket,
    rows: u64,
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
        let planner = Planner::new(config.cuts, config.page_rows, remaining);
        Self {
            run,
            config,
            occupied: Arc::new(occupied),
            work: Work::new(planner, run.groups.clone(), config.page_rows),
            ledger: Ledger::default(),
            progress,
            turn: None,
            requests: JoinSet::new(),
            pages_coming: 0,
            sends: JoinSet::new(),
            flush: JoinSet::new(),
            saver: Saver::new(Arc::clone(&run.checkpoint), config),
            failures_in_a_row: 0,
            stopping: false,
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
        if ended.is_err() {
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
            if self.requests.is_empty() && self.turn.is_none() {
                if self.sends.is_empty() {
                    return Ok(false);
                }
                self.start_flush();
            }
            // In order, so that a run can be replayed; what comes first is rare.
            tokio::select! {
                biased;
                () = &mut stop, if !self.stopping => {
                    self.stopping = true;
                    self.requests.abort_all();
                    self.drain().await;
                    return Ok(true);
                }
                _ = tick.tick() => {
                    self.saver.save_if_due(&self.progress)?;
                    self.show();
                }
                Some(written) = self.saver.written() => {
                    written?;
                    self.snapshot.checkpoints += 1;
                }
                Some(joined) = self.sends.join_next() => {
                    let sent = settle(joined)?.map_err(Error::Store)?;
                    self.note_durable(&sent);
                }
                Some(joined) = self.flush.join_next() => settle(joined)?.map_err(Error::Store)?,
                Some(joined) = self.requests.join_next() => match joined {
                    Err(error) if error.is_cancelled() => {}
                    joined => self.take_in(settle(joined)?)?,
                },
                Some(turn) = granted(&mut self.turn) => self.start_request(turn).await?,
            }
        }
    }

    /// Waits for a turn while there is something to ask for, a free place and room for the rows.
    fn line_up(&mut self) {
        let wanted = !self.stopping
            && self.requests.len() < self.config.workers
            && self.has_room()
            && self.work.has_more();
        if !wanted {
            self.turn = None;
        } else if self.turn.is_none() {
            let source = Arc::clone(&self.run.source);
            self.turn = Some(Box::pin(async move { source.turn().await }));
        }
    }

    /// Sends a request, decided upon only now that it may be sent.
    async fn start_request(&mut self, turn: Turn) -> Result<(), Error> {
        let pages = turn.pages_of(self.work.segments());
        let request = self.work.next_request(pages, &mut self.ledger).await;
        let request = request.map_err(Error::Store)?;
        self.pages_coming += request.plan.len();
        let source = Arc::clone(&self.run.source);
        let store = Arc::clone(&self.run.store);
        let occupied = Arc::clone(&self.occupied);
        self.requests
            .spawn(fetch(turn, request, source, store, occupied));
        Ok(())
    }

    fn has_room(&self) -> bool {
        // Every page on its way may bring all its rows.
        let coming = self.pages_coming as u64 * u64::from(self.config.page_rows);
        let limit = self.config.most_rows_in_hand as u64;
        self.requests.is_empty() && self.snapshot.rows_in_hand < limit
            || self.snapshot.rows_in_hand + coming < limit
    }

    fn take_in(&mut self, fetched: Fetched) -> Result<(), Error> {
        let Fetched {
            mut segments,
            pages,
            result,
        } = fetched;
        self.pages_coming -= pages;
        match result {
            Ok(answers) => {
                self.failures_in_a_row = 0;
                for answer in answers {
                    self.take_page(&mut segments, answer);
                }
                for mut segment in segments {
                    segment.recover(self.config.page_rows);
                    self.settle_segment(segment);
                }
                Ok(())
            }
            Err(FetchError::Store(error)) => Err(Error::Store(error)),
            Err(FetchError::Source(SourceError::TooHeavy { message })) => {
                self.relieve(segments, pages, &message);
                Ok(())
            }
            Err(FetchError::Source(SourceError::Unavailable { attempts, message })) => {
                self.lose(segments, pages, attempts, &message);
                Ok(())
            }
            Err(FetchError::Source(error)) => Err(Error::Source(error)),
        }
    }

    fn take_page(&mut self, segments: &mut [Segment], answer: Answer) {
        let segment = &mut segments[answer.segment];
        self.snapshot.pages += 1;
        let end = self.work.end(segment.id);
        let progressed = segment.absorb(answer.asked, answer.page, end);
        let Page {
            mut fills,
            malformed,
            ..
        } = progressed.page;
        let seconds = fills.iter().map(|fill| u64::from(fill.timestamp));
        let ticket = self
            .ledger
            .sent(segment.id, progressed.stream, progressed.frontier, seconds);
        if !answer.loaded.is_empty() {
            let fetched = fills.len();
            fills.retain(|fill| !answer.loaded.contains(&fill.id));
            if !self.snapshot.is_reading_again {
                self.snapshot.fills_found += (fetched - fills.len()) as u64;
            }
        }
        self.snapshot.dead_letters += malformed.len() as u64;
        if fills.is_empty() && malformed.is_empty() {
            self.note_durable(&Sent { ticket, rows: 0 });
            return;
        }
        let rows = fills.len() as u64;
        self.snapshot.rows_in_hand += rows;
        #[cfg(feature = "mutations")]
        let rows = match mutation::is_on(mutation::Mutation::CheckpointBeforeReceipt) {
            true => {
                self.note_durable(&Sent { ticket, rows });
                0
            }
            false => rows,
        };
        let store = Arc::clone(&self.run.store);
        self.sends.spawn(async move {
            if !malformed.is_empty() {
                store.bury(malformed).await?;
            }
            if !fills.is_empty() {
                send(&*store, fills).await?;
            }
            Ok(Sent { ticket, rows })
        });
    }

    /// Puts a segment back for its next page, or ends it.
    fn settle_segment(&mut self, segment: Segment) {
        self.work.advance(&segment);
        if segment.is_done() {
            self.work.complete(segment.id);
            self.ledger.close(segment.id);
            self.saver.note_unit();
        } else {
            self.work.put_back(segment);
        }
    }

    /// Asks for less at once after the source found a request of so many pages too heavy.
    fn relieve(&mut self, segments: Vec<Segment>, pages: usize, message: &str) {
        for mut segment in segments {
            if pages > 1 {
                segment.keep_apart(pages / 2);
                self.work.put_back(segment);
            } else if segment.relieve(self.work.end(segment.id)) {
                self.work.put_back(segment);
            } else {
                self.give_up(&segment, 1, message);
            }
        }
    }

    /// Gives up what the source did not answer for, after all the retries that its client makes.
    ///
    /// One page can take the others of its request with it: those are asked for alone first.
    fn lose(&mut self, segments: Vec<Segment>, pages: usize, attempts: u32, message: &str) {
        for mut segment in segments {
            if pages > 1 {
                segment.keep_apart(1);
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
        self.work.complete(segment.id);
        self.ledger.close(segment.id);
        self.saver.note_change();
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= self.config.most_failures_in_a_row && !self.stopping {
            tracing::error!("the source has stopped answering: no further requests are made");
            self.stopping = true;
            self.requests.abort_all();
        }
    }

    fn note_durable(&mut self, sent: &Sent) {
        self.snapshot.rows_in_hand -= sent.rows;
        self.snapshot.fills_inserted += sent.rows;
        if let Some(done) = self.ledger.durable(sent.ticket) {
            self.progress.mark(done.group, done.span, done.rows);
            self.saver.note_change();
        }
    }

    fn start_flush(&mut self) {
        if self.flush.is_empty() {
            let store = Arc::clone(&self.run.store);
            self.flush.spawn(async move { store.flush().await });
        }
    }

    /// Waits, within a bound, until rows under way are durable.
    async fn drain(&mut self) {
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::StopDropsTheTail) {
            for done in self.ledger.all_durable() {
                self.progress.mark(done.group, done.span, done.rows);
            }
            self.saver.note_change();
            return;
        }
        let deadline = Instant::now() + self.config.drain;
        let mut refused = None;
        while !self.sends.is_empty() {
            self.start_flush();
            tokio::select! {
                biased;
                Some(joined) = self.sends.join_next() => match settle(joined) {
                    Ok(Ok(sent)) => self.note_durable(&sent),
                    Ok(Err(error)) => refused = Some(error.to_string()),
                    Err(error) => refused = Some(error.to_string()),
                },
                Some(_) = self.flush.join_next() => {}
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

/// Resolves with the turn that is waited for; nothing if none is.
async fn granted(turn: &mut Option<Pin<Box<dyn Future<Output = Turn> + Send>>>) -> Option<Turn> {
    let granted = turn.as_mut()?.await;
    *turn = None;
    Some(granted)
}

async fn send(store: &dyn FillStore, fills: Vec<fills::Fill>) -> Result<(), StoreError> {
    store.send(fills).await?.await
}

/// Unwraps a task's result; a task that panicked is an error of the run.
fn settle<T>(joined: Result<T, JoinError>) -> Result<T, Error> {
    joined.map_err(|error| Error::died(&error))
}
