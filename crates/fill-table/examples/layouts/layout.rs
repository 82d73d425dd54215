//! The tables that are compared.

/// A way to keep fills on disk.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// The statement that makes it; nothing for the table that the program itself makes.
    pub(crate) create: Option<String>,
    /// What is inserted, in the order of its columns.
    pub(crate) select: &'static str,
}

const BY_WALLET: &str = "concat('0x', lower(hex(maker))), timestamp, tx_hash, order_hash";
const BY_TOKEN: &str = "concat('0x', lower(hex(maker))), token_id, timestamp, tx_hash, order_hash";

/// The columns of the source, and so of every binary layout.
pub(crate) const BINARY_COLUMNS: [(&str, &str); 10] = [
    ("tx_hash", "FixedString(32)"),
    ("order_hash", "FixedString(32)"),
    ("maker", "FixedString(20)"),
    ("taker", "FixedString(20)"),
    ("token_id", "UInt256"),
    ("side", "Enum8('BUY' = 1, 'SELL' = 2)"),
    ("shares", "UInt128"),
    ("usdc", "UInt128"),
    ("fee", "UInt128"),
    ("timestamp", "DateTime('UTC')"),
];

const AS_IT_IS: &str = "*";
const WITH_CONDITION: &str = "*, SHA256(toString(token_id))";
const AS_TEXT: &str = "concat('0x', lower(hex(tx_hash)), '_0x', lower(hex(order_hash))), \
    concat('0x', lower(hex(maker))), '', '', \
    concat('0x', lower(hex(SHA256(toString(token_id))))), toString(token_id), '', \
    toString(side), if(shares = 0, NULL, reinterpret(toInt256(intDiv(toUInt256(usdc) * \
    toUInt256(1000000000000000000), toUInt256(shares))), 'Decimal(76, 18)')), \
    reinterpret(toInt256(shares), 'Decimal(76, 6)'), 0, timestamp, \
    concat('0x', lower(hex(order_hash))), concat('0x', lower(hex(tx_hash))), \
    toUInt32(toDate(timestamp)), now(), concat('0x', lower(hex(taker))), \
    if(taker IN (unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), \
    unhex('c5d563a36ae78145c45a50134d48a1215220f80a')), 'taker', 'maker'), 0, \
    reinterpret(toInt256(usdc), 'Decimal(76, 6)'), \
    reinterpret(toInt256(fee), 'Decimal(76, 6)'), if(side = 'BUY', 'SHARES', 'USDC')";

pub(crate) fn all() -> Vec<Layout> {
    let layout = |name, table, create, select| Layout {
        name,
        table,
        create,
        select,
    };
    vec![
        layout(
            "text, LZ4",
            "text_lz4",
            Some(text("text_lz4", "LZ4")),
            AS_TEXT,
        ),
        layout(
            "text, ZSTD(1)",
            "text_zstd",
            Some(text("text_zstd", "ZSTD(1)")),
            AS_TEXT,
        ),
        layout(
            "binary, LZ4",
            "binary_lz4",
            Some(binary("binary_lz4", "LZ4", "", BY_WALLET)),
            AS_IT_IS,
        ),
        layout(
            "binary, ZSTD(1)",
            "binary_zstd1",
            Some(binary("binary_zstd1", "ZSTD(1)", "", BY_WALLET)),
            AS_IT_IS,
        ),
        layout(
            "binary, ZSTD(3)",
            "binary_zstd3",
            Some(binary("binary_zstd3", "ZSTD(3)", "", BY_WALLET)),
            AS_IT_IS,
        ),
        layout(
            "**chosen**: binary, codec by column, fsync",
            "fills_data",
            None,
            AS_IT_IS,
        ),
        layout(
            "binary, by wallet and token, then time",
            "binary_token",
            Some(binary("binary_token", "ZSTD(1)", "", BY_TOKEN)),
            AS_IT_IS,
        ),
        layout(
            "binary, condition id in the row",
            "binary_condition",
            Some(binary(
                "binary_condition",
                "ZSTD(1)",
                ", condition_id FixedString(32)",
                BY_WALLET,
            )),
            WITH_CONDITION,
        ),
        layout(
            "binary, bloom filter over tokens",
            "binary_bloom",
            Some(binary(
                "binary_bloom",
                "ZSTD(1)",
                ", INDEX tokens token_id TYPE bloom_filter GRANULARITY 1",
                BY_WALLET,
            )),
            AS_IT_IS,
        ),
    ]
}

/// The first implementation's columns and key, with the further columns that readers get.
fn text(table: &str, codec: &str) -> String {
    format!(
        "CREATE TABLE {table} (fill_id String, proxy_wallet String, user_eoa String, \
         market_slug String, condition_id String, asset_id String, \
         outcome LowCardinality(String), side LowCardinality(String), \
         price Nullable(Decimal(76, 18)), size Decimal(76, 6), fee_rate_bps UInt32, \
         timestamp DateTime('UTC'), order_hash String, tx_hash String, bucket_index UInt32, \
         ingested_at DateTime, counterparty String, role LowCardinality(String), \
         outcome_index UInt8, usdc Decimal(76, 6), fee Decimal(76, 6), \
         fee_asset LowCardinality(String)) ENGINE = MergeTree \
         PARTITION BY toYYYYMM(timestamp) ORDER BY (proxy_wallet, timestamp, fill_id) \
         SETTINGS default_compression_codec = '{codec}'"
    )
}

fn binary(table: &str, codec: &str, more: &str, order_by: &str) -> String {
    let columns: Vec<_> = BINARY_COLUMNS
        .iter()
        .map(|(name, data_type)| format!("{name} {data_type}"))
        .collect();
    format!(
        "CREATE TABLE {table} ({columns}{more}) ENGINE = MergeTree \
         PARTITION BY toYYYYMM(timestamp) ORDER BY ({order_by}) \
         SETTINGS default_compression_codec = '{codec}'",
        columns = columns.join(", "),
    )
}
