//! Where a value lies between the foot and the head of a picture.

/// How values become heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In proportion to the logarithm, so that few are seen beside very many.
    Logarithmic,
    /// Each column as shares of its own sum.
    Share,
}

/// A scale and its head: a round number that no value is above.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    scale: Scale,
    top: u64,
    steps: u64,
}

impl Axis {
    /// Makes an axis for values up to the largest.
    pub(crate) fn new(scale: Scale, largest: u64) -> Self {
        let (top, steps) = match scale {
            Scale::Linear => round(largest),
            Scale::Logarithmic => {
                let mut decades = 1;
                while 10_u64.saturating_pow(decades) < largest && decades < 19 {
                    decades += 1;
                }
                (10_u64.saturating_pow(decades), decades.into())
            }
            Scale::Share => (100, 2),
        };
        Self { scale, top, steps }
    }

    /// Returns the values at its marks, from the foot to the head, evenly apart.
    pub(crate) fn ticks(&self) -> Vec<u64> {
        let at = |step: u64| match self.scale {
            Scale::Logarithmic => 10_u64.saturating_pow(u32::try_from(step).unwrap_or(u32::MAX)),
            _ => self.top / self.steps * step,
        };
        (0..=self.steps).map(at).collect()
    }

    /// Returns how high a value stands, from 0 at the foot to 1 at the head.
    pub(crate) fn height(&self, value: u64) -> f64 {
        match self.scale {
            _ if value == 0 => 0.0,
            Scale::Logarithmic => (value as f64).log10() / self.steps as f64,
            _ => value as f64 / self.top as f64,
        }
    }
}

/// Returns a round number at or above a value, and into how many round steps it divides.
fn round(largest: u64) -> (u64, u64) {
    let mut unit = 1_u64;
    loop {
        for (top, steps) in [(4, 4), (5, 5), (8, 4), (10, 5), (20, 4)] {
            if unit.saturating_mul(top) >= largest {
                return (unit.saturating_mul(top), steps);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_round_and_no_value_is_above() {
        let check = |largest, ticks: &[u64]| {
            let axis = Axis::new(Scale::Linear, largest);
            assert_eq!(axis.ticks(), ticks, "{largest}");
            assert!(axis.height(largest) <= 1.0);
        };
        check(0, &[0, 1, 2, 3, 4]);
        check(7, &[0, 2, 4, 6, 8]);
        check(41, &[0, 10, 20, 30, 40, 50]);
        check(199, &[0, 50, 100, 150, 200]);
    }

    #[test]
    fn a_logarithmic_axis_has_a_mark_for_each_power_of_ten() {
        let axis = Axis::new(Scale::Logarithmic, 1_200);
        assert_eq!(axis.ticks(), [1, 10, 100, 1_000, 10_000]);
        assert_eq!(axis.height(100), 0.5);
        assert_eq!(axis.height(0), 0.0);
    }

    #[test]
    fn the_largest_numbers_have_an_axis() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let axis = Axis::new(scale, u64::MAX);
            assert!(axis.height(u64::MAX) > 0.9, "{scale:?}");
        }
    }
}
