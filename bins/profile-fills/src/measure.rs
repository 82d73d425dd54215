//! The whole measurement: a run as it is set, then others, one setting after another.

use std::num::NonZero;
use std::sync::Arc;

use fill_table::FillTable;
use fills::{FillSource, MemoryGroups, MemorySource, Span, SpanSet, Survey, TokenGroups};
use goldsky_client::{Client, Transport};
use pacer::Pacer;
use profile::{Climb, Profile, Recommended, Recorder, Tried, Usage, steady_rate, steps};
use startup::settings::SourceSettings;
use startup::{Failure, Settings, Shutdown};
use wiring::allowance::{Allowance, Allowed};
use wiring::errors::{from_source, from_table};
use wiring::source;

use crate::cli::Cli;
use crate::sample::{Strata, across_sizes};
use crate::trial::{PARALLEL_INSERTS, Ran, Trial};

/// Rows of a full page.
const PAGE_ROWS: u64 = 1000;
/// The part of all requests that the run as it is set may take.
const FIRST_SHARE: u64 = 4;
/// Requests that one more try must have left: with fewer it tells nothing.
const LEAST_REQUESTS: u64 = 16;
/// Requests of each worker in a try, so that what it learns is behind it.
const REQUESTS_PER_WORKER: u64 = 4;
/// Pages that a request may have unless it is set, as in a run.
const MOST_PAGES: usize = 32;
/// The smallest batch that is tried.
const LEAST_BATCH: usize = 4096;
/// Tokens in a group.
const TOKENS_PER_GROUP: usize = 50;

/// A measurement under way.
pub(crate) struct Measurement<'a> {
    cli: &'a Cli,
    settings: &'a Settings,
    table: &'a FillTable,
    recorder: &'a Recorder,
    shutdown: &'a Shutdown,
    requests: u64,
    rows: u64,
    trials: u64,
    sweep: Vec<Tried>,
}

/// What is sampled from.
struct Sampled {
    span: Span,
    block: u64,
    strata: Strata,
    groups: Option<Arc<dyn TokenGroups>>,
}

impl<'a> Measurement<'a> {
    pub(crate) fn new(
        cli: &'a Cli,
        settings: &'a Settings,
        table: &'a FillTable,
        recorder: &'a Recorder,
        shutdown: &'a Shutdown,
    ) -> Self {
        Self {
            cli,
            settings,
            table,
            recorder,
            shutdown,
            requests: 0,
            rows: 0,
            trials: 0,
            sweep: Vec::new(),
        }
    }

    /// Measures; nothing where it was asked to stop.
    ///
    /// # Errors
    /// Whatever keeps a run from going on.
    pub(crate) async fn run(mut self) -> Result<Option<Profile>, Failure> {
        self.table.ensure().await.map_err(from_table)?;
        let Some(sampled) = self.sample().await? else {
            return Ok(None);
        };
        let set = &self.settings.source;
        let allowed = self.cli.max_requests / FIRST_SHARE;
        let asked = (set.workers, set.pages_per_request.unwrap_or(MOST_PAGES));
        let (ran, pacer) = self.fetched(&sampled, asked, allowed).await?;
        let mut recommended = self.as_set(&pacer);
        let mut profile = Profile::new(
            &self.with_server(&ran).await,
            usage(&ran, &pacer),
            recommended,
        );

        let climb = match self.cli.sweep.as_slice() {
            [] => Climb::doubling(1, set.workers),
            listed => Climb::listed(listed),
        };
        let pages = set.pages_per_request.unwrap_or(1);
        let rate = |workers| (workers, pages);
        if let Some(knee) = self.climb("workers", climb, &sampled, rate).await? {
            recommended.workers = knee;
        }
        if set.pages_per_request.is_none() {
            let (workers, climb) = (recommended.workers, Climb::doubling(1, MOST_PAGES));
            let rate = |pages| (workers, pages);
            if let Some(knee) = self
                .climb("pages_per_request", climb, &sampled, rate)
                .await?
            {
                recommended.pages_per_request = knee;
            }
        }
        if let Some(knee) = self.batches(&sampled, ran.notes.fills).await? {
            recommended.insert_batch_size = knee;
        }
        if self.shutdown.is_requested() {
            return Ok(None);
        }
        profile.recommended = recommended;
        profile.budget_used_up = self.left() < LEAST_REQUESTS;
        profile.requests = self.requests;
        profile.rows = self.rows;
        profile.sweep = self.sweep;
        Ok(Some(profile))
    }

