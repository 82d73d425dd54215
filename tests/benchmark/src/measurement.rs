use serde::Serialize;

use crate::budget::{FILLS_PER_PAGE, granted_fills_per_second};
use crate::database::Cpu;

/// What was measured of one design in one round, or of the engine by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Fills that the source has.
    pub source_fills: u64,
    /// Which round, from 1.
    pub round: u32,
    /// Whose it is.
    pub design: String,
    /// Rows that came into the table.
    pub fills: u64,
    /// From the start of the client's process to its end.
    pub seconds: f64,
    /// Whether it was stopped before everything was loaded.
    pub stopped: bool,
    /// What the client used; nothing for the engine by itself.
    pub client: Option<ClientFigures>,
    /// What the engine used.
    pub engine: EngineFigures,
    /// Requests that the source allows in ten seconds.
    pub requests_per_10s: Option<u32>,
    /// Fills a second of `ours` in the same round, by those of this one.
    pub times_slower: Option<f64>,
    /// Processor time of the engine for a row, by that of the engine's own `INSERT … SELECT` in the
    /// same round, merges that follow left out.
    pub engine_cpu_ratio: Option<f64>,
    /// The same with the merges that follow.
    pub engine_cpu_ratio_settled: Option<f64>,
}

/// What a client did and used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientFigures {
    /// Markets that are loaded as a whole; nothing where a design that is stopped cannot say.
    pub markets: Option<u64>,
    /// Pages of fills that were answered.
    pub pages: u64,
    /// HTTP requests, as the source counts them.
    pub requests: u64,
    /// Requests that the source refused for their rate.
    pub rate_limited: u64,
    /// Bytes of answers, as the source sent them, headers left out.
    pub bytes_received: u64,
    /// Processor time, user and system.
    pub cpu_seconds: f64,
    /// Most memory held at once.
    pub peak_bytes: u64,
}

/// What the engine's process used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EngineFigures {
    /// Processor time while the client ran, merges at that time included.
    pub cpu_seconds: f64,
    /// The same and that of the merges that followed.
    pub cpu_seconds_settled: f64,
    /// That of all merges alone, those that followed included; nothing where it is not known.
    pub merging_seconds: Option<f64>,
    /// Bytes on disk once the merges were over.
    pub bytes_on_disk: u64,
}

impl EngineFigures {
    /// Takes the difference of three looks at the engine: before, at the client's end, and once the
    /// merges were over.
    pub(crate) fn between(before: Cpu, done: Cpu, settled: Cpu, bytes_on_disk: u64) -> Self {
        Self {
            cpu_seconds: done.seconds - before.seconds,
            cpu_seconds_settled: settled.seconds - before.seconds,
            // An engine has threads that merge from its first table on.
            merging_seconds: settled
                .merging_seconds
                .map(|settled| settled - before.merging_seconds.unwrap_or(0.0)),
            bytes_on_disk,
        }
    }
}

impl Measurement {
    pub(crate) fn fills_per_second(&self) -> f64 {
        self.fills as f64 / self.seconds
    }

    pub(crate) fn markets_per_second(&self) -> Option<f64> {
        Some(self.client.as_ref()?.markets? as f64 / self.seconds)
    }

    pub(crate) fn fills_per_page(&self) -> Option<f64> {
        Some(self.fills as f64 / self.client.as_ref()?.pages as f64)
    }

    /// Returns how full the average page is, in percent.
    pub(crate) fn pages_full_percent(&self) -> Option<f64> {
        Some(self.fills_per_page()? / FILLS_PER_PAGE as f64 * 100.0)
    }

    /// Returns how much it loaded of what the source's limit grants, in percent, if each request
    /// brought as many pages as it did on average and every page were full.
    pub(crate) fn source_limit_percent(&self) -> Option<f64> {
        let client = self.client.as_ref()?;
        // A request for something else than pages is not a smaller page.
        let pages_per_request = (client.pages as f64 / client.requests as f64).max(1.0);
        let granted = granted_fills_per_second(self.requests_per_10s?, pages_per_request);
        Some(self.fills_per_second() / granted * 100.0)
    }

    pub(crate) fn client_cpu_seconds_per_million(&self) -> Option<f64> {
        Some(self.per_million(self.client.as_ref()?.cpu_seconds))
    }

    pub(crate) fn engine_cpu_seconds_per_million(&self) -> f64 {
        self.per_million(self.engine.cpu_seconds)
    }

