//! What a run leaves on standard output.

use std::time::Duration;

use command_line::VERSION;
use fill_table::{FillTable, Totals};
use goldsky_client::Client;
use ingest_engine::{End, FailedUnit, Outcome};
use serde::Serialize;
use startup::{Failure, Output, Settings};
use wiring::database::{Database, curl};
use wiring::errors::{from_table, printed};
use wiring::progress::{duration, grouped};
use wiring::scope::Scope;

use crate::plan::{Actual, Plan};
use crate::reports;

/// How long a run that was asked to stop asks for what the table holds.
const PATIENCE_OF_A_STOP: Duration = Duration::from_secs(1);

/// The final object of a run; its keys are part of the program's outside. What the table holds is
/// null where a run was stopped and the table could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) run_id: String,
    began_at: String,
    version: &'static str,
    strategy: &'static str,
    fills_inserted: u64,
    fills_found: u64,
    fills_total: Option<u64>,
    markets: Option<u64>,
    wallets: Option<u64>,
    unknown_tokens: Option<u64>,
    unknown_fills: Option<u64>,
    pub(crate) dead_letters: u64,
    requests: u64,
    pages: u64,
    retries: u64,
    rate_limited: u64,
    bytes_received: u64,
    bytes_on_disk: Option<u64>,
    seconds: f64,
    fills_per_second: f64,
    markets_per_second: f64,
    complete: bool,
    interrupted: bool,
    failed_units: Vec<FailedUnit>,
    /// What was expected; null where that was not known in time.
    pub(crate) plan: Option<Plan>,
    checkpoint: String,
    table: String,
    /// Where this object was left; null where it could not be written.
    report: Option<String>,
    #[serde(skip)]
    query_hint: String,
}

/// What the table holds.
struct Held {
    totals: Totals,
    bytes: u64,
    dead_letters: u64,
}

impl Held {
    async fn by(table: &FillTable) -> Result<Self, Failure> {
        Ok(Self {
            totals: table.totals().await.map_err(from_table)?,
            bytes: table.storage().await.map_err(from_table)?.bytes,
            dead_letters: table.dead_letters().await.map_err(from_table)?,
        })
    }
}

impl Summary {
    /// Adds up what the run did, which met about so many markets, and what the table holds now.
    ///
    /// # Errors
    /// That the table cannot be read; never for a run that was asked to stop.
    pub(crate) async fn of(
        settings: &Settings,
        scope: &Scope,
        client: &Client,
        (outcome, markets_met): (&Outcome, u64),
        database: &Database,
        took: Duration,
    ) -> Result<Self, Failure> {
        let held = Held::by(&database.table);
        let held = match outcome.end {
            End::Interrupted => {
                let held = tokio::time::timeout(PATIENCE_OF_A_STOP, held).await;
                held.ok().and_then(Result::ok)
            }
            _ => Some(held.await?),
        };
        let total = |pick: fn(&Totals) -> u64| held.as_ref().map(|held| pick(&held.totals));
        let markets = total(|totals| totals.markets);
        // Exact where all of the table is of this run.
        let all = total(|totals| totals.fills) == Some(outcome.fills_inserted);
        let met = match markets {
            Some(markets) if all => markets,
            markets => markets_met.min(markets.unwrap_or(u64::MAX)),
        };
        let stats = client.stats();
        let seconds = took.as_secs_f64();
        let rate = |count: u64| count as f64 / seconds.max(0.001);
        Ok(Self {
            run_id: run_id(),
            began_at: began_at(took),
            version: VERSION,
            strategy: scope.strategy,
            fills_inserted: outcome.fills_inserted,
            fills_found: outcome.fills_found,
            fills_total: total(|totals| totals.fills),
            markets,
            wallets: total(|totals| totals.wallets),
            unknown_tokens: total(|totals| totals.unknown_tokens),
            unknown_fills: total(|totals| totals.unknown_fills),
            dead_letters: held
                .as_ref()
                .map_or(outcome.dead_letters, |held| held.dead_letters),
            requests: stats.requests,
            pages: outcome.pages,
            retries: stats.retries,
            rate_limited: stats.rate_limited,
            bytes_received: stats.bytes_received,
            bytes_on_disk: held.as_ref().map(|held| held.bytes),
            seconds,
            fills_per_second: rate(outcome.fills_inserted),
            markets_per_second: rate(met),
            complete: outcome.end == End::Complete,
            interrupted: outcome.end == End::Interrupted,
            plan: None,
            failed_units: outcome.progress.failed.clone(),
            checkpoint: settings.progress.checkpoint.display().to_string(),
            table: settings.table.table.clone(),
            report: None,
            query_hint: query_hint(settings),
        })
    }

