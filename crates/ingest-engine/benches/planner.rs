//! What the planner takes of the task that owns it, by how many segments are leased.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use fills::Span;
use ingest_engine::{Cuts, Lease, Planner};

/// Rows in a second.
const RATE: f64 = 10.0;

/// A planner with so many leased segments, each of which has shown a page.
fn planner(segments: usize) -> (Planner, Vec<Lease>) {
    let mut planner = Planner::new(Cuts::default(), 1000, [(0, Span::new(0, 10_000_000_000))]);
    let mut leases = Vec::with_capacity(segments);
    while leases.len() < segments {
        let lease = planner.take().unwrap();
        planner.advance(lease.id, lease.span.from, lease.span.from, Some(RATE));
        leases.push(lease);
    }
    (planner, leases)
}

/// What each page does: the end is looked up, and the place noted.
fn pages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("planner, one page");
    for segments in [128, 1000, 2000] {
        let (mut planner, leases) = planner(segments);
        let mut turn = leases.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.iter(|| {
                if let Some(lease) = turn.next() {
                    let at = lease.span.from;
                    planner.advance(black_box(lease.id), at, at, Some(RATE));
                    black_box(planner.end(lease.id));
                }
            });
        });
    }
}

/// What a worker costs that finds nothing to do: all segments are looked at, none is long enough.
fn idle_workers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("planner, nothing to take");
    for segments in [128, 1000, 2000] {
        let (mut planner, leases) = planner(segments);
        for lease in &leases {
            let end = planner.end(lease.id);
            planner.advance(lease.id, end, end, Some(RATE));
        }
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.iter(|| assert_eq!(planner.take(), None));
        });
    }
}

/// What each segment costs: one ends and another is cut.
fn segments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("planner, one segment");
    for segments in [128, 1000, 2000] {
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.iter_batched_ref(
                || planner(segments),
                |(planner, leases)| {
                    planner.complete(leases[segments / 2].id);
                    planner.take()
                },
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(benches, pages, idle_workers, segments);
criterion_main!(benches);
