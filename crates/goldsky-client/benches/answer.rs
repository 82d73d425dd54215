//! From the bytes of an answer to fills, and from packed bytes to bytes.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;
use std::io::{Read as _, Write as _};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fills::Filter;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use goldsky_client::{Cursor, Page, PageQuery, benching};
use goldsky_simulator::{Data, Host, Node, Seeded};

/// A request and what it was answered with.
struct Answered {
    queries: Vec<PageQuery>,
    body: Vec<u8>,
    fills: usize,
}

impl Answered {
    /// Asks for so many pages that follow each other with one request.
    fn of(node: &Node, pages: usize) -> Self {
        let mut queries = vec![behind(None)];
        while queries.len() < pages {
            let last = ask(node, &queries[queries.len() - 1..]).1.remove(0).last;
            queries.push(behind(last));
        }
        let (body, pages) = ask(node, &queries);
        Self {
            fills: pages.iter().map(|page| page.fills.len()).sum(),
            queries,
            body,
        }
    }
}

fn ask(node: &Node, queries: &[PageQuery]) -> (Vec<u8>, Vec<Page>) {
    let body = node.answer(&benching::request(queries), 0);
    let pages = benching::read(&body, queries).unwrap();
    (body, pages)
}

fn behind(after: Option<Cursor>) -> PageQuery {
    PageQuery {
        filter: Filter::All,
        from: 0,
        after,
        until: u64::from(u32::MAX),
        limit: 1000,
    }
}

fn node() -> Node {
    let data = Data::Seeded(Seeded {
        markets: 500,
        fills: 12_000,
        ..Seeded::default()
    });
    Node::make(&data, Host::default()).unwrap()
}

fn answers(criterion: &mut Criterion) {
    let node = node();
    let mut group = criterion.benchmark_group("answer to fills");
    for pages in [1, 10] {
        let answered = Answered::of(&node, pages);
        group.throughput(Throughput::Elements(answered.fills as u64));
        group.bench_function(format!("{pages} pages"), |bencher| {
            bencher.iter(|| benching::read(black_box(&answered.body), &answered.queries).unwrap());
        });
    }
}

fn packed_answers(criterion: &mut Criterion) {
    let answered = Answered::of(&node(), 1);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&answered.body).unwrap();
    let packed = encoder.finish().unwrap();
    let mut group = criterion.benchmark_group("gzip to answer");
    group.throughput(Throughput::Elements(answered.fills as u64));
    group.bench_function("1 page", |bencher| {
        bencher.iter(|| {
            let mut body = Vec::with_capacity(answered.body.len());
            GzDecoder::new(black_box(&packed[..]))
                .read_to_end(&mut body)
                .unwrap();
            body
        });
    });
}

criterion_group!(benches, answers, packed_answers);
criterion_main!(benches);
