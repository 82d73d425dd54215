//! Made-up fills against what the simulated data API makes of them.

use std::collections::BTreeMap;

use fills::{Address, Fill, Filter, Span, Trade};
use futures::stream;
use goldsky_client::{Client, PageQuery};
use goldsky_simulator::{Config, Data, Seeded, Simulator};
use polymarket_api::{Comparison, DataApi, History, HistoryError};

use crate::fixture::{hasty, hasty_pacer};

async fn all_fills(simulator: &Simulator) -> Vec<Fill> {
    let client = Client::new(hasty(simulator.endpoint()), hasty_pacer()).unwrap();
    let mut query = PageQuery {
        filter: Filter::All,
        from: 0,
        after: None,
        until: u64::MAX,
        limit: 1000,
    };
    let mut fills = Vec::new();
    loop {
        let asked = std::slice::from_ref(&query);
        let pages = client.pages(asked).await.unwrap();
        fills.extend_from_slice(&pages[0].fills);
        query.after = pages[0].last.clone();
        if query.after.is_none() {
            return fills;
        }
    }
}

#[tokio::test]
async fn wallets_match_whether_the_api_merges_their_fills_or_not() {
    let config = Config {
        data: Data::Seeded(Seeded {
            fills: 4_000,
            ..Seeded::default()
        }),
        ..Config::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let api = DataApi::new(hasty(&simulator.data_api_url()), hasty_pacer()).unwrap();
    let mut wallets: BTreeMap<Address, Vec<Trade>> = BTreeMap::new();
    for fill in all_fills(&simulator).await {
        let fills = wallets.entry(fill.maker).or_default();
        fills.push(Trade::from(&fill));
    }
    let (mut fills, mut trades) = (0, 0);
    for (wallet, parts) in wallets {
        let sums = Trade::sum(parts);
        let table = stream::iter(sums.into_iter().map(Ok::<_, HistoryError>));
        let witness = History::new(&api, wallet, Span::new(0, u64::MAX));
        let compared = Comparison::default().compare(table, witness.into_stream());
        let compared = compared.await.unwrap();
        assert_eq!(compared.differences, [], "{wallet}");
        assert!(compared.is_complete());
        fills += compared.table.fills;
        trades += compared.matching;
    }
    assert_eq!(fills, simulator.fills());
    assert!(trades < fills, "nothing was merged in {fills} fills");
}
