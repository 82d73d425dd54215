//! The whole way of a fill through the program: from the bytes of an answer to those of an insert.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use clickhouse_sink::benching::OpenBatch;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fill_table::FillRow;
use fills::{Filter, PageQuery};
use goldsky_client::benching;
use goldsky_simulator::{Data, Host, Node, Seeded};

/// Rows of a batch, unless the command is told otherwise.
const BATCH_ROWS: usize = 65_536;

fn answer_to_insert(criterion: &mut Criterion) {
    let data = Data::Seeded(Seeded {
        markets: 500,
        ..Seeded::default()
    });
    let node = Node::make(&data, Host::default()).unwrap();
    let query = PageQuery {
        filter: Filter::All,
        from: 0,
        after: None,
        until: u64::from(u32::MAX),
        limit: 1000,
    };
    let queries = [query];
    let body = node.answer(&benching::request(&queries), 0);
    let mut batch = OpenBatch::of_rows(BATCH_ROWS);
    let mut group = criterion.benchmark_group("answer to insert");
    group.throughput(Throughput::Elements(queries[0].limit.into()));
    group.bench_function("1 page", |bencher| {
        bencher.iter(|| {
            let pages = benching::read(black_box(&body), &queries).unwrap();
            for page in pages {
                let rows: Vec<FillRow> = page.fills.into_iter().map(FillRow).collect();
                black_box(batch.send(&rows).unwrap());
            }
        });
    });
}

criterion_group!(benches, answer_to_insert);
criterion_main!(benches);