    /// Looks at the source and decides what to sample; nothing where it was asked to stop.
    async fn sample(&mut self) -> Result<Option<Sampled>, Failure> {
        let allowance = Arc::new(Allowance::new(LEAST_REQUESTS));
        let (client, _) = client(&self.settings.source, &allowance)?;
        let sampled = tokio::select! {
            sampled = self.looked(&client) => Some(sampled?),
            () = self.shutdown.requested() => None,
            () = allowance.used_up() => return Err(too_many()),
        };
        self.requests += allowance.made();
        Ok(sampled)
    }

    async fn looked(&self, client: &Client) -> Result<Sampled, Failure> {
        let survey = client.survey().await.map_err(from_source)?;
        let span = span(self.settings, &survey);
        let groups = match self.cli.markets {
            None => None,
            Some(count) => {
                let books = client.orderbooks("", 1000).await.map_err(from_source)?;
                let sizes = books.entities.iter();
                let sizes = sizes.map(|book| (book.trades_quantity, book.token_id));
                let tokens = across_sizes(sizes.collect(), usize::from(count));
                Some(Arc::new(MemoryGroups::new(&tokens, TOKENS_PER_GROUP)) as Arc<dyn TokenGroups>)
            }
        };
        Ok(Sampled {
            span,
            block: survey.head_block,
            strata: Strata::probe(client, span).await.map_err(from_source)?,
            groups,
        })
    }

    /// Tries values of a setting until the knee or until requests are used up; returns the knee.
    async fn climb(
        &mut self,
        setting: &'static str,
        mut climb: Climb,
        sampled: &Sampled,
        asked: impl Fn(usize) -> (usize, usize),
    ) -> Result<Option<usize>, Failure> {
        while let Some(value) = climb.next() {
            let asked = asked(value);
            let wanted = (asked.0 as u64 * REQUESTS_PER_WORKER).max(2 * LEAST_REQUESTS);
            if self.left() < wanted || self.shutdown.is_requested() {
                break;
            }
            let (ran, _) = self.fetched(sampled, asked, wanted).await?;
            let rate = steady_rate(&ran.notes.answers);
            climb.note(self.tried(setting, value, rate.unwrap_or_else(|| whole_rate(&ran))));
        }
        Ok(climb.knee())
    }

    /// Inserts rows that were fetched before in batches of several sizes; returns the size that
    /// is better than larger ones, if any is.
    async fn batches(
        &mut self,
        sampled: &Sampled,
        fills: Vec<fills::Fill>,
    ) -> Result<Option<usize>, Failure> {
        let most = (fills.len() / PARALLEL_INSERTS).min(self.settings.table.insert_batch_size);
        if most < LEAST_BATCH {
            return Ok(None);
        }
        let mut climb = Climb::doubling(LEAST_BATCH, most);
        let source = MemorySource::new(fills);
        while let Some(batch_rows) = climb.next() {
            if self.shutdown.is_requested() {
                break;
            }
            let trial = Trial {
                batch_rows,
                groups: None,
                parts: [sampled.span].into_iter().collect(),
                ..self.trial(sampled, self.settings.source.workers)
            };
            let stop = self.shutdown.requested();
            let source = Arc::new(source.clone());
            let ran = trial.run(source, self.table, self.recorder, stop).await?;
            self.rows += ran.rows;
            climb.note(self.tried("insert_batch_size", batch_rows, whole_rate(&ran)));
        }
        // A smaller batch makes more parts, which merges pay for later: it has to be better, not
        // only as good.
        Ok(climb.knee().filter(|_| climb.falls_at_the_end()))
    }

