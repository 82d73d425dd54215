//! Rows of the source's last minutes, which a reorganisation may still take back.
//!
//! A run that follows its source puts them in and promises nothing of them: the checkpoint says in which
//! seconds they may lie ([`Progress::provisional`](crate::Progress)). Whoever runs next reads those seconds
//! again and takes out what the source has no more, before a row of them is promised or put in: a fill that
//! was moved to another second is otherwise taken for the one that is there.

use std::sync::Arc;

use checkpoint_store::{Identity, InMemory};
use fills::{MemoryTable, Scope, Span};
use tokio::sync::watch;

use crate::backfill::Backfill;
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::report::{End, Outcome, Snapshot};

/// Seconds that are read again at a time: what the source has of them is held in memory, about 50,000
/// fills of the archive's dense part.
const WINDOW_SECONDS: u64 = 600;

impl Backfill {
    /// Reads seconds again in which rows may lie that were not settled, and takes out those that the
    /// source has no more. The outcome says whether it came to the end.
    ///
    /// # Errors
    /// As [`Backfill::run`].
    pub(crate) async fn reconsider(
        &self,
        span: Span,
        stop: &mut (impl Future<Output = ()> + Send + Unpin),
        watch: &watch::Sender<Snapshot>,
    ) -> Result<Outcome, Error> {
        let occupied = tokio::select! {
            biased;
            () = &mut *stop => {
                let progress = self.nothing_done();
                return Ok(Outcome::new(End::Interrupted, progress, &watch.borrow()));
            }
            occupied = self.look_at_table(span) => occupied?,
        };
        let mut removed = 0;
        for window in windows(span) {
            if !occupied.overlaps(window) {
                continue;
            }
            let held = MemoryTable::new();
            let outcome = self.read_into(&held, window, &mut *stop).await?;
            watch.send_modify(|snapshot| snapshot.pages += outcome.pages);
            if outcome.end != End::Complete {
                return Ok(outcome);
            }
            removed += self.retain(&held, window).await?;
        }
        if removed > 0 {
            tracing::warn!(
                rows = removed,
                "the source was reorganised: rows that it has no more were taken out"
            );
        }
        let progress = self.nothing_done();
        Ok(Outcome::new(End::Complete, progress, &watch.borrow()))
    }

    async fn read_into(
        &self,
        table: &MemoryTable,
        span: Span,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Outcome, Error> {
        let reading = Self {
            store: Arc::new(table.clone()),
            checkpoint: Arc::new(InMemory::new(Identity::default())),
            span,
            ..self.clone()
        };
        let progress = reading.nothing_done();
        let remaining = progress.remaining();
        let (watch, _) = watch::channel(Snapshot::default());
        let nothing = fills::SpanSet::new();
        Coordinator::new(&reading, progress, remaining, nothing, &watch)
            .run(stop)
            .await
    }

    /// Takes out the rows of a span that are not in `table`, and returns how many those were.
    async fn retain(&self, table: &MemoryTable, span: Span) -> Result<u64, Error> {
        let kept = table.fills();
        let Some(groups) = &self.groups else {
            let scope = Scope { span, tokens: None };
            return self.store.retain(&scope, &kept).await.map_err(Error::Store);
        };
        let mut removed = 0;
        for group in 0..groups.count() {
            let tokens = groups.tokens(group).await.map_err(Error::Store)?;
            let tokens = Some(tokens);
            let scope = Scope { span, tokens };
            removed += self
                .store
                .retain(&scope, &kept)
                .await
                .map_err(Error::Store)?;
        }
        Ok(removed)
    }
}

/// Cuts a span into parts that are read at a time.
fn windows(span: Span) -> impl Iterator<Item = Span> {
    let begins = std::iter::successors(Some(span.from), |from| from.checked_add(WINDOW_SECONDS));
    begins
        .take_while(move |&from| from < span.to)
        .map(move |from| Span::new(from, span.to.min(from.saturating_add(WINDOW_SECONDS))))
}
