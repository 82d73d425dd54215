//! What status, summary and validate ask.

use fill_table::{MarketSource, TokenTotals, Totals};
use fills::{Address, Fill, Side};

use crate::fixture::{BEGIN, bare_entry, fill, loaded, table};

#[tokio::test]
async fn totals_of_an_empty_table_are_zero() {
    let table = table("queries_empty").await;
    let totals = table.totals().await.unwrap();
    assert_eq!((totals.fills, totals.wallets, totals.first), (0, 0, 0));
    assert_eq!(table.storage().await.unwrap().fills, 0);
    assert_eq!(table.dead_letters().await.unwrap(), 0);
}

#[tokio::test]
async fn totals_count_wallets_tokens_and_what_the_catalogue_does_not_know() {
    let fills: Vec<_> = (1..=6)
        .map(|n| Fill {
            maker: Address([n % 2; 20]),
            token_id: u64::from(n % 3).into(),
            ..fill(n)
        })
        .collect();
    let store = loaded("queries_totals", &fills).await;
    let table = store.table();
    let catalogue = table.catalogue();
    let entries = [bare_entry(1, 1), bare_entry(2, 1)];
    let added = catalogue.add(MarketSource::Subgraph, &entries).await;
    added.unwrap();
    catalogue.publish().await.unwrap();
    assert_eq!(
        table.totals().await.unwrap(),
        Totals {
            fills: 6,
            wallets: 2,
            tokens: 3,
            markets: 1,
            unknown_tokens: 1,
            unknown_fills: 2,
            first: BEGIN + 1,
            last: BEGIN + 6,
        }
    );
    let storage = table.storage().await.unwrap();
    assert_eq!((storage.fills, storage.parts), (6, 1));
    assert!(storage.bytes > 0);
}

#[tokio::test]
async fn token_totals_are_the_sources_own_counters() {
    let half = u128::MAX / 2;
    let fills = [
        Fill {
            usdc_base_units: half,
            token_id: 9.into(),
            ..fill(1)
        },
        Fill {
            usdc_base_units: half,
            token_id: 9.into(),
            ..fill(2)
        },
        Fill {
            usdc_base_units: 5,
            token_id: 9.into(),
            side: Side::Sell,
            ..fill(3)
        },
        Fill {
            usdc_base_units: 7,
            token_id: 4.into(),
            ..fill(4)
        },
    ];
    let store = loaded("queries_tokens", &fills).await;
    let four = TokenTotals {
        token_id: 4.into(),
        buys: 1,
        sells: 0,
        buy_usdc_base_units: 7,
        sell_usdc_base_units: 0,
    };
    let nine = TokenTotals {
        token_id: 9.into(),
        buys: 2,
        sells: 1,
        buy_usdc_base_units: half * 2,
        sell_usdc_base_units: 5,
    };
    let mut all = store.table().token_totals(None).unwrap();
    assert_eq!(all.next().await.unwrap(), Some(four.clone()));
    assert_eq!(all.next().await.unwrap(), Some(nine));
    assert_eq!(all.next().await.unwrap(), None);

    let some = [4.into(), 5.into()];
    let mut some = store.table().token_totals(Some(&some)).unwrap();
    assert_eq!(some.next().await.unwrap(), Some(four));
    assert_eq!(some.next().await.unwrap(), None);
}
