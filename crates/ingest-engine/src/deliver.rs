//! From a sealed block to rows in the table.

use std::collections::BTreeSet;
use std::sync::Arc;

use fills::{FillStore, StoreError, TokenId};

use crate::blocks::{Filled, SealedBlock};

/// A block that is all in the table.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) sealed: SealedBlock,
    /// Rows that were not there before.
    pub(crate) inserted: u64,
}

/// How the table is looked at before rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// None of the rows can be there.
    Not,
    /// For all rows of the block's seconds.
    ForSeconds,
    /// The same, of the tokens that the block has rows of.
    ForTokens,
}

/// Brings a block into the table. Where its rows may be there, the table is looked at first, and only those
/// that it lacks are sent.
pub(crate) async fn deliver(
    mut filled: Filled,
    look: Look,
    store: Arc<dyn FillStore>,
) -> Result<Delivered, StoreError> {
    let malformed = std::mem::take(&mut filled.malformed);
    if !malformed.is_empty() {
        store.write_dead_letters(malformed).await?;
    }
    if look != Look::Not {
        leave_out_existing(&mut filled, look, &*store).await?;
    }
    let inserted = rows_of(&filled);
    let sent = filled.is_repeated.then(|| filled.pages.clone());
    if inserted > 0 {
        store.insert(filled.block()).await?;
    }
    #[cfg(feature = "mutations")]
    let sent = sent.filter(|_| !mutation::is_on(mutation::Mutation::RepeatIsBelieved));
    // A server that died knows the token of what it did not keep, and acknowledges a repeat of it.
    if let Some(pages) = sent.filter(|_| inserted > 0) {
        filled.pages = pages;
        leave_out_existing(&mut filled, look, &*store).await?;
        if rows_of(&filled) > 0 {
            store.insert(filled.as_others()).await?;
        }
    }
    Ok(Delivered {
        sealed: filled.sealed,
        inserted,
    })
}

fn rows_of(filled: &Filled) -> u64 {
    filled.pages.iter().map(Vec::len).sum::<usize>() as u64
}

async fn leave_out_existing(
    filled: &mut Filled,
    look: Look,
    store: &dyn FillStore,
) -> Result<(), StoreError> {
    let spans = filled.sealed.spans();
    let tokens: Option<Vec<TokenId>> = (look == Look::ForTokens).then(|| {
        let tokens = filled.pages.iter().flatten().map(|fill| fill.token_id);
        tokens.collect::<BTreeSet<_>>().into_iter().collect()
    });
    let there = store.summary(&spans, tokens.as_deref()).await?;
    if there == filled.sealed.summary {
        filled.pages.clear();
    } else if there.rows > 0 {
        let keys = store.existing_keys(&spans, tokens.as_deref()).await?;
        for page in &mut filled.pages {
            page.retain(|fill| !keys.contains(&fill.id));
        }
    }
    Ok(())
}
