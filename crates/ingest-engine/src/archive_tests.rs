//! The whole archive, planned and marked page by page without its rows: how large its checkpoint is.

use fills::Span;

use crate::planner::{Cuts, Lease, Planner};
use crate::progress::Progress;

/// The archive's first and last second. **Source**: the deployment's own first and last fill.
const ARCHIVE: Span = Span {
    from: 1_669_060_209,
    to: 1_777_374_041,
};
const FILLS: f64 = 1e9;
const PAGE_ROWS: u64 = 1000;
const WORKERS: usize = 128;
const MIB: usize = 1 << 20;

/// Rows in a second, 95 % of them in the last 15 % of the time, with days and nights.
fn rate(second: u64) -> f64 {
    let seconds = ARCHIVE.seconds() as f64;
    let is_late = (second - ARCHIVE.from) as f64 >= 0.85 * seconds;
    let share = if is_late { 0.95 / 0.15 } else { 0.05 / 0.85 };
    let day = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin();
    FILLS * share / seconds * (1.0 + 0.5 * day)
}

/// Even numbers for whose turn it is: `SplitMix64`.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap()
}

fn checkpoint(progress: &Progress) -> usize {
    serde_json::to_vec(progress).unwrap().len()
}

#[test]
fn the_checkpoint_of_a_scan_of_a_billion_fills_is_small_all_the_way() {
    let mut planner = Planner::new(Cuts::default(), 1000, [(0, ARCHIVE)]);
    let mut progress = Progress::new(ARCHIVE, 1);
    let mut leases: Vec<(Lease, u64)> = Vec::new();
    let (mut turn, mut pages, mut largest, mut at_90) = (7, 0_u64, 0, None);
    loop {
        while leases.len() < WORKERS
            && let Some(lease) = planner.take()
        {
            leases.push((lease, lease.span.from));
        }
        if leases.is_empty() {
            break;
        }
        let index = random(&mut turn) % leases.len();
        let (lease, at) = leases[index];
        let end = planner.end(lease.id);
        let rate = rate(at);
        let next = (at + ((PAGE_ROWS as f64 / rate) as u64).max(1)).min(end);
        progress.mark(0, Span::new(at, next), PAGE_ROWS);
        pages += 1;
        if next == end {
            planner.complete(lease.id);
            leases.swap_remove(index);
        } else {
            planner.advance(lease.id, next, next, Some(rate));
            leases[index].1 = next;
        }
        if pages.is_multiple_of(1000) || pages == 900_000 {
            largest = largest.max(checkpoint(&progress));
        }
        if pages == 900_000 {
            at_90 = Some(checkpoint(&progress));
        }
    }
    assert!(progress.is_complete());
    let at_90 = at_90.unwrap();
    println!("{pages} pages: {at_90} bytes at 900,000, {largest} at the most");
    assert!(largest < MIB, "{largest} bytes");
}

#[test]
fn the_checkpoint_of_all_markets_is_small_all_the_way() {
    // 2.6 million tokens, 500 in a group.
    let groups = 5_200;
    let mut progress = Progress::new(ARCHIVE, groups);
    let mut open: Vec<u32> = Vec::new();
    let (mut next, mut turn, mut largest) = (0, 7, 0);
    loop {
        while open.len() < WORKERS && next < groups {
            // Each is at another place when the others end.
            progress.mark(next, Span::new(ARCHIVE.from, ARCHIVE.from + 1000), 1);
            open.push(next);
            next += 1;
        }
        if open.is_empty() {
            break;
        }
        let group = open.swap_remove(random(&mut turn) % open.len());
        progress.mark(group, Span::new(ARCHIVE.from + 1000, ARCHIVE.to), 1);
        largest = largest.max(checkpoint(&progress));
    }
    assert!(progress.is_complete());
    println!("{largest} bytes at the most");
    assert!(largest < MIB, "{largest} bytes");
}
