//! The whole measurement: a run as it is set, then others, one setting after another, and at the end one
//! as it is recommended, by which the run of everything is projected.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fill_table::FillTable;
use fills::{MemorySource, Source, Span, SpanSet, TokenGroups};
use profile::{Climb, Measured, Profile, Recommended, Recorder, Tried, Usage, steady_rate, steps};
use startup::{Failure, Settings, Shutdown};
use wiring::errors::from_table;
use wiring::expected::Expected;

use crate::asked::Asked;
use crate::cli::Cli;
use crate::nowhere::Nowhere;
use crate::project;
use crate::sample::Strata;
use crate::trial::{PARALLEL_INSERTS, Ran, Trial};

/// Rows of a full page.
pub(crate) const PAGE_ROWS: u64 = 1000;
/// The parts of all requests, one of which the run as it is set may take, and one the run as it is
/// recommended.
const FIRST_SHARE: u64 = 8;
const LAST_SHARE: u64 = 2;
/// Batches of the last run, for each insert at once: the first fill the pipeline, the others tell how
/// it goes on.
const LAST_ROUNDS: usize = 4;
/// Samples that the run of everything is projected from at the most: more where the first is too uneven.
const MOST_SAMPLES: u32 = 3;
/// Requests that one more try must have left: with fewer it tells nothing.
pub(crate) const LEAST_REQUESTS: u64 = 16;
/// Requests of each worker in a try, so that what it learns is behind it.
const REQUESTS_PER_WORKER: u64 = 4;
/// Pages that a request may have unless it is set, as in a run.
pub(crate) const MOST_PAGES: usize = 32;
/// Pages in each request that a try has rows for: more, and small archives run out of rows.
const MOST_TRIED_PAGES: u64 = 8;
/// Bounds on pages in a request that are tried.
const PAGES: [usize; 3] = [1, 8, MOST_PAGES];
/// The smallest batch that is tried.
const LEAST_BATCH: usize = 8192;

/// A measurement under way.
pub(crate) struct Measurement<'a> {
    pub(crate) cli: &'a Cli,
    pub(crate) settings: &'a Settings,
    pub(crate) table: &'a FillTable,
    pub(crate) recorder: &'a Recorder,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) asked: Asked,
    /// What a run does besides loading, as long as it took here.
    pub(crate) around: Duration,
    rows: u64,
    trials: u64,
    sweep: Vec<Tried>,
}

/// Where the rows of a trial go: to the table, or nowhere where only the source is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Table,
    Nowhere,
}

/// What is sampled from.
pub(crate) struct Sampled {
    pub(crate) span: Span,
    pub(crate) block: u64,
    pub(crate) strata: Strata,
    pub(crate) groups: Option<Arc<dyn TokenGroups>>,
    /// Nothing where the requests did not suffice.
    pub(crate) expected: Option<Expected>,
}