    /// Loads a part of the sample that takes about `requests` requests, and never more.
    async fn fetched(
        &mut self,
        sampled: &Sampled,
        (workers, pages): (usize, usize),
        requests: u64,
    ) -> Result<(Ran, Pacer), Failure> {
        let allowance = Arc::new(Allowance::new(requests.min(self.left())));
        let settings = SourceSettings {
            workers,
            pages_per_request: Some(pages),
            ..self.settings.source.clone()
        };
        let (client, pacer) = client(&settings, &allowance)?;
        let rows = requests * pages as u64 * PAGE_ROWS;
        let parts = match sampled.groups {
            Some(_) => [sampled.span].into_iter().collect::<SpanSet>(),
            None => sampled.strata.parts(rows, self.trials),
        };
        self.trials += 1;
        let trial = Trial {
            parts,
            ..self.trial(sampled, workers)
        };
        let stop = async {
            tokio::select! {
                () = allowance.used_up() => {}
                () = self.shutdown.requested() => {}
            }
        };
        let source = Arc::new(client);
        let ran = trial.run(source, self.table, self.recorder, stop).await;
        self.requests += allowance.made();
        let ran = ran?;
        self.rows += ran.rows;
        Ok((ran, pacer))
    }

    fn trial(&self, sampled: &Sampled, workers: usize) -> Trial {
        Trial {
            workers,
            batch_rows: self.settings.table.insert_batch_size,
            span: sampled.span,
            parts: SpanSet::new(),
            source_block: sampled.block,
            groups: sampled.groups.clone(),
        }
    }

    fn tried(&mut self, setting: &'static str, value: usize, rows_per_second: f64) -> f64 {
        tracing::info!(
            setting,
            value,
            rows_per_second = rows_per_second.round(),
            "tried"
        );
        self.sweep.push(Tried {
            setting,
            value,
            rows_per_second,
        });
        rows_per_second
    }

    fn left(&self) -> u64 {
        self.cli.max_requests.saturating_sub(self.requests)
    }

    fn as_set(&self, pacer: &Pacer) -> Recommended {
        let set = &self.settings.source;
        Recommended {
            workers: set.workers,
            insert_batch_size: self.settings.table.insert_batch_size,
            pages_per_request: set.pages_per_request.unwrap_or(MOST_PAGES),
            requests_per_10s: pacer.stats().requests_per_10s,
        }
    }

    /// Adds what the server says of its inserts, where it keeps a log.
    async fn with_server(
        &self,
        ran: &Ran,
    ) -> std::collections::BTreeMap<&'static str, profile::Measured> {
        let mut measured = ran.steps.clone();
        match self.table.insert_durations().await {
            Ok(durations) if !durations.is_empty() => {
                let server = measured.entry(steps::INSERT_SERVER).or_default();
                durations.into_iter().for_each(|took| server.add(took));
            }
            Ok(_) => tracing::debug!("the server keeps no log of inserts"),
            Err(error) => tracing::debug!(%error, "the server's log of inserts cannot be read"),
        }
        measured
    }
}

fn usage(ran: &Ran, pacer: &Pacer) -> Usage {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let rate_bound = pacer.stats().rate_bound;
    Usage::of(&ran.steps, ran.wall, PARALLEL_INSERTS, cores, rate_bound)
}

fn whole_rate(ran: &Ran) -> f64 {
    ran.rows as f64 / ran.wall.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn client(
    settings: &SourceSettings,
    allowance: &Arc<Allowance>,
) -> Result<(Client, Pacer), Failure> {
    let allowance = Arc::clone(allowance);
    source::client_over(settings, |http| {
        Arc::new(Allowed { http, allowance }) as Arc<dyn Transport>
    })
}

fn span(settings: &Settings, survey: &Survey) -> Span {
    wiring::scope::span(&settings.scope, survey)
}

fn too_many() -> Failure {
    let message = "the source fails too often to be measured";
    Failure::new(startup::ExitCode::Unreachable, message)
        .with_hint("run it again when the source answers; -v tells what it says")
}
