//! What is asked of a source before a run, held against one whose counters are known.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fills::Source as _;
use forecast::{Estimate, Method};
use goldsky_client::{Client, Config};
use goldsky_simulator::{Data, Seeded, Simulator};
use pacer::Pacer;
use startup::Strategy;
use startup::settings::ScopeSettings;
use wiring::expected::{Expected, expect_closely};

const FILLS: u64 = 20_000;
/// Two for each of the markets below, so that a thousand in a request takes four.
const TOKENS: u64 = 3_000;

fn everything() -> ScopeSettings {
    ScopeSettings {
        strategy: Strategy::Auto,
        from: None,
        to: None,
        condition_ids: Vec::new(),
        token_ids: Vec::new(),
        limit: None,
        follow: None,
    }
}

async fn source() -> (Simulator, Client) {
    let data = Data::Seeded(Seeded {
        markets: (TOKENS / 2) as u32,
        fills: FILLS,
        ..Seeded::default()
    });
    let source = Simulator::start(goldsky_simulator::Config {
        data,
        ..goldsky_simulator::Config::default()
    });
    let source = source.await.unwrap();
    let config = Config::new(source.endpoint().parse().unwrap());
    let client = Client::new(config, Pacer::new(pacer::Config::default())).unwrap();
    (source, client)
}

#[tokio::test]
async fn everything_is_counted_where_the_requests_suffice_and_not_begun_where_they_do_not() {
    let (source, client) = source().await;
    let survey = client.survey().await.unwrap();
    let rough = Expected {
        estimate: Estimate::at_most(2 * FILLS),
        tokens: Some(TOKENS),
        cut_short: 0,
    };
    let before = source.stats().requests;
    let closely = async |scope: &ScopeSettings, requests| {
        let expected = expect_closely(&client, scope, &survey, &rough, requests, 1);
        expected.await.unwrap()
    };
    assert_eq!(closely(&everything(), 3).await, None);
    assert_eq!(source.stats().requests, before);

    let counted = closely(&everything(), 4).await.unwrap();
    assert_eq!(
        (counted.estimate.fills, counted.estimate.method),
        (FILLS, Method::Exact)
    );
    assert!(source.stats().requests <= before + 4);

    // The counters of all tokens say nothing of the first markets.
    let some = ScopeSettings {
        limit: Some(3),
        ..everything()
    };
    assert_eq!(closely(&some, 4).await, None);
}
