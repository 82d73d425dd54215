//! Made-up archives: fills in each minute, as uneven as the real one.

use forecast::{Probe, Sample};

pub(crate) const PAGE: u64 = 1000;
const MINUTE_SECONDS: u64 = 60;
const DAY_MINUTES: usize = 1440;

/// Fills in each minute from second zero on.
pub(crate) struct Archive {
    /// Fills before each minute, and after the last.
    before: Vec<u64>,
}

impl Archive {
    /// 400 days: 95 % of the fills in the last 15 % of the time, a daily wave, and bursts of an hour
    /// with eight times as many. A second holds less than a page, as blocks of Polygon do.
    pub(crate) fn like_the_real_one(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let minutes = 400 * DAY_MINUTES;
        let mut burst_minutes_left = 0;
        let mut before = vec![0];
        for minute in 0..minutes {
            if random.f64() < 1.0 / (5.0 * DAY_MINUTES as f64) {
                burst_minutes_left = 60;
            }
            let dense = minute * 100 >= minutes * 85;
            let base = if dense { 2000.0 } else { 18.0 };
            let turn = (minute % DAY_MINUTES) as f64 / DAY_MINUTES as f64;
            let wave = 1.0 + 0.6 * (turn * std::f64::consts::TAU).sin();
            let burst = if burst_minutes_left > 0 { 8.0 } else { 1.0 };
            burst_minutes_left = usize::saturating_sub(burst_minutes_left, 1);
            let fills = (base * wave * burst * (0.5 + random.f64())) as u64;
            before.push(before[minute] + fills);
        }
        Self { before }
    }

    pub(crate) fn fills(&self) -> u64 {
        *self.before.last().expect("it begins with a zero")
    }

    pub(crate) fn end(&self) -> u64 {
        (self.before.len() as u64 - 1) * MINUTE_SECONDS
    }

    /// What a page of a thousand fills shows of a probe.
    pub(crate) fn probe(&self, probe: Probe) -> Sample {
        let from = probe.from;
        let seen = self.before_second(from);
        let (mut low, mut high) = (from, probe.to);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.before_second(middle) - seen <= PAGE {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Sample {
            from,
            to: low,
            fills: self.before_second(low) - seen,
        }
    }

    /// Fills before a second; those of a minute lie evenly in it.
    fn before_second(&self, second: u64) -> u64 {
        let minute = (second / MINUTE_SECONDS) as usize;
        let whole = self.before[minute];
        let next = self.before.get(minute + 1).copied().unwrap_or(whole);
        whole + (next - whole) * (second % MINUTE_SECONDS) / MINUTE_SECONDS
    }
}
