//! From an event as text to a fill.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fills::OrderFilled;

fn convert(criterion: &mut Criterion) {
    let tx = "0x0012214aa998f1c9b2389af527f2de896a8b5d3310597aaa08d91d64af60984b";
    let order = "0x051a1268037790187395bccbe8aff3b4c988ede75a755c62655e97666f2da28c";
    let event = OrderFilled {
        id: format!("{tx}_{order}").into(),
        transaction_hash: tx.into(),
        timestamp: "1705973400".into(),
        order_hash: order.into(),
        maker: "0x6a643531b7daea11369ee14508ad794c24fd4172".into(),
        taker: "0x667cd60b7924dedecf7eda112df83c66d627d2b8".into(),
        maker_asset_id: "0".into(),
        taker_asset_id:
            "64777290978827413876541212404939205862812402716386414028183806106127288506316".into(),
        maker_amount_filled: "42420000".into(),
        taker_amount_filled: "67333333".into(),
        fee: "0".into(),
    };
    let mut group = criterion.benchmark_group("event to fill");
    group.throughput(Throughput::Elements(1));
    group.bench_function("sound", |bencher| {
        bencher.iter(|| black_box(&event).to_fill().unwrap());
    });
}

criterion_group!(benches, convert);
criterion_main!(benches);
