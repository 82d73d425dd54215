//! Measures inserts by the official client: `throughput [rows] [rows in a batch]`.
//!
//! Rows are about 480 bytes. Each way loads a fresh table in a temporary directory.

use std::error::Error;
use std::time::Instant;

use clickhouse::{Client, Compression, Row};
use clickhouse_embedded::{Auth, Engine, EngineOptions, InstallOptions, install};
use serde::Serialize;

#[derive(Row, Serialize)]
struct Wide {
    n: u64,
    wallet: String,
    market: String,
    id: String,
    order: String,
    price: f64,
}

fn wide(n: u64) -> Wide {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Wide {
        n,
        wallet: format!("0x{:040x}", mixed % 50_000),
        market: format!("{:0>80}", mixed % 10_000),
        id: format!("0x{mixed:064x}_0x{n:064x}"),
        order: format!("0x{mixed:064x}{n:0>128}"),
        price: (mixed % 1_000) as f64 / 1_000.0,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>());
    let rows = arguments.next().transpose()?.unwrap_or(600_000);
    let batch = arguments.next().transpose()?.unwrap_or(50_000);

    install(&InstallOptions::default(), |_| {})?;
    let dir = tempfile::tempdir()?;
    let engine = Engine::open(dir.path(), &EngineOptions::default())?;
    let server = engine.serve("127.0.0.1:0".parse()?, Auth::Open).await?;
    let tcp = Client::default().with_url(server.url());
    for (way, client) in [
        ("pipe", engine.client()),
        ("tcp", tcp.clone().with_compression(Compression::None)),
        ("tcp, lz4", tcp.with_compression(Compression::Lz4)),
    ] {
        let started = Instant::now();
        load(&client, rows, batch).await?;
        let seconds = started.elapsed().as_secs_f64();
        println!("{way}: {:.0} rows/s", rows as f64 / seconds);
    }
    drop(server);
    engine.shutdown().await;
    Ok(())
}

async fn load(client: &Client, rows: u64, batch: u64) -> Result<(), clickhouse::error::Error> {
    client
        .query("DROP TABLE IF EXISTS t SYNC")
        .execute()
        .await?;
    client
        .query(
            "CREATE TABLE t (n UInt64, wallet String, market String, id String, order String, \
             price Float64) ENGINE = MergeTree ORDER BY (wallet, n)",
        )
        .execute()
        .await?;
    for start in (0..rows).step_by(batch as usize) {
        let mut insert = client.insert::<Wide>("t").await?;
        for n in start..rows.min(start + batch) {
            insert.write(&wide(n)).await?;
        }
        insert.end().await?;
    }
    Ok(())
}
