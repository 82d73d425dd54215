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
    /// Beginnings and ends of spans by turns; nothing means all between first and last.
    edges: Option<Vec<u32>>,
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
        let edges = parameters.get("param_edges").map(|edges| {
            let edges = edges.trim_matches(['[', ']']).split(',');
            edges.filter_map(|edge| edge.trim().parse().ok()).collect()
        });
        Some(Self {
            edges,
            first: parameters.get("param_first")?.parse().ok()?,
            last: parameters.get("param_last")?.parse().ok()?,
            tokens,
        })
    }

    fn holds(&self, row: &Row) -> bool {
        let is_in_spans = |edges: &Vec<u32>| {
            let mut spans = edges.chunks(2);
            spans.any(|span| span[0] <= row.second() && row.second() < span[1])
        };
        (self.first..=self.last).contains(&row.second())
            && self.edges.as_ref().is_none_or(is_in_spans)
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

    pub(crate) fn within(&self, scope: &Scope) -> Vec<Row> {
        self.catch_up();
        let rows = self.state();
        let rows = rows.rows.values().filter(|row| scope.holds(row));
        rows.cloned().collect()
    }
}
