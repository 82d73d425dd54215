//! What one request costs in the pacer.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use pacer::{Config, Outcome, Pacer, State, Turn};

const ANSWERED: Outcome = Outcome::Answered {
    latency: Duration::from_millis(200),
    work: 1,
};

fn front(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let pacer = Pacer::new(Config::default());
    criterion.bench_function("acquire and report, uncontended", |bencher| {
        bencher.iter(|| runtime.block_on(async { pacer.acquire().await.report(ANSWERED) }));
    });
}

fn state(criterion: &mut Criterion) {
    let mut state = State::new(Config::default());
    let mut now = Instant::now();
    criterion.bench_function("turn and answered, no budget yet", |bencher| {
        bencher.iter(|| {
            now += Duration::from_millis(10);
            if let Turn::Go(ticket) = state.turn(now) {
                state.report(ticket, ANSWERED, now);
            }
        });
    });
}

criterion_group!(benches, front, state);
criterion_main!(benches);
