//! From fills to the bytes of rows.

#![expect(clippy::unwrap_used, reason = "a bench is a test of how fast")]

use std::hint::black_box;

use clickhouse_sink::EncodeRow as _;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fill_table::FillRow;
use fills::{Address, Fill, FillId, OrderHash, Side, TokenId, TxHash};

/// Rows encoded one after the other.
const ROWS: u8 = 250;

fn row(number: u8) -> FillRow {
    FillRow(Fill {
        id: FillId {
            tx_hash: TxHash([number; 32]),
            order_hash: OrderHash([2; 32]),
            nth_from_last: 0,
        },
        timestamp: 1_705_973_400 + u32::from(number),
        maker: Address([3; 20]),
        taker: Address([4; 20]),
        token_id: TokenId::from_le_bytes([number; 32]),
        side: if number.is_multiple_of(2) {
            Side::Buy
        } else {
            Side::Sell
        },
        shares_base_units: 67_333_333,
        usdc_base_units: 42_420_000,
        fee_base_units: 0,
        ..Fill::default()
    })
}

fn encode(criterion: &mut Criterion) {
    let rows: Vec<FillRow> = (0..ROWS).map(row).collect();
    let mut buffer = Vec::new();
    let mut group = criterion.benchmark_group("fill to row");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("RowBinary", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            for row in black_box(&rows) {
                row.encode(&mut buffer).unwrap();
            }
            buffer.len()
        });
    });
}

criterion_group!(benches, encode);
criterion_main!(benches);
