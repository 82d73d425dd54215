//! Measures ways to keep fills: bytes on disk, rows a second, and the readers' queries.
//!
//! `cargo run --release -p fill-table --example layouts [ROWS]`, five million rows unless given.
//! The work is the engine's, so a debug build measures the same. The figures are printed as the
//! tables of `docs/decisions/0002-table-layout.md`.

mod layout;

use std::error::Error;
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse_embedded::{InstallOptions, ServerOptions, install, run_if_server};
use fill_table::{FillTable, Server};
use layout::{BINARY_COLUMNS, Layout};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const BATCH_ROWS: u64 = 100_000;

/// The readers' own queries, the fifth for the hundredth wallet, and a plain count.
const QUERIES: [&str; 6] = [
    "SELECT COUNT(*), COUNT(DISTINCT condition_id) FROM {}",
    "SELECT COUNT(*), COUNT(DISTINCT condition_id), COUNT(DISTINCT proxy_wallet), \
     round((COUNT(DISTINCT condition_id) / 171305.0) * 100, 2) FROM {}",
    "SELECT COUNT(*), COUNT(DISTINCT condition_id), COUNT(DISTINCT proxy_wallet), \
     MIN(timestamp), MAX(timestamp) FROM {}",
    "SELECT proxy_wallet, condition_id, side, price, size, timestamp FROM {} \
     ORDER BY rand() LIMIT 10",
    "SELECT COUNT(*) FROM {} \
     WHERE proxy_wallet = '0x074e2c2d6655a5b173f2938785026450f44325d0'",
    "SELECT count() FROM {}",
];

#[tokio::main]
async fn main() -> Outcome {
    run_if_server();
    let rows = std::env::args()
        .nth(1)
        .map_or(Ok(5_000_000), |rows| rows.parse())?;
    install(&InstallOptions::default(), |_| {})?;
    let dir = tempfile::tempdir()?;
    let engine = clickhouse_embedded::Server::start(dir.path(), ServerOptions::default())?;
    let outcome = measure(engine.client(), rows).await;
    engine.stop();
    outcome
}

async fn measure(client: Client, rows: u64) -> Outcome {
    let table = FillTable::new(Server::embedded(client.clone(), "default"), "fills")?;
    table.ensure().await?;
    make_source(&client, rows).await?;

    println!("| layout | rows/s | bytes/row inserted | bytes/row merged |\n|---|---|---|---|");
    for layout in layout::all() {
        measure_layout(&client, &layout, rows).await?;
    }
    make_lookups(&client).await?;
    println!("\n| read through | 1 | 2 | 3 | 4 | 5 | count |\n|---|---|---|---|---|---|---|");
    for (name, from) in [
        ("text, LZ4", "text_lz4"),
        ("**chosen**: view with dictionary", "fills"),
        ("view with `joinGet`", "by_join"),
        ("view with `LEFT ANY JOIN`", "by_left_join"),
    ] {
        measure_queries(&client, name, from).await?;
    }
    measure_columns(&client).await
}

async fn make_source(client: &Client, rows: u64) -> Outcome {
    let columns: Vec<_> = BINARY_COLUMNS
        .iter()
        .map(|(n, t)| format!("{n} {t}"))
        .collect();
    let columns = columns.join(", ");
    run(
        client,
        &format!("CREATE TABLE source ({columns}) ENGINE = MergeTree ORDER BY timestamp"),
    )
    .await?;
    let fills = client
        .query_raw(include_str!("fills.sql"))
        .param("rows", rows);
    fills.execute().await?;
    Ok(())
}

async fn measure_layout(client: &Client, layout: &Layout, rows: u64) -> Outcome {
    let Layout {
        name,
        table,
        create,
        select,
    } = layout;
    if let Some(create) = create {
        run(client, create).await?;
    }
    let (first, last): (u32, u32) = client
        .query_raw("SELECT toUInt32(min(timestamp)), toUInt32(max(timestamp)) FROM source")
        .fetch_one()
        .await?;
    let batches = rows.div_ceil(BATCH_ROWS).max(1);
    let span = (u64::from(last - first) + 1).div_ceil(batches);
    // What the table fills in itself is not inserted.
    let columns = match *table {
        "fills_data" => format!("({})", BINARY_COLUMNS.map(|(name, _)| name).join(", ")),
        _ => String::new(),
    };
    let begun = Instant::now();
    for batch in 0..batches {
        let from = u64::from(first) + batch * span;
        run(
            client,
            &format!(
                "INSERT INTO {table} {columns} SELECT {select} FROM source \
                 WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({})",
                from + span
            ),
        )
        .await?;
    }
    let rate = rows as f64 / begun.elapsed().as_secs_f64();
    let inserted = bytes_per_row(client, table).await?;
    run(client, &format!("OPTIMIZE TABLE {table} FINAL")).await?;
    let merged = bytes_per_row(client, table).await?;
    println!("| {name} | {rate:.0} | {inserted:.1} | {merged:.1} |");
    Ok(())
}

