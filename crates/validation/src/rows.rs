//! Token ids, as the table keeps them and as SQL.

use clickhouse::types::UInt256;
use fills::TokenId;

/// Reads a token id as the table keeps it.
pub(crate) fn token(number: UInt256) -> TokenId {
    TokenId::from_le_bytes(number.to_le_bytes())
}

/// Writes a list of tokens as SQL.
pub(crate) fn list(tokens: &[TokenId]) -> String {
    let numbers: Vec<String> = tokens
        .iter()
        .map(|token| format!("toUInt256('{token}')"))
        .collect();
    format!("({})", numbers.join(", "))
}
