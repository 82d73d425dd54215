use std::sync::Arc;

use async_trait::async_trait;

use crate::id::TokenId;
use crate::store::StoreError;

/// The tokens of a run by market, in groups that do not change while a checkpoint refers to them.
///
/// The tokens stay where they are kept: a run holds those of the groups it is at.
#[async_trait]
pub trait TokenGroups: Send + Sync {
    /// Returns how many groups there are.
    fn count(&self) -> u32;

    /// Reads the tokens of group `index`.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    async fn tokens(&self, index: u32) -> Result<Arc<[TokenId]>, StoreError>;
}

/// Groups held in memory: for selections that are small, and for tests.
#[derive(Debug, Clone)]
pub struct MemoryGroups {
    groups: Vec<Arc<[TokenId]>>,
}

impl MemoryGroups {
    /// Cuts tokens, in order, into groups of `size`.
    pub fn new(tokens: &[TokenId], size: usize) -> Self {
        Self {
            groups: tokens.chunks(size.max(1)).map(Arc::from).collect(),
        }
    }
}

#[async_trait]
impl TokenGroups for MemoryGroups {
    fn count(&self) -> u32 {
        u32::try_from(self.groups.len()).unwrap_or(u32::MAX)
    }

    async fn tokens(&self, index: u32) -> Result<Arc<[TokenId]>, StoreError> {
        self.groups
            .get(index as usize)
            .cloned()
            .ok_or_else(|| StoreError::Refused {
                message: format!("there is no group {index} of tokens"),
            })
    }
}
