//! Every column that readers see, to the digit.

use fill_table::FILL_COLUMNS;
use fills::{Address, BuilderCode, Fill, NEG_RISK_EXCHANGE, Side, TokenId, Version};

use crate::fixture::{BEGIN, fill, loaded, number, text};

/// Returns a row as `column=value` texts, in the view's order, without `ingested_at`.
async fn shown(database: &str, fill: Fill) -> Vec<String> {
    let store = loaded(database, &[fill]).await;
    let columns: Vec<_> = FILL_COLUMNS
        .iter()
        .filter(|(name, _)| *name != "ingested_at")
        .map(|(name, _)| format!("concat('{name}=', ifNull(toString({name}), 'NULL'))"))
        .collect();
    let client = store.table().server().client();
    let sql = format!("SELECT [{}] FROM clob_fills_v2", columns.join(", "));
    let rows = client.query_raw(&sql).fetch_all::<Vec<String>>();
    let [row] = rows.await.unwrap().try_into().unwrap();
    row
}

#[tokio::test]
async fn a_taker_buy_shows_every_column() {
    let fill = Fill {
        token_id: "6472090566337094838903281253320487155491604676350815887328735148864748691207"
            .parse()
            .unwrap(),
        usdc_base_units: 42_420_000,
        shares_base_units: 67_333_333,
        fee_base_units: 673_333,
        taker: NEG_RISK_EXCHANGE,
        ..fill(0x1a)
    };
    let token = "6472090566337094838903281253320487155491604676350815887328735148864748691207";
    let (tx, order) = ("1a".repeat(32), "9a".repeat(32));
    assert_eq!(
        shown("columns_buy", fill).await,
        [
            format!("fill_id=0x{tx}_0x{order}"),
            format!("proxy_wallet=0x{}", "1a".repeat(20)),
            "user_eoa=".to_owned(),
            "market_slug=".to_owned(),
            "condition_id=".to_owned(),
            format!("asset_id={token}"),
            "outcome=".to_owned(),
            "side=BUY".to_owned(),
            "price=0.630000003118811896".to_owned(),
            "size=67.333333".to_owned(),
            "fee_rate_bps=100".to_owned(),
            "timestamp=2024-01-23 01:30:26".to_owned(),
            format!("order_hash=0x{order}"),
            format!("tx_hash=0x{tx}"),
            "bucket_index=19745".to_owned(),
            "counterparty=0xc5d563a36ae78145c45a50134d48a1215220f80a".to_owned(),
            "role=taker".to_owned(),
            "outcome_index=NULL".to_owned(),
            "usdc=42.42".to_owned(),
            "fee=0.673333".to_owned(),
            "fee_asset=SHARES".to_owned(),
            format!("token_id={token}"),
            "version=1".to_owned(),
            "exchange=".to_owned(),
            "block_number=0".to_owned(),
            "log_index=0".to_owned(),
            "builder=".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_maker_sell_names_its_counterparty_and_takes_its_fee_in_usdc() {
    let fill = Fill {
        side: Side::Sell,
        taker: Address([0xee; 20]),
        fee_base_units: 48_000,
        ..fill(1)
    };
    let row = shown("columns_sell", fill).await;
    for column in [
        "side=SELL",
        "role=maker",
        "counterparty=0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "price=0.8",
        "size=6",
        "usdc=4.8",
        "fee=0.048",
        "fee_asset=USDC",
        "fee_rate_bps=100",
    ] {
        assert!(row.contains(&column.to_owned()), "{column} in {row:?}");
    }
}

#[tokio::test]
async fn a_fill_of_the_chain_shows_where_it_is_and_who_brought_it() {
    let exchange = Address([0xe1; 20]);
    let mut fill = Fill {
        version: Version::V2,
        exchange,
        taker: exchange,
        block_number: 86_126_998,
        log_index: 1734,
        builder: BuilderCode([0xb0; 32]),
        fee_base_units: 48_000,
        ..fill(5)
    };
    fill.id.nth_from_last = 2;
    let (tx, order) = ("05".repeat(32), "85".repeat(32));
    let row = shown("columns_chain", fill).await;
    for column in [
        format!("fill_id=0x{tx}_0x{order}_2"),
        "side=BUY".to_owned(),
        "role=taker".to_owned(),
        "fee_asset=USDC".to_owned(),
        "fee_rate_bps=100".to_owned(),
        "version=2".to_owned(),
        format!("exchange=0x{}", "e1".repeat(20)),
        "block_number=86126998".to_owned(),
        "log_index=1734".to_owned(),
        format!("builder=0x{}", "b0".repeat(32)),
    ] {
        assert!(row.contains(&column), "{column} in {row:?}");
    }
}

#[tokio::test]
async fn the_largest_amounts_lose_no_digit() {
    let fill = Fill {
        token_id: TokenId::from_le_bytes([u8::MAX; 32]),
        shares_base_units: 1,
        usdc_base_units: u128::MAX,
        fee_base_units: u128::MAX,
        timestamp: u32::MAX,
        ..fill(2)
    };
    let row = shown("columns_largest", fill).await;
    let token = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    for column in [
        "price=340282366920938463463374607431768211455",
        "size=0.000001",
        "usdc=340282366920938463463374607431768.211455",
        "fee=340282366920938463463374607431768.211455",
        "fee_rate_bps=4294967295",
        "timestamp=2106-02-07 06:28:15",
        &format!("asset_id={token}"),
    ] {
        assert!(row.contains(&column.to_owned()), "{column} in {row:?}");
    }
}

#[tokio::test]
async fn prices_are_the_domains_own_to_the_last_digit() {
    let amounts = [
        (1, 3),
        (2, 3),
        (0, 5),
        (1, u128::MAX),
        (u128::MAX, u128::MAX),
        (u128::MAX, 7),
        (u128::MAX - 1, u128::MAX),
        (999_999, 1_000_000),
    ];
    let fills: Vec<_> = (1..)
        .zip(amounts)
        .map(|(n, (usdc_base_units, shares_base_units))| Fill {
            usdc_base_units,
            shares_base_units,
            ..fill(n)
        })
        .collect();
    let store = loaded("columns_prices", &fills).await;
    let client = store.table().server().client();
    let prices = client
        .query_raw("SELECT toString(assumeNotNull(price)) FROM clob_fills_v2 ORDER BY timestamp")
        .fetch_all::<String>()
        .await
        .unwrap();
    let expected: Vec<_> = fills
        .iter()
        .map(|fill| fill.price().unwrap().to_string())
        .collect();
    assert_eq!(prices, expected);
}

#[tokio::test]
async fn dust_without_shares_has_no_price_and_no_rate() {
    let fill = Fill {
        shares_base_units: 0,
        usdc_base_units: 1,
        fee_base_units: 1,
        ..fill(3)
    };
    let row = shown("columns_dust", fill).await;
    for column in ["price=NULL", "size=0", "usdc=0.000001", "fee_rate_bps=0"] {
        assert!(row.contains(&column.to_owned()), "{column} in {row:?}");
    }
}

#[tokio::test]
async fn the_fee_rate_is_rounded_to_the_nearest_basis_point() {
    let fills = [(1, 49), (2, 50), (3, 149), (4, 150)].map(|(n, fee_base_units)| Fill {
        shares_base_units: 1_000_000,
        fee_base_units,
        ..fill(n)
    });
    let store = loaded("columns_rate", &fills).await;
    let rates = "SELECT toString(groupArray(fee_rate_bps)) \
                 FROM (SELECT fee_rate_bps FROM clob_fills_v2 ORDER BY timestamp)";
    assert_eq!(text(store.table(), rates).await, "[0,1,1,2]");
}

#[tokio::test]
async fn ingested_at_is_the_clock_of_the_insert() {
    let store = loaded("columns_ingested", &[fill(1)]).await;
    let recent = "SELECT count() FROM clob_fills_v2 \
                  WHERE ingested_at BETWEEN now() - 600 AND now() + 600";
    assert_eq!(number(store.table(), recent).await, 1);
    assert!(fill(1).timestamp > BEGIN);
}
