//! The front door: what a run is made of, and how it starts and resumes.

use std::fmt;
use std::sync::Arc;

use checkpoint_store::CheckpointStore;
use fills::{FillSource, FillStore, Span, SpanSet, TokenGroups};
use tokio::sync::watch;

use crate::config::Config;
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::progress::Progress;
use crate::report::{Outcome, Snapshot};

/// A backfill: a source, a table, a checkpoint and what to load.
pub struct Backfill {
    /// Where fills come from.
    pub source: Arc<dyn FillSource>,
    /// Where they go.
    pub store: Arc<dyn FillStore>,
    /// Where progress is kept.
    pub checkpoint: Arc<dyn CheckpointStore>,
    /// Which seconds to load. A later run may let them end later, never begin elsewhere.
    pub span: Span,
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
    /// goes.
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
        let mut progress = self.load().await?;
        progress.failed.clear();
        let remaining = progress.remaining();
        let occupied = self.occupied(&remaining).await?;
        tracing::debug!(
            parts = remaining.len(),
            occupied_spans = occupied.len(),
            fills = progress.fills,
            "run begins"
        );
        Coordinator::new(self, progress, remaining, occupied, watch)
            .run(stop)
            .await
    }

    async fn load(&self) -> Result<Progress, Error> {
        let groups = self.groups.as_ref().map_or(1, |groups| groups.count());
        let Some(loaded) = self.checkpoint.load().await.map_err(Error::Checkpoint)? else {
            return Ok(Progress::new(self.span, groups));
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
        if progress.groups != groups || !progress.widen(self.span) {
            return Err(foreign(format!(
                "it is of seconds {} in {} groups, and {} in {groups} was asked for",
                progress.span, progress.groups, self.span
            )));
        }
        Ok(progress)
    }

    /// Finds where rows may lie that the checkpoint does not know of.
    async fn occupied(&self, remaining: &[(u32, Span)]) -> Result<SpanSet, Error> {
        let hull = remaining
            .iter()
            .map(|&(_, span)| span)
            .reduce(|hull, span| Span::new(hull.from.min(span.from), hull.to.max(span.to)));
        match hull {
            Some(hull) => self.store.occupied(hull).await.map_err(Error::Store),
            None => Ok(SpanSet::new()),
        }
    }
}
