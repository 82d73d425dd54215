//! The rows of each token.

use super::catalogue::{NO_ASSET, USDC};

/// Row numbers by token, ascending, in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Postings {
    /// Indexes rows by both of their assets. `assets` is called twice for each row, in order.
    pub(crate) fn build(tokens: usize, rows: u32, assets: impl Fn(u32) -> [u32; 2]) -> Self {
        let mut starts = vec![0_u32; tokens + 1];
        for row in 0..rows {
            for token in distinct(assets(row)) {
                starts[token as usize + 1] += 1;
            }
        }
        for token in 0..tokens {
            starts[token + 1] += starts[token];
        }
        let mut next = starts.clone();
        let mut postings = vec![0; starts[tokens] as usize];
        for row in 0..rows {
            for token in distinct(assets(row)) {
                let place = &mut next[token as usize];
                postings[*place as usize] = row;
                *place += 1;
            }
        }
        Self {
            starts,
            rows: postings,
        }
    }

    /// Returns the rows of a token, ascending.
    pub(crate) fn of(&self, token: u32) -> &[u32] {
        let token = token as usize;
        &self.rows[self.starts[token] as usize..self.starts[token + 1] as usize]
    }
}

/// Returns the tokens among a row's two assets, each once.
fn distinct([maker, taker]: [u32; 2]) -> impl Iterator<Item = u32> {
    let taker = if taker == maker { NO_ASSET } else { taker };
    [maker, taker]
        .into_iter()
        .filter(|asset| !matches!(*asset, USDC | NO_ASSET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_either_asset_and_once() {
        let assets = [[USDC, 0], [1, USDC], [0, 1], [1, 1], [NO_ASSET, 0]];
        let postings = Postings::build(3, 5, |row| assets[row as usize]);
        assert_eq!(postings.of(0), [0, 2, 4]);
        assert_eq!(postings.of(1), [1, 2, 3]);
        assert!(postings.of(2).is_empty());
    }
}
