//! Events of the real exchange, loaded and read again, where they are at hand.

use std::path::Path;

use fills::{Fill, OrderFilled};

use crate::fixture::loaded;

fn real_fills() -> Option<Vec<Fill>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/realdata/order_filled_events.jsonl");
    let lines = std::fs::read_to_string(path).ok()?;
    let fill = |line: &str| {
        let event: OrderFilled<'_> = serde_json::from_str(line).unwrap();
        event.to_fill().unwrap()
    };
    Some(lines.lines().map(fill).collect())
}

#[tokio::test]
async fn real_events_come_back_as_they_went_in() {
    let Some(fills) = real_fills() else {
        println!("not run: there is no ../../../shared/realdata");
        return;
    };
    let store = loaded("realdata", &fills).await;
    let client = store.table().server().client();
    let rows = client
        .query_raw(
            "SELECT fill_id, proxy_wallet, asset_id, side, toString(size), toString(usdc), \
             ifNull(toString(price), '') FROM clob_fills_v2",
        )
        .fetch_all::<(String, String, String, String, String, String, String)>()
        .await
        .unwrap();
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(id, wallet, token, side, size, usdc, price)| {
            [id, wallet, token, side, size, usdc, price].join(" ")
        })
        .collect();
    let mut expected: Vec<_> = fills.iter().map(as_read).collect();
    rows.sort();
    expected.sort();
    assert_eq!(rows, expected);
}

fn as_read(fill: &Fill) -> String {
    let millionths = |units: u128| {
        let text = format!("{}.{:06}", units / 1_000_000, units % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    [
        fill.id.to_string(),
        fill.maker.to_string(),
        fill.token_id.to_string(),
        format!("{:?}", fill.side).to_uppercase(),
        millionths(fill.shares_base_units),
        millionths(fill.usdc_base_units),
        fill.price()
            .map(|price| price.to_string())
            .unwrap_or_default(),
    ]
    .join(" ")
}
