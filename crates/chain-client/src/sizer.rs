//! How many blocks to ask for at a time.

use std::ops::RangeInclusive;

use crate::refusal::{self, Refusal};

/// Share of a limit of logs that is aimed at: the next blocks may be denser than the last ones.
const AIM: f64 = 0.95;
/// Most by which a range grows after an answer.
const MAX_GROWTH: u32 = 4;

/// Learns from answers and refusals of one provider how many blocks to ask for. No clock, no I/O.
#[derive(Debug, Clone)]
pub struct RangeSizer {
    /// More blocks are refused, whatever is in them.
    max_blocks: u32,
    /// More logs are refused, however many blocks they are of.
    max_logs: Option<f64>,
    /// More logs are not wanted.
    aim: Option<f64>,
    /// Logs of a block in the last answer.
    density: Option<f64>,
    next: u32,
}

impl RangeSizer {
    /// Begins with `blocks` at a time, and never asks for more than `max_blocks`.
    pub fn new(blocks: u32, max_blocks: u32) -> Self {
        Self {
            max_blocks: max_blocks.max(1),
            max_logs: None,
            aim: None,
            density: None,
            next: blocks.clamp(1, max_blocks.max(1)),
        }
    }

    /// The same, aiming at no more than so many logs in an answer.
    pub fn aiming_at(max_logs: f64, blocks: u32, max_blocks: u32) -> Self {
        Self {
            aim: Some(max_logs),
            ..Self::new(blocks, max_blocks)
        }
    }

    /// Returns the beginning of `range` that should be asked for.
    pub fn cut(&self, range: &RangeInclusive<u32>) -> RangeInclusive<u32> {
        let (from, to) = (*range.start(), *range.end());
        from..=to.min(from.saturating_add(self.next.min(self.max_blocks) - 1))
    }

    /// Learns from an answer of `logs` logs.
    pub fn answered(&mut self, asked: &RangeInclusive<u32>, logs: usize) {
        let (blocks, logs) = (length(asked), logs as f64);
        let density = logs / f64::from(blocks);
        self.density = Some(density);
        // More than was thought to be refused.
        self.max_logs = self.max_logs.map(|most| most.max(logs));
        // The end of a range is no reason to ask for less of the next one.
        let most = blocks.max(self.next).saturating_mul(MAX_GROWTH);
        let bounds = self.max_logs.into_iter().chain(self.aim);
        let next = match bounds.reduce(f64::min) {
            Some(max_logs) if density > 0.0 => (AIM * max_logs / density) as u32,
            _ => most,
        };
        self.next = next.clamp(1, most).min(self.max_blocks);
    }

    /// Learns from a refusal; false where fewer blocks do not help, as one is too many already or it is about
    /// something else.
    pub fn refused(
        &mut self,
        asked: &RangeInclusive<u32>,
        refusal: Refusal,
        message: &str,
    ) -> bool {
        let (blocks, suggested) = (length(asked), refusal::suggested(message, asked));
        let half = blocks / 2;
        if half == 0 {
            return false;
        }
        let suggested = suggested.as_ref().map(length);
        match refusal {
            Refusal::TooManyBlocks => {
                let allowed = refusal::max_blocks(message, asked);
                self.max_blocks = suggested.or(allowed).unwrap_or(half);
                self.next = self.max_blocks;
            }
            Refusal::TooManyLogs | Refusal::Unknown => {
                self.next = suggested.unwrap_or(half);
                let said = (refusal == Refusal::TooManyLogs)
                    .then(|| refusal::max_logs(message))
                    .flatten();
                let met = self.density.map(|density| density * f64::from(blocks));
                // A number that is more than what was refused is of something else.
                let most = match (said.map(f64::from), met) {
                    (Some(said), Some(met)) if said > 2.0 * met => Some(met),
                    (said, met) => said.or(met),
                };
                self.max_logs = match (self.max_logs, most) {
                    (Some(known), Some(most)) => Some(known.min(most)),
                    (known, most) => known.or(most),
                };
            }
            _ => return false,
        }
        true
    }
}

