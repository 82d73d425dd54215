//! Which checks are made, in which order, and which need which.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use fill_table::FillTable;
use fills::{Source as _, Survey};
use forecast::PageCosts;
use goldsky_client::{Client, Transport};
use ingest_engine::Progress;
use pacer::Pacer;
use startup::Settings;
use wiring::allowance::{Allowance, Allowed};
use wiring::database::Database;
use wiring::errors::from_source;
use wiring::expected::{REQUESTS_TO_ESTIMATE, expect, pages};
use wiring::scope::{self, Scope};
use wiring::source;

use crate::check::Check;
use crate::database::Answered;
use crate::report::Report;
use crate::source as endpoint;
use crate::{catalogue, checkpoint, database, machine};

/// Requests that an examination never exceeds, retries among them.
const MOST_REQUESTS: u64 = 30;

const OF_AN_OPEN_DATABASE: [&str; 4] = [
    "clickhouse_settings",
    "clickhouse_rights",
    database::COLUMNS,
    database::DEDUPLICATION,
];
const ANSWERS: &str = "endpoint_answers";
const RATE: &str = "source_rate";

/// Makes the checks that need neither network nor database, as each run does before it opens them.
pub fn before_opening(settings: &Settings) -> Report {
    let mut report = Report::default();
    if of_this_machine(settings, &mut report) {
        report.note(checkpoint::state(settings, None).0);
    }
    report
}

/// Makes the checks of an open database that cost next to nothing, as each run does.
pub async fn of_database(database: &Database) -> Report {
    let mut report = Report::default();
    of_open(&mut report, &database.table).await;
    report.note(database::disk_space(&database.table, None).await);
    report.note(database::clock(&database.table).await);
    report
}

/// Makes every check. Nothing is loaded; the embedded engine makes its directory where it has none.
pub async fn examine(settings: &Settings) -> Report {
    let mut report = Report::default();
    let has_place = of_this_machine(settings, &mut report);
    let asked = Asked::new(settings, &mut report).await;
    let opened = opened(settings, &mut report).await;
    let found = Found {
        has_place,
        asked: asked.as_ref(),
        database: opened.as_ref(),
    };
    of_the_job(settings, &mut report, found).await;
    if let Some(database) = opened {
        database.close().await;
    }
    report
}

/// Checks this machine, and tells whether there is a place for a checkpoint.
fn of_this_machine(settings: &Settings, report: &mut Report) -> bool {
    let has_place = report.note(machine::data_dir(settings));
    report.note(machine::open_files(settings));
    match has_place {
        true => {
            report.note(checkpoint::lock(settings));
        }
        false => report.skip(&["checkpoint_lock", "checkpoint_state"], "data_dir"),
    }
    has_place
}

/// A source that answered.
struct Asked {
    client: Client,
    pacer: Pacer,
    allowance: Arc<Allowance>,
    survey: Survey,
}

impl Asked {
    async fn new(settings: &Settings, report: &mut Report) -> Option<Self> {
        let url = &settings.source.endpoint;
        // Behind a proxy names and connections are the proxy's.
        if !goes_by_a_proxy(url) {
            let (dns, addresses) = endpoint::dns(url).await;
            if !report.note(dns) {
                let skipped = ["endpoint_connection", "endpoint_tls", ANSWERS];
                report.skip(&skipped, "endpoint_dns");
                return None;
            }
            if !report.note(endpoint::connection(&addresses).await) {
                report.skip(&["endpoint_tls", ANSWERS], "endpoint_connection");
                return None;
            }
        }
        if !report.note(endpoint::tls(url).await) {
            report.skip(&[ANSWERS], "endpoint_tls");
            return None;
        }
        let allowance = Arc::new(Allowance::new(MOST_REQUESTS));
        let pacer = source::pacer(&settings.source);
        let over = |http| {
            let allowance = Arc::clone(&allowance);
            Arc::new(Allowed { http, allowance }) as Arc<dyn Transport>
        };
        let client = match source::client_over(&settings.source, pacer.clone(), over) {
            Ok(client) => client,
            Err(failure) => {
                report.note(Check::refused(ANSWERS, &failure));
                return None;
            }
        };
        match client.survey().await {
            Ok(survey) => {
                report.note(endpoint::answers(&survey));
                report.note(endpoint::head(&survey, now()));
                Some(Self {
                    client,
                    pacer,
                    allowance,
                    survey,
                })
            }
            Err(error) => {
                report.note(Check::refused(ANSWERS, &from_source(error)));
                None
            }
        }
    }
}

