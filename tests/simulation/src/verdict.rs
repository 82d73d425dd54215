//! What must hold, at every checkpoint and at the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use fills::{Span, SpanSet};
use ingest_engine::Progress;

use crate::dataset::{Dataset, Expected};
use crate::plan::Plan;
use crate::table::{Row, Table};
use crate::world::World;

/// Compares what is promised with what is in the table.
#[derive(Debug)]
pub(crate) struct Judge {
    dataset: Arc<Dataset>,
    plan: Plan,
    table: Table,
    /// Seconds of the blocks that the durable checkpoint has sealed.
    sealed: Mutex<SpanSet>,
}

impl Judge {
    pub(crate) fn new(dataset: Arc<Dataset>, plan: Plan, table: Table) -> Self {
        Self {
            dataset,
            plan,
            table,
            sealed: Mutex::default(),
        }
    }

    /// Takes note of a checkpoint that has become durable.
    pub(crate) fn durable(&self, payload: &[u8]) {
        if let Ok(progress) = serde_json::from_slice::<Progress>(payload) {
            let blocks = progress.sealed.iter();
            let spans = blocks.flat_map(|block| block.parts.values().flat_map(SpanSet::spans));
            *self.sealed.lock().unwrap_or_else(PoisonError::into_inner) = spans.collect();
        }
    }

    /// A row is sent after it was sealed, and an insert is one part.
    pub(crate) fn sent(&self, rows: &[Row], world: &World) {
        let sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sealed = |row: &Row| {
            let second = u64::from(row.second());
            sealed.overlaps(Span::new(second, second + 1))
        };
        let early = rows.iter().filter(|row| !is_sealed(row)).count();
        if early > 0 {
            world.fail(format_args!(
                "{early} rows are sent before they were sealed"
            ));
        }
        let parts: BTreeSet<u32> = rows.iter().map(Row::partition).collect();
        if parts.len() > 1 {
            world.fail(format_args!("an insert is of {} partitions", parts.len()));
        }
    }

    /// A checkpoint is never ahead of the table.
    pub(crate) fn checkpoint(&self, payload: &[u8], world: &World) {
        let progress: Progress = match serde_json::from_slice(payload) {
            Ok(progress) => progress,
            Err(error) => return world.fail(format_args!("a checkpoint does not read: {error}")),
        };
        let remaining = progress.remaining();
        let span = progress.span;
        let (mut promised, mut missing) = (0, 0);
        for fill in &self.dataset.fills {
            let asked_for = (span.from..span.to).contains(&fill.second);
            if !asked_for || self.is_within(fill, &remaining) {
                continue;
            }
            promised += 1;
            missing += usize::from(!self.is_kept(fill));
        }
        world.note(format_args!("checkpoint promises {promised} fills"));
        if missing > 0 {
            world.fail(format_args!(
                "a checkpoint promises {missing} fills that the table does not hold"
            ));
        }
        if progress.fills != promised {
            world.fail(format_args!(
                "a checkpoint counts {} fills and promises {promised}",
                progress.fills
            ));
        }
    }

    /// A run that says that it is complete is. Returns whether nothing is left to do: what it knew
    /// of the source may have been out of date, and then another run goes on from there.
    pub(crate) fn completed(&self, progress: &Progress, world: &World) -> bool {
        if let Some(last) = self.dataset.fills.last()
            && progress.span.to <= last.second
        {
            return false;
        }
        let all = &self.dataset.fills;
        let missing = all.iter().filter(|fill| !self.is_kept(fill)).count();
        let refused = all.iter().filter(|fill| self.is_refused(fill)).count();
        if missing > 0 {
            world.fail(format_args!("{missing} fills are lost"));
        }
        if self.table.rows() + refused != all.len() {
            world.fail(format_args!(
                "the table holds {} rows, {refused} are refused, the source has {}",
                self.table.rows(),
                all.len()
            ));
        }
        if progress.fills != all.len() as u64 || !progress.failed.is_empty() {
            world.fail(format_args!("a complete run has the progress {progress:?}"));
        }
        true
    }

    fn is_within(&self, fill: &Expected, parts: &[(u32, Span)]) -> bool {
        let group = match self.plan.group_size {
            None => 0,
            Some(size) => {
                let place = self.dataset.tokens.iter().position(|t| *t == fill.token);
                place.map_or(0, |place| (place / size) as u32)
            }
        };
        parts
            .iter()
            .any(|(of, span)| *of == group && (span.from..span.to).contains(&fill.second))
    }

    /// A fill is in the table, with all its fields, or among the dead letters.
    fn is_kept(&self, fill: &Expected) -> bool {
        match self.is_refused(fill) {
            true => self.table.has_buried(&fill.id.to_string()),
            false => self.table.holds(&fill.id, &fill.row),
        }
    }

    fn is_refused(&self, fill: &Expected) -> bool {
        let row = fill.row.as_slice().try_into().ok().map(Row);
        row.is_some_and(|row| self.plan.refuses(&row))
    }
}
