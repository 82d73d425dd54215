use std::sync::Arc;

use fills::{Span, TokenId};

/// What the table is expected to hold, and by that what can be proven about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Seconds whose fills should all be there.
    pub span: Span,
    /// Whether the source has no fill outside of them.
    pub is_whole_archive: bool,
    /// The tokens whose fills should be there; nothing means all.
    pub tokens: Option<Arc<[TokenId]>>,
    /// What a checkpoint promises, where there is one.
    pub promise: Option<Promise>,
    /// The source's newest block when this was decided.
    pub block: u64,
}

/// What a checkpoint says that the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// The range of its run.
    pub span: Span,
    /// Rows in the seconds that it marks done.
    pub fills: u64,
    /// Whether that is all rows of the range: the run scanned all tokens, and nothing is left.
    pub is_all: bool,
    /// Whether nothing of the range is left to load.
    pub is_complete: bool,
}

impl Coverage {
    /// Returns the condition on rows of the table, as SQL.
    pub(crate) fn condition(&self) -> String {
        match self.is_whole_archive {
            true => "1".to_owned(),
            false => within(self.span),
        }
    }

    /// Returns where rows may be looked for: beyond the source's own range too where the table
    /// should hold nothing else.
    pub(crate) fn reach(&self) -> Span {
        match self.is_whole_archive {
            true => Span::new(0, u64::from(u32::MAX) + 1),
            false => self.span,
        }
    }
}

/// Returns the condition that a row is within a span, as SQL.
pub(crate) fn within(span: Span) -> String {
    // Both ends are inclusive: the last second of a `DateTime` has no successor.
    let first = u32::try_from(span.from).unwrap_or(u32::MAX);
    match span.to.checked_sub(1) {
        Some(last) if !span.is_empty() => {
            let last = u32::try_from(last).unwrap_or(u32::MAX);
            format!("timestamp BETWEEN toDateTime({first}) AND toDateTime({last})")
        }
        _ => "0".to_owned(),
    }
}