fn goes_by_a_proxy(endpoint: &url::Url) -> bool {
    let names = [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "http_proxy",
    ];
    let is_set = names.iter().any(|name| std::env::var_os(name).is_some());
    let is_here = endpoint
        .as_str()
        .parse::<goldsky_client::Endpoint>()
        .is_ok_and(|endpoint| endpoint.is_loopback());
    is_set && !is_here
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// Opens the database as it is and checks what does not need the source.
async fn opened(settings: &Settings, report: &mut Report) -> Option<Database> {
    const OPENED: &str = "clickhouse_answers";
    if settings.table.is_embedded() {
        let library = machine::engine_library();
        let is_here = library.mend.is_none();
        report.note(library);
        if !is_here {
            report.skip(&[OPENED], "engine_library");
            report.skip(&OF_AN_OPEN_DATABASE, "engine_library");
            return None;
        }
    }
    let database = match Database::open_as_it_is(&settings.table).await {
        Ok(database) => database,
        Err(failure) => {
            report.note(database::not_opened(&failure));
            report.skip(&OF_AN_OPEN_DATABASE, OPENED);
            return None;
        }
    };
    let (answered, checks) = database::answers(&database.table).await;
    for check in checks {
        report.note(check);
    }
    match answered {
        Answered::Ready => {
            of_open(report, &database.table).await;
            report.note(database::clock(&database.table).await);
            Some(database)
        }
        Answered::NoDatabase | Answered::Failed => {
            report.skip(&OF_AN_OPEN_DATABASE, OPENED);
            database.close().await;
            None
        }
    }
}

async fn of_open(report: &mut Report, table: &FillTable) {
    report.note(database::settings(table).await);
    report.note(database::rights(table).await);
    let (columns, window) = database::standing(table).await;
    report.note(columns);
    match window {
        Some(window) => {
            report.note(window);
        }
        None => report.skip(&[database::DEDUPLICATION], database::COLUMNS),
    }
}

/// What the checks so far have found.
struct Found<'a> {
    has_place: bool,
    asked: Option<&'a Asked>,
    database: Option<&'a Database>,
}

/// Checks what concerns this job: room for what is left of it, its checkpoint, its catalogue.
async fn of_the_job(settings: &Settings, report: &mut Report, found: Found<'_>) {
    let Found {
        has_place,
        asked,
        database,
    } = found;
    let mut progress = None;
    if has_place {
        let job = job(settings, asked, database).await;
        let (state, found) = checkpoint::state(settings, job.as_ref());
        report.note(state);
        progress = found;
    }
    match database {
        Some(database) => {
            let table = &database.table;
            report.note(checkpoint::promise(settings, progress.as_ref(), table).await);
            let left = match asked {
                Some(asked) => asked.bytes_left(settings, progress.as_ref()).await,
                None => None,
            };
            report.note(database::disk_space(table, left).await);
            match asked {
                Some(asked) => asked.catalogue(table, report).await,
                None => report.skip(&["catalogue"], ANSWERS),
            }
        }
        None => report.skip(
            &["checkpoint_promise", "disk_space", "catalogue"],
            "clickhouse_answers",
        ),
    }
    match asked {
        Some(asked) => {
            report.note(endpoint::rate(
                settings,
                &asked.pacer.stats(),
                asked.allowance.made(),
            ));
        }
        None => report.skip(&["source_head", RATE], ANSWERS),
    }
}

/// Decides what the job is, where that can be known: by market it takes the catalogue, which a run loads
/// first.
async fn job(
    settings: &Settings,
    asked: Option<&Asked>,
    database: Option<&Database>,
) -> Option<Scope> {
    let (asked, database) = (asked?, database?);
    let job = scope::decide(settings, &asked.survey, &database.table).await;
    job.ok()
}

impl Asked {
    /// Estimates what is still to be loaded in bytes on disk; nothing where few requests cannot tell.
    async fn bytes_left(&self, settings: &Settings, progress: Option<&Progress>) -> Option<u64> {
        let expected = expect(
            &self.client,
            &settings.scope,
            &self.survey,
            REQUESTS_TO_ESTIMATE,
            pages(&settings.source),
        );
        let expected = self.within(expected).await?.ok()??;
        let loaded = progress.map_or(0, |progress| progress.fills);
        let left = expected.estimate.fills_high.saturating_sub(loaded);
        Some(left.saturating_mul(PageCosts::MEASURED.disk_bytes_per_fill))
    }

    async fn catalogue(&self, table: &FillTable, report: &mut Report) {
        match self.within(catalogue::fresh(&self.client, table)).await {
            Some(check) => {
                report.note(check);
            }
            None => report.skip(&["catalogue"], RATE),
        }
    }

    /// Waits for what asks the source; nothing where it would take more requests than there are.
    async fn within<T>(&self, asking: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            asked = asking => Some(asked),
            () = self.allowance.used_up() => None,
        }
    }
}