async fn bytes_per_row(client: &Client, table: &str) -> Outcome<f64> {
    let sql = "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts \
               WHERE active AND database = 'default' AND table = {table:String}";
    Ok(client
        .query_raw(sql)
        .param("table", table)
        .fetch_one()
        .await?)
}

/// Loads a full catalogue, and makes the alternatives to the dictionary.
async fn make_lookups(client: &Client) -> Outcome {
    run(client, include_str!("catalogue.sql")).await?;
    let loaded = timed(
        client,
        "SYSTEM RELOAD DICTIONARY clob_fills_v2_markets_dictionary",
    )
    .await?;
    let sql = "SELECT bytes_allocated FROM system.dictionaries";
    let dictionary: u64 = client.query_raw(sql).fetch_one().await?;

    run(
        client,
        "CREATE TABLE joined (token_id UInt256, condition_id String, \
         outcome_index Nullable(UInt8), outcome String, slug String) \
         ENGINE = Join(ANY, LEFT, token_id)",
    )
    .await?;
    let fill = "INSERT INTO joined SELECT token_id, condition_id, outcome_index, outcome, slug \
                FROM markets";
    let filled = timed(client, fill).await?;
    let sql = "SELECT assumeNotNull(total_bytes) FROM system.tables WHERE name = 'joined'";
    let join: u64 = client.query_raw(sql).fetch_one().await?;
    println!("\n| 2.6 million tokens | memory, MB | seconds to load |\n|---|---|---|");
    println!(
        "| dictionary | {} | {:.1} |",
        dictionary >> 20,
        loaded.as_secs_f64()
    );
    println!(
        "| `Join` table | {} | {:.1} |",
        join >> 20,
        filled.as_secs_f64()
    );

    let view = |name, condition, join| {
        format!(
            "CREATE VIEW {name} AS SELECT concat('0x', lower(hex(d.maker))) AS proxy_wallet, \
             {condition} AS condition_id, toString(d.side) AS side, \
             if(d.shares = 0, NULL, reinterpret(toInt256(intDiv(toUInt256(d.usdc) * \
             toUInt256(1000000000000000000), toUInt256(greatest(d.shares, toUInt128(1))))), \
             'Decimal(76, 18)')) AS price, \
             reinterpret(toInt256(d.shares), 'Decimal(76, 6)') AS size, \
             d.timestamp AS timestamp FROM fills_data AS d {join}"
        )
    };
    let lookup = "joinGet('default.joined', 'condition_id', d.token_id)";
    run(client, &view("by_join", lookup, "")).await?;
    let join = "LEFT ANY JOIN markets AS m ON m.token_id = d.token_id";
    run(client, &view("by_left_join", "m.condition_id", join)).await
}

async fn measure_queries(client: &Client, name: &str, from: &str) -> Outcome {
    print!("| {name} |");
    for query in QUERIES {
        let sql = format!("SELECT * FROM ({}) FORMAT Null", query.replace("{}", from));
        let mut best = Duration::MAX;
        for _ in 0..3 {
            best = best.min(timed(client, &sql).await?);
        }
        print!(" {:.3} |", best.as_secs_f64());
    }
    println!();
    Ok(())
}

async fn measure_columns(client: &Client) -> Outcome {
    println!("\n| column of the chosen table | bytes/row |\n|---|---|");
    let sql = "SELECT name, data_compressed_bytes / assumeNotNull((SELECT count() FROM fills_data)) \
               FROM system.columns WHERE database = 'default' AND table = 'fills_data'";
    let columns = client.query_raw(sql).fetch_all::<(String, f64)>().await?;
    for (name, bytes) in columns {
        println!("| `{name}` | {bytes:.2} |");
    }
    Ok(())
}

async fn run(client: &Client, sql: &str) -> Outcome {
    client.query_raw(sql).execute().await?;
    Ok(())
}

async fn timed(client: &Client, sql: &str) -> Outcome<Duration> {
    let begun = Instant::now();
    run(client, sql).await?;
    Ok(begun.elapsed())
}