impl<'a> Measurement<'a> {
    /// Begins a measurement; `opened` is how long the database took to open.
    pub(crate) fn new(
        cli: &'a Cli,
        settings: &'a Settings,
        table: &'a FillTable,
        recorder: &'a Recorder,
        shutdown: &'a Shutdown,
        opened: Duration,
    ) -> Self {
        let listed = cli.sweep.iter().copied().max().unwrap_or_default();
        let most_workers = settings.source.workers.max(listed);
        Self {
            cli,
            settings,
            table,
            recorder,
            shutdown,
            asked: Asked::new(&settings.source, most_workers, cli.max_requests),
            around: opened,
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
        let begun = Instant::now();
        self.table.ensure().await.map_err(from_table)?;
        self.around += begun.elapsed();
        let Some(sampled) = self.sample().await? else {
            return Ok(None);
        };
        let mut recommended = self.as_set();
        let requests = self.cli.max_requests / FIRST_SHARE;
        let rows = requests * recommended.pages_per_request as u64 * PAGE_ROWS;
        let ran = self.fetched(&sampled, recommended, rows, requests, Destination::Table);
        let ran = ran.await?;
        let measured = self.with_server(&ran).await;
        let mut profile = Profile::new(&measured, self.usage(&ran), recommended);

        self.sweep(&sampled, ran.notes.fills, &mut recommended)
            .await?;
        if self.shutdown.is_requested() {
            return Ok(None);
        }
        profile.budget_used_up = self.left_to_sweep() < LEAST_REQUESTS;
        recommended.requests_per_10s = self.asked.pacer.stats().requests_per_10s;
        let rounds = recommended.insert_batch_size * PARALLEL_INSERTS * LAST_ROUNDS;
        let half = sampled.expected.map(|expected| expected.estimate.fills / 2);
        let rows = (rounds as u64).min(half.unwrap_or(u64::MAX));
        let mut parts = Vec::new();
        for _ in 0..MOST_SAMPLES {
            let requests = self.asked.left();
            if self.shutdown.is_requested() || requests < LEAST_REQUESTS {
                break;
            }
            let ran = self.fetched(&sampled, recommended, rows, requests, Destination::Table);
            let ran = ran.await?;
            let projected = project::all(&mut self, &ran, &sampled, &mut parts).await?;
            // One that was cut off by the end of the requests says less than the one before.
            profile.projection = projected.or(profile.projection);
            if profile
                .projection
                .is_some_and(|projection| projection.is_sure())
            {
                break;
            }
        }
        if self.shutdown.is_requested() {
            return Ok(None);
        }
        profile.recommended = recommended;
        profile.requests = self.asked.made();
        profile.rows = self.rows;
        profile.sweep = self.sweep;
        Ok(Some(profile))
    }

    /// Tries one setting after another, and recommends what was best.
    async fn sweep(
        &mut self,
        sampled: &Sampled,
        fills: Vec<fills::Fill>,
        recommended: &mut Recommended,
    ) -> Result<(), Failure> {
        let set = &self.settings.source;
        let workers = match self.cli.sweep.as_slice() {
            [] => Climb::doubling(1, set.workers),
            listed => Climb::listed(listed),
        };
        let as_set = *recommended;
        let tried = self.climb("workers", workers, sampled, |workers| Recommended {
            workers,
            ..as_set
        });
        let tried = tried.await?;
        recommended.workers = match tried.most_before_it_is_worse() {
            Some(workers) => workers,
            None => as_set.workers.max(tried.knee().unwrap_or_default()),
        };
        if set.pages_per_request.is_none() {
            let pages = Climb::listed(&PAGES);
            let with = *recommended;
            let tried = self.climb("pages_per_request", pages, sampled, |pages| Recommended {
                pages_per_request: pages,
                ..with
            });
            let tried = tried.await?;
            // It bounds what a run learns, and where no limit is met yet nothing tells what a lower
            // one would cost.
            if self.asked.pacer.stats().rate_bound
                && let Some(pages) = tried.largest_good()
            {
                recommended.pages_per_request = pages;
            }
        }
        if let Some(better) = self.batches(sampled, fills).await? {
            recommended.insert_batch_size = better;
        }
        Ok(())
    }

    /// Tries values of a setting until the knee or until requests are used up: how fast rows come, not
    /// how fast they are inserted, which would not tell one value from the next.
    async fn climb(
        &mut self,
        setting: &'static str,
        mut climb: Climb,
        sampled: &Sampled,
        with: impl Fn(usize) -> Recommended,
    ) -> Result<Climb, Failure> {
        while let Some(value) = climb.next() {
            let with = with(value);
            let wanted = (with.workers as u64 * REQUESTS_PER_WORKER).max(4 * LEAST_REQUESTS);
            if self.left_to_sweep() < wanted || self.shutdown.is_requested() {
                break;
            }
            let pages = (with.pages_per_request as u64).min(MOST_TRIED_PAGES);
            let rows = wanted * pages * PAGE_ROWS;
            let ran = self.fetched(sampled, with, rows, wanted, Destination::Nowhere);
            let ran = ran.await?;
            let rate = steady_rate(&ran.notes.answers);
            let rate = rate.unwrap_or_else(|| whole_rate(&ran));
            climb.note(self.tried(setting, value, rate, ran.first_byte_p50_ms()));
        }
        Ok(climb)
    }

    /// Inserts rows that were fetched before in batches of several sizes; returns the size that
    /// is better than larger ones, if any is.
    async fn batches(
        &mut self,
        sampled: &Sampled,
        fills: Vec<fills::Fill>,
    ) -> Result<Option<usize>, Failure> {
        let most = (fills.len() / PARALLEL_INSERTS).min(self.settings.table.insert_batch_size);
        if most < LEAST_BATCH * 4 {
            return Ok(None);
        }
        let mut climb = Climb::listed(&[LEAST_BATCH, LEAST_BATCH * 4, most]);
        let source = MemorySource::new(fills);
        while let Some(batch_rows) = climb.next() {
            if self.shutdown.is_requested() {
                break;
            }
            let trial = Trial {
                batch_rows,
                groups: None,
                parts: [sampled.span].into_iter().collect(),
                ..self.trial(sampled, self.as_set())
            };
            let stop = self.shutdown.requested();
            let source = Arc::new(source.clone());
            let ran = trial.run(source, self.table, self.recorder, stop).await?;
            self.rows += ran.rows;
            climb.note(self.tried("insert_batch_size", batch_rows, whole_rate(&ran), None));
        }
        // A smaller batch makes more parts, which merges pay for later. The largest here is only as
        // large as the rows at hand let it be.
        Ok(climb.largest_good().filter(|&batch| batch < most))
    }

    /// Loads about so many rows of the sample, with so many requests and never more.
    async fn fetched(
        &mut self,
        sampled: &Sampled,
        with: Recommended,
        rows: u64,
        requests: u64,
        into: Destination,
    ) -> Result<Ran, Failure> {
        let allotted = self.asked.client(Some(with.pages_per_request), requests)?;
        let parts = match sampled.groups {
            Some(_) => [sampled.span].into_iter().collect::<SpanSet>(),
            None => sampled.strata.parts(rows, self.trials),
        };
        self.trials += 1;
        let trial = Trial {
            parts,
            ..self.trial(sampled, with)
        };
        let stop = async {
            tokio::select! {
                () = allotted.allowance.used_up() => {}
                () = self.shutdown.requested() => {}
            }
        };
        let source = Arc::new(allotted.client) as Arc<dyn Source>;
        let ran = match into {
            Destination::Table => trial.run(source, self.table, self.recorder, stop).await,
            Destination::Nowhere => {
                let nowhere = Arc::new(Nowhere);
                trial.run_into(source, nowhere, self.recorder, stop).await
            }
        };
        self.asked.note(&allotted.allowance);
        let ran = ran?;
        if into == Destination::Table {
            self.rows += ran.rows;
        }
        Ok(ran)
    }

    fn trial(&self, sampled: &Sampled, with: Recommended) -> Trial {
        Trial {
            workers: with.workers,
            batch_rows: with.insert_batch_size,
            span: sampled.span,
            parts: SpanSet::new(),
            source_block: sampled.block,
            groups: sampled.groups.clone(),
        }
    }

    fn tried(
        &mut self,
        setting: &'static str,
        value: usize,
        rows_per_second: f64,
        first_byte_p50_ms: Option<f64>,
    ) -> f64 {
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
            first_byte_p50_ms,
        });
        rows_per_second
    }

    /// Returns the requests that are left without those that the last run is to have.
    fn left_to_sweep(&self) -> u64 {
        let last = self.cli.max_requests / LAST_SHARE;
        self.asked.left().saturating_sub(last)
    }

    fn as_set(&self) -> Recommended {
        let set = &self.settings.source;
        Recommended {
            workers: set.workers,
            insert_batch_size: self.settings.table.insert_batch_size,
            pages_per_request: set.pages_per_request.unwrap_or(MOST_PAGES),
            requests_per_10s: self.asked.pacer.stats().requests_per_10s,
        }
    }

    /// Adds what the server says of its inserts, where it keeps a log.
    async fn with_server(&self, ran: &Ran) -> BTreeMap<&'static str, Measured> {
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

    fn usage(&self, ran: &Ran) -> Usage {
        let rate_bound = self.asked.pacer.stats().rate_bound;
        Usage::of(&ran.steps, ran.wall, PARALLEL_INSERTS, cores(), rate_bound)
    }
}

/// Returns how many cores there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn whole_rate(ran: &Ran) -> f64 {
    ran.rows as f64 / ran.wall.as_secs_f64().max(f64::MIN_POSITIVE)
}
