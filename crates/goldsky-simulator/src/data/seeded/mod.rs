//! A data set from a seed, as uneven as the real one.

mod market;
mod matching;
mod popularity;
mod timeline;

use super::blocks::{Blocks, Head, block_hash};
use super::counters::Counters;
use super::made::Made;
use super::mix::{Key, Random};
use super::row::{Keys, Row};
use super::{Dataset, Events};
use crate::config::Seeded;
use crate::error::Error;

/// Seconds between two blocks, about Polygon's.
const SECONDS_PER_BLOCK: i64 = 2;
/// The block of the first event. **Source**: the CTF exchange's deployment.
const START_BLOCK: u64 = 33_605_403;
/// One fill in this many stands in a burst, where hundreds share one timestamp.
const FILLS_PER_BURST: u64 = 40_000;

/// Makes the data set. Takes about a tenth of a microsecond and 44 bytes for each fill, and four
/// bytes more once somebody asks by id.
pub(crate) fn make(config: &Seeded) -> Result<Dataset, Error> {
    check(config)?;
    let mut catalogue = market::catalogue(config.seed, config.markets);
    let (rows, counters, overwritten) = rows(config, &catalogue);
    catalogue.unlist(config.unknown_tokens, Key::new(config.seed, 6));
    let blocks = blocks(config);
    let made = Made::new(rows, Keys::new(config.seed));
    Ok(Dataset::new(
        Events::Made(made),
        catalogue,
        counters,
        blocks,
        overwritten,
    ))
}

fn check(config: &Seeded) -> Result<(), Error> {
    let wrong = |reason: String| Err(Error::Configuration { reason });
    if config.fills > u64::from(u32::MAX) {
        return wrong(format!("{} fills are more than 2^32", config.fills));
    }
    if config.markets > market::MOST_MARKETS {
        return wrong(format!(
            "{} markets are more than {}",
            config.markets,
            market::MOST_MARKETS
        ));
    }
    if config.markets == 0 && config.fills > 0 {
        return wrong("fills need at least one market".to_owned());
    }
    if !(0 < config.first_second
        && config.first_second <= config.last_second
        && config.last_second <= i64::from(u32::MAX))
    {
        return wrong(format!(
            "{} to {} is not a time span within 1970 to 2106",
            config.first_second, config.last_second
        ));
    }
    Ok(())
}

fn blocks(config: &Seeded) -> Blocks {
    let span = (config.last_second - config.first_second) / SECONDS_PER_BLOCK;
    let number = START_BLOCK + span as u64;
    Blocks {
        head: Head {
            number,
            timestamp: config.last_second,
            hash: block_hash(number),
            parent_hash: block_hash(number - 1),
        },
        start: START_BLOCK,
        seconds_per_block: SECONDS_PER_BLOCK,
    }
}

/// Makes the events in order of `(timestamp, id)`, one block at a time.
fn rows(
    config: &Seeded,
    catalogue: &super::catalogue::Catalogue,
) -> (Vec<Row>, Vec<Counters>, u64) {
    let keys = Keys::new(config.seed);
    let mut random = Random::new(config.seed);
    let timeline = timeline::Timeline::new(config.seed, config.first_second, config.last_second);
    let popularity = popularity::Popularity::new(config.seed, config.markets);
    let mut matching = matching::Matching::new(config, catalogue);
    let mut rows: Vec<Row> = Vec::with_capacity(config.fills as usize);
    let mut block_start = 0;
    let mut burst_left = 0;
    let mut forced_burst_at = config.fills / 5 * 3;
    let mut second = config.first_second;
    while (rows.len() as u64) < config.fills {
        let done = rows.len() as u64;
        // A burst holds the clock still for hundreds of fills; the first and the last event
        // stand at the ends of the span.
        if burst_left == 0 && done > 0 {
            let now = timeline
                .second(done as f64 / config.fills as f64)
                .max(second);
            if now > second {
                sort_block(&mut rows[block_start..], &keys);
                block_start = rows.len();
                second = now;
                if done >= forced_burst_at {
                    burst_left = 1_200.min(config.fills / 5);
                    forced_burst_at = u64::MAX;
                } else if random.below(FILLS_PER_BURST) < matching::MEAN_ROWS {
                    burst_left = (200 + random.below(1_300)).min(config.fills / 5);
                }
            }
        }
        let left = config.fills - done;
        if done > 0 && left <= matching::MOST_ROWS && second < config.last_second {
            sort_block(&mut rows[block_start..], &keys);
            block_start = rows.len();
            second = config.last_second;
        }
        let market = popularity.pick(done as f64 / config.fills as f64, &mut random);
        let made = matching.transaction(market, second as u32, left, &mut random, &mut rows);
        burst_left = u64::saturating_sub(burst_left, made);
    }
    sort_block(&mut rows[block_start..], &keys);
    let (counters, overwritten) = matching.finish();
    (rows, counters, overwritten)
}

