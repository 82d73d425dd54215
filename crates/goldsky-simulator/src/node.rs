//! The simulated graph-node without HTTP.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::config::Data;
use crate::data::{self, Dataset};
use crate::error::Error;
use crate::expected::{self, Expected};
use crate::graphql::{self, Request, View};
use crate::host::Host;

/// A graph-node that takes the body of a query and returns the body of its answer: for tests in
/// which the network is simulated too.
#[derive(Debug)]
pub struct Node {
    pub(crate) dataset: Dataset,
    pub(crate) host: Host,
}

impl Node {
    /// Makes or reads the data.
    ///
    /// # Errors
    /// Fails if the configuration cannot be met or given entities cannot be read.
    pub fn make(data: &Data, host: Host) -> Result<Self, Error> {
        Ok(Self::new(data::of(data)?, host))
    }

    pub(crate) fn new(dataset: Dataset, mut host: Host) -> Self {
        if host.deployment.is_empty() {
            host.deployment = deployment(&dataset);
        }
        Self { dataset, host }
    }

    /// Answers the body of a query as it was `blocks` blocks before the newest one. A body that
    /// holds no query is answered with graph-node's words, as its status would be 400.
    pub fn answer(&self, body: &[u8], blocks: u64) -> Vec<u8> {
        let request = match Request::read(body) {
            Ok(request) => request,
            Err(reason) => return reason.into_bytes(),
        };
        let view = View {
            dataset: &self.dataset,
            host: &self.host,
            head: match blocks {
                0 => self.dataset.blocks.head.clone(),
                blocks => self.dataset.blocks.head_before(blocks),
            },
            has_indexing_errors: false,
            heavy_aliases: false,
        };
        graphql::execute(&view, request).body
    }

    /// Returns what a complete load must come to.
    pub fn expected(&self) -> Expected {
        Expected::of(&self.dataset)
    }
}

/// Names the data by what a complete load of them comes to.
fn deployment(dataset: &Dataset) -> String {
    let mut hasher = DefaultHasher::new();
    expected::write(dataset).hash(&mut hasher);
    format!("QmSimulated{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_block_has_fewer_fills() {
        let node = Node::make(&Data::Seeded(crate::Seeded::default()), Host::default()).unwrap();
        let body = br#"{"query":"{ newest: orderFilledEvents(first: 1, orderBy: timestamp, orderDirection: desc) { timestamp } _meta { block { number } } }"}"#;
        let now = node.answer(body, 0);
        assert!(String::from_utf8_lossy(&now).contains(&crate::LAST_SECOND.to_string()));
        assert_ne!(now, node.answer(body, 10_000));
    }

    #[test]
    fn what_is_no_query_is_refused_in_words() {
        let node = Node::make(&Data::Seeded(crate::Seeded::default()), Host::default()).unwrap();
        let refused = String::from_utf8(node.answer(b"[]", 0)).unwrap();
        assert!(refused.contains("not an object"), "{refused}");
    }
}
