//! The tokens of a run by market, in groups that stay in the database.

use std::sync::Arc;

use async_trait::async_trait;
use fills::{StoreError, TokenGroups, TokenId};

use crate::{Catalogue, Error, Selection, SelectionSize};

/// A selection of the catalogue's tokens, cut into groups by their ids.
///
/// It holds where each group begins, 32 bytes, and reads a group's tokens when asked.
#[derive(Debug, Clone)]
pub struct TableGroups {
    catalogue: Catalogue,
    selection: Selection,
    size: SelectionSize,
    /// The first token of each group, ascending.
    firsts: Vec<TokenId>,
}

impl TableGroups {
    /// Cuts a selection into groups of `group_size` tokens; the last may be smaller.
    ///
    /// The same selection of the same catalogue is always cut alike, which
    /// [`TableGroups::fingerprint`] tells.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn new(
        catalogue: Catalogue,
        selection: Selection,
        group_size: u64,
    ) -> Result<Self, Error> {
        let size = catalogue.size(&selection).await?;
        let firsts = catalogue.every_nth_token(&selection, group_size).await?;
        Ok(Self {
            catalogue,
            selection,
            size,
            firsts,
        })
    }

    /// Returns how many tokens there are in all groups.
    pub fn tokens(&self) -> u64 {
        self.size.tokens
    }

    /// Returns what tells these tokens from others.
    pub fn fingerprint(&self) -> u64 {
        self.size.fingerprint
    }
}

#[async_trait]
impl TokenGroups for TableGroups {
    fn count(&self) -> u32 {
        u32::try_from(self.firsts.len()).unwrap_or(u32::MAX)
    }

    /// Reads a group by its ends and not by its number of tokens: one that comes to the catalogue
    /// while a run is under way joins a group and pushes none out of it.
    async fn tokens(&self, index: u32) -> Result<Arc<[TokenId]>, StoreError> {
        let index = index as usize;
        let Some(&first) = self.firsts.get(index) else {
            return Err(StoreError::Refused {
                message: format!("there is no group {index} of tokens"),
            });
        };
        let next = self.firsts.get(index + 1).copied();
        let tokens = self.catalogue.tokens_within(&self.selection, first, next);
        Ok(tokens.await?.into())
    }
}