fn length(range: &RangeInclusive<u32>) -> u32 {
    range.end().saturating_sub(*range.start()).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider that refuses more blocks or logs than it takes, over a chain that is empty at first and grows
    /// ever denser.
    struct Provider {
        max_blocks: u32,
        max_logs: u64,
        says: Says,
    }

    /// What it says of a range, by the blocks and logs that it takes.
    type Says = fn(&RangeInclusive<u32>, u32, u64) -> String;

    const CHAIN: u32 = 2_000_000;

    /// Logs before a block: none in the first third, then up to 200 a block, in waves.
    fn logs_before(block: u32) -> u64 {
        let behind = f64::from(block.saturating_sub(CHAIN / 3));
        let share = behind / f64::from(CHAIN);
        // By day there is more than by night: the slope is between a fifth and nine fifths of the mean.
        let swing = 0.8 * 43_200.0 / std::f64::consts::TAU;
        let day = swing * (1.0 - (behind / 43_200.0 * std::f64::consts::TAU).cos());
        ((behind + day) * share * 150.0) as u64
    }

    fn logs(range: &RangeInclusive<u32>) -> u64 {
        logs_before(range.end() + 1) - logs_before(*range.start())
    }

    impl Provider {
        /// Reads the chain; returns how many requests it took, and how many it would take at the least.
        fn read(&self) -> (usize, usize) {
            let mut sizer = RangeSizer::new(1_000, 100_000);
            let (mut from, mut requests) = (0, 0);
            while from < CHAIN {
                let asked = sizer.cut(&(from..=CHAIN - 1));
                requests += 1;
                let (blocks, count) = (length(&asked), logs(&asked));
                if blocks > self.max_blocks {
                    let message = (self.says)(&asked, self.max_blocks, self.max_logs);
                    assert!(sizer.refused(&asked, Refusal::TooManyBlocks, &message));
                } else if count > self.max_logs {
                    let message = (self.says)(&asked, self.max_blocks, self.max_logs);
                    assert!(sizer.refused(&asked, Refusal::TooManyLogs, &message));
                } else {
                    sizer.answered(&asked, count as usize);
                    from = asked.end() + 1;
                }
            }
            (requests, self.at_least())
        }

        fn at_least(&self) -> usize {
            let (mut from, mut requests) = (0, 0);
            while from < CHAIN {
                let last = CHAIN.min(from.saturating_add(self.max_blocks));
                let (mut low, mut high) = (from + 1, last);
                while low < high {
                    let middle = low + (high - low).div_ceil(2);
                    match logs(&(from..=middle - 1)) <= self.max_logs {
                        true => low = middle,
                        false => high = middle - 1,
                    }
                }
                (from, requests) = (low, requests + 1);
            }
            requests
        }
    }

    #[test]
    fn few_requests_more_are_sent_than_the_provider_s_limits_allow() {
        for (max_blocks, max_logs) in [
            (u32::MAX, 10_000),
            (1_000, u64::MAX),
            (100, u64::MAX),
            (2_000, 20_000),
        ] {
            let provider = Provider {
                max_blocks,
                max_logs,
                says: |_, blocks, logs| match logs == u64::MAX {
                    true => format!("limited to {blocks} blocks range"),
                    false => format!("query returned more than {logs} results"),
                },
            };
            let (requests, least) = provider.read();
            println!(
                "{max_blocks} blocks, {max_logs} logs: {requests} requests, {least} at the least"
            );
            assert!(
                requests * 100 <= least * 120,
                "{requests} requests, {least} at the least"
            );
        }
    }

    #[test]
    fn words_without_numbers_and_wrong_numbers_end_as_well() {
        let says: [Says; 3] = [
            |_, _, _| "block range is too wide".to_owned(),
            |_, _, _| "ranges over 1000000 blocks are not supported".to_owned(),
            |asked, _, _| {
                format!(
                    "try with this block range [{}, {}]",
                    asked.start(),
                    asked.end() + 5
                )
            },
        ];
        for says in says {
            let provider = Provider {
                max_blocks: 3_000,
                max_logs: 15_000,
                says,
            };
            let (requests, least) = provider.read();
            println!("{requests} requests, {least} at the least");
            assert!(
                requests <= least * 3,
                "{requests} requests, {least} at the least"
            );
        }
    }

    #[test]
    fn the_short_end_of_a_range_makes_the_next_one_no_shorter() {
        let mut sizer = RangeSizer::new(1_000, 10_000);
        sizer.answered(&(0..=999), 10);
        sizer.answered(&(1_000..=1_000), 0);
        assert_eq!(length(&sizer.cut(&(1_001..=u32::MAX))), 10_000);
    }

    #[test]
    fn one_block_cannot_be_made_smaller() {
        let mut sizer = RangeSizer::new(1, 10);
        assert!(!sizer.refused(&(5..=5), Refusal::TooManyLogs, "too many"));
        assert!(!sizer.refused(&(5..=9), Refusal::Pruned, "pruned"));
    }
}
