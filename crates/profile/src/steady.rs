//! How fast a run goes once it goes.

use std::time::Duration;

/// Returns rows a second over the second half of a run's answers, each with its time since the run
/// began and its rows, in order of time. In the first half the pacer still doubles what it dares.
///
/// Nothing for fewer than four answers, and where no time passed.
pub fn steady_rate(answers: &[(Duration, u64)]) -> Option<f64> {
    if answers.len() < 4 {
        return None;
    }
    let (early, late) = answers.split_at(answers.len() / 2);
    let (from, to) = (early.last()?.0, late.last()?.0);
    let seconds = to.checked_sub(from)?.as_secs_f64();
    let rows: u64 = late.iter().map(|(_, rows)| rows).sum();
    (seconds > 0.0).then(|| rows as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_beginning_is_left_out() {
        let answers: Vec<_> = [1000, 2000, 3000, 4000, 4100, 4200, 4300, 4400]
            .map(|ms| (Duration::from_millis(ms), 50))
            .into();
        let rate = steady_rate(&answers).unwrap();
        assert!((rate - 500.0).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn too_few_answers_have_no_rate() {
        assert_eq!(steady_rate(&[(Duration::ZERO, 1); 3]), None);
        assert_eq!(steady_rate(&[(Duration::ZERO, 1); 4]), None);
    }
}
