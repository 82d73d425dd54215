//! Measures rows per second into the embedded engine, by batch size and parallel inserts.
//!
//! `cargo run --release -p clickhouse-sink --example throughput [ROWS]`

use std::error::Error;
use std::time::{Duration, Instant};

use clickhouse_embedded::{InstallOptions, Server, ServerOptions, install, run_if_server};
use clickhouse_sink::{ColumnSpec, Config, EncodeError, EncodeRow, Sink};

const COLUMNS: &str = "transaction FixedString(32), order_hash FixedString(32), \
    maker FixedString(20), taker FixedString(20), token FixedString(32), at UInt32, side UInt8, \
    shares UInt128, usdc UInt128, fee UInt128, number UInt64";

/// A row of 197 bytes that derives everything.
#[derive(Clone, clickhouse::Row, serde::Serialize)]
struct Derived {
    transaction: [u8; 32],
    order_hash: [u8; 32],
    maker: [u8; 20],
    taker: [u8; 20],
    token: [u8; 32],
    at: u32,
    side: u8,
    shares: u128,
    usdc: u128,
    fee: u128,
    number: u64,
}

/// The same row, encoded by hand.
struct ByHand(Derived);

impl EncodeRow for ByHand {
    fn columns() -> Vec<ColumnSpec> {
        Derived::columns()
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let row = &self.0;
        buffer.extend_from_slice(&row.transaction);
        buffer.extend_from_slice(&row.order_hash);
        buffer.extend_from_slice(&row.maker);
        buffer.extend_from_slice(&row.taker);
        buffer.extend_from_slice(&row.token);
        buffer.extend_from_slice(&row.at.to_le_bytes());
        buffer.push(row.side);
        buffer.extend_from_slice(&row.shares.to_le_bytes());
        buffer.extend_from_slice(&row.usdc.to_le_bytes());
        buffer.extend_from_slice(&row.fee.to_le_bytes());
        buffer.extend_from_slice(&row.number.to_le_bytes());
        Ok(())
    }
}

/// Makes rows whose hashes do not compress, as hashes do not.
fn row(number: u64) -> Derived {
    let mut state = number;
    let mut fill = |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = (state ^ (state >> 29)).to_le_bytes();
            chunk.copy_from_slice(&noise[..chunk.len()]);
        }
    };
    let mut row = Derived {
        transaction: [0; 32],
        order_hash: [0; 32],
        maker: [0; 20],
        taker: [0; 20],
        token: [0; 32],
        at: (1_700_000_000 + number / 80) as u32,
        side: (number % 2) as u8,
        shares: u128::from(number % 1_000_000),
        usdc: u128::from(number % 999_983),
        fee: 0,
        number,
    };
    fill(&mut row.transaction);
    fill(&mut row.order_hash);
    fill(&mut row.maker);
    fill(&mut row.taker);
    fill(&mut row.token);
    row
}

fn encoding(name: &str, rows: &[impl EncodeRow]) -> Result<(), Box<dyn Error>> {
    let best = (0..5).map(|_| {
        let started = Instant::now();
        let mut buffer = Vec::with_capacity(rows.len() * 200);
        for row in rows {
            row.encode(&mut buffer)?;
        }
        std::hint::black_box(&buffer);
        Ok::<_, EncodeError>(started.elapsed())
    });
    let best = best.collect::<Result<Vec<_>, _>>()?.into_iter().min();
    let nanos = best.unwrap_or_default().as_nanos() as usize / rows.len();
    println!("encoding {name}: {nanos} ns a row");
    Ok(())
}

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run_if_server();
    let total: u64 = match std::env::args().nth(1) {
        Some(rows) => rows.parse()?,
        None => 1_000_000,
    };
    let sample: Vec<_> = (0..200_000).map(row).collect();
    encoding("derived", &sample)?;
    let by_hand: Vec<_> = sample.into_iter().map(ByHand).collect();
    encoding("by hand", &by_hand)?;
    drop(by_hand);

    install(&InstallOptions::default(), |_| {})?;
    let dir = tempfile::tempdir()?;
    let engine = Server::start(dir.path(), ServerOptions::default())?;
    println!("{total} rows of 197 bytes");
    println!(
        "{:>9} {:>9} {:>11} {:>14} {:>14}",
        "batch", "parallel", "rows/s", "cpu s/M rows", "mean insert"
    );
    for max_rows in [10_000, 50_000, 100_000, 200_000, 500_000] {
        for parallel_inserts in [1, 2, 4] {
            load(&engine, total, max_rows, parallel_inserts).await?;
        }
    }
    engine.stop();
    Ok(())
}

async fn load(
    engine: &Server,
    total: u64,
    max_rows: usize,
    parallel_inserts: usize,
) -> Result<(), Box<dyn Error>> {
    let client = engine.client();
    client
        .query("DROP TABLE IF EXISTS throughput SYNC")
        .execute()
        .await?;
    let create = format!(
        "CREATE TABLE throughput ({COLUMNS}) ENGINE = MergeTree \
         PARTITION BY toYYYYMM(toDateTime(at)) ORDER BY (maker, at, transaction, order_hash) \
         SETTINGS non_replicated_deduplication_window = 10000"
    );
    client.query(&create).execute().await?;
    let config = Config {
        max_rows,
        max_bytes: 256 << 20,
        max_age: Duration::from_secs(60),
        queue_rows: max_rows * (parallel_inserts + 1),
        parallel_inserts,
        ..Config::new("throughput")
    };
    let sink = Sink::<ByHand>::start(client, config).await?;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    for start in (0..total).step_by(1_000) {
        let page = (start..start + 1_000).map(row).map(ByHand).collect();
        // The last flush answers for all of them.
        drop(sink.send(page).await?);
    }
    sink.close().await?;
    let seconds = started.elapsed().as_secs_f64();
    let stats = sink.stats();
    println!(
        "{max_rows:>9} {parallel_inserts:>9} {:>11.0} {:>14.2} {:>11.0} ms",
        total as f64 / seconds,
        (cpu_seconds() - cpu) * 1e6 / total as f64,
        stats.insert_time.as_secs_f64() * 1e3 / stats.batches_inserted as f64,
    );
    Ok(())
}
