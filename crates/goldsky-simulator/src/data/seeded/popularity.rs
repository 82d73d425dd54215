//! Which market trades: a few nearly always, most for a short while, some never.

use crate::data::mix::Random;

/// Stages of the whole history. A market is open for some of them.
const STAGES: usize = 64;

/// The open markets of each stage with their cumulated weights.
#[derive(Debug)]
pub(crate) struct Popularity {
    stages: Vec<Stage>,
}

#[derive(Debug, Default, Clone)]
struct Stage {
    markets: Vec<u32>,
    weights: Vec<f64>,
}

impl Stage {
    fn add(&mut self, market: u32, weight: f64) {
        let sum = self.weights.last().copied().unwrap_or(0.0);
        self.markets.push(market);
        self.weights.push(sum + weight);
    }

    fn pick(&self, random: &mut Random) -> u32 {
        let sum = self.weights.last().copied().unwrap_or(0.0);
        let place = random.unit() * sum;
        let index = self.weights.partition_point(|until| *until <= place);
        self.markets[index.min(self.markets.len() - 1)]
    }
}

impl Popularity {
    pub(crate) fn new(seed: u64, markets: u32) -> Self {
        let mut random = Random::new(seed ^ 0x706f_7075);
        let mut ranked: Vec<u32> = (0..markets).collect();
        for last in (1..ranked.len()).rev() {
            ranked.swap(last, random.below(last as u64 + 1) as usize);
        }
        // One in twenty is never traded, and one of five or more.
        let untraded = (markets / 20).max(u32::from(markets >= 5));
        let traded = (markets - untraded) as usize;
        let mut stages = vec![Stage::default(); STAGES];
        let mut always = Stage::default();
        for (rank, market) in ranked[..traded].iter().enumerate() {
            // Zipf's law: the second is half as popular as the first, the third a third.
            let weight = 1.0 / (rank + 1) as f64;
            let stay = if rank * 50 < traded {
                4 + random.below(STAGES as u64 / 2)
            } else {
                1 + random.below(3)
            };
            let open = random.below(STAGES as u64) as usize;
            let close = (open + stay as usize).min(STAGES);
            for stage in &mut stages[open..close] {
                stage.add(*market, weight);
            }
            always.add(*market, weight);
        }
        for stage in &mut stages {
            if stage.markets.is_empty() {
                stage.clone_from(&always);
            }
        }
        Self { stages }
    }

    /// Picks a market for a fill at a share of the history in `[0, 1)`.
    pub(crate) fn pick(&self, share: f64, random: &mut Random) -> u32 {
        let stage = ((share * STAGES as f64) as usize).min(STAGES - 1);
        self.stages[stage].pick(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_markets_get_most_picks_and_some_get_none() {
        let popularity = Popularity::new(3, 1_000);
        let mut random = Random::new(4);
        let mut picks = vec![0_u32; 1_000];
        for pick in 0..100_000 {
            picks[popularity.pick(f64::from(pick) / 100_000.0, &mut random) as usize] += 1;
        }
        picks.sort_unstable();
        let top: u32 = picks[950..].iter().sum();
        assert!(top > 50_000, "the top twentieth has only {top}");
        assert!(picks[..50].iter().all(|picks| *picks == 0));
    }

    #[test]
    fn one_market_is_enough() {
        let popularity = Popularity::new(3, 1);
        assert_eq!(popularity.pick(0.5, &mut Random::new(1)), 0);
    }
}
