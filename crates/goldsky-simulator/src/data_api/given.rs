//! Rows as given.

use std::collections::HashMap;

use crate::config::Text;
use crate::error::Error;

use super::Shown;

/// Given rows by wallet, the newest first.
#[derive(Debug)]
pub(crate) struct Given(HashMap<String, Vec<Shown>>);

impl Given {
    /// Reads rows, one JSON object a line.
    pub(crate) fn read(text: &Text) -> Result<Self, Error> {
        const NAME: &str = "data API rows";
        let text = text.read(NAME)?;
        let mut wallets: HashMap<String, Vec<Shown>> = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let row: Shown = serde_json::from_str(line).map_err(|source| Error::Line {
                name: NAME,
                line: index + 1,
                source,
            })?;
            let wallet = row.proxy_wallet.to_ascii_lowercase();
            wallets.entry(wallet).or_default().push(row);
        }
        for rows in wallets.values_mut() {
            // Those of one second stay as they were given.
            rows.sort_by_key(|row| std::cmp::Reverse(row.timestamp));
        }
        Ok(Self(wallets))
    }

    /// Returns a wallet's rows, the newest first.
    pub(crate) fn of(&self, wallet: &str) -> &[Shown] {
        self.0.get(wallet).map_or(&[], Vec::as_slice)
    }
}
