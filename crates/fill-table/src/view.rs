//! What readers see: the columns of the first implementation, correct, and more beside them.

use fills::{CTF_EXCHANGE, NEG_RISK_EXCHANGE};

use crate::ddl::MARKER;
use crate::names::{Names, literal};

/// The columns of the readable view, in order, with their types.
///
/// `user_eoa` is always empty: the event does not carry the account behind a proxy wallet.
/// `price` is USDC for one share, cut after 18 digits, and NULL where no shares changed hands.
/// `fee_rate_bps` is the effective rate, rounded: `fee` by what changed hands in the same asset.
/// `bucket_index` is the UTC day, counted from 1970-01-01.
/// `token_id` is `asset_id` as a number, which is several times faster to compare than the text.
/// `exchange`, `block_number` and `log_index` are empty and 0 where the source does not know them, as a subgraph
/// does not; `builder` is empty where nobody brought the order.
pub const FILL_COLUMNS: [(&str, &str); 28] = [
    ("fill_id", "String"),
    ("proxy_wallet", "String"),
    ("user_eoa", "String"),
    ("market_slug", "String"),
    ("condition_id", "String"),
    ("asset_id", "String"),
    ("outcome", "LowCardinality(String)"),
    ("side", "LowCardinality(String)"),
    ("price", "Nullable(Decimal(76, 18))"),
    ("size", "Decimal(76, 6)"),
    ("fee_rate_bps", "UInt32"),
    ("timestamp", "DateTime('UTC')"),
    ("order_hash", "String"),
    ("tx_hash", "String"),
    ("bucket_index", "UInt32"),
    ("ingested_at", "DateTime('UTC')"),
    ("counterparty", "String"),
    ("role", "LowCardinality(String)"),
    ("outcome_index", "Nullable(UInt8)"),
    ("usdc", "Decimal(76, 6)"),
    ("fee", "Decimal(76, 6)"),
    ("fee_asset", "LowCardinality(String)"),
    ("token_id", "UInt256"),
    ("version", "UInt8"),
    ("exchange", "String"),
    ("block_number", "UInt32"),
    ("log_index", "UInt32"),
    ("builder", "String"),
];

/// Returns the statement that makes the readable view.
///
/// Decimals come from integers by `reinterpret`, which moves no digit and rounds nothing: the
/// largest amount times 10^18 has 57 digits, `Decimal(76, …)` holds 76.
pub(crate) fn fills_view(names: &Names) -> String {
    let columns: Vec<_> = FILL_COLUMNS
        .iter()
        .map(|(name, _)| format!("    {} AS {name}", expression(name, names)))
        .collect();
    format!(
        "-- fills_view\nCREATE OR REPLACE VIEW {view} DEFINER = CURRENT_USER \
         SQL SECURITY DEFINER AS\nSELECT\n{columns}\nFROM {data} AS d\nCOMMENT '{MARKER}'",
        view = names.fills(),
        columns = columns.join(",\n"),
        data = names.data(),
    )
}

fn expression(column: &str, names: &Names) -> String {
    let from_catalogue = |attribute: &str| {
        let dictionary = names.dictionary();
        format!(
            "dictGet({}, '{attribute}', d.token_id)",
            literal(&dictionary.unquoted())
        )
    };
    let paid_in = |shares: &str, usdc: &str| {
        format!("if(d.side = 'BUY' AND d.version = 1, {shares}, {usdc})")
    };
    match column {
        "fill_id" => "concat('0x', lower(hex(d.tx_hash)), '_0x', lower(hex(d.order_hash)), \
             if(d.nth_from_last = 0, '', concat('_', toString(d.nth_from_last))))"
            .to_owned(),
        "proxy_wallet" => hex("maker"),
        "counterparty" => hex("taker"),
        "order_hash" | "tx_hash" => hex(column),
        "user_eoa" => "''".to_owned(),
        "market_slug" => from_catalogue("slug"),
        "condition_id" | "outcome_index" => from_catalogue(column),
        "outcome" => low_cardinality(&from_catalogue(column)),
        "asset_id" => "toString(d.token_id)".to_owned(),
        "side" => "CAST(d.side, 'LowCardinality(String)')".to_owned(),
        "role" => low_cardinality(&format!(
            "if(d.taker IN ({}, {}) OR (d.taker = d.exchange AND d.taker != toFixedString('', 20)), \
             'taker', 'maker')",
            bytes(CTF_EXCHANGE),
            bytes(NEG_RISK_EXCHANGE)
        )),
        "price" => "if(d.shares = 0, NULL, reinterpret(toInt256(intDiv(\
                    toUInt256(d.usdc) * toUInt256(1000000000000000000), \
                    toUInt256(greatest(d.shares, toUInt128(1))))), 'Decimal(76, 18)'))"
            .to_owned(),
        "size" => decimal("shares"),
        "usdc" | "fee" => decimal(column),
        "fee_asset" => low_cardinality(&paid_in("'SHARES'", "'USDC'")),
        "exchange" | "builder" => {
            format!(
                "if(reinterpretAsUInt256(d.{column}) = 0, '', {})",
                hex(column)
            )
        }
        "fee_rate_bps" => {
            let got = format!("toUInt256({})", paid_in("d.shares", "d.usdc"));
            format!(
                "if({got} = 0, 0, toUInt32(least(toUInt256(4294967295), \
                 intDiv(toUInt256(d.fee) * 20000 + {got}, \
                 2 * greatest({got}, toUInt256(1))))))"
            )
        }
        "bucket_index" => "toUInt32(toDate(d.timestamp, 'UTC'))".to_owned(),
        // The rest is shown as it is kept.
        kept => format!("d.{kept}"),
    }
}

fn hex(column: &str) -> String {
    format!("concat('0x', lower(hex(d.{column})))")
}

fn decimal(column: &str) -> String {
    format!("reinterpret(toInt256(d.{column}), 'Decimal(76, 6)')")
}

fn low_cardinality(expression: &str) -> String {
    format!("toLowCardinality({expression})")
}

/// Writes an address as the bytes that the table keeps.
fn bytes(address: fills::Address) -> String {
    let text = address.to_string();
    format!("unhex('{}')", text.trim_start_matches("0x"))
}
