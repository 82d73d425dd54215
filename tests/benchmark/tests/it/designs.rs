use benchmark::{Arguments, Format, Measurement, Programs, Report};
use clap::Parser;
use processes::Binaries;
use serde_json::Value;

async fn report(flags: &str) -> Report {
    let programs = Programs {
        binaries: Binaries::build().unwrap(),
        benchmark: env!("CARGO_BIN_EXE_benchmark").into(),
    };
    let arguments = Arguments::parse_from(format!("benchmark {flags}").split(' '));
    benchmark::benchmark(&arguments, &programs).await.unwrap()
}

fn names(runs: &[Measurement]) -> Vec<&str> {
    runs.iter().map(|run| run.design.as_str()).collect()
}

/// What a complete load of 20,000 fills has to say of itself, whatever its design. The rows
/// themselves were held against the source, or there would be no report.
fn assert_complete(line: &Value) {
    let design = &line["design"];
    assert_eq!(line["fills"], 20_000.0, "{line}");
    assert_eq!(line["stopped_after_seconds"], Value::Null, "{line}");
    let inapplicable: &[&str] = match design.as_str().unwrap().starts_with("INSERT") {
        true => &[
            "times_slower",
            "markets_per_second",
            "fills_per_page",
            "pages_full_percent",
            "pages",
            "requests",
            "rate_limited",
            "client_cpu_seconds_per_million",
            "client_peak_mib",
            "wire_bytes_per_fill",
            "source_limit_percent",
        ],
        // The source has none.
        false => &["source_limit_percent"],
    };
    for (key, value) in line.as_object().unwrap() {
        if key == "stopped_after_seconds" {
            continue;
        }
        // Nothing is refused here, and there may be nothing to merge.
        let may_be_zero = ["rate_limited", "merging_seconds_per_million"].contains(&key.as_str());
        let is_filled = value == design
            || value
                .as_f64()
                .is_some_and(|figure| figure > 0.0 || may_be_zero);
        assert_eq!(
            is_filled,
            !inapplicable.contains(&key.as_str()),
            "{key}: {line}"
        );
    }
}

#[tokio::test]
async fn every_design_loads_every_fill_and_every_column_is_filled() {
    let report = report("--fills 20000 --markets 60 --insert-batch-size 4000").await;
    assert_eq!(
        names(&report.runs),
        [
            "ours",
            "ours, `--fresh`",
            "INSERT … SELECT",
            "INSERT … SELECT, blocks of 4000",
            "INSERT … SELECT by time, blocks of 4000",
            "per-market",
            "per-market-batched",
            "sequential"
        ]
    );
    let object: Value = serde_json::from_str(&report.print(Format::Json).unwrap()).unwrap();
    for line in object["medians"].as_array().unwrap() {
        assert_complete(line);
    }
    let markdown = report.print(Format::Markdown).unwrap();
    assert_eq!(markdown.lines().count(), 10, "{markdown}");

    let pages = |design: &str| {
        let run = report.runs.iter().find(|run| run.design == design).unwrap();
        run.client.as_ref().unwrap().pages
    };
    // Twenty full pages, and the one that says that there are no more.
    assert_eq!(pages("sequential"), 21);
    assert_eq!(pages("per-market"), pages("per-market-batched"));
    assert!(pages("per-market") >= 2 * 60);
}

#[tokio::test]
async fn a_design_that_is_stopped_says_so_and_is_not_held_against_the_source() {
    // More markets than workers, or all would have begun before any had ended.
    let flags = "--fills 20000 --markets 400 --design sequential,per-market --naive-fills 3000";
    let report = report(flags).await;
    let [sequential, per_market] = &report.runs[..] else {
        panic!("{report:?}");
    };
    assert!(sequential.stopped && per_market.stopped);
    assert_eq!(sequential.fills, 3_000);
    assert_eq!(sequential.client.as_ref().unwrap().markets, None);
    let loaded = per_market.client.as_ref().unwrap().markets.unwrap();
    assert!((1..400).contains(&loaded), "{loaded} markets");
    assert!((3_000..20_000).contains(&per_market.fills));
    let markdown = report.print(Format::Markdown).unwrap();
    assert_eq!(markdown.matches("(stopped after ").count(), 2);
}

#[tokio::test]
async fn a_flag_that_ingest_does_not_know_ends_the_benchmark() {
    let programs = Programs {
        binaries: Binaries::build().unwrap(),
        benchmark: env!("CARGO_BIN_EXE_benchmark").into(),
    };
    let flags = "benchmark --fills 100 --design ours -- --no-such-flag";
    let arguments = Arguments::parse_from(flags.split(' '));
    let error = benchmark::benchmark(&arguments, &programs)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("--no-such-flag"), "{error}");
}
