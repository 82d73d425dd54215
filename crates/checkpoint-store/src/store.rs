//! The seam.

use async_trait::async_trait;

use crate::error::Error;

/// A checkpoint as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What was saved, byte by byte.
    pub payload: Vec<u8>,
    /// Why this is the save before the newest one; nothing if it is the newest.
    pub fell_back: Option<String>,
}

/// A place that holds the progress of one job: at most one payload.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Returns the payload of the last save, or nothing if there is none.
    ///
    /// # Errors
    /// [`Error`] where there is a checkpoint that cannot be read: that is never "none".
    async fn load(&self) -> Result<Option<Loaded>, Error>;

    /// Replaces the payload; returns when the new one is durable.
    ///
    /// # Errors
    /// [`Error`] where it could not be made durable; then the last one still is.
    ///
    /// # Cancel safety
    /// Dropped before it returns, the payload is either replaced whole or not at all, and saves
    /// take effect in the order of their calls.
    async fn save(&self, payload: &[u8]) -> Result<(), Error>;

    /// Forgets the payload; returns when that is durable. Fine if there is none.
    ///
    /// # Errors
    /// [`Error`] where it could not be removed.
    async fn clear(&self) -> Result<(), Error>;
}
