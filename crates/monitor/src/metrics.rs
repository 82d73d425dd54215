//! A status in the text format that Prometheus reads.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::status::{State, Status};

/// How a metric's value is read off a status.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// What only grows; its name gets `_total` behind it.
    Counter(fn(&Status) -> u64),
    /// Seconds that only grow.
    SecondsCounter(fn(&Status) -> f64),
    /// What goes up and down; nothing while it is not known.
    Gauge(fn(&Status) -> Option<f64>),
}

/// A metric: its name and unit, and the question that it answers.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name without prefix, unit and `_total`.
    name: &'static str,
    /// Its unit, which its name ends with; empty for plain counts.
    unit: &'static str,
    /// What it tells.
    pub help: &'static str,
    value: Value,
}

/// What all names begin with.
const PREFIX: &str = "clob_backfill";

impl Metric {
    /// Returns the name as it is scraped.
    pub fn scraped(&self) -> String {
        let total = match self.value {
            Value::Counter(_) | Value::SecondsCounter(_) => "_total",
            Value::Gauge(_) => "",
        };
        match self.unit {
            "" => format!("{PREFIX}_{}{total}", self.name),
            unit => format!("{PREFIX}_{}_{unit}{total}", self.name),
        }
    }

    /// Returns what kind it is, as Prometheus calls it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Counter(_) | Value::SecondsCounter(_) => "counter",
            Value::Gauge(_) => "gauge",
        }
    }
}

const fn counter(name: &'static str, help: &'static str, value: fn(&Status) -> u64) -> Metric {
    Metric {
        name,
        unit: "",
        help,
        value: Value::Counter(value),
    }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Status) -> Option<f64>,
) -> Metric {
    Metric {
        name,
        unit,
        help,
        value: Value::Gauge(value),
    }
}

/// Every metric, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    counter(
        "fills_inserted",
        "Fills that this run sent and that are durable",
        |status| status.reading.fills_inserted,
    ),
    counter(
        "fills_found",
        "Fills that the table held already",
        |status| status.reading.fills_found,
    ),
    counter(
        "markets_met",
        "Markets whose fills were sent, about: half of the tokens that were met",
        |status| status.reading.markets_met,
    ),
    gauge(
        "fills_done",
        "",
        "Fills of the whole job in the table",
        |status| Some(status.fills_done as f64),
    ),
    gauge(
        "fills_expected",
        "",
        "Fills that the whole job is expected to have",
        |status| status.reading.fills_expected.map(|fills| fills as f64),
    ),
    gauge(
        "share_done",
        "ratio",
        "Share of the job that is done",
        |status| Some(status.share_done),
    ),
    gauge(
        "time_left",
        "seconds",
        "Time until the end at the present pace",
        |status| status.seconds_left,
    ),
    gauge(
        "run_time",
        "seconds",
        "Time since the run began",
        |status| Some(status.seconds),
    ),
    counter(
        "requests",
        "Requests sent to the source, each retry counting again",
        |status| status.reading.requests,
    ),
    counter(
        "pages",
        "Pages of fills that the source answered",
        |status| status.reading.pages,
    ),
    counter(
        "request_retries",
        "Requests that failed and were sent again",
        |status| status.reading.retries,
    ),
    counter(
        "requests_rate_limited",
        "Requests that the source refused for their rate",
        |status| status.reading.rate_limited,
    ),
    Metric {
        name: "received",
        unit: "bytes",
        help: "Bytes of the source's answers, decompressed",
        value: Value::Counter(|status| status.reading.bytes_received),
    },
    gauge(
        "requests_in_flight",
        "",
        "Requests on their way to the source",
        |status| Some(status.reading.requests_in_flight as f64),
    ),
    gauge(
        "concurrency_limit",
        "",
        "Most requests at once now, as learned",
        |status| Some(status.reading.concurrency as f64),
    ),
    gauge(
        "rate_limit_requests_per_10s",
        "",
        "Most requests in ten seconds now, learned or set",
        |status| status.reading.requests_per_10s.map(|limit| limit as f64),
    ),
    gauge(
        "request_latency",
        "seconds",
        "Mean latency of the last answers",
        |status| status.reading.latency_ms.map(|ms| ms / 1000.0),
    ),
    gauge(
        "since_answer",
        "seconds",
        "Time since the source answered last",
        |status| Some(status.seconds_since_answer),
    ),
    gauge(
        "pause",
        "seconds",
        "How long all requests pause still; 0 outside of a pause",
        |status| Some(status.reading.paused_seconds.unwrap_or_default()),
    ),
    gauge(
        "rows_in_hand",
        "",
        "Rows fetched and not yet durable",
        |status| Some(status.reading.rows_in_hand as f64),
    ),
    gauge(
        "rows_waiting",
        "",
        "Rows that wait for an insert",
        |status| Some(status.reading.rows_waiting as f64),
    ),
    counter(
        "inserts",
        "Inserts that ClickHouse acknowledged",
        |status| status.reading.inserts,
    ),
    counter(
        "insert_retries",
        "Attempts at inserts that were made again",
        |status| status.reading.insert_retries,
    ),
    Metric {
        name: "insert_time",
        unit: "seconds",
        help: "Time that acknowledged inserts took, added up over parallel ones",
        value: Value::SecondsCounter(|status| status.reading.insert_seconds),
    },
    counter(
        "dead_letters",
        "Events and rows that could not become fills",
        |status| status.reading.dead_letters,
    ),
    gauge(
        "failed_units",
        "",
        "Parts of the range that were given up",
        |status| Some(status.reading.failed_units as f64),
    ),
    counter("checkpoints", "Checkpoints written", |status| {
        status.reading.checkpoints
    }),
    gauge(
        "checkpoint_age",
        "seconds",
        "Time since the last checkpoint",
        |status| status.reading.checkpoint_age_seconds,
    ),
    gauge("table", "bytes", "Bytes of the table on disk", |status| {
        status.reading.disk_bytes.map(|bytes| bytes as f64)
    }),
    gauge(
        "disk_free",
        "bytes",
        "Bytes that may still be written to the table's disks",
        |status| status.reading.disk_free_bytes.map(|bytes| bytes as f64),
    ),
    gauge("warnings", "", "Warnings that are up", |status| {
        Some(status.warnings.len() as f64)
    }),
    gauge(
        "is_stalled",
        "",
        "1 while requests are on their way and none is answered, else 0",
        |status| Some(f64::from(u8::from(status.state == State::Stalled))),
    ),
];

