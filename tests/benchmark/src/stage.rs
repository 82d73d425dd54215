//! One size: its source, and what is measured there.

use std::process::Command;

use tempfile::TempDir;

use crate::Failure;
use crate::arguments::Arguments;
use crate::benchmark::Programs;
use crate::budget;
use crate::ceiling::{Copying, insert_select};
use crate::client;
use crate::database::Database;
use crate::design::Design;
use crate::measurement::{ClientFigures, EngineFigures, Measurement, relate};
use crate::naive::NaiveArguments;
use crate::said::Said;
use crate::source::Source;

/// One size: its source, and what is measured there.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    arguments: &'a Arguments,
    programs: &'a Programs,
    directory: TempDir,
    source: Source,
}

impl<'a> Stage<'a> {
    /// Starts the source.
    ///
    /// # Errors
    /// What keeps it from being ready.
    pub(crate) async fn new(
        arguments: &'a Arguments,
        programs: &'a Programs,
        fills: u64,
    ) -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let source = Source::start(&programs.binaries, directory.path(), arguments, fills);
        Ok(Self {
            source: source.await?,
            arguments,
            programs,
            directory,
        })
    }

    /// Measures each design once.
    pub(crate) async fn round(&self, round: u32) -> Result<Vec<Measurement>, Failure> {
        let mut measurements = Vec::new();
        for &design in &self.arguments.designs {
            let directory = tempfile::tempdir_in(self.directory.path())?;
            let database = Database::start(&self.programs.binaries, directory.path()).await?;
            let load = Load::First(design);
            measurements.push(self.measure(load, round, &database, &directory).await?);
            if design == Design::Ours {
                let fresh = self.measure(Load::Fresh, round, &database, &directory);
                measurements.push(fresh.await?);
                let rows = self.arguments.insert_batch_size;
                for copying in [
                    Copying::AsTheyLie,
                    Copying::InBlocksOf(rows),
                    Copying::ByTimeInBlocksOf(rows),
                ] {
                    measurements.push(self.measure_engine(copying, round, &database).await?);
                }
            }
        }
        relate(
            &mut measurements,
            Design::Ours.name(),
            &Copying::AsTheyLie.name(),
        );
        Ok(measurements)
    }

    async fn measure(
        &self,
        load: Load,
        round: u32,
        database: &Database,
        directory: &TempDir,
    ) -> Result<Measurement, Failure> {
        if matches!(load, Load::First(design) if design != Design::Ours) {
            self.load_catalogue(database, directory).await?;
            database.relieve_table().await?;
            database.settle().await?;
        }
        budget::renewed(self.arguments.requests_per_10s).await;
        let (before, cpu) = (self.source.answered().await?, database.cpu()?);
        let ended = client::run(self.command(load, database, directory)).await?;
        let done = database.cpu()?;
        let answered = self.source.answered().await?.since(before);
        let said = match load {
            Load::First(design) => Said::of(design, &ended.stdout)?,
            Load::Fresh => Said::of_fresh(&ended.stdout)?,
        };
        database.settle().await?;
        let settled = database.cpu()?;
        self.check(said, database).await?;
        let markets = match said.stopped {
            true => said.markets,
            false => Some(database.markets().await?),
        };
        let measurement = Measurement {
            client: Some(ClientFigures {
                markets,
                pages: said.pages,
                requests: answered.requests,
                rate_limited: answered.rate_limited,
                bytes_received: answered.bytes,
                cpu_seconds: ended.cpu_seconds,
                peak_bytes: ended.peak_bytes,
            }),
            fills: said.fills,
            stopped: said.stopped,
            ..self.measurement(
                load.name().to_owned(),
                round,
                ended.seconds,
                EngineFigures::between(cpu, done, settled, database.storage().await?.bytes),
            )
        };
        tell(&measurement);
        Ok(measurement)
    }

    async fn measure_engine(
        &self,
        copying: Copying,
        round: u32,
        database: &Database,
    ) -> Result<Measurement, Failure> {
        let ceiling = insert_select(database, copying, self.source.expected).await?;
        let measurement = self.measurement(copying.name(), round, ceiling.seconds, ceiling.engine);
        tell(&measurement);
        Ok(measurement)
    }

    /// Makes the measurement of a complete load without a client.
    fn measurement(
        &self,
        design: String,
        round: u32,
        seconds: f64,
        engine: EngineFigures,
    ) -> Measurement {
        Measurement {
            source_fills: self.source.expected.fills,
            round,
            design,
            fills: self.source.expected.fills,
            seconds,
            stopped: false,
            client: None,
            engine,
            requests_per_10s: self.arguments.requests_per_10s,
            times_slower: None,
            engine_cpu_ratio: None,
            engine_cpu_ratio_settled: None,
        }
    }

    /// Holds the table against the source, or against what a stopped design says that it loaded.
    async fn check(&self, said: Said, database: &Database) -> Result<(), Failure> {
        let table = database.table.names().data().to_string();
        let held = database.held(&table).await?;
        if held.fills != said.fills {
            return Err(format!("it says {said:?}, and the table holds {held:?}").into());
        }
        match said.stopped {
            true => Ok(()),
            false => held.check(self.source.expected),
        }
    }

    /// Makes the table and the catalogue for a design that does not do so itself, from a source of
    /// the same markets without fills and limits.
    async fn load_catalogue(
        &self,
        database: &Database,
        directory: &TempDir,
    ) -> Result<(), Failure> {
        let unlimited = Arguments {
            latency_ms: 0,
            requests_per_10s: None,
            markets: Some(self.arguments.markets_for(self.source.expected.fills)),
            ..self.arguments.clone()
        };
        let binaries = &self.programs.binaries;
        let source = Source::start(binaries, directory.path(), &unlimited, 0).await?;
        let mut command = binaries.command("ingest", directory.path());
        command.args(["markets", "--output", "json", "--data-dir", "run"]);
        command.args(["--endpoint", source.endpoint()]);
        command.args(["--clickhouse-url", database.url()]);
        client::run(command).await?;
        Ok(())
    }
}