    pub(crate) fn engine_cpu_seconds_settled_per_million(&self) -> f64 {
        self.per_million(self.engine.cpu_seconds_settled)
    }

    pub(crate) fn merging_seconds_per_million(&self) -> Option<f64> {
        Some(self.per_million(self.engine.merging_seconds?))
    }

    pub(crate) fn wire_bytes_per_fill(&self) -> Option<f64> {
        Some(self.client.as_ref()?.bytes_received as f64 / self.fills as f64)
    }

    pub(crate) fn disk_bytes_per_fill(&self) -> f64 {
        self.engine.bytes_on_disk as f64 / self.fills as f64
    }

    fn per_million(&self, amount: f64) -> f64 {
        amount / (self.fills as f64 / 1e6)
    }
}

/// Relates the measurements of one round to each other.
pub(crate) fn relate(round: &mut [Measurement], ours: &str, by_itself: &str) {
    let find = |name: &str| round.iter().find(|found| found.design == name).cloned();
    let (ours, by_itself) = (find(ours), find(by_itself));
    for measurement in round {
        let clients = ours.as_ref().filter(|_| measurement.client.is_some());
        measurement.times_slower =
            clients.map(|ours| ours.fills_per_second() / measurement.fills_per_second());
        let ratio = |of: fn(&Measurement) -> f64| {
            by_itself.as_ref().map(|least| of(measurement) / of(least))
        };
        let ratios = (
            ratio(Measurement::engine_cpu_seconds_per_million),
            ratio(Measurement::engine_cpu_seconds_settled_per_million),
        );
        (
            measurement.engine_cpu_ratio,
            measurement.engine_cpu_ratio_settled,
        ) = ratios;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example(design: &str, fills: u64, seconds: f64) -> Measurement {
        Measurement {
            source_fills: 2_000_000,
            round: 1,
            design: design.to_owned(),
            fills,
            seconds,
            stopped: false,
            client: Some(ClientFigures {
                markets: Some(100),
                pages: fills / 500,
                requests: fills / 1_000,
                rate_limited: 0,
                bytes_received: fills * 600,
                cpu_seconds: 4.0,
                peak_bytes: 1 << 20,
            }),
            engine: EngineFigures {
                cpu_seconds: 3.0,
                cpu_seconds_settled: 6.0,
                merging_seconds: Some(4.0),
                bytes_on_disk: fills * 90,
            },
            requests_per_10s: Some(50),
            times_slower: None,
            engine_cpu_ratio: None,
            engine_cpu_ratio_settled: None,
        }
    }

    #[test]
    fn figures_are_for_the_fills_that_were_loaded() {
        let example = example("ours", 2_000_000, 400.0);
        assert_eq!(example.fills_per_second(), 5_000.0);
        assert_eq!(example.markets_per_second(), Some(0.25));
        assert_eq!(example.fills_per_page(), Some(500.0));
        assert_eq!(example.pages_full_percent(), Some(50.0));
        assert_eq!(example.client_cpu_seconds_per_million(), Some(2.0));
        assert_eq!(example.engine_cpu_seconds_per_million(), 1.5);
        assert_eq!(example.merging_seconds_per_million(), Some(2.0));
        assert_eq!(example.wire_bytes_per_fill(), Some(600.0));
        assert_eq!(example.disk_bytes_per_fill(), 90.0);
        // Five requests a second of two pages each.
        assert_eq!(example.source_limit_percent(), Some(50.0));
    }

    #[test]
    fn a_round_is_related_to_ours_and_to_the_engine_by_itself() {
        let mut least = example("INSERT", 2_000_000, 4.0);
        least.client = None;
        least.engine.cpu_seconds = 2.0;
        let mut round = [
            example("ours", 2_000_000, 8.0),
            example("naive", 1_000_000, 40.0),
            least,
        ];
        relate(&mut round, "ours", "INSERT");
        let slower = round.each_ref().map(|found| found.times_slower);
        assert_eq!(slower, [Some(1.0), Some(10.0), None]);
        let ratios = round.each_ref().map(|found| found.engine_cpu_ratio);
        assert_eq!(ratios, [Some(1.5), Some(3.0), Some(1.0)]);
        assert_eq!(round[0].engine_cpu_ratio_settled, Some(1.0));
    }

    #[test]
    fn without_ours_nothing_is_related() {
        let mut round = [example("naive", 1_000_000, 40.0)];
        relate(&mut round, "ours", "INSERT");
        assert_eq!(
            (round[0].times_slower, round[0].engine_cpu_ratio),
            (None, None)
        );
    }
}
