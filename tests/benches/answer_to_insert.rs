//! The whole way of a fill through the program: from the bytes of an answer to those of an insert.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use bytes::Bytes;
use clickhouse::Compression;
use clickhouse::insert_formatted::CompressedData;
use clickhouse_sink::benching::OpenBatch;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fill_table::FillRow;
use fills::Filter;
use goldsky_client::{Cursor, Page, PageQuery, benching};
use goldsky_simulator::{Data, Host, Node, Seeded};

/// Rows of a batch, unless the command is told otherwise.
const BATCH_ROWS: usize = 98_304;

/// Rows of what is compressed at once, 1 MiB.
const CHUNK_ROWS: usize = 4_161;

fn node() -> Node {
    let data = Data::Seeded(Seeded {
        markets: 500,
        ..Seeded::default()
    });
    Node::make(&data, Host::default()).unwrap()
}

fn behind(after: Option<Cursor>) -> [PageQuery; 1] {
    [PageQuery {
        filter: Filter::All,
        from: 0,
        after,
        until: u64::from(u32::MAX),
        limit: 1000,
    }]
}

fn ask(node: &Node, queries: &[PageQuery]) -> Vec<u8> {
    node.answer(&benching::request(queries), 0)
}

fn send(batch: &mut OpenBatch, page: Page) -> Vec<Bytes> {
    let rows: Vec<FillRow> = page.fills.into_iter().map(FillRow).collect();
    batch.send(&rows).unwrap()
}

fn answer_to_insert(criterion: &mut Criterion) {
    let queries = behind(None);
    let body = ask(&node(), &queries);
    let mut batch = OpenBatch::of_rows::<FillRow>(BATCH_ROWS);
    let mut group = criterion.benchmark_group("answer to insert");
    group.throughput(Throughput::Elements(queries[0].limit.into()));
    group.bench_function("1 page", |bencher| {
        bencher.iter(|| {
            let mut pages = benching::read(black_box(&body), &queries).unwrap();
            black_box(send(&mut batch, pages.remove(0)));
        });
    });
}

/// What is done to an insert's bytes at once, on a thread of the runtime.
fn compress(criterion: &mut Criterion) {
    let node = node();
    let mut batch = OpenBatch::of_rows::<FillRow>(CHUNK_ROWS);
    let mut after = None;
    let chunk = loop {
        let queries = behind(after);
        let mut pages = benching::read(&ask(&node, &queries), &queries).unwrap();
        after = pages[0].last.clone();
        if let Some(full) = send(&mut batch, pages.remove(0)).pop() {
            break full;
        }
    };
    let mut group = criterion.benchmark_group("insert to wire");
    group.throughput(Throughput::Elements(CHUNK_ROWS as u64));
    group.bench_function("LZ4, 1 MiB", |bencher| {
        bencher.iter(|| CompressedData::new(black_box(&chunk), Compression::Lz4).unwrap());
    });
}

criterion_group!(benches, answer_to_insert, compress);
criterion_main!(benches);
