//! Rows that the table already holds, found before they would go in a second time.
//!
//! Only seconds that were occupied when the run began are looked up: those of an earlier run that
//! did not live to write its last checkpoint, or of a run with another checkpoint. A second belongs
//! to one segment, so nothing else can put rows there while the run goes on.

use std::collections::HashSet;

use fills::{Fill, FillId, FillStore, Loaded, Scope, Span, SpanSet, StoreError};

/// Ids looked up at a time: bounds memory at about half a MiB for each segment that needs it.
const IDS_AT_A_TIME: usize = 4096;

/// What is known of the table around the place where a stream is.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    from: u64,
    loaded: Loaded,
}

impl Reconciled {
    /// Returns which of the fills, given in order of time, the table holds already.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    pub(crate) async fn loaded_among(
        &mut self,
        fills: &[Fill],
        occupied: &SpanSet,
        scope: &Scope,
        store: &dyn FillStore,
    ) -> Result<HashSet<FillId>, StoreError> {
        let mut found = HashSet::new();
        for fill in fills {
            let second = u64::from(fill.timestamp);
            if !occupied.overlaps(Span::new(second, second + 1)) {
                continue;
            }
            if second < self.from || second >= self.loaded.until {
                let scope = Scope {
                    span: Span::new(second, scope.span.to.max(second + 1)),
                    tokens: scope.tokens.clone(),
                };
                self.loaded = store.loaded(&scope, IDS_AT_A_TIME).await?;
                self.from = second;
            }
            if self.loaded.ids.contains(&fill.id) {
                found.insert(fill.id);
            }
        }
        Ok(found)
    }
}
