//! From the bytes of an answer to fills.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use chain_client::{EXCHANGES, Log, decode};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

/// Logs of an answer: about what providers give at a time.
const LOGS: u64 = 10_000;

/// Makes an answer of V2 fills, as a node with block times serves them: about 1 kB each.
fn answer() -> String {
    let recorded = include_str!("../tests/data/v2_logs.jsonl")
        .lines()
        .next()
        .unwrap();
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let logs = (0..LOGS).map(|number| {
        let mut log = recorded["log"].clone();
        log["blockNumber"] = json!(format!("{:#x}", 90_000_000 + number / 100));
        log["transactionHash"] = json!(format!("{:#066x}", number / 4));
        log["logIndex"] = json!(format!("{number:#x}"));
        log
    });
    Value::Array(logs.collect()).to_string()
}

fn answer_to_fills(criterion: &mut Criterion) {
    let answer = answer();
    let mut group = criterion.benchmark_group("answer to fills");
    group.throughput(Throughput::Elements(LOGS));
    group.bench_function("10,000 logs", |bencher| {
        bencher.iter(|| {
            let logs: Vec<Log> = serde_json::from_str(black_box(&answer)).unwrap();
            black_box(decode(&logs, EXCHANGES))
        });
    });
    group.finish();
}

criterion_group!(benches, answer_to_fills);
criterion_main!(benches);
