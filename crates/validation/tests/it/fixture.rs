use std::sync::Arc;

use checkpoint_store::{Identity, InMemory};
use clickhouse_embedded::testing;
use fill_table::{FillTable, MarketEntry, MarketSource, Server};
use fills::{MemoryGroups, Source, Span, TokenGroups, TokenId};
use goldsky_client::{Client, Endpoint};
use goldsky_simulator::{Config as SimulatorConfig, Data, Entities, Seeded, Simulator, Text};
use ingest_engine::{Backfill, End, Snapshot};
use pacer::Pacer;
use tokio::sync::watch;
use validation::{Config, Coverage, Level, Plan, Progress, Promise, Report, Spot, Validated};
use validation::{Validation, Verdict};

pub(crate) const TABLE: &str = "clob_fills_v2";

/// The levels that need no service but the source.
pub(crate) const LEVELS: [Level; 3] = [Level::Counts, Level::Quality, Level::Source];

/// A simulated source, and a table of its own on the real engine.
pub(crate) struct World {
    pub(crate) validation: Validation,
    pub(crate) simulator: Simulator,
}

/// Made-up fills within `days` days.
pub(crate) fn seeded(seed: u64, fills: u64, days: i64) -> Data {
    let first_second = 1_704_067_200;
    Data::Seeded(Seeded {
        seed,
        fills,
        markets: 60,
        first_second,
        last_second: first_second + days * 86_400,
        ..Seeded::default()
    })
}

/// Given events, one JSON object a line.
pub(crate) fn given(events: Text) -> Data {
    Data::Entities(Entities::new(events))
}

impl World {
    /// Loads all of a source.
    pub(crate) async fn loaded(database: &str, data: Data) -> Self {
        let world = Self::empty(database, data).await;
        world.load(world.validation.coverage.span, None).await;
        world
    }

    /// Starts a source and makes a table without rows, of which everything is expected.
    pub(crate) async fn empty(database: &str, data: Data) -> Self {
        let simulator = Simulator::start(SimulatorConfig {
            data,
            ..SimulatorConfig::default()
        })
        .await
        .unwrap();
        let client = client(&simulator);
        let survey = client.survey().await.unwrap();
        let server = Server::embedded(testing::database(database).await, database);
        let table = FillTable::new(server, TABLE).unwrap();
        table.ensure().await.unwrap();
        let span = Span::new(survey.oldest.unwrap(), survey.newest.unwrap() + 1);
        let validation = Validation {
            table,
            client: Arc::new(client),
            data_api: None,
            coverage: Coverage {
                span,
                is_whole_archive: true,
                tokens: None,
                promise: None,
                block: survey.head_block,
            },
            config: Config::default(),
            progress: Progress::new().0,
        };
        Self {
            validation,
            simulator,
        }
    }

    /// Loads a part, as a run would, and notes what its checkpoint promises.
    pub(crate) async fn load(&self, span: Span, tokens: Option<&[TokenId]>) -> Promise {
        let Validation { table, client, .. } = &self.validation;
        let store = table.open(clickhouse_sink::Config::new("")).await.unwrap();
        let store = Arc::new(store);
        let groups = tokens.map(|tokens| {
            let groups = MemoryGroups::new(tokens, 100);
            Arc::new(groups) as Arc<dyn TokenGroups>
        });
        let backfill = Backfill {
            source: Arc::clone(client) as Arc<dyn Source>,
            store: Arc::clone(&store) as _,
            checkpoint: Arc::new(InMemory::new(Identity::default())),
            span,
            source_block: self.validation.coverage.block,
            groups,
            config: ingest_engine::Config {
                workers: 4,
                ..ingest_engine::Config::default()
            },
        };
        let (watch, _) = watch::channel(Snapshot::default());
        let outcome = backfill.run(std::future::pending(), &watch).await.unwrap();
        assert_eq!(outcome.end, End::Complete);
        store.close().await.unwrap();
        self.load_catalogue().await;
        Promise {
            span,
            fills: outcome.progress.fills,
            is_all: tokens.is_none(),
            is_complete: true,
        }
    }

    async fn load_catalogue(&self) {
        let Validation { table, client, .. } = &self.validation;
        let catalogue = table.catalogue();
        let entry = |data: goldsky_client::MarketData| MarketEntry {
            token_id: data.token_id,
            condition_id: data.condition_id,
            outcome_index: None,
            outcome: String::new(),
            slug: String::new(),
            question: String::new(),
        };
        let mut last = Some(String::new());
        while let Some(after) = last {
            let page = client.market_datas(&after, 1000).await.unwrap();
            let entries: Vec<_> = page.entities.into_iter().map(entry).collect();
            let added = catalogue.add(MarketSource::Subgraph, &entries).await;
            added.unwrap();
            last = page.last_id;
        }
        catalogue.publish().await.unwrap();
    }

    /// Runs levels that do not fail.
    pub(crate) async fn validate(&self, levels: &[Level]) -> (Validated, Report) {
        let (validated, report) = self.try_levels(levels).await;
        assert!(validated.failure.is_none(), "{:?}", validated.failure);
        (validated, report)
    }

    pub(crate) async fn try_levels(&self, levels: &[Level]) -> (Validated, Report) {
        let validated = self.validation.run(levels).await.unwrap();
        let report = Report::new(validated.outcome.clone());
        (validated, report)
    }

    /// Repairs what a validation found, and returns how many rows went or came.
    pub(crate) async fn repair(&self, validated: &Validated) -> u64 {
        let plan = Plan::new(validated, &self.validation.coverage, true);
        self.validation.repair(&plan).await.unwrap()
    }

    /// Asserts that every row is as the source has it, field by field, and nothing is wrong.
    pub(crate) async fn assert_exact(&mut self) {
        self.validation.config.spot = Spot::All;
        let (_, report) = self
            .validate(&[Level::Counts, Level::Quality, Level::Source, Level::Spot])
            .await;
        assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
        assert_eq!(
            self.number("SELECT count() FROM data").await,
            self.simulator.fills()
        );
    }

    /// Runs a statement about the table of rows, which is called `data` in it.
    pub(crate) async fn run(&self, sql: &str) {
        self.validation.table.run(&self.named(sql)).await.unwrap();
    }

    /// Runs a query whose answer is one number.
    pub(crate) async fn number(&self, sql: &str) -> u64 {
        self.validation.table.row(&self.named(sql)).await.unwrap()
    }

    fn named(&self, sql: &str) -> String {
        let data = self.validation.table.names().data().to_string();
        sql.replace(" data", &format!(" {data}"))
    }
}

fn client(simulator: &Simulator) -> Client {
    let endpoint: Endpoint = simulator.endpoint().parse().unwrap();
    let pacer = Pacer::new(pacer::Config::default());
    Client::new(goldsky_client::Config::new(endpoint), pacer).unwrap()
}