    /// Leaves it among the reports of the data directory. A run that did its work does not fail for it.
    pub(crate) fn leave(&mut self, settings: &Settings) {
        let path = reports::path(&settings.table.data_dir, &self.run_id);
        self.report = Some(path.display().to_string());
        if let Err(error) = reports::write(&path, self) {
            self.report = None;
            tracing::warn!(%error, report = %path.display(), "the report of the run was not written");
        }
    }

    /// Prints it for people or for programs.
    ///
    /// # Errors
    /// That standard output cannot be written.
    pub(crate) fn print(&self, output: Output) -> Result<(), Failure> {
        let text = match output {
            Output::Human => self.human(),
            Output::Json => serde_json::to_string(self)
                .map(|json| json + "\n")
                .map_err(|error| Failure::new(startup::ExitCode::Failed, error))?,
        };
        printed(&text).map(drop)
    }

    fn human(&self) -> String {
        let shown =
            |number: Option<u64>| number.map_or_else(|| "not readable now".to_owned(), grouped);
        let bytes = self.bytes_on_disk.unwrap_or_default() as f64;
        let verdict = match (self.complete, self.interrupted) {
            (true, _) if self.dead_letters > 0 => "complete, with dead letters",
            (true, _) => "complete",
            (false, true) => "interrupted: run again to go on",
            (false, false) => "work is left: run again to go on",
        };
        let mut text = format!(
            "{verdict}\n\
             \x20 fills       {} in {} ({} inserted now, {} were there)\n\
             \x20 markets     {}, wallets {}\n\
             \x20 took        {}, {} fills/s\n\
             \x20 source      {} requests, {} pages, {} retries, {} times rate limited, {:.1} MB\n\
             \x20 disk        {:.1} MB, {:.0} bytes a fill\n\
             \x20 checkpoint  {}\n",
            shown(self.fills_total),
            self.table,
            grouped(self.fills_inserted),
            self.fills_total.map_or_else(
                || "not readable now how many".to_owned(),
                |total| grouped(total.saturating_sub(self.fills_inserted))
            ),
            shown(self.markets),
            shown(self.wallets),
            duration(self.seconds),
            grouped(self.fills_per_second as u64),
            grouped(self.requests),
            grouped(self.pages),
            self.retries,
            self.rate_limited,
            self.bytes_received as f64 / 1e6,
            bytes / 1e6,
            bytes / self.fills_total.unwrap_or_default().max(1) as f64,
            self.checkpoint,
        );
        if let Some(plan) = self.plan.as_ref().filter(|_| self.complete) {
            text += &plan.beside(&self.actual());
        }
        if let (Some(tokens @ 1..), Some(fills)) = (self.unknown_tokens, self.unknown_fills) {
            text += &format!(
                "  unknown     {} tokens ({} fills) are not in the catalogue; `ingest markets` \
                 loads it anew\n",
                grouped(tokens),
                grouped(fills)
            );
        }
        if self.dead_letters > 0 {
            text += &format!(
                "  dead        {} events or rows could not be loaded: SELECT * FROM {}_dead_letters\n",
                grouped(self.dead_letters),
                self.table
            );
        }
        if let Some(report) = &self.report {
            text += &format!("  report      {report}\n");
        }
        for unit in &self.failed_units {
            text += &format!(
                "  failed      [{}, {}) after {} attempts: {}\n",
                unit.from, unit.to, unit.attempts, unit.reason
            );
        }
        text + &self.query_hint
    }
}

impl Summary {
    fn actual(&self) -> Actual {
        Actual {
            whole: self.fills_total == Some(self.fills_inserted),
            fills: self.fills_total.unwrap_or_default(),
            pages: self.pages,
            requests: self.requests,
            bytes: self.bytes_received,
            disk_bytes: self.bytes_on_disk.unwrap_or_default(),
            seconds: self.seconds,
        }
    }
}

fn query_hint(settings: &Settings) -> String {
    let table = &settings.table.table;
    let select = format!("SELECT side, count(), sum(usdc) FROM {table} GROUP BY side");
    match settings.table.clickhouse_urls.first() {
        Some(url) => format!(
            "Query it: {} --data-binary '{select}'\n",
            curl(url.as_str(), &settings.table)
        ),
        None => format!(
            "Query it: ingest engine serve --data-dir {}\n          \
             {} --data-binary '{select}'\n",
            settings.table.data_dir.display(),
            curl("http://127.0.0.1:8123", &settings.table)
        ),
    }
}

/// Names a run by when it ended, to the millisecond, and by its process, so that reports sort by time.
fn run_id() -> String {
    let now = jiff::Timestamp::now();
    format!(
        "{}-{}",
        now.strftime("%Y%m%dT%H%M%S%3fZ"),
        std::process::id()
    )
}

fn began_at(took: Duration) -> String {
    let began = jiff::Timestamp::now()
        .checked_sub(jiff::SignedDuration::try_from(took).unwrap_or_default());
    format!("{:.0}", began.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}
