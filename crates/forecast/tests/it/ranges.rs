//! Whether the truth lies within the range, and how wide that is.

use forecast::{Density, Estimate, Sample};

use crate::archive::{Archive, PAGE};

/// Fifty-eight requests of twenty probes each: ten to learn where to look, the others to look there.
const PROBES: usize = 20;
const LEARNING_ROUNDS: usize = 10;
const ROUNDS: usize = 58;

fn answer(density: &mut Density, archive: &Archive) {
    let probes = density.next_probes(usize::MAX);
    for probe in probes {
        density.add(archive.probe(probe));
    }
}

fn estimated(archive: &Archive, seed: u64) -> Estimate {
    let mut density = Density::new(0, archive.end(), PROBES as u64, PAGE, seed);
    answer(&mut density, archive);
    for _ in 1..LEARNING_ROUNDS {
        density.refine(PROBES);
        answer(&mut density, archive);
    }
    let probes = (ROUNDS - LEARNING_ROUNDS) * PROBES;
    density.redraw(probes);
    assert!(density.next_probes(usize::MAX).len() <= probes);
    answer(&mut density, archive);
    density.estimate().expect("every probe was answered")
}

#[test]
fn the_truth_lies_within_the_range_for_nine_seeds_of_ten() {
    let mut within = 0;
    for seed in 0..50 {
        let archive = Archive::like_the_real_one(seed);
        let estimate = estimated(&archive, seed);
        let truth = archive.fills();
        let off = estimate.fills as f64 / truth as f64 - 1.0;
        let low = estimate.fills_low as f64 / estimate.fills as f64 - 1.0;
        let high = estimate.fills_high as f64 / estimate.fills as f64 - 1.0;
        println!("seed {seed}: off {off:+.3}, range {low:+.3} to {high:+.3}");
        within += usize::from(estimate.contains(truth));
        assert!(
            low >= -0.2 && high <= 0.2,
            "seed {seed}: range {low:+.3} to {high:+.3}"
        );
    }
    println!("{within} of 50 within their range");
    assert!(within >= 45, "{within} of 50 within their range");
}

#[test]
fn the_same_seed_gives_the_same_estimate() {
    let archive = Archive::like_the_real_one(1);
    assert_eq!(estimated(&archive, 7), estimated(&archive, 7));
}

#[test]
fn an_even_density_is_estimated_without_an_error() {
    let mut density = Density::new(1_000, 101_000, 10, PAGE, 3);
    for probe in density.next_probes(10) {
        density.add(Sample {
            from: probe.from,
            to: probe.from + 100,
            fills: 1000,
        });
    }
    let estimate = density.estimate().expect("every probe was answered");
    assert_eq!(
        (estimate.fills_low, estimate.fills, estimate.fills_high),
        (1_000_000, 1_000_000, 1_000_000)
    );
}

#[test]
fn nothing_is_estimated_while_a_probe_is_unanswered() {
    let mut density = Density::new(0, 1_000, 2, PAGE, 0);
    let probes = density.next_probes(2);
    density.add(Sample {
        from: probes[0].from,
        to: probes[0].from + 1,
        fills: 1,
    });
    assert_eq!(density.estimate(), None);
}

#[test]
fn what_fits_into_the_pages_is_counted() {
    // Growing twentyfold: a page from anywhere would reach into denser days.
    let fills_before = |second: u64| (second * second) / 4_000_000;
    let end = 400_000;
    let mut density = Density::new(0, end, 16, PAGE, 5);
    let answer = |density: &mut Density| {
        for probe in density.next_probes(usize::MAX) {
            let fills = fills_before(probe.to) - fills_before(probe.from);
            assert!(fills <= 20 * PAGE);
            let to = match fills <= PAGE {
                true => probe.to,
                false => probe.from + (probe.to - probe.from) * PAGE / fills,
            };
            let fills = fills_before(to) - fills_before(probe.from);
            density.add(Sample {
                from: probe.from,
                to,
                fills,
            });
        }
    };
    answer(&mut density);
    density.redraw(400);
    answer(&mut density);
    let counted = Estimate::exact(fills_before(end));
    assert_eq!(density.estimate(), Some(counted));
}
