//! A table that takes rows and drops them, so that only the way to them is measured.

use async_trait::async_trait;
use fills::{Fill, FillStore, Loaded, Malformed, Receipt, Scope, Span, SpanSet, StoreError};

/// Says of everything that it is durable, and holds nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nowhere;

#[async_trait]
impl FillStore for Nowhere {
    async fn send(&self, _: Vec<Fill>) -> Result<Receipt, StoreError> {
        Ok(Receipt::new(std::future::ready(Ok(()))))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn occupied(&self, _: Span) -> Result<SpanSet, StoreError> {
        Ok(SpanSet::new())
    }

    async fn loaded(&self, scope: &Scope, _: usize) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            until: scope.span.to,
            ..Loaded::default()
        })
    }

    async fn retain(&self, _: &Scope, _: &[Fill]) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn bury(&self, _: Vec<Malformed>) -> Result<(), StoreError> {
        Ok(())
    }
}