/// Writes the table of `docs/METRICS.md`.
pub fn reference() -> String {
    let head = "| name | kind | unit | what it tells |\n|---|---|---|---|\n";
    let rows = METRICS.iter().map(|metric| {
        let unit = match metric.unit {
            "" => "count",
            unit => unit,
        };
        format!(
            "| `{}` | {} | {unit} | {} |\n",
            metric.scraped(),
            metric.kind(),
            metric.help
        )
    });
    head.to_owned() + &rows.collect::<String>()
}

/// Writes a status for Prometheus, in the text format of OpenMetrics 1.0.
pub fn metrics(status: &Arc<Status>) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(OfStatus(Arc::clone(status))));
    let mut text = String::new();
    // Writing to a text does not fail; if it did, less would be there to scrape.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

/// A status as the metrics that it holds.
#[derive(Debug)]
struct OfStatus(Arc<Status>);

impl Collector for OfStatus {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in METRICS {
            let unit = match metric.unit {
                "" => None,
                unit => Some(Unit::Other(unit.to_owned())),
            };
            let mut write = |value: &dyn Encoded| {
                let kind = value.kind();
                let descriptor =
                    encoder.encode_descriptor(metric.name, metric.help, unit.as_ref(), kind)?;
                value.write(descriptor)
            };
            match metric.value {
                Value::Counter(value) => write(&ConstCounter::new(value(&self.0)))?,
                Value::SecondsCounter(value) => write(&ConstCounter::new(value(&self.0)))?,
                Value::Gauge(value) => {
                    if let Some(value) = value(&self.0) {
                        write(&ConstGauge::new(value))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Any metric that can be written.
trait Encoded {
    fn kind(&self) -> prometheus_client::metrics::MetricType;
    fn write(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result;
}

impl<M: EncodeMetric> Encoded for M {
    fn kind(&self) -> prometheus_client::metrics::MetricType {
        self.metric_type()
    }

    fn write(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result {
        self.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;

    #[test]
    fn every_metric_is_written_under_its_name_with_its_help_and_value() {
        let reading = Reading {
            fills_inserted: 1234,
            fills_expected: Some(5000),
            requests_per_10s: Some(50),
            latency_ms: Some(205.0),
            checkpoint_age_seconds: Some(1.0),
            disk_bytes: Some(1),
            disk_free_bytes: Some(2),
            insert_seconds: 3.25,
            ..Reading::default()
        };
        let status = Status {
            seconds_left: Some(12.5),
            reading,
            ..Status::default()
        };
        let text = metrics(&Arc::new(status));
        for metric in METRICS {
            let name = metric.scraped();
            let family = name.strip_suffix("_total").unwrap_or(&name);
            assert!(
                text.contains(&format!("# TYPE {family} {}\n", metric.kind())),
                "{family}"
            );
            assert!(
                text.contains(&format!("# HELP {family} {}\n", metric.help)),
                "{family} in {text}"
            );
            assert!(
                text.lines()
                    .any(|line| line.starts_with(&format!("{name} "))),
                "{name}"
            );
        }
        for line in [
            "clob_backfill_fills_inserted_total 1234",
            "clob_backfill_time_left_seconds 12.5",
            "clob_backfill_request_latency_seconds 0.205",
            "clob_backfill_insert_time_seconds_total 3.25",
            "clob_backfill_is_stalled 0.0",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_not_known_is_not_written() {
        let text = metrics(&Arc::new(Status::default()));
        assert!(!text.contains("time_left"), "{text}");
        assert!(text.contains("clob_backfill_fills_inserted_total 0"));
    }

    #[test]
    fn names_are_as_prometheus_wants_them() {
        for metric in METRICS {
            let name = metric.scraped();
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(is_plain), "{name}");
        }
    }
}
