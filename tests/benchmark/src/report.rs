use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::Failure;
use crate::arguments::Format;
use crate::column::COLUMNS;
use crate::measurement::Measurement;
use crate::median::median;

/// All measurements, in order of their taking.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The measurements.
    pub runs: Vec<Measurement>,
}

/// What all rounds have measured of one design at one size.
#[derive(Debug)]
struct Line<'a> {
    source_fills: u64,
    design: &'a str,
    runs: Vec<&'a Measurement>,
}

impl Report {
    /// Writes the table of medians, or everything as an object.
    ///
    /// # Errors
    /// A figure that JSON has no form for.
    pub fn print(&self, format: Format) -> Result<String, Failure> {
        Ok(match format {
            Format::Markdown => self.markdown(),
            Format::Json => serde_json::to_string_pretty(&self.json()?)? + "\n",
        })
    }

    fn markdown(&self) -> String {
        let titles = COLUMNS.map(|column| column.title).join(" | ");
        let mut table = format!("| source | design | {titles} |\n|---|---|");
        table.push_str(&"---|".repeat(COLUMNS.len()));
        table.push('\n');
        for line in self.lines() {
            let name = match line.stopped_after() {
                Some(seconds) => format!("{} (stopped after {seconds:.0} s)", line.design),
                None => line.design.to_owned(),
            };
            let _ = write!(
                table,
                "| {} | {name} |",
                grouped(line.source_fills as f64, 0)
            );
            for column in &COLUMNS {
                let figure = line.median(column.of);
                let shown = figure.map_or_else(|| "–".to_owned(), |f| grouped(f, column.decimals));
                let _ = write!(table, " {shown} |");
            }
            table.push('\n');
        }
        table
    }

    fn json(&self) -> Result<Value, Failure> {
        let medians: Vec<Value> = self.lines().iter().map(Line::json).collect();
        Ok(json!({ "medians": medians, "runs": serde_json::to_value(&self.runs)? }))
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for run in &self.runs {
            let same = |line: &&mut Line<'_>| {
                (line.source_fills, line.design) == (run.source_fills, run.design.as_str())
            };
            match lines.iter_mut().find(same) {
                Some(line) => line.runs.push(run),
                None => lines.push(Line {
                    source_fills: run.source_fills,
                    design: &run.design,
                    runs: vec![run],
                }),
            }
        }
        lines
    }
}

impl Line<'_> {
    fn median(&self, of: fn(&Measurement) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(|run| of(run)))
    }

    /// Returns when its runs were stopped, if any was.
    fn stopped_after(&self) -> Option<f64> {
        let stopped = self.runs.iter().filter(|run| run.stopped);
        median(stopped.map(|run| run.seconds))
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("source_fills".to_owned(), json!(self.source_fills));
        object.insert("design".to_owned(), json!(self.design));
        object.insert("runs".to_owned(), json!(self.runs.len()));
        object.insert(
            "stopped_after_seconds".to_owned(),
            json!(self.stopped_after()),
        );
        for column in &COLUMNS {
            object.insert(column.key.to_owned(), json!(self.median(column.of)));
        }
        Value::Object(object)
    }
}

/// Writes a number with commas between its thousands.
fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::tests::example;

    fn report() -> Report {
        let mut stopped = example("sequential", 500_000, 30.0);
        stopped.stopped = true;
        Report {
            runs: vec![
                example("ours", 2_000_000, 4.0),
                stopped,
                example("ours", 2_000_000, 5.0),
                example("ours", 2_000_000, 40.0),
            ],
        }
    }

    #[test]
    fn a_line_has_the_medians_of_its_design() {
        let table = report().print(Format::Markdown).unwrap();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[2].starts_with("| 2,000,000 | ours | 2,000,000 | 5.00 | 400,000 | – |"));
        assert!(lines[3].starts_with("| 2,000,000 | sequential (stopped after 30 s) | 500,000 |"));
        let cells = lines.iter().map(|line| line.matches('|').count());
        assert!(cells.clone().all(|count| count == COLUMNS.len() + 3));
    }

    #[test]
    fn the_object_has_every_run_and_the_same_medians() {
        let object = report().print(Format::Json).unwrap();
        let object: Value = serde_json::from_str(&object).unwrap();
        assert_eq!(object["runs"].as_array().unwrap().len(), 4);
        assert_eq!(object["medians"][0]["seconds"], 5.0);
        assert_eq!(object["medians"][0]["runs"], 3);
        assert_eq!(object["medians"][0]["stopped_after_seconds"], Value::Null);
        assert_eq!(object["medians"][1]["stopped_after_seconds"], 30.0);
    }

    #[test]
    fn keys_are_unique() {
        let keys: std::collections::BTreeSet<_> = COLUMNS.iter().map(|c| c.key).collect();
        assert_eq!(keys.len(), COLUMNS.len());
    }

    #[test]
    fn thousands_are_grouped() {
        let check =
            |number, decimals, expected: &str| assert_eq!(grouped(number, decimals), expected);
        check(0.0, 0, "0");
        check(999.5, 1, "999.5");
        check(1_000.0, 0, "1,000");
        check(12_345_678.25, 2, "12,345,678.25");
    }
}
