//! Where fills go.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

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

/// A part of the fills: a span of time, of all tokens or of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Which seconds.
    pub span: Span,
    /// Which tokens; nothing means all.
    pub tokens: Option<Arc<[TokenId]>>,
}

impl Scope {
    /// Returns true if a fill is in it.
    pub fn holds(&self, fill: &Fill) -> bool {
        let tokens = self.tokens.as_deref();
        self.span.contains(fill.timestamp.into())
            && tokens.is_none_or(|tokens| tokens.contains(&fill.token_id))
    }
}

/// Rows that are inserted together: all of them become visible, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// By what the table knows a repeat of it.
    pub token: String,
    /// The rows, in any order, as they came.
    pub pages: Vec<Vec<Fill>>,
}

impl Block {
    /// Returns a token that no other block has: 128 random bits as text, from what seeds the standard
    /// library's hash maps.
    pub fn unused_token() -> String {
        let random = || RandomState::new().build_hasher().finish();
        format!("{:016x}{:016x}", random(), random())
    }
}

/// How many rows there are, and which: the same for the same rows in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows, each copy counted.
    pub rows: u64,
    /// The sum, modulo 2^64, of the XXH3 hashes of their ids: transaction hash, order hash, and where it is
    /// not 0 the number from the last, in two bytes, the less significant one first.
    pub hash: u64,
}

impl Summary {
    /// Adds a row.
    pub fn add(&mut self, id: &FillId) {
        let mut bytes = [0; 66];
        bytes[..32].copy_from_slice(&id.tx_hash.0);
        bytes[32..64].copy_from_slice(&id.order_hash.0);
        bytes[64..].copy_from_slice(&id.nth_from_last.to_le_bytes());
        let end = if id.nth_from_last == 0 { 64 } else { 66 };
        self.rows += 1;
        self.hash = self.hash.wrapping_add(XxHash3_64::oneshot(&bytes[..end]));
    }
}

impl<'f> FromIterator<&'f Fill> for Summary {
    fn from_iter<I: IntoIterator<Item = &'f Fill>>(fills: I) -> Self {
        let mut summary = Self::default();
        fills.into_iter().for_each(|fill| summary.add(&fill.id));
        summary
    }
}

/// A table of fills.
///
/// Retrying what may pass is the store's own business, and so is that a retry never doubles a row.
/// That a *second block* with the same fill doubles it is the caller's to prevent, with
/// [`FillStore::wait_for_inflight_inserts`], [`FillStore::ranges_with_rows`] and
/// [`FillStore::summary`], in that order.
#[async_trait]
pub trait FillStore: Send + Sync {
    /// Inserts a block, and returns when its rows are durable. A block whose token the table has seen with
    /// the same rows changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the rows could not be inserted.
    ///
    /// # Cancel safety
    /// Dropped before it returns, the rows may be inserted or not, all or none.
    async fn insert(&self, block: Block) -> Result<(), StoreError>;

    /// Waits until no row that an earlier process sent can still arrive. A database goes on with an
    /// insert whose sender died: looking for its rows before it ended would miss them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if that lasts too long; any other where it cannot be found out.
    async fn wait_for_inflight_inserts(&self) -> Result<(), StoreError>;

    /// Returns seconds of `span` in which the table may hold rows: every row's second is in the
    /// set, and the set may hold more.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    async fn ranges_with_rows(&self, span: Span) -> Result<SpanSet, StoreError>;

    /// Summarizes the rows that the table holds in some seconds, of some tokens where they are given.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    async fn summary(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<Summary, StoreError>;

    /// Returns the ids of those rows.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    async fn existing_keys(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, StoreError>;

    /// Keeps events that cannot be fills, so that a person can look at them.
    /// Keeping one again does not double it. Returns when they are durable.
    ///
    /// # Errors
    /// [`StoreError`] where they could not be kept.
    async fn write_dead_letters(&self, events: Vec<Malformed>) -> Result<(), StoreError>;
}
