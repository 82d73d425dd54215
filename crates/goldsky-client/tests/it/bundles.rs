//! How many pages go into one request, learned from what the source makes of them.

use std::sync::Arc;

use async_trait::async_trait;
use fills::SourceError;
use goldsky_client::{Answer, Client, Config, Request, Transport, TransportError};
use goldsky_simulator::{Data, Host, Node, Seeded};
use pacer::Pacer;

use crate::fixture::first_page;

/// Most pages in a request that the source answers.
const BEARABLE_PAGES: usize = 3;

/// A source that cannot do more than [`BEARABLE_PAGES`] pages at once, and says so in the words
/// that also stand for something that passes.
#[derive(Debug)]
struct Overloaded(Node);

#[async_trait]
impl Transport for Overloaded {
    async fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let Request::Post { json, pages, .. } = request else {
            return Err(TransportError::Broken("only queries are answered".into()));
        };
        let body = if *pages <= BEARABLE_PAGES {
            self.0.answer(json, 0)
        } else {
            br#"{"errors":[{"message":"service is overloaded"}]}"#.to_vec()
        };
        Ok(Answer {
            status: 200,
            body,
            ..Answer::default()
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_size_that_is_found_too_heavy_only_by_asking_again_is_given_up() {
    let node = Node::make(&Data::Seeded(Seeded::default()), Host::default()).unwrap();
    let mut config = Config::new("http://source.test/".parse().unwrap());
    config.decoders = 0;
    let pacer = Pacer::new(pacer::Config::default());
    let client = Client::with_transport(config, pacer, Arc::new(Overloaded(node)));

    let mut too_heavy = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..40 {
        let slot = client.slot().await;
        let pages = slot.max_pages();
        sizes.push(pages);
        match slot.pages(&vec![first_page(); pages]).await {
            Ok(answered) => assert_eq!(answered.len(), pages),
            Err(SourceError::TooHeavy { .. }) => too_heavy.push(pages),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(too_heavy, [4], "of the sizes {sizes:?}");
    assert!(sizes.ends_with(&[2; 8]), "{sizes:?}");
}
