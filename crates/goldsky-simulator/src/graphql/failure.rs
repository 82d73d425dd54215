//! Queries that fail, in graph-node's words.

use serde_json::json;

/// A place in the query text, from 1; graph-node writes 0:0 where it has lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Location {
    pub(crate) const LOST: Self = Self { line: 0, column: 0 };
}

impl From<graphql_parser::Pos> for Location {
    fn from(position: graphql_parser::Pos) -> Self {
        Self {
            line: position.line,
            column: position.column,
        }
    }
}

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryError {
    pub(crate) message: String,
    pub(crate) location: Option<Location>,
}

impl QueryError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            location: None,
        }
    }

    pub(crate) fn at(location: impl Into<Location>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            location: Some(location.into()),
        }
    }
}

/// How far a failed query got, which the answer's headers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before a block was chosen: `graph-indexed` is null.
    Preparing,
    /// Rejected by the host's validation: null, and not attestable.
    Validating,
    /// While it ran, with an outcome that depends on the query alone.
    Running,
    /// While it ran, with an outcome that depends on the host.
    RunningHere,
}

impl Stage {
    pub(crate) const fn attestable(self) -> bool {
        matches!(self, Self::Preparing | Self::Running)
    }

    pub(crate) const fn indexed(self) -> bool {
        matches!(self, Self::Running | Self::RunningHere)
    }
}

/// A query that failed as a whole, as all of graph-node's do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) errors: Vec<QueryError>,
}

impl Failure {
    pub(crate) fn preparing(error: QueryError) -> Self {
        Self {
            stage: Stage::Preparing,
            errors: vec![error],
        }
    }

    pub(crate) fn running(message: impl Into<String>) -> Self {
        Self {
            stage: Stage::Running,
            errors: vec![QueryError::new(message)],
        }
    }

    pub(crate) fn here(message: impl Into<String>) -> Self {
        Self {
            stage: Stage::RunningHere,
            errors: vec![QueryError::new(message)],
        }
    }

    /// Writes the answer's body.
    pub(crate) fn body(&self) -> Vec<u8> {
        json!({ "errors": entries(&self.errors) })
            .to_string()
            .into_bytes()
    }
}

/// Returns the entries of an `errors` list.
pub(crate) fn entries(errors: &[QueryError]) -> Vec<serde_json::Value> {
    errors
        .iter()
        .map(|error| match error.location {
            None => json!({ "message": error.message }),
            Some(Location { line, column }) => json!({
                "message": error.message,
                "locations": [{ "line": line, "column": column }],
            }),
        })
        .collect()
}
