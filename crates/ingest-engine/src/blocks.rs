//! Rows on their way into blocks: pure, no I/O.
//!
//! A *block* is what one insert puts into the table: all rows of some seconds, of one month. Whatever
//! pages came together, a block is made of complete seconds, so those seconds identify what it holds.
//!
//! Invariants:
//! * A second of a group belongs to one block.
//! * A sealed block does not change.
//! * What an earlier run sealed is put together again as it was, and compared.

use std::collections::BTreeMap;
use std::time::Duration;

use fills::{Block, Fill, Malformed, Span, SpanSet, Summary};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::Error;

/// Seconds of a group, complete: all rows of it, in order of time, and the events that are none.
#[derive(Debug, Default)]
pub(crate) struct Completed {
    pub(crate) group: u32,
    pub(crate) span: Span,
    pub(crate) fills: Vec<Fill>,
    pub(crate) malformed: Vec<Malformed>,
}

/// What a block holds, decided once: the checkpoint has it before a row of it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBlock {
    /// By what the table knows it, whoever sends it: no other block was ever known by that.
    pub token: String,
    /// Its seconds, by group.
    pub parts: BTreeMap<u32, SpanSet>,
    /// Its rows.
    pub summary: Summary,
}

impl SealedBlock {
    /// Returns the seconds of all groups.
    pub(crate) fn spans(&self) -> SpanSet {
        self.parts.values().flat_map(SpanSet::spans).collect()
    }
}

/// A block with its rows, ready to be sent once the checkpoint has what it holds.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) sealed: SealedBlock,
    pub(crate) pages: Vec<Vec<Fill>>,
    pub(crate) malformed: Vec<Malformed>,
    /// Whether an earlier run sealed it, so that its rows may be in the table.
    pub(crate) is_repeated: bool,
}

impl Filled {
    /// Takes the rows out as they are inserted: as the block, if they are all of it.
    pub(crate) fn block(&mut self) -> Block {
        let rows: Summary = self.pages.iter().flatten().collect();
        match rows == self.sealed.summary {
            true => Block {
                token: self.sealed.token.clone(),
                pages: std::mem::take(&mut self.pages),
            },
            false => self.as_others(),
        }
    }

    /// Takes the rows out, to be inserted under a token that was never used.
    pub(crate) fn as_others(&mut self) -> Block {
        Block {
            token: Block::unused_token(),
            pages: std::mem::take(&mut self.pages),
        }
    }
}

#[derive(Debug)]
struct Open {
    parts: BTreeMap<u32, SpanSet>,
    pages: Vec<Vec<Fill>>,
    rows: usize,
    malformed: Vec<Malformed>,
    since: Instant,
}

impl Open {
    fn since(since: Instant) -> Self {
        Self {
            parts: BTreeMap::new(),
            pages: Vec::new(),
            rows: 0,
            malformed: Vec::new(),
            since,
        }
    }

    fn append(&mut self, group: u32, span: Span, fills: Vec<Fill>, malformed: Vec<Malformed>) {
        self.parts.entry(group).or_default().insert(span);
        self.rows += fills.len();
        if !fills.is_empty() {
            self.pages.push(fills);
        }
        self.malformed.extend(malformed);
    }

    fn seal(self, token: String) -> Filled {
        Filled {
            sealed: SealedBlock {
                token,
                summary: self.pages.iter().flatten().collect(),
                parts: self.parts,
            },
            pages: self.pages,
            malformed: self.malformed,
            is_repeated: false,
        }
    }
}

/// What an earlier run sealed and did not see through, on its way to be what it was.
#[derive(Debug)]
struct Repeated {
    sealed: SealedBlock,
    /// Its seconds that have not come yet, by group.
    missing: BTreeMap<u32, SpanSet>,
    open: Open,
}

/// What came of rows that were taken in.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) filled: Vec<Filled>,
    /// Seconds without a row, which nothing has to be sent for.
    pub(crate) empty: Vec<(u32, Span)>,
}

