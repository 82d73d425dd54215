//! A table that takes rows and drops them, so that only the way to them is measured.

use std::collections::HashSet;

use async_trait::async_trait;
use fills::{Block, FillId, FillStore, Malformed, Span, SpanSet, StoreError, Summary, TokenId};

/// Says of everything that it is durable, and holds nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nowhere;

#[async_trait]
impl FillStore for Nowhere {
    async fn insert(&self, _: Block) -> Result<(), StoreError> {
        Ok(())
    }

    async fn wait_for_inflight_inserts(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ranges_with_rows(&self, _: Span) -> Result<SpanSet, StoreError> {
        Ok(SpanSet::new())
    }

    async fn summary(&self, _: &SpanSet, _: Option<&[TokenId]>) -> Result<Summary, StoreError> {
        Ok(Summary::default())
    }

    async fn existing_keys(
        &self,
        _: &SpanSet,
        _: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, StoreError> {
        Ok(HashSet::new())
    }

    async fn write_dead_letters(&self, _: Vec<Malformed>) -> Result<(), StoreError> {
        Ok(())
    }
}
