//! The front door: what a run is made of, and how it starts and resumes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use checkpoint_store::CheckpointStore;
use fills::{FillStore, Source, Span, SpanSet, StoreError, TokenGroups};
use tokio::sync::watch;

use crate::blocks::SealedBlock;
use crate::config::Config;
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::progress::Progress;
use crate::report::{End, Outcome, Snapshot};

/// Waits before the source is looked at again: nodes behind one address differ by seconds.
const SECONDS_BETWEEN_LOOKS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// A backfill: a source, a table, a checkpoint and what to load.
#[derive(Clone)]
pub struct Backfill {
    /// Where fills come from.
    pub source: Arc<dyn Source>,
    /// Where they go.
    pub store: Arc<dyn FillStore>,
    /// Where progress is kept.
    pub checkpoint: Arc<dyn CheckpointStore>,
    /// Which seconds to load. A later run may let them end later, never begin elsewhere.
    pub span: Span,
    /// The source's newest block when `span` was decided: [`Survey::head_block`](fills::Survey).
    pub source_block: u64,
    /// Which tokens, in groups; nothing scans all fills.
    pub groups: Option<Arc<dyn TokenGroups>>,
    /// How to work.
    pub config: Config,
}

impl fmt::Debug for Backfill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill")
            .field("span", &self.span)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Backfill {
    /// Runs until everything is loaded, `stop` resolves or the run fails, and tells `watch` how it
    /// goes. Where `watch` was told of a run before, counts go on from there, in the outcome too.
    ///
    /// What an earlier run with the same checkpoint has done is not done again. However a run ends
    /// or is killed, the next one continues without losing or doubling a row.
    ///
    /// # Errors
    /// [`Error`] where going on makes no sense; what was durable by then is in the checkpoint.
    ///
    /// # Cancel safety
    /// A dropped run is like a killed one: the next run continues.
    pub async fn run(
        &self,
        stop: impl Future<Output = ()> + Send,
        watch: &watch::Sender<Snapshot>,
    ) -> Result<Outcome, Error> {
        let mut stop = std::pin::pin!(stop);
        let mut progress = self.load().await?;
        progress.failed.clear();
        tokio::select! {
            biased;
            () = &mut stop => return Ok(stopped_at(progress, watch)),
            block = self.reach(progress.source_block) => progress.source_block = block?,
        }
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::ResumeByCount) {
            progress.resume_by_count();
        }
        let remaining = progress.remaining();
        let occupied = tokio::select! {
            biased;
            () = &mut stop => return Ok(stopped_at(progress, watch)),
            occupied = self.occupied(&remaining) => occupied?,
        };
        tracing::debug!(
            parts = remaining.len(),
            occupied_spans = occupied.len(),
            fills = progress.fills,
            "run begins"
        );
        tokio::select! {
            biased;
            () = &mut stop => return Ok(stopped_at(progress, watch)),
            noted = self.blocks_that_are_there(&progress) => {
                for block in noted? {
                    progress.mark_block(&block);
                    watch.send_modify(|snapshot| snapshot.fills_found += block.summary.rows);
                }
            }
        }
        let remaining = progress.remaining();
        Coordinator::new(self, progress, remaining, occupied, watch)
            .run(stop)
            .await
    }

    /// Returns the blocks that an earlier run sent and that the table holds as they were sealed.
    async fn blocks_that_are_there(&self, progress: &Progress) -> Result<Vec<SealedBlock>, Error> {
        let mut there = Vec::new();
        // The tokens of groups are many, and their blocks few: those are fetched again.
        for block in progress.sealed.iter().filter(|_| self.groups.is_none()) {
            let summary = self.store.summary(&block.spans(), None).await;
            if summary.map_err(table_away)? == block.summary {
                there.push(block.clone());
            }
        }
        Ok(there)
    }

    /// Waits until the source is where an earlier run saw it, and returns the block it is at.
    async fn reach(&self, known: u64) -> Result<u64, Error> {
        let mut found = self.source_block;
        for wait in SECONDS_BETWEEN_LOOKS {
            if found >= known {
                return Ok(found);
            }
            tracing::warn!(found, known, "the source lags behind what it served before");
            tokio::time::sleep(Duration::from_secs(wait)).await;
            found = self
                .source
                .survey()
                .await
                .map_err(Error::Source)?
                .head_block;
        }
        match found >= known {
            true => Ok(found),
            false => Err(Error::SourceBehind { found, known }),
        }
    }

    async fn load(&self) -> Result<Progress, Error> {
        let Some(loaded) = self.checkpoint.load().await.map_err(Error::Checkpoint)? else {
            return Ok(self.nothing_done());
        };
        if let Some(reason) = &loaded.fell_back {
            tracing::warn!(
                reason,
                "the newest checkpoint is unusable: the one before it is used"
            );
        }
        let foreign = |message: String| Error::ForeignProgress { message };
        let mut progress: Progress =
            serde_json::from_slice(&loaded.payload).map_err(|error| foreign(error.to_string()))?;
        let groups = self.nothing_done().groups;
        if progress.groups != groups || !progress.widen(self.span) {
            return Err(foreign(format!(
                "it is of seconds {} in {} groups, and {} in {groups} was asked for",
                progress.span, progress.groups, self.span
            )));
        }
        Ok(progress)
    }

    /// Returns the progress of a run of this span that has done nothing.
    pub(crate) fn nothing_done(&self) -> Progress {
        let groups = self.groups.as_ref().map_or(1, |groups| groups.count());
        Progress::new(self.span, groups)
    }

    /// Finds where rows may lie that the checkpoint does not know of, once no more can arrive.
    async fn occupied(&self, remaining: &[(u32, Span)]) -> Result<SpanSet, Error> {
        let hull = remaining
            .iter()
            .map(|&(_, span)| span)
            .reduce(|hull, span| Span::new(hull.from.min(span.from), hull.to.max(span.to)));
        match hull {
            #[cfg(feature = "mutations")]
            Some(_) if mutation::is_on(mutation::Mutation::ResumeWithoutLook) => Ok(SpanSet::new()),
            #[cfg(feature = "mutations")]
            Some(hull) if mutation::is_on(mutation::Mutation::LookBeforeSettled) => self
                .store
                .ranges_with_rows(hull)
                .await
                .map_err(Error::Store),
            Some(hull) => self.look_at_table(hull).await,
            None => Ok(SpanSet::new()),
        }
    }

    /// Finds where rows lie, once no more can arrive of who was there before.
    async fn look_at_table(&self, span: Span) -> Result<SpanSet, Error> {
        let store = &self.store;
        store
            .wait_for_inflight_inserts()
            .await
            .map_err(table_away)?;
        store.ranges_with_rows(span).await.map_err(table_away)
    }
}

fn table_away(error: StoreError) -> Error {
    match error {
        StoreError::Unavailable { .. } | StoreError::Busy { .. } => Error::TableAway(error),
        error => Error::Store(error),
    }
}

fn stopped_at(progress: Progress, watch: &watch::Sender<Snapshot>) -> Outcome {
    Outcome::new(End::Interrupted, progress, &watch.borrow())
}
