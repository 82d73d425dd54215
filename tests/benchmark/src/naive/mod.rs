//! The designs that this project is measured against, in a process of their own.
//!
//! They are built from this project's crates, so that what differs is the design: the same decoding,
//! the same rows and retries, and a pacer that is told the source's limit.

mod bound;
mod by_market;
mod sequential;

use std::process::Command;
use std::time::Duration;

use clap::Args;
use clickhouse_sink::{Config, Deduplication, Sink};
use fill_table::{FillRow, FillTable, Server, ServerConfig};
use fills::{Source as _, Span};
use goldsky_client::Client;
use pacer::Pacer;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::database::{DATABASE, TABLE};
use crate::design::Design;
use bound::Bound;

/// Workers of the first implementation.
const WORKERS: usize = 128;

/// Rows in an insert across markets, in the first implementation.
const BATCH_ROWS: usize = 5_000;

/// What a naive design is told.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct NaiveArguments {
    /// Which one.
    #[arg(long, value_enum)]
    pub design: Design,
    /// Where the fills are.
    #[arg(long)]
    pub endpoint: String,
    /// Where they go.
    #[arg(long)]
    pub clickhouse_url: String,
    /// The source's limit.
    #[arg(long)]
    pub requests_per_10s: Option<u32>,
    /// Begin nothing more after so many fills.
    #[arg(long)]
    pub most_fills: Option<u64>,
    /// Begin nothing more after so many seconds.
    #[arg(long)]
    pub most_seconds: Option<u64>,
}

/// What a naive design did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaiveReport {
    /// Rows that are in the table.
    pub fills: u64,
    /// Pages of fills that were answered.
    pub pages: u64,
    /// Markets with fills that are loaded as a whole, by design by market.
    pub markets: u64,
    /// Inserts that were done.
    pub inserts: u64,
    /// Whether it was stopped before everything was loaded.
    pub stopped: bool,
}

/// What a naive design works with.
#[derive(Debug)]
struct Parts {
    source: Client,
    table: FillTable,
    span: Span,
    bound: Bound,
}

/// Loads as the arguments say.
///
/// # Errors
/// Any error of the source or the table that outlasts their retries.
pub async fn run(arguments: &NaiveArguments) -> Result<NaiveReport, Failure> {
    let parts = Parts::new(arguments).await?;
    match arguments.design {
        Design::Ours => Err("that one is not naive".into()),
        Design::PerMarket => by_market::load_market_by_market(parts).await,
        Design::PerMarketBatched => by_market::load_in_batches(parts).await,
        Design::Sequential => sequential::load(parts).await,
    }
}

impl NaiveArguments {
    /// Makes the command that runs it, of the program that this is.
    pub(crate) fn command(&self, benchmark: &std::path::Path) -> Command {
        let mut command = Command::new(benchmark);
        command.args(["naive", "--design", self.design.name()]);
        command.args(["--endpoint", &self.endpoint]);
        command.args(["--clickhouse-url", &self.clickhouse_url]);
        let numbers = [
            ("--requests-per-10s", self.requests_per_10s.map(u64::from)),
            ("--most-fills", self.most_fills),
            ("--most-seconds", self.most_seconds),
        ];
        for (flag, number) in numbers {
            if let Some(number) = number {
                command.args([flag, &number.to_string()]);
            }
        }
        command
    }
}

impl Parts {
    async fn new(arguments: &NaiveArguments) -> Result<Self, Failure> {
        let pacer = Pacer::new(pacer::Config {
            max_in_flight: WORKERS,
            requests_per_10s: arguments.requests_per_10s,
            ..pacer::Config::default()
        });
        let config = goldsky_client::Config::new(arguments.endpoint.parse()?);
        let source = Client::new(config, pacer)?;
        let server = Server::http(ServerConfig {
            urls: vec![arguments.clickhouse_url.clone()],
            database: DATABASE.to_owned(),
            ..ServerConfig::default()
        })?;
        let survey = source.survey().await?;
        let (Some(oldest), Some(newest)) = (survey.oldest, survey.newest) else {
            return Err("the source has no fills".into());
        };
        Ok(Self {
            source,
            table: FillTable::new(server, TABLE)?,
            span: Span::new(oldest, newest + 1),
            bound: Bound::new(
                arguments.most_fills,
                arguments.most_seconds.map(Duration::from_secs),
            ),
        })
    }

    /// Starts to take rows, for inserts of up to so many rows, so many at once.
    async fn sink(&self, rows: usize, inserts: usize) -> Result<Sink<FillRow>, Failure> {
        let config = Config {
            max_rows: rows,
            // Only full batches are sent, but for the last.
            max_age: Duration::MAX,
            queue_rows: rows * (inserts + 1),
            parallel_inserts: inserts,
            deduplication: Deduplication::Off,
            ..Config::new(self.table.names().data().name)
        };
        Ok(Sink::start(self.table.server().client().clone(), config).await?)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{self, Arguments};

    #[test]
    fn the_command_says_what_the_arguments_say() {
        let told = NaiveArguments {
            design: Design::PerMarketBatched,
            endpoint: "http://127.0.0.1:1/x".to_owned(),
            clickhouse_url: "http://127.0.0.1:2".to_owned(),
            requests_per_10s: Some(50),
            most_fills: None,
            most_seconds: Some(7),
        };
        let command = told.command(std::path::Path::new("benchmark"));
        let line = std::iter::once(command.get_program()).chain(command.get_args());
        let parsed = Arguments::try_parse_from(line).unwrap();
        let Some(arguments::Command::Naive(parsed)) = parsed.command else {
            panic!("it is not naive");
        };
        assert_eq!(parsed, told);
    }
}