/// The blocks that still take rows.
#[derive(Debug)]
pub(crate) struct Blocks {
    max_rows: usize,
    max_age: Duration,
    /// 128 random bits, and how many tokens were made of them.
    tokens: (String, u64),
    /// By month: its first second.
    open: BTreeMap<u64, Open>,
    repeated: Vec<Repeated>,
}

impl Blocks {
    /// Makes none, for blocks of so many rows and so old, beside those that an earlier run sealed.
    pub(crate) fn new(max_rows: usize, max_age: Duration, sealed: Vec<SealedBlock>) -> Self {
        let repeated = sealed.into_iter().map(|sealed| Repeated {
            missing: sealed.parts.clone(),
            open: Open::since(Instant::now()),
            sealed,
        });
        let name = Block::unused_token();
        #[cfg(feature = "mutations")]
        let name = match mutation::is_on(mutation::Mutation::TokenWithoutRun) {
            true => String::new(),
            false => name,
        };
        Self {
            max_rows: max_rows.max(1),
            max_age,
            tokens: (name, 0),
            open: BTreeMap::new(),
            repeated: repeated.collect(),
        }
    }

    /// Takes complete seconds in.
    ///
    /// # Errors
    /// [`Error::SourceChanged`] where an earlier run sealed other rows of the same seconds.
    pub(crate) fn take(&mut self, completed: Completed, now: Instant) -> Result<Taken, Error> {
        let mut taken = Taken::default();
        let mut left = vec![completed];
        for repeated in &mut self.repeated {
            left = left
                .into_iter()
                .flat_map(|completed| repeated.take(completed))
                .collect();
        }
        for repeated in self.repeated.extract_if(.., |one| one.missing.is_empty()) {
            taken.filled.push(repeated.seal()?);
        }
        for completed in left {
            for (month, completed) in by_month(completed) {
                self.take_month(month, completed, now, &mut taken);
            }
        }
        Ok(taken)
    }

    fn take_month(&mut self, month: u64, completed: Completed, now: Instant, taken: &mut Taken) {
        let Completed {
            group,
            mut span,
            mut fills,
            mut malformed,
        } = completed;
        if fills.is_empty() && malformed.is_empty() {
            taken.empty.push((group, span));
            return;
        }
        loop {
            let open = self.open.entry(month).or_insert_with(|| Open::since(now));
            let room = self.max_rows.saturating_sub(open.rows);
            let Some(first) = fills.get(room) else {
                open.append(group, span, fills, malformed);
                if open.rows >= self.max_rows {
                    taken.filled.extend(self.seal_month(month));
                }
                return;
            };
            // Whole seconds only: what has no room begins the next block.
            let mut cut = u64::from(first.timestamp);
            let mut count = fills.partition_point(|fill| u64::from(fill.timestamp) < cut);
            if count == 0 && open.rows == 0 {
                // One second that has more rows than a block is a block.
                count = fills.partition_point(|fill| u64::from(fill.timestamp) <= cut);
                cut += 1;
            }
            if count > 0 {
                let rest = fills.split_off(count);
                let front = std::mem::replace(&mut fills, rest);
                let letters = std::mem::take(&mut malformed);
                let at = span.from;
                open.append(group, Span::new(at, cut), front, letters);
                span.from = cut;
                #[cfg(feature = "mutations")]
                if mutation::is_on(mutation::Mutation::CutLosesASecond) {
                    fills.retain(|fill| u64::from(fill.timestamp) > cut);
                }
            }
            taken.filled.extend(self.seal_month(month));
            if fills.is_empty() {
                if !span.is_empty() {
                    taken.empty.push((group, span));
                }
                return;
            }
        }
    }

