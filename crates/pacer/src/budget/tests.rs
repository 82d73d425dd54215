use proptest::prelude::*;

use super::*;

const SHORT_PERCENT: u32 = 5;

fn refusal(limit: Option<u32>, soon: bool) -> Refusal {
    Refusal {
        limit,
        soon,
        lasted_percent: SHORT_PERCENT,
    }
}

fn learned(limit: u32) -> Budget {
    let mut budget = Budget::new();
    budget.refused(refusal(Some(limit), false));
    budget
}

#[test]
fn a_little_less_than_the_limit_is_learned() {
    let check = |limit, expected| {
        assert_eq!(learned(limit).requests(), Some(expected), "{limit}");
    };
    check(1000, 980);
    check(50, 49);
    check(11, 10);
    check(0, LEAST);
}

#[test]
fn a_refusal_that_says_nothing_about_the_limit_teaches_nothing_at_first() {
    let mut budget = Budget::new();
    budget.refused(refusal(None, false));
    assert_eq!(budget.requests(), None);
}

#[test]
fn a_budget_that_held_once_is_halved_at_most() {
    let mut budget = learned(1000);
    budget.calm();
    budget.refused(refusal(Some(30), false));
    assert_eq!(budget.requests(), Some(490));
    let mut budget = learned(1000);
    budget.refused(refusal(Some(30), false));
    assert_eq!(budget.requests(), Some(29));
}

#[test]
fn more_is_asked_for_after_calm_windows_and_then_in_growing_steps() {
    let mut budget = learned(1000);
    for expected in [980, 980, 999, 1038, 1121, 1300, 1716] {
        budget.calm();
        assert_eq!(budget.requests(), Some(expected));
    }
}

#[test]
fn a_failed_trial_goes_back_and_doubles_the_patience_up_to_a_minute() {
    let mut budget = learned(1000);
    for patience in [FIRST_PATIENCE, MOST_PATIENCE, MOST_PATIENCE] {
        for _ in 1..patience {
            budget.calm();
            assert_eq!(budget.requests(), Some(980));
        }
        budget.calm();
        assert_eq!(budget.requests(), Some(999));
        budget.refused(refusal(Some(1000), false));
        assert_eq!(budget.requests(), Some(980));
    }
}

#[test]
fn a_limit_that_rose_a_little_is_taken_over_from_the_trial_that_found_it() {
    let mut budget = learned(1000);
    for _ in 0..4 {
        budget.calm();
    }
    budget.refused(refusal(Some(1030), false));
    assert_eq!(budget.requests(), Some(1010));
}

#[test]
fn refusals_that_follow_each_other_and_say_nothing_cut_deeper_each_time() {
    let mut budget = learned(1000);
    let mut refused = Refusal {
        lasted_percent: 60,
        ..refusal(None, true)
    };
    for expected in [941, 866, 728, 496] {
        budget.refused(refused);
        assert_eq!(budget.requests(), Some(expected));
    }
    refused.soon = false;
    budget.refused(refused);
    assert_eq!(budget.requests(), Some(487));
}

#[test]
fn a_cut_that_does_not_help_is_taken_back() {
    let mut budget = learned(1000);
    budget.calm();
    // Others empty the bucket for 15 % of each window, whatever we ask for.
    let others = |limit| Refusal {
        limit: Some(limit),
        soon: true,
        lasted_percent: 15,
    };
    let mut lowest = 980;
    for window in 0..20 {
        let before = budget.requests().unwrap();
        budget.refused(others(before * 85 / 100));
        lowest = lowest.min(budget.requests().unwrap());
        assert!(lowest >= 980 * 8 / 10, "{lowest} in window {window}");
    }
}

#[test]
fn a_lasting_rise_of_the_limit_is_found() {
    let mut budget = learned(0);
    let windows = (0..)
        .take_while(|_| {
            budget.calm();
            budget.requests() < Some(1000)
        })
        .count();
    assert!(windows < 30, "{windows} windows from 10 to 1000");
}

proptest! {
    #[test]
    fn refusals_never_more_than_halve_and_calm_never_lowers(
        first in 0_u32..2000,
        events in proptest::collection::vec(
            (any::<bool>(), proptest::option::of(0_u32..4000), any::<bool>(), 0_u32..=100),
            0..200,
        ),
    ) {
        let mut budget = learned(first);
        budget.calm();
        let mut highest = budget.requests().unwrap();
        for (refused, limit, soon, lasted_percent) in events {
            let before = budget.requests().unwrap();
            if refused {
                budget.refused(Refusal { limit, soon, lasted_percent });
                let after = budget.requests().unwrap();
                prop_assert!(after >= 1 && after >= before / 2);
                prop_assert!(after <= highest);
            } else {
                budget.calm();
                prop_assert!(budget.requests().unwrap() >= before);
            }
            highest = highest.max(budget.requests().unwrap());
        }
    }
}
