//! What the fuzzer calls, and the test that replays its corpus: an answer is read as each client
//! reads it, and what comes out is held against what was asked for.

use fills::{Address, Trade};

use crate::data_api::{self, PageOf};
use crate::gamma;

/// Reads an answer, whatever it holds, as markets and as a wallet's trades: a line that is for
/// another client, then the body.
pub fn answer(input: &[u8]) {
    const MOST_ROWS: usize = 9;
    let mut parts = input.splitn(2, |&byte| byte == b'\n');
    let body = parts.nth(1).unwrap_or_default();
    drop(gamma::read(body));
    let wallet = Address([0xaa; 20]);
    for of in [
        PageOf::Activity {
            wallet,
            first: 100,
            last: 400,
            offset: 0,
        },
        PageOf::Trades { wallet, offset: 0 },
    ] {
        let Ok(page) = data_api::read(body, of, MOST_ROWS) else {
            continue;
        };
        assert!(page.rows.len() + page.malformed.len() <= MOST_ROWS);
        assert!(page.rows.iter().all(|row| row.wallet == wallet));
        let sums = Trade::sum(page.rows.iter().map(|row| row.trade));
        assert!(sums.is_sorted_by(|one, next| one.key < next.key));
        let fills: u64 = sums.iter().map(|sum| sum.fills).sum();
        assert_eq!(fills, page.rows.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    const MARKETS: &str = include_str!("../tests/answers/gamma_markets.json");
    const TRADES: &str = r#"[{"proxyWallet":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","side":"BUY","asset":"7","transactionHash":"0x0000000000000000000000000000000000000000000000000000000000000001","timestamp":200,"size":28.3,"usdcSize":1.6697e1,"type":"TRADE"}]"#;

    #[test]
    fn every_answer_of_the_corpus_is_read_right() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/page");
        if !Path::new(corpus).exists() {
            println!("skipped: {corpus} is not here, as in a package");
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            answer(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{corpus} is empty");
    }

    proptest! {
        #[test]
        fn a_damaged_answer_is_read_right_or_not_at_all(
            markets: bool,
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut body = format!("\n{}", if markets { MARKETS } else { TRADES }).into_bytes();
            for (place, byte) in &damage {
                let place = 1 + place.index(body.len() - 1);
                body[place] = *byte;
            }
            answer(&body);
            body.truncate(cut.index(body.len()));
            answer(&body);
        }
    }
}