    /// Seals what has been open for long enough.
    pub(crate) fn seal_old(&mut self, now: Instant) -> Vec<Filled> {
        let is_old = |open: &Open| now - open.since >= self.max_age;
        let old = self.open.iter().filter(|(_, open)| is_old(open));
        let old: Vec<u64> = old.map(|(&month, _)| month).collect();
        let sealed = old.into_iter().filter_map(|month| self.seal_month(month));
        sealed.collect()
    }

    /// Seals the block with the most rows, if there is one.
    pub(crate) fn seal_largest(&mut self) -> Option<Filled> {
        let largest = self.open.iter().max_by_key(|(_, open)| open.rows);
        let month = *largest?.0;
        self.seal_month(month)
    }

    /// Seals everything that can be. What an earlier run sealed is kept until it is complete.
    pub(crate) fn seal_all(&mut self) -> Vec<Filled> {
        let open = std::mem::take(&mut self.open);
        open.into_values().map(|open| self.seal(open)).collect()
    }

    fn seal_month(&mut self, month: u64) -> Option<Filled> {
        let open = self.open.remove(&month)?;
        Some(self.seal(open))
    }

    fn seal(&mut self, open: Open) -> Filled {
        let (name, number) = &mut self.tokens;
        *number += 1;
        open.seal(format!("{name}-{number}"))
    }
}

impl Repeated {
    /// Takes what belongs to the block, and returns the rest.
    fn take(&mut self, completed: Completed) -> Vec<Completed> {
        let group = completed.group;
        let Some(missing) = self.missing.get_mut(&group) else {
            return vec![completed];
        };
        let here = missing
            .spans()
            .map(|span| span.intersection(&completed.span));
        let here: SpanSet = here.collect();
        let mut rest = Vec::new();
        let mut behind = completed;
        for span in here.spans() {
            let (before, at) = behind.cut(span.from);
            let (at, after) = at.cut(span.to);
            rest.push(before);
            let Completed {
                fills, malformed, ..
            } = at;
            self.open.append(group, span, fills, malformed);
            behind = after;
        }
        rest.push(behind);
        *missing = missing.spans().flat_map(|span| here.gaps(span)).collect();
        if missing.is_empty() {
            self.missing.remove(&group);
        }
        rest.retain(|completed| !completed.span.is_empty());
        rest
    }

    fn seal(self) -> Result<Filled, Error> {
        let filled = Filled {
            is_repeated: true,
            ..self.open.seal(self.sealed.token.clone())
        };
        match filled.sealed == self.sealed {
            true => Ok(filled),
            false => Err(Error::SourceChanged {
                spans: self.sealed.spans(),
                before: self.sealed.summary,
                now: filled.sealed.summary,
            }),
        }
    }
}

impl Completed {
    /// Cuts it in two at a second.
    fn cut(mut self, second: u64) -> (Self, Self) {
        let second = second.clamp(self.span.from, self.span.to.max(self.span.from));
        let place = self
            .fills
            .partition_point(|fill| u64::from(fill.timestamp) < second);
        let mut after = Self {
            group: self.group,
            span: Span::new(second, self.span.to),
            fills: self.fills.split_off(place),
            malformed: Vec::new(),
        };
        self.span.to = second;
        // Nobody knows the second of an event that is no fill.
        if self.span.is_empty() {
            after.malformed = std::mem::take(&mut self.malformed);
        }
        (self, after)
    }
}

/// Cuts seconds where months end, in UTC: a block of one month is one part of the table.
fn by_month(completed: Completed) -> Vec<(u64, Completed)> {
    let mut months = Vec::new();
    let mut left = completed;
    while !left.span.is_empty() {
        let (first, next) = month_of(left.span.from);
        #[cfg(feature = "mutations")]
        let next = match mutation::is_on(mutation::Mutation::BlocksSpanMonths) {
            true => u64::MAX,
            false => next,
        };
        let (month, rest) = left.cut(next);
        months.push((first, month));
        left = rest;
    }
    months
}

