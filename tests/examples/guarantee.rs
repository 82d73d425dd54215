//! What the guarantee costs: the same fills through the same engine, table and sink, with everything
//! that makes a row arrive exactly once, and without.
//!
//! `cargo run --release -p end-to-end --example guarantee -- ROUNDS FILLS|ENDPOINT [MONTHS]`
//!
//! Without: the table remembers no tokens and forces nothing to disk, the sink does not ask for
//! either, no checkpoint is written. A number of fills comes from memory, so that nothing hides the
//! difference, and lies in one month or in as many as are given: each month that a batch touches is a
//! part to force to disk. An endpoint, such as that of `goldsky-sim`, is asked as in a real run.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use checkpoint_store::{CheckpointStore, FileStore, Identity, InMemory};
use clickhouse_embedded::{InstallOptions, ServerOptions, install, run_if_server};
use clickhouse_sink::Deduplication;
use fill_table::{FillTable, Server};
use fills::{Address, Fill, FillId, MemorySource, OrderHash, Side, Source, Span, TokenId, TxHash};
use goldsky_client::Client;
use ingest_engine::{Backfill, Config, Snapshot};
use pacer::Pacer;
use tokio::sync::watch;

/// 2023-12-01.
const BEGIN: u64 = 1_701_388_800;
/// No longer than the shortest.
const MONTH_SECONDS: u64 = 28 * 86_400;
const BATCH_ROWS: usize = 98_304;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run_if_server();
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments
        .next()
        .ok_or("ROUNDS is missing")?
        .parse::<u32>()?;
    let fills_or_endpoint = arguments.next().ok_or("FILLS or ENDPOINT is missing")?;
    let months = arguments.next().map_or(Ok(1), |months| months.parse())?;
    let source = source(&fills_or_endpoint, months)?;
    install(&InstallOptions::default(), |_| {})?;
    let directory = tempfile::tempdir()?;
    let engine = clickhouse_embedded::Server::start(directory.path(), ServerOptions::default())?;
    let mut seconds = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (kind, guaranteed) in [true, false].into_iter().enumerate() {
            let checkpoint = directory.path().join(format!("checkpoint-{round}-{kind}"));
            let database = format!("round_{round}_{kind}");
            let took = load(&engine, &database, &checkpoint, &source, guaranteed).await?;
            // The first round warms up.
            if round > 0 {
                seconds[kind].push(took.as_secs_f64());
            }
        }
    }
    engine.stop();
    let [with, without] = seconds.map(median);
    println!(
        "medians of {rounds}: {with:.2} s with, {without:.2} s without: {:+.1} %",
        (with / without - 1.0) * 100.0
    );
    Ok(())
}

async fn load(
    engine: &clickhouse_embedded::Server,
    database: &str,
    checkpoint: &std::path::Path,
    source: &Arc<dyn Source>,
    guaranteed: bool,
) -> Result<Duration, Failure> {
    let client = engine.client();
    let make = format!("CREATE DATABASE {database}");
    client.query(&make).execute().await?;
    let table = FillTable::new(Server::embedded(client.clone(), database), "fills")?;
    table.ensure().await?;
    let mut sink = clickhouse_sink::Config::new("fills");
    sink.queue_rows = BATCH_ROWS * 3;
    if !guaranteed {
        sink.deduplication = Deduplication::Off;
        let forget = format!(
            "ALTER TABLE {database}.fills_data MODIFY SETTING \
             non_replicated_deduplication_window = 0, fsync_after_insert = 0, \
             fsync_part_directory = 0"
        );
        client.query(&forget).execute().await?;
    }
    let checkpoint: Arc<dyn CheckpointStore> = match guaranteed {
        true => Arc::new(FileStore::open(checkpoint, &Identity::default())?),
        false => Arc::new(InMemory::new(Identity::default())),
    };
    let survey = source.survey().await?;
    let (Some(oldest), Some(newest)) = (survey.oldest, survey.newest) else {
        return Err("the source has no fills".into());
    };
    let span = Span::new(oldest, newest + 1);
    let never = Duration::from_secs(u64::from(u32::MAX));
    let backfill = Backfill {
        source: Arc::clone(source),
        store: Arc::new(table.open(sink).await?),
        checkpoint,
        span,
        source_block: survey.head_block,
        groups: None,
        config: Config {
            most_rows_in_hand: BATCH_ROWS * 3,
            block_rows: BATCH_ROWS,
            checkpoint_interval: if guaranteed {
                Config::default().checkpoint_interval
            } else {
                never
            },
            checkpoint_interval_units: if guaranteed { 500 } else { u64::MAX },
            ..Config::default()
        },
    };
    let (watch, _) = watch::channel(Snapshot::default());
    let begin = Instant::now();
    let outcome = backfill.run(std::future::pending(), &watch).await?;
    let took = begin.elapsed();
    println!(
        "{} fills in {took:.2?}, guaranteed: {guaranteed}",
        outcome.fills_inserted
    );
    let drop = format!("DROP DATABASE {database} SYNC");
    client.query(&drop).execute().await?;
    Ok(took)
}

fn source(fills_or_endpoint: &str, months: u64) -> Result<Arc<dyn Source>, Failure> {
    if let Ok(fills) = fills_or_endpoint.parse() {
        let span = Span::new(BEGIN, BEGIN + months * MONTH_SECONDS);
        let fills = (0..fills).map(|index| fill(index, span)).collect();
        return Ok(Arc::new(MemorySource::new(fills)));
    }
    let config = goldsky_client::Config::new(fills_or_endpoint.parse()?);
    let pacer = Pacer::new(pacer::Config::default());
    Ok(Arc::new(Client::new(config, pacer)?))
}

/// Spreads fills over the span, most of them late.
fn fill(index: u64, span: Span) -> Fill {
    let words = [index, index ^ 0x5555_5555, !index, index.rotate_left(32)].map(mixed);
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    let share = (words[0] >> 11) as f64 / (1_u64 << 53) as f64;
    let second = span.to as f64 - 1.0 - share * share * share * (span.seconds() - 1) as f64;
    let mut wallet = [7; 20];
    wallet[..4].copy_from_slice(&((words[1] % 50_000) as u32).to_be_bytes());
    Fill {
        id: FillId {
            tx_hash: TxHash(hash),
            order_hash: OrderHash(hash),
            nth_from_last: 0,
        },
        timestamp: second as u32,
        maker: Address(wallet),
        taker: Address([9; 20]),
        token_id: TokenId::from(words[2] % 5_000),
        side: if words[3] % 2 == 0 {
            Side::Buy
        } else {
            Side::Sell
        },
        shares_base_units: u128::from(words[3] % 1_000_000_000),
        usdc_base_units: u128::from(words[2] % 1_000_000_000),
        fee_base_units: 0,
        ..Fill::default()
    }
}

/// The last steps of `SplitMix64`.
fn mixed(word: u64) -> u64 {
    let mut z = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
