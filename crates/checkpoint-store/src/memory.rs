//! The twin without a disk.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::Error;
use crate::identity::Identity;
use crate::store::{CheckpointStore, Loaded};

/// A checkpoint that lives as long as the process.
///
/// Clones share the payload, so a job that starts again with a clone finds what the first one
/// saved. There is no lock, and nothing can be damaged.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    identity: Identity,
    payload: Arc<Mutex<Option<Vec<u8>>>>,
}

impl InMemory {
    /// Makes an empty store for one job.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            payload: Arc::default(),
        }
    }

    /// Opens the same store again, as a later process would.
    ///
    /// # Errors
    /// [`Error::OtherIdentity`] where something is saved and it belongs to another job.
    pub fn reopen(&self, identity: &Identity) -> Result<Self, Error> {
        match self.identity.difference(identity) {
            Some(difference) if self.held().is_some() => {
                Err(Error::other_identity("in-memory".as_ref(), difference))
            }
            _ => Ok(Self {
                identity: identity.clone(),
                payload: Arc::clone(&self.payload),
            }),
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Vec<u8>>> {
        // A payload is replaced in one step, so a panic elsewhere cannot have left half of one.
        self.payload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CheckpointStore for InMemory {
    async fn load(&self) -> Result<Option<Loaded>, Error> {
        Ok(self.held().clone().map(|payload| Loaded {
            payload,
            fell_back: None,
        }))
    }

    async fn save(&self, payload: &[u8]) -> Result<(), Error> {
        *self.held() = Some(payload.to_vec());
        Ok(())
    }

    async fn clear(&self) -> Result<(), Error> {
        *self.held() = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reopened_store_holds_what_was_saved_and_refuses_another_job() {
        let job = Identity::new([("range", "a")]);
        let other = Identity::new([("range", "b")]);
        let store = InMemory::new(job.clone());
        assert!(store.reopen(&other).is_ok(), "nothing is saved yet");
        store.save(b"1").await.unwrap();
        let again = store.reopen(&job).unwrap();
        assert_eq!(again.load().await.unwrap().unwrap().payload, b"1");
        let refused = store.reopen(&other).unwrap_err();
        assert!(matches!(refused, Error::OtherIdentity { field, .. } if field == "range"));
    }
}
