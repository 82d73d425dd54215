//! Where fills go.

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::event::Malformed;
use crate::fill::Fill;
use crate::id::{FillId, TokenId};
use crate::span::{Span, SpanSet};

/// Why the store did not take or give fills. Each variant is a decision of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be reached or kept failing for as long as it was tried.
    #[error("the table could not be reached: {message}")]
    Unavailable {
        /// What the last attempt met.
        message: String,
    },
    /// Somebody else kept sending rows for as long as it was waited for.
    #[error("somebody else is inserting into the table: {message}")]
    Busy {
        /// What was seen.
        message: String,
    },
    /// The store refuses: wrong columns, no rights, no space. No retry will help.
    #[error("the table refuses: {message}")]
    Refused {
        /// The store's words.
        message: String,
    },
}

/// The store's word that rows are durable: resolves when all rows of one send are in the table.
///
/// # Cancel safety
/// Dropping a receipt does not take its rows back.
#[must_use = "rows are only known to be in the table once their receipt resolved"]
pub struct Receipt(BoxFuture<'static, Result<(), StoreError>>);

impl Receipt {
    /// Makes a receipt from whatever resolves when the rows are durable.
    pub fn new(durable: impl Future<Output = Result<(), StoreError>> + Send + 'static) -> Self {
        Self(Box::pin(durable))
    }
}

impl Future for Receipt {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

/// A part of the fills: a span of time, of all tokens or of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Which seconds.
    pub span: Span,
    /// Which tokens; nothing means all.
    pub tokens: Option<Arc<[TokenId]>>,
}

impl Scope {
    /// Tells whether a fill is in it.
    pub fn holds(&self, fill: &Fill) -> bool {
        let tokens = self.tokens.as_deref();
        self.span.contains(fill.timestamp.into())
            && tokens.is_none_or(|tokens| tokens.contains(&fill.token_id))
    }
}

/// What the table holds of the beginning of a [`Scope`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Every row of the scope before second `until`.
    pub ids: HashSet<FillId>,
    /// Where the knowledge ends, exclusive: behind the scope's beginning unless the scope is
    /// empty, and the scope's end if nothing more is there.
    pub until: u64,
}

/// A table of fills.
///
/// Retrying what may pass is the store's own business, and so is that a retry never doubles a row.
/// That a *second send* of the same fill doubles it is the caller's to prevent, with
/// [`FillStore::settle`], [`FillStore::occupied`] and [`FillStore::loaded`], in that order.
#[async_trait]
pub trait FillStore: Send + Sync {
    /// Hands over rows, waiting while the store is busy. They are batched with other callers'.
    ///
    /// # Errors
    /// [`StoreError`] where the store has stopped taking rows.
    ///
    /// # Cancel safety
    /// Dropped before it returns, the rows were either all taken or none.
    async fn send(&self, fills: Vec<Fill>) -> Result<Receipt, StoreError>;

    /// Inserts what waits for a fuller batch, and returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError`] where rows could not be inserted; their receipts say the same.
    async fn flush(&self) -> Result<(), StoreError>;

    /// Waits until no row that an earlier process sent can still arrive. A database goes on with an
    /// insert whose sender died: looking for its rows before it ended would miss them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if that lasts too long; any other where it cannot be found out.
    async fn settle(&self) -> Result<(), StoreError>;

    /// Returns seconds of `span` in which the table may hold rows: every row's second is in the
    /// set, and the set may hold more.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    async fn occupied(&self, span: Span) -> Result<SpanSet, StoreError>;

    /// Returns the ids of the first rows, in order of time, that the table holds in a scope: whole
    /// seconds only, about `limit` rows at the most (more if the first second alone has more).
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    async fn loaded(&self, scope: &Scope, limit: usize) -> Result<Loaded, StoreError>;

    /// Takes out the rows of a scope that are not, value for value, among `fills`, and returns how many
    /// those were. Whoever calls it knows that these are all that the source has of the scope, and puts
    /// nothing there meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] where rows could not be read or taken out; calling it again goes on.
    async fn retain(&self, scope: &Scope, fills: &[Fill]) -> Result<u64, StoreError>;

    /// Keeps events that cannot be fills, so that a person can look at them.
    /// Keeping one again does not double it. Returns when they are durable.
    ///
    /// # Errors
    /// [`StoreError`] where they could not be kept.
    async fn bury(&self, events: Vec<Malformed>) -> Result<(), StoreError>;
}