impl Stage<'_> {
    fn command(&self, load: Load, database: &Database, directory: &TempDir) -> Command {
        match load {
            Load::First(Design::Ours) => self.ours(database, directory),
            Load::First(design) => self.naive(design, database),
            Load::Fresh => {
                let mut command = self.ours(database, directory);
                command.args(["--fresh", "--yes"]);
                command
            }
        }
    }

    fn ours(&self, database: &Database, directory: &TempDir) -> Command {
        let mut command = self.programs.binaries.command("ingest", directory.path());
        let batch = self.arguments.insert_batch_size.to_string();
        command.args(["--output", "json", "--data-dir", "run"]);
        command.args(["--strategy", self.arguments.strategy.name()]);
        command.args(["--insert-batch-size", &batch]);
        command.args(["--endpoint", self.source.endpoint()]);
        command.args(["--clickhouse-url", database.url()]);
        command.args(&self.arguments.ingest_flags);
        command
    }

    fn naive(&self, design: Design, database: &Database) -> Command {
        let arguments = NaiveArguments {
            design,
            endpoint: self.source.endpoint().to_owned(),
            clickhouse_url: database.url().to_owned(),
            requests_per_10s: self.arguments.requests_per_10s,
            most_fills: self.arguments.naive_fills,
            most_seconds: self.arguments.seconds,
        };
        arguments.command(&self.programs.benchmark)
    }
}

/// What is loaded, and by whom.
#[derive(Debug, Clone, Copy)]
enum Load {
    /// All fills into an empty table.
    First(Design),
    /// By our own, what is loaded already: nothing may be inserted again.
    Fresh,
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Self::First(design) => design.name(),
            Self::Fresh => "ours, `--fresh`",
        }
    }
}

/// Tells whoever waits that one more is done.
fn tell(measurement: &Measurement) {
    eprintln!(
        "{} fills, round {}: {} took {:.2} s",
        measurement.source_fills, measurement.round, measurement.design, measurement.seconds
    );
}
