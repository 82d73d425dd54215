//! What a provider means when it refuses a range of blocks.

use std::ops::RangeInclusive;

/// What a refusal of `eth_getLogs` calls for.
///
/// Words decide, as codes are of no use: each provider has its own, and `-32005` is three things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Ask for fewer blocks from now on: the provider takes no more at a time.
    TooManyBlocks,
    /// Ask for fewer blocks here: these have more logs than an answer may have, or take too long.
    TooManyLogs,
    /// Ask for fewer contracts at a time.
    TooManyAddresses,
    /// Ask again: the node that answered has not seen these blocks yet.
    BehindHead,
    /// Ask another provider: this one does not keep blocks so old.
    Pruned,
    /// Ask another provider: what is paid for is used up.
    QuotaUsedUp,
    /// Ask later.
    RateLimited,
    /// Nobody knows: ask for fewer blocks.
    Unknown,
}

/// Words in lower case and what they mean; the first that a message contains decides.
///
/// **Source**: texts that ponder, hyperindex, erpc and rindexer match on, and reports.
const WORDS: &[(&str, Refusal)] = &[
    ("pruned", Refusal::Pruned),
    ("missing trie node", Refusal::Pruned),
    ("monthly", Refusal::QuotaUsedUp),
    ("daily request count", Refusal::QuotaUsedUp),
    ("rate limit", Refusal::RateLimited),
    ("too many requests", Refusal::RateLimited),
    ("request limit reached", Refusal::RateLimited),
    ("per second", Refusal::RateLimited),
    ("number of address", Refusal::TooManyAddresses),
    ("filters", Refusal::TooManyAddresses),
    ("beyond current head", Refusal::BehindHead),
    ("invalid block range", Refusal::BehindHead),
    ("unknown block", Refusal::BehindHead),
    ("block not found", Refusal::BehindHead),
    ("header not found", Refusal::BehindHead),
    ("results", Refusal::TooManyLogs),
    ("logs returned", Refusal::TooManyLogs),
    ("response size", Refusal::TooManyLogs),
    ("response is too big", Refusal::TooManyLogs),
    ("response too large", Refusal::TooManyLogs),
    ("timed out", Refusal::TooManyLogs),
    ("timeout", Refusal::TooManyLogs),
    ("range", Refusal::TooManyBlocks),
    ("requested blocks", Refusal::TooManyBlocks),
    ("limited to", Refusal::TooManyBlocks),
];

impl Refusal {
    /// Reads a provider's message.
    pub fn of(message: &str) -> Self {
        let message = message.to_lowercase();
        let found = WORDS.iter().find(|(words, _)| message.contains(words));
        found.map_or(Self::Unknown, |&(_, refusal)| refusal)
    }
}

/// Returns the range that a message suggests, where it is a smaller one with the same beginning.
pub(crate) fn suggested(message: &str, asked: &RangeInclusive<u32>) -> Option<RangeInclusive<u32>> {
    let numbers: Vec<u32> = numbers(message).collect();
    let mut pairs = numbers.windows(2).map(|pair| (pair[0], pair[1]));
    let (from, to) =
        pairs.find(|&(from, to)| from == *asked.start() && (from..*asked.end()).contains(&to))?;
    Some(from..=to)
}

/// Returns how many blocks a message says are allowed, where that is less than was asked for.
pub(crate) fn max_blocks(message: &str, asked: &RangeInclusive<u32>) -> Option<u32> {
    let asked = asked.end() - asked.start() + 1;
    // A range that is spelled out has numbers of blocks, which are not how many.
    let message = message.split('[').next().unwrap_or_default();
    numbers(message)
        .filter(|&number| (1..asked).contains(&number))
        .min()
}

/// Returns how many logs a message says are allowed, where it says so.
pub(crate) fn max_logs(message: &str) -> Option<u32> {
    // Less than that is no limit of logs, but the number of something else.
    numbers(message).filter(|&number| number >= 1_000).min()
}

/// Returns the numbers in a text: decimal, also as `10,000` and `2K`, or hex behind `0x`.
fn numbers(text: &str) -> impl Iterator<Item = u32> {
    let is_inside = |byte: char| byte.is_ascii_alphanumeric() || byte == ',';
    text.split(move |byte| !is_inside(byte)).filter_map(|word| {
        let word = word.trim_matches(',').replace(',', "").to_lowercase();
        match (word.strip_prefix("0x"), word.strip_suffix('k')) {
            (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
            (None, Some(thousands)) => thousands.parse::<u32>().ok()?.checked_mul(1000),
            (None, None) => word.parse().ok(),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn recorded_refusals_call_for_what_their_class_says() {
        let mut read = 0;
        for row in include_str!("../tests/data/rpc_errors.jsonl").lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            let (message, class) = (
                row["message"].as_str().unwrap(),
                row["class"].as_str().unwrap(),
            );
            let expected: &[Refusal] = match class {
                // One is a range that is allowed for some answers only.
                "range" => &[Refusal::TooManyBlocks, Refusal::TooManyLogs],
                "results" | "size" | "timeout" => &[Refusal::TooManyLogs],
                "filter" => &[Refusal::TooManyAddresses],
                "pruned" => &[Refusal::Pruned],
                "head" => &[Refusal::BehindHead],
                "quota" => &[Refusal::QuotaUsedUp],
                "rate" => &[Refusal::RateLimited],
                // These are told by their status.
                "auth" | "dead" => continue,
                other => panic!("{other}: {message}"),
            };
            read += 1;
            assert!(
                expected.contains(&Refusal::of(message)),
                "{class}: {message}"
            );
        }
        assert!(read >= 20, "{read}");
        assert_eq!(Refusal::of("something new"), Refusal::Unknown);
    }

    #[test]
    fn a_suggestion_counts_where_it_is_smaller_and_begins_alike() {
        let asked = 0x3d_7773..=0x40_0000;
        let alchemy = "You can make eth_getLogs requests with up to a 500 block range. Based on your \
                       parameters, this block range should work: [0x3d7773, 0x3d7966]";
        assert_eq!(suggested(alchemy, &asked), Some(0x3d_7773..=0x3d_7966));
        assert_eq!(max_blocks(alchemy, &asked), Some(500));
        let ankr = "query exceeds max results 20000, retry with the range 70-99";
        assert_eq!(suggested(ankr, &(70..=200)), Some(70..=99));
        for asked in [70..=99, 71..=200, 60..=200] {
            assert_eq!(suggested(ankr, &asked), None, "{asked:?}");
        }
    }

    #[test]
    fn a_number_of_blocks_counts_where_it_is_less_than_was_asked_for() {
        let asked = 0..=9_999;
        for (message, blocks) in [
            ("eth_getLogs is limited to a 10,000 range", None),
            ("exceed maximum block range: 5000", Some(5000)),
            (
                "exceeds the range allowed for your plan (5000 > 3000)",
                Some(3000),
            ),
            ("up to a 2K block range", Some(2000)),
            ("Block range limit exceeded.", None),
        ] {
            assert_eq!(max_blocks(message, &asked), blocks, "{message}");
        }
    }
}
