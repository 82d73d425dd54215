//! `ingest status`: from the checkpoint and the table, while a run goes on or after it.

use std::io::IsTerminal;
use std::time::{Duration, Instant, SystemTime};

use checkpoint_store::peek;
use fill_table::{Selection, Totals};
use ingest_engine::{FailedUnit, Progress};
use serde::Serialize;
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::database::Database;
use wiring::errors::{from_checkpoint, from_table, printed};
use wiring::progress::grouped;

use crate::cli::StatusArgs;

/// How often it is shown again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Shows where the backfill stands, once or until interrupted.
///
/// # Errors
/// A checkpoint or a table that cannot be read.
pub(crate) async fn show(
    settings: &Settings,
    args: StatusArgs,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let redraws = settings.output == Output::Human && std::io::stdout().is_terminal();
    let (mut before, mut lines): (Option<(Instant, u64)>, usize) = (None, 0);
    let mut looked = Looked::default();
    loop {
        let mut standing = Standing::of(settings, &mut looked).await?;
        let now = Instant::now();
        if let (Some((at, fills)), Some(now_fills)) = (before, standing.fills) {
            let seconds = (now - at).as_secs_f64();
            standing.fills_per_second = Some(now_fills.saturating_sub(fills) as f64 / seconds);
        }
        before = standing.fills.map(|fills| (now, fills));
        let text = standing.text(settings.output)?;
        if redraws && lines > 0 {
            printed(&format!("\x1b[{lines}A\x1b[J"))?;
        }
        printed(&text)?;
        lines = text.lines().count();
        if !args.watch {
            return Ok(ExitCode::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN_AFTER) => {}
            () = shutdown.requested() => return Ok(ExitCode::Interrupted),
        }
    }
}

/// Where a backfill stands; its keys are part of the program's outside. What cannot be read now is
/// null.
#[derive(Debug, Serialize)]
struct Standing {
    state: &'static str,
    share_done: f64,
    fills: Option<u64>,
    markets: Option<u64>,
    /// Markets of the catalogue, and the share of them that has fills.
    markets_known: Option<u64>,
    markets_percent: Option<f64>,
    wallets: Option<u64>,
    fills_promised: Option<u64>,
    /// Between two looks; null at the first.
    fills_per_second: Option<f64>,
    failed_units: Vec<FailedUnit>,
    last_checkpoint: Option<String>,
    held_by_process: Option<u32>,
    next: &'static str,
}

/// What the last look at the table saw, and of which checkpoint and process that was. While these stay and
/// nobody loads, so does the table; and a process opens the embedded engine only once.
#[derive(Debug, Default)]
struct Looked {
    at: (Option<SystemTime>, Option<u32>),
    held: Option<(Totals, u64)>,
}

impl Looked {
    async fn again(
        &mut self,
        settings: &Settings,
        at: (Option<SystemTime>, Option<u32>),
    ) -> Result<Option<&(Totals, u64)>, Failure> {
        let stays = at.1.is_none() && self.at == at && settings.table.is_embedded();
        if !stays || self.held.is_none() {
            self.held = held(settings).await?;
        }
        self.at = at;
        Ok(self.held.as_ref())
    }
}

