//! Measures how long a validation of many rows takes, level by level, and the most memory of it.
//!
//! `cargo run --release -p validation --example hundred_million [ROWS]`
//!
//! Two processes, so that the memory of the second is the validation's own: the first makes the
//! rows in the engine, by SQL, in the real table, in a directory of its own; the second validates
//! them. The directory is removed at the end. A hundred million rows need 12 GB of disk.

mod counters;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs};

use clickhouse_embedded::{InstallOptions, ServerOptions, install, run_if_server};
use fill_table::{FillTable, Server};
use fills::Span;
use goldsky_client::{Client, Endpoint};
use pacer::Pacer;
use validation::{Config, Coverage, Level, Progress, Report, Validation};

type Failed = Box<dyn Error + Send + Sync>;

const ROWS: u64 = 100_000_000;

/// Three quarters of the memory that the goal allows validation and server together.
const ENGINE_BYTES: u64 = 1_536 << 20;

const FILLS: &str = include_str!("fills.sql");

#[tokio::main]
async fn main() -> Result<(), Failed> {
    run_if_server();
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [doing, directory, rows] if doing == "make" => make(directory.as_ref(), rows).await,
        [doing, directory] if doing == "validate" => validate(directory.as_ref()).await,
        rows => both(rows.first().map_or(Ok(ROWS), |rows| rows.parse())?),
    }
}

fn both(rows: u64) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().display().to_string();
    for arguments in [
        vec!["make", &path, &rows.to_string()],
        vec!["validate", &path],
    ] {
        let ended = Command::new(env::current_exe()?)
            .args(&arguments)
            .status()?;
        if !ended.success() {
            return Err(format!("{arguments:?}: {ended}").into());
        }
    }
    Ok(())
}

async fn open(
    directory: &Path,
    options: ServerOptions,
) -> Result<(clickhouse_embedded::Server, FillTable), Failed> {
    install(&InstallOptions::default(), |_| {})?;
    let engine = clickhouse_embedded::Server::start(directory, options)?;
    let table = FillTable::new(Server::embedded(engine.client(), "default"), "fills")?;
    table.ensure().await?;
    Ok((engine, table))
}

async fn make(directory: &Path, rows: &str) -> Result<(), Failed> {
    let (engine, table) = open(directory, ServerOptions::default()).await?;
    let begun = Instant::now();
    let data = table.names().data().to_string();
    let sql = FILLS.replace("DATA", &data).replace("ROWS", rows);
    table.run(&sql).await?;
    println!(
        "made: {rows} rows in {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    drop(table);
    engine.stop();
    Ok(())
}

async fn validate(directory: &Path) -> Result<(), Failed> {
    let options = ServerOptions {
        max_memory_bytes: Some(ENGINE_BYTES),
        ..ServerOptions::default()
    };
    let (engine, table) = open(directory, options).await?;
    let address = counters::serve(&table).await?;
    let validation = validation(table, &format!("http://{address}/"))?;
    let begun = Instant::now();
    for level in [Level::Counts, Level::Quality, Level::Source] {
        let begun = Instant::now();
        let validated = validation.run(&[level]).await?;
        if let Some(error) = validated.failure {
            return Err(error.into());
        }
        let report = Report::new(validated.outcome);
        let seconds = begun.elapsed().as_secs_f64();
        println!("{level}: {seconds:.1} s, {}", report.summary);
    }
    println!("all: {:.1} s", begun.elapsed().as_secs_f64());
    let server = engine.connection().process_id.to_string();
    println!(
        "peak memory: {}, of the server {}",
        peak_memory("self")?,
        peak_memory(&server)?
    );
    drop(validation);
    engine.stop();
    Ok(())
}

fn validation(table: FillTable, endpoint: &str) -> Result<Validation, Failed> {
    let endpoint: Endpoint = endpoint.parse()?;
    let pacer = Pacer::new(pacer::Config::default());
    let client = Client::new(goldsky_client::Config::new(endpoint), pacer)?;
    Ok(Validation {
        data_api: None,
        table,
        client: Arc::new(client),
        coverage: Coverage {
            span: Span::new(1_669_060_209, 1_777_374_041),
            is_whole_archive: true,
            tokens: None,
            promise: None,
            block: counters::BLOCK,
        },
        config: Config::default(),
        progress: Progress::new().0,
    })
}

fn peak_memory(process: &str) -> Result<String, Failed> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.unwrap_or("unknown").trim().to_owned())
}
