//! What can be asked of the table.

use std::collections::BTreeSet;
use std::collections::HashMap;

use fills::TokenId;

use super::{Row, Table};

/// Which rows a question is about, from the parameters of its query.
#[derive(Debug)]
pub(crate) struct Scope {
    first: u32,
    last: u32,
    tokens: Option<Vec<[u8; 32]>>,
}

impl Scope {
    /// Reads the parameters; nothing if they are not those of a scope.
    pub(crate) fn of(parameters: &HashMap<String, String>) -> Option<Self> {
        let tokens = parameters.get("param_tokens").map(|tokens| {
            let tokens = tokens.trim_matches(['[', ']']).split(',');
            let tokens = tokens.map(|token| token.trim().trim_matches('\''));
            let tokens = tokens.filter_map(|token| token.parse::<TokenId>().ok());
            tokens.map(|token| token.to_le_bytes()).collect()
        });
        Some(Self {
            first: parameters.get("param_first")?.parse().ok()?,
            last: parameters.get("param_last")?.parse().ok()?,
            tokens,
        })
    }

    fn holds(&self, row: &Row) -> bool {
        (self.first..=self.last).contains(&row.second())
            && self
                .tokens
                .as_ref()
                .is_none_or(|tokens| tokens.iter().any(|token| token == row.token()))
    }
}

impl Table {
    pub(crate) fn hours(&self, scope: &Scope) -> BTreeSet<u32> {
        let rows = self.within(scope);
        rows.iter().map(|row| row.second() / 3600).collect()
    }

    pub(crate) fn in_seconds(&self, seconds: &[u32]) -> Vec<Row> {
        self.catch_up();
        let rows = self.state();
        let rows = rows.rows.values();
        rows.filter(|row| seconds.contains(&row.second()))
            .cloned()
            .collect()
    }

    pub(crate) fn count(&self, scope: &Scope) -> usize {
        self.within(scope).len()
    }

    /// Returns the first rows in order of time, and all others of the last one's second.
    pub(crate) fn first(&self, scope: &Scope, limit: usize) -> Vec<Row> {
        let mut rows = self.within(scope);
        rows.sort_by_key(|row| (row.second(), row.id()));
        if let Some(last) = rows.get(limit.saturating_sub(1)).map(Row::second) {
            let end = rows.partition_point(|row| row.second() <= last);
            rows.truncate(end);
        }
        rows
    }

    fn within(&self, scope: &Scope) -> Vec<Row> {
        self.catch_up();
        let rows = self.state();
        let rows = rows.rows.values().filter(|row| scope.holds(row));
        rows.cloned().collect()
    }
}