fn sort_block(rows: &mut [Row], keys: &Keys) {
    rows.sort_unstable_by_key(|row| keys.id_words(row));
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::super::row::{CTF, NEG_RISK};
    use super::*;

    fn config() -> Seeded {
        Seeded {
            seed: 7,
            markets: 40,
            fills: 20_000,
            ..Seeded::default()
        }
    }

    fn made(config: &Seeded) -> (Vec<Row>, Vec<Counters>, u64) {
        rows(config, &market::catalogue(config.seed, config.markets))
    }

    fn transactions(rows: &[Row]) -> HashMap<u32, Vec<&Row>> {
        let mut transactions: HashMap<u32, Vec<&Row>> = HashMap::new();
        for row in rows {
            transactions.entry(row.transaction).or_default().push(row);
        }
        transactions
    }

    #[test]
    fn there_are_exactly_as_many_rows_as_asked_for_in_order_and_distinct() {
        for fills in [0, 1, 2, 3, 14, 15, 16, 17, 100, 20_000] {
            let (rows, ..) = made(&Seeded { fills, ..config() });
            assert_eq!(rows.len() as u64, fills);
            let keys = Keys::new(7);
            let order = |row: &Row| (row.timestamp, keys.id_words(row));
            assert!(
                rows.windows(2)
                    .all(|pair| order(&pair[0]) < order(&pair[1])),
                "{fills} fills are not in order"
            );
        }
    }

    #[test]
    fn the_first_and_the_last_event_stand_at_the_ends_of_the_span() {
        let (rows, ..) = made(&config());
        assert_eq!(i64::from(rows[0].timestamp), config().first_second);
        let last = rows.last().unwrap();
        assert_eq!(i64::from(last.timestamp), config().last_second);
    }

    #[test]
    fn the_seed_decides_everything() {
        let texts = |config: &Seeded| format!("{:?}", made(config).0);
        assert_eq!(texts(&config()), texts(&config()));
        let other = Seeded {
            seed: 8,
            ..config()
        };
        assert_ne!(texts(&config()), texts(&other));
    }

    #[test]
    fn each_transaction_has_one_taker_whose_wallet_its_makers_name() {
        let (rows, ..) = made(&config());
        for rows in transactions(&rows).values() {
            let (takers, makers): (Vec<&Row>, Vec<&Row>) =
                rows.iter().partition(|row| row.taker >= NEG_RISK);
            let [taker] = takers[..] else {
                panic!("{} takers", takers.len());
            };
            assert!(!makers.is_empty());
            assert!(makers.iter().all(|maker| maker.taker == taker.maker));
            let shares: u64 = makers.iter().map(|maker| maker.shares).sum();
            assert_eq!(taker.shares, shares);
            let plain = makers
                .iter()
                .all(|maker| maker.trade.token() == taker.trade.token());
            if plain {
                let usdc: u64 = makers.iter().map(|maker| maker.usdc).sum();
                assert_eq!(taker.usdc, usdc);
                let opposite = |maker: &&&Row| maker.trade.is_sell() != taker.trade.is_sell();
                assert!(makers.iter().all(|maker| opposite(&maker)));
            }
        }
    }

    #[test]
    fn the_data_have_every_kind_of_unevenness() {
        let config = Seeded {
            fills: 60_000,
            ..config()
        };
        let (rows, counters, overwritten) = made(&config);
        let mut at: HashMap<u32, u32> = HashMap::new();
        let mut transactions_of: HashMap<u32, HashSet<u32>> = HashMap::new();
        for row in &rows {
            *at.entry(row.timestamp).or_default() += 1;
            let order = transactions_of.entry(row.order).or_default();
            order.insert(row.transaction);
        }
        assert!(at.values().any(|events| *events > 1_000), "no burst");
        assert!(transactions_of.values().any(|orders| orders.len() > 3));
        assert!(rows.iter().any(|row| row.taker == CTF));
        assert!(rows.iter().any(|row| row.taker == NEG_RISK));
        assert!(rows.iter().any(|row| row.shares == 0), "no dust");
        let complements = transactions(&rows)
            .values()
            .filter(|rows| {
                rows.iter()
                    .any(|row| row.trade.token() != rows[0].trade.token())
            })
            .count();
        assert!(complements > 1_000, "only {complements} MINT or MERGE");
        assert!(counters.iter().any(|counters| counters.trades() == 0));
        assert_eq!(overwritten, 0);
    }

    #[test]
    fn counters_count_every_row_and_what_was_overwritten() {
        for collisions in [0.0, 0.05] {
            let config = Seeded {
                collisions,
                ..config()
            };
            let (rows, counters, overwritten) = made(&config);
            let counted: u64 = counters.iter().map(Counters::trades).sum();
            assert_eq!(counted, rows.len() as u64 + overwritten);
            assert_eq!(overwritten > 0, collisions > 0.0);
        }
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        let refused = |config: Seeded| make(&config).unwrap_err().to_string();
        let no_market = Seeded {
            markets: 0,
            ..config()
        };
        assert_eq!(refused(no_market), "fills need at least one market");
        let backwards = Seeded {
            last_second: 1,
            ..config()
        };
        assert!(refused(backwards).contains("not a time span"));
    }
}