/// Returns the first second of a second's month, and of the next month.
fn month_of(second: u64) -> (u64, u64) {
    let date = i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .map(|time| time.to_zoned(TimeZone::UTC).date());
    let begin = |date: jiff::civil::Date| {
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        u64::try_from(midnight.timestamp().as_second()).ok()
    };
    let first = date.and_then(|date| begin(date.first_of_month()));
    let next = date.and_then(|date| begin(date.last_of_month().tomorrow().ok()?));
    // What no calendar holds is one month.
    (first.unwrap_or(0), next.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use fills::{Address, FillId, OrderHash, Side, TokenId, TxHash};

    use super::*;

    /// 2024-01-31 23:59:50 UTC.
    const BEFORE_FEBRUARY: u64 = 1_706_745_590;
    const AGE: Duration = Duration::from_secs(5);

    fn fill(second: u64, n: u8) -> Fill {
        Fill {
            id: FillId {
                tx_hash: TxHash([n; 32]),
                order_hash: OrderHash([n; 32]),
                nth_from_last: 0,
            },
            timestamp: u32::try_from(second).unwrap(),
            maker: Address([1; 20]),
            taker: Address([2; 20]),
            token_id: TokenId::from(1),
            side: Side::Buy,
            shares_base_units: 1,
            usdc_base_units: 1,
            fee_base_units: 0,
            ..Fill::default()
        }
    }

    /// Makes seconds of group 0 with a fill at each of some.
    fn completed(from: u64, to: u64, seconds: &[u64]) -> Completed {
        let fills = seconds.iter().enumerate();
        Completed {
            group: 0,
            span: Span::new(from, to),
            fills: fills
                .map(|(n, &second)| fill(second, u8::try_from(n).unwrap()))
                .collect(),
            malformed: Vec::new(),
        }
    }

    fn letter() -> Malformed {
        Malformed {
            position: None,
            fill_id: "x".to_owned(),
            field: "fee".to_owned(),
            reason: "odd".to_owned(),
            event: "{}".to_owned(),
        }
    }

    fn parts(filled: &Filled) -> (Vec<(u64, u64)>, u64) {
        let spans = filled.sealed.spans();
        let rows: usize = filled.pages.iter().map(Vec::len).sum();
        assert_eq!(filled.sealed.summary.rows, rows as u64);
        (spans.into(), filled.sealed.summary.rows)
    }

    #[test]
    fn a_full_block_is_cut_between_seconds_and_the_next_begins_there() {
        let mut blocks = Blocks::new(3, AGE, Vec::new());
        let now = Instant::now();
        let taken = blocks
            .take(completed(0, 10, &[1, 2, 4, 4, 7]), now)
            .unwrap();
        let filled: Vec<_> = taken.filled.iter().map(parts).collect();
        // The two rows of one second stay together.
        assert_eq!(filled, [(vec![(0, 4)], 2), (vec![(4, 10)], 3)]);
        assert!(taken.empty.is_empty() && blocks.seal_all().is_empty());
    }

    #[test]
    fn a_second_with_more_rows_than_a_block_is_one_and_what_follows_is_empty() {
        let mut blocks = Blocks::new(2, AGE, Vec::new());
        let taken = blocks.take(completed(5, 9, &[6, 6, 6, 6]), Instant::now());
        let taken = taken.unwrap();
        let filled: Vec<_> = taken.filled.iter().map(parts).collect();
        assert_eq!(filled, [(vec![(5, 7)], 4)]);
        assert_eq!(taken.empty, [(0, Span::new(7, 9))]);
    }

    #[test]
    fn months_have_blocks_of_their_own_and_seconds_without_rows_need_none() {
        let mut blocks = Blocks::new(100, AGE, Vec::new());
        let from = BEFORE_FEBRUARY;
        let seconds = completed(from, from + 20, &[from, from + 9, from + 10]);
        let taken = blocks.take(seconds, Instant::now()).unwrap();
        assert!(taken.filled.is_empty() && taken.empty.is_empty());
        let sealed: Vec<_> = blocks.seal_all().iter().map(parts).collect();
        let (month, next) = ((from, from + 10), (from + 10, from + 20));
        assert_eq!(sealed, [(vec![month], 2), (vec![next], 1)]);
        let nothing = completed(from, from + 20, &[]);
        let taken = blocks.take(nothing, Instant::now()).unwrap();
        let empty = [month, next].map(|(from, to)| (0, Span::new(from, to)));
        assert_eq!(taken.empty, empty);
    }

    #[test]
    fn an_event_that_is_no_fill_goes_with_the_first_seconds_that_go() {
        let mut blocks = Blocks::new(100, AGE, Vec::new());
        let with_letter = Completed {
            malformed: vec![letter()],
            ..completed(BEFORE_FEBRUARY, BEFORE_FEBRUARY + 20, &[])
        };
        let taken = blocks.take(with_letter, Instant::now()).unwrap();
        let next_month = Span::new(BEFORE_FEBRUARY + 10, BEFORE_FEBRUARY + 20);
        assert_eq!(taken.empty, [(0, next_month)]);
        let sealed = blocks.seal_all();
        assert_eq!((sealed.len(), sealed[0].malformed.len()), (1, 1));
    }

    #[test]
    fn old_blocks_go_and_the_largest_goes_where_room_is_needed() {
        let mut blocks = Blocks::new(100, AGE, Vec::new());
        let now = Instant::now();
        let from = BEFORE_FEBRUARY;
        blocks
            .take(completed(from, from + 1, &[from]), now)
            .unwrap();
        let later = completed(from + 10, from + 13, &[from + 10, from + 11]);
        blocks.take(later, now + AGE / 2).unwrap();
        assert!(blocks.seal_old(now + AGE / 2).is_empty());
        assert_eq!(blocks.seal_largest().map(|block| parts(&block).1), Some(2));
        let old = blocks.seal_old(now + AGE);
        assert_eq!(
            old.iter().map(|block| parts(block).1).collect::<Vec<_>>(),
            [1]
        );
        assert!(blocks.seal_largest().is_none());
    }

    #[test]
    fn what_was_sealed_is_made_again_from_other_pieces_under_its_token() {
        let now = Instant::now();
        let mut before = Blocks::new(100, AGE, Vec::new());
        before.take(completed(0, 10, &[1, 5]), now).unwrap();
        before.take(completed(20, 30, &[25]), now).unwrap();
        let sealed = before.seal_all().remove(0).sealed;

        let mut again = Blocks::new(1, AGE, vec![sealed.clone()]);
        // Pieces of other sizes, with seconds between and behind that belong to others.
        let first = completed(0, 22, &[1, 5]);
        let taken = again.take(first, now).unwrap();
        assert_eq!(taken.empty, [(0, Span::new(10, 20))]);
        assert!(taken.filled.is_empty() && again.seal_all().is_empty());
        let taken = again.take(completed(22, 40, &[25]), now).unwrap();
        assert_eq!(taken.filled.len(), 1);
        assert!(taken.filled[0].is_repeated);
        assert_eq!(taken.filled[0].sealed, sealed);
        assert_eq!(taken.empty, [(0, Span::new(30, 40))]);
    }

    #[test]
    fn other_rows_of_what_was_sealed_are_refused() {
        let now = Instant::now();
        let mut before = Blocks::new(100, AGE, Vec::new());
        before.take(completed(0, 10, &[1, 5]), now).unwrap();
        let sealed = before.seal_all().remove(0).sealed;
        let mut again = Blocks::new(100, AGE, vec![sealed]);
        let changed = again.take(completed(0, 10, &[1]), now);
        assert!(
            matches!(changed, Err(Error::SourceChanged { before, now, .. })
                if (before.rows, now.rows) == (2, 1))
        );
    }
}