impl Standing {
    async fn of(settings: &Settings, looked: &mut Looked) -> Result<Self, Failure> {
        let path = &settings.progress.checkpoint;
        let peeked = peek(path).map_err(from_checkpoint)?;
        let progress = match &peeked {
            Some(peeked) => Some(
                serde_json::from_slice::<Progress>(&peeked.payload)
                    .map_err(|error| Failure::new(ExitCode::Failed, error))?,
            ),
            None => None,
        };
        let held_by_process = checkpoint_store::holder(path).map_err(from_checkpoint)?;
        let (state, next) = match (&progress, held_by_process) {
            (_, Some(_)) => ("running", "wait, or query the table while it runs"),
            (None, None) => ("not started", "ingest"),
            (Some(progress), None) if progress.is_complete() => ("complete", "validate the load"),
            (Some(_), None) => ("stopped", "ingest, which goes on from here"),
        };
        let saved_at = peeked.map(|peeked| peeked.saved_at);
        let held = looked.again(settings, (saved_at, held_by_process)).await?;
        let total = |pick: fn(&Totals) -> u64| held.map(|(totals, _)| pick(totals));
        let (markets, known) = (
            total(|totals| totals.markets),
            held.map(|(_, known)| *known),
        );
        let percent = |(markets, known): (u64, u64)| {
            (known > 0).then(|| (markets as f64 * 10_000.0 / known as f64).round() / 100.0)
        };
        let saved_at = saved_at.and_then(|at| jiff::Timestamp::try_from(at).ok());
        Ok(Self {
            state,
            share_done: progress.as_ref().map_or(0.0, Progress::share_of_time),
            fills: total(|totals| totals.fills),
            markets,
            markets_known: known,
            markets_percent: markets.zip(known).and_then(percent),
            wallets: total(|totals| totals.wallets),
            fills_promised: progress.as_ref().map(|progress| progress.fills),
            fills_per_second: None,
            failed_units: progress.map_or_else(Vec::new, |progress| progress.failed),
            last_checkpoint: saved_at.map(|at| format!("{at:.0}")),
            held_by_process,
            next,
        })
    }

    fn text(&self, output: Output) -> Result<String, Failure> {
        let text = match output {
            Output::Human => self.human(),
            Output::Json => serde_json::to_string(self)
                .map_err(|error| Failure::new(ExitCode::Failed, error))?,
        };
        Ok(text + "\n")
    }

    fn human(&self) -> String {
        let unknown = match self.state {
            "not started" => "none yet",
            _ => "not readable now",
        };
        let shown = |number: Option<u64>| number.map_or_else(|| unknown.to_owned(), grouped);
        let rate = self.fills_per_second.map_or_else(String::new, |rate| {
            format!(", {} a second", grouped(rate as u64))
        });
        let of_known = match (self.markets_known, self.markets_percent) {
            (Some(known), Some(percent)) => format!(" of {} ({percent} %)", grouped(known)),
            _ => String::new(),
        };
        let mut text = format!(
            "{}, {:.1} % of the time range done, {} parts failed\n\
             \x20 fills            {}{rate}\n\
             \x20 markets          {}{of_known}\n\
             \x20 wallets          {}\n\
             \x20 last checkpoint  {}\n",
            self.state,
            self.share_done * 100.0,
            self.failed_units.len(),
            shown(self.fills),
            shown(self.markets),
            shown(self.wallets),
            self.last_checkpoint.as_deref().unwrap_or("none"),
        );
        for unit in &self.failed_units {
            text += &format!(
                "  failed           [{}, {}) after {} attempts: {}\n",
                unit.from, unit.to, unit.attempts, unit.reason
            );
        }
        text + &format!("  next             {}", self.next)
    }
}

/// Counts what the table holds and the markets that are known; nothing where a running ingest has the
/// engine for itself.
async fn held(settings: &Settings) -> Result<Option<(Totals, u64)>, Failure> {
    let data = settings.table.data_dir.join("clickhouse");
    if settings.table.is_embedded() && !data.exists() {
        return Ok(None);
    }
    let database = match Database::open_to_read(&settings.table).await {
        Ok(database) => database,
        Err(failure)
            if is_no_database(&failure) || failure.error.is::<clickhouse_embedded::Error>() =>
        {
            tracing::warn!(error = %failure.error, "the table cannot be read now");
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let held = match database.table.count().await {
        // The table is made by the first run.
        Err(fill_table::Error::Refused { code: Some(60), .. }) => Ok(None),
        Err(error) => Err(from_table(error)),
        Ok(_) => counted(&database).await.map(Some).map_err(from_table),
    };
    database.close().await;
    held
}

fn is_no_database(failure: &Failure) -> bool {
    matches!(
        failure.error.downcast_ref(),
        Some(fill_table::Error::NoDatabase { .. })
    )
}

async fn counted(database: &Database) -> Result<(Totals, u64), fill_table::Error> {
    let totals = database.table.totals().await?;
    let known = database.table.catalogue().size(&Selection::All).await?;
    Ok((totals, known.markets))
}
