//! What a complete load must come to.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::data::{Dataset, ExpectedToken};

/// The body of `GET /expected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Events that are served.
    pub fills: u64,
    /// Counters by token id; tokens without events are left out.
    pub tokens: BTreeMap<String, ExpectedToken>,
}

impl Expected {
    pub(crate) fn of(dataset: &Dataset) -> Self {
        Self {
            fills: dataset.fills(),
            tokens: tokens(dataset).collect(),
        }
    }
}

fn tokens(dataset: &Dataset) -> impl Iterator<Item = (String, ExpectedToken)> + '_ {
    dataset.traded.iter().map(|token| {
        let id = String::from_utf8_lossy(dataset.catalogue.tokens.get(*token)).into_owned();
        (id, dataset.counters[*token as usize].into())
    })
}

/// Writes the expectation without keeping it in memory as a whole.
pub(crate) fn write(dataset: &Dataset) -> Vec<u8> {
    struct Tokens<'a>(&'a Dataset);

    impl Serialize for Tokens<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(tokens(self.0))
        }
    }

    #[derive(Serialize)]
    struct Body<'a> {
        fills: u64,
        tokens: Tokens<'a>,
    }

    let body = Body {
        fills: dataset.fills(),
        tokens: Tokens(dataset),
    };
    // Numbers and texts under text keys always have a JSON form.
    serde_json::to_vec(&body).unwrap_or_default()
}
