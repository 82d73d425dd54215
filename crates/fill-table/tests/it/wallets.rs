//! What wallets did, and which of them are looked at.

use fill_table::{ChosenFor, FillTable, SampledWallet};
use fills::{Address, Fill, OrderHash, Side, Span, Trade, TxHash};

use crate::fixture::{BEGIN, fill, loaded, store, text};

const WALLET: Address = Address([0xab; 20]);
const ALL: Span = Span::new(0, u64::MAX);

async fn trades(table: &FillTable, span: Span) -> Vec<Trade> {
    let mut cursor = table.wallet_trades(WALLET, span).unwrap();
    let mut trades = Vec::new();
    while let Some(trade) = cursor.next().await.unwrap() {
        trades.push(trade);
    }
    trades
}

/// Fills of the wallet over seconds of two months, of few transactions, tokens and both sides, so
/// that many are parts of one trade; and as many of another wallet.
fn mixed_fills() -> Vec<Fill> {
    let numbers = 0..200_u8;
    let fills = numbers.map(|n| {
        let mut fill = Fill {
            maker: if n % 2 == 0 { WALLET } else { Address([n; 20]) },
            timestamp: BEGIN + u32::from(n % 5) * 864_000,
            token_id: u64::from(n % 3).into(),
            side: if n % 7 < 4 { Side::Buy } else { Side::Sell },
            shares_base_units: u128::from(n) << 70,
            ..fill(n)
        };
        fill.id.tx_hash = TxHash([n % 5 * 2 + n % 11 % 2; 32]);
        fill.id.order_hash = OrderHash([n; 32]);
        fill
    });
    fills.collect()
}

#[tokio::test]
async fn a_wallets_trades_are_the_sums_of_its_fills_in_order() {
    let fills = mixed_fills();
    let store = loaded("wallets_trades", &fills).await;
    let own = || fills.iter().filter(|fill| fill.maker == WALLET);
    let expected = Trade::sum(own().map(Trade::from));
    assert!(expected.len() > 20 && expected.len() < own().count());
    assert_eq!(trades(store.table(), ALL).await, expected);
}

#[tokio::test]
async fn only_trades_within_the_span_are_summed() {
    let fills = [1, 2, 3].map(|n| Fill {
        maker: WALLET,
        ..fill(n)
    });
    let store = loaded("wallets_span", &fills).await;
    let begin = u64::from(BEGIN);
    let seconds = async |span| {
        let trades = trades(store.table(), span).await;
        let seconds = trades.iter().map(|trade| trade.key.timestamp - BEGIN);
        seconds.collect::<Vec<_>>()
    };
    assert_eq!(seconds(Span::new(begin + 2, begin + 3)).await, [2]);
    assert_eq!(seconds(Span::new(begin + 2, u64::MAX)).await, [2, 3]);
    assert_eq!(seconds(Span::new(begin + 4, u64::MAX)).await, [0_u32; 0]);
    assert_eq!(seconds(Span::new(5, 5)).await, [0_u32; 0]);
}

#[tokio::test]
async fn a_wallet_is_read_by_the_key_and_in_its_order() {
    let store = store("wallets_key").await;
    // Ten granules, so that there is something to skip.
    let fills: Vec<_> = (0..80_000_u32)
        .map(|n| {
            let mut fill = Fill {
                maker: Address([(n % 200) as u8; 20]),
                ..fill(1)
            };
            fill.id.tx_hash.0[..4].copy_from_slice(&n.to_be_bytes());
            fill
        })
        .collect();
    crate::fixture::add(&store, &fills).await;
    let sql = store
        .table()
        .wallet_trades_sql()
        .replace("{wallet:String}", &format!("'{}'", Address([7; 20])))
        .replace("{first:UInt32}", "0")
        .replace("{last:UInt32}", "4294967295");
    let explain = async |what: &str| {
        let sql = format!(
            "SELECT arrayStringConcat(groupArray(explain), '\n') FROM (EXPLAIN {what} {sql})"
        );
        text(store.table(), &sql).await
    };
    let indexes = explain("indexes = 1").await;
    let key = indexes.split("PrimaryKey").nth(1).unwrap_or_default();
    let granules = key.split("Granules: ").nth(1).unwrap_or_default();
    let read = granules.split('/').next().unwrap_or_default();
    assert!(matches!(read, "1" | "2"), "{indexes}");
    let pipeline = explain("PIPELINE").await;
    assert!(pipeline.contains("algorithm: InOrder"), "{pipeline}");
    assert!(!pipeline.contains("MergeSortingTransform"), "{pipeline}");
}

/// Wallets 1 to 20, of which wallet `n` has `n` fills of 4.8 USDC each.
async fn wallets(database: &str) -> fill_table::Store {
    let fills = (1..=20_u8).flat_map(|n| {
        (0..n).map(move |part| {
            let mut fill = Fill {
                maker: Address([n; 20]),
                ..fill(n)
            };
            fill.id.order_hash = OrderHash([part; 32]);
            fill
        })
    });
    loaded(database, &fills.collect::<Vec<_>>()).await
}

fn numbers(sample: &[SampledWallet], chosen_for: ChosenFor) -> Vec<u8> {
    let chosen = sample.iter().filter(|one| one.chosen_for == chosen_for);
    chosen.map(|one| one.wallet.0[0]).collect()
}

#[tokio::test]
async fn half_of_a_sample_are_the_largest_wallets_and_the_others_are_drawn_by_the_seed() {
    let store = wallets("wallets_sample").await;
    let sample = async |count, seed| store.table().sample_wallets(count, seed).await.unwrap();
    let one = sample(8, 1).await;
    assert_eq!(numbers(&one, ChosenFor::Volume), [20, 19, 18, 17]);
    let drawn = numbers(&one, ChosenFor::Draw);
    assert_eq!(drawn.len(), 4);
    assert!(drawn.iter().all(|n| (1..=16).contains(n)), "{drawn:?}");
    assert_eq!((one[0].fills, one[0].usdc_base_units), (20, 96_000_000));

    assert_eq!(sample(8, 1).await, one);
    let mut others = Vec::new();
    for seed in 2..6 {
        others.push(numbers(&sample(8, seed).await, ChosenFor::Draw));
    }
    assert!(others.iter().any(|other| *other != drawn), "{others:?}");
}

#[tokio::test]
async fn a_sample_has_no_wallet_twice_and_at_most_all_of_them() {
    let store = wallets("wallets_all").await;
    let all = store.table().sample_wallets(50, 3).await.unwrap();
    let mut wallets: Vec<_> = all.iter().map(|one| one.wallet.0[0]).collect();
    wallets.sort_unstable();
    assert_eq!(wallets, (1..=20).collect::<Vec<_>>());
    assert_eq!(store.table().sample_wallets(0, 3).await.unwrap(), []);
    let odd = store.table().sample_wallets(3, 3).await.unwrap();
    assert_eq!(numbers(&odd, ChosenFor::Volume), [20, 19]);
    assert_eq!(odd.len(), 3);
}
