//! How rows of the table differ from the source's fills, fill by fill.

use std::collections::{BTreeMap, HashMap, HashSet};

use fills::{Fill, FillId};

/// Everything known to differ, each fill once however often it was looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Differences {
    by_id: BTreeMap<FillId, Difference>,
    is_cut: bool,
}

/// One fill that is not in the table exactly once and as the source has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The source's fill that the table lacks.
    pub(crate) missing: Option<Fill>,
    /// Rows that the source does not have like this.
    pub(crate) extra: Vec<Fill>,
    /// A row that is there as the source has it, and how many times too often.
    pub(crate) doubled: Option<(Fill, u64)>,
}

impl Difference {
    /// Tells whether the table has the fill with another value in a field.
    pub(crate) fn is_wrong(&self) -> bool {
        self.missing.is_some() && !self.extra.is_empty()
    }

    /// Returns a fill of it, the source's where that is known.
    fn any(&self) -> Option<&Fill> {
        let doubled = self.doubled.as_ref().map(|(fill, _)| fill);
        self.missing.as_ref().or(doubled).or(self.extra.first())
    }

    /// Returns the first and the last second of all its versions.
    pub(crate) fn seconds(&self) -> Option<(u32, u32)> {
        let doubled = self.doubled.iter().map(|(fill, _)| fill);
        let versions = self.missing.iter().chain(&self.extra).chain(doubled);
        let seconds = versions.map(|fill| fill.timestamp);
        Some((seconds.clone().min()?, seconds.max()?))
    }
}

impl Differences {
    /// Compares all fills of a part of the source with all rows of the same part of the table, and
    /// returns what is new.
    pub(crate) fn compare(&mut self, source: &[Fill], table: &[Fill]) -> Vec<Difference> {
        let mut rows: HashMap<FillId, Vec<Fill>> = HashMap::with_capacity(table.len());
        for row in table {
            rows.entry(row.id).or_default().push(*row);
        }
        let mut new = Vec::new();
        for fill in source {
            let found = rows.remove(&fill.id).unwrap_or_default();
            new.extend(self.note(fill.id, compared(Some(fill), found)));
        }
        for (id, found) in rows {
            new.extend(self.note(id, compared(None, found)));
        }
        new
    }

    /// Says that there are more, which nobody looked at.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Tells whether there may be more than these, because looking ended early.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Adds what was found elsewhere.
    pub(crate) fn extend(&mut self, other: Self) {
        self.is_cut |= other.is_cut;
        for (id, found) in other.by_id {
            self.note(id, found);
        }
    }

    /// Adds what was found of one fill; returns what of it was not known.
    fn note(&mut self, id: FillId, found: Difference) -> Option<Difference> {
        if found == Difference::default() {
            return None;
        }
        let known = self.by_id.entry(id).or_default();
        let new = Difference {
            missing: found.missing.filter(|_| known.missing.is_none()),
            doubled: found.doubled.filter(|_| known.doubled.is_none()),
            extra: unknown(&known.extra, found.extra),
        };
        known.missing = known.missing.or(new.missing);
        known.doubled = known.doubled.or(new.doubled);
        known.extra.extend(&new.extra);
        (new != Difference::default()).then_some(new)
    }

    /// Returns all of them, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FillId, &Difference)> {
        self.by_id.iter()
    }

    /// Returns how many fills differ.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Tells whether none does, and all were looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && !self.is_cut
    }

    /// Returns the second of every fill that the table lacks, in order.
    pub(crate) fn missing_seconds(&self) -> Vec<u32> {
        let missing = self.by_id.values().filter(|one| !one.is_wrong());
        let fills = missing.filter_map(|one| one.missing.as_ref());
        let mut seconds: Vec<u32> = fills.map(|fill| fill.timestamp).collect();
        seconds.sort_unstable();
        seconds
    }

    /// Returns every second in which a version of a fill lies that differs.
    pub(crate) fn seconds(&self) -> HashSet<u32> {
        let seconds = self.by_id.values().filter_map(Difference::seconds);
        seconds.flat_map(|(first, last)| [first, last]).collect()
    }

    /// Returns the seconds in which fills differ, in order of time.
    pub(crate) fn seconds_of(differences: &[Difference]) -> Vec<u32> {
        let mut seconds: Vec<u32> = differences
            .iter()
            .filter_map(|difference| difference.any().map(|fill| fill.timestamp))
            .collect();
        seconds.sort_unstable();
        seconds
    }
}

/// Returns those rows that are not known, as often as they are there and not known.
fn unknown(known: &[Fill], mut rows: Vec<Fill>) -> Vec<Fill> {
    for row in known {
        if let Some(place) = rows.iter().position(|one| one == row) {
            rows.swap_remove(place);
        }
    }
    rows
}

fn compared(fill: Option<&Fill>, mut rows: Vec<Fill>) -> Difference {
    let Some(fill) = fill else {
        return Difference {
            extra: rows,
            ..Difference::default()
        };
    };
    let all = rows.len();
    rows.retain(|row| !row.agrees_with(fill));
    let right = (all - rows.len()) as u64;
    Difference {
        missing: (right == 0).then_some(*fill),
        doubled: (right > 1).then(|| (*fill, right - 1)),
        extra: rows,
    }
}

#[cfg(test)]
mod tests {
    use fills::{Address, OrderHash, Side, TxHash};

    use super::*;

    fn fill(n: u8) -> Fill {
        Fill {
            id: FillId {
                tx_hash: TxHash([n; 32]),
                order_hash: OrderHash([n; 32]),
                nth_from_last: 0,
            },
            timestamp: 100 + u32::from(n),
            maker: Address([n; 20]),
            taker: Address([9; 20]),
            token_id: 5.into(),
            side: Side::Buy,
            shares_base_units: 6,
            usdc_base_units: 7,
            fee_base_units: 0,
            ..Fill::default()
        }
    }

    fn shifted(n: u8) -> Fill {
        Fill {
            timestamp: 500,
            ..fill(n)
        }
    }

    #[test]
    fn equal_rows_do_not_differ_in_any_order() {
        let mut differences = Differences::default();
        assert!(
            differences
                .compare(&[fill(1), fill(2)], &[fill(2), fill(1)])
                .is_empty()
        );
        assert!(differences.is_empty());
    }

    #[test]
    fn each_kind_is_told_from_the_others() {
        let mut differences = Differences::default();
        let table = [fill(2), fill(2), fill(3), shifted(4)];
        differences.compare(&[fill(1), fill(2), fill(4)], &table);
        let found: Vec<&Difference> = differences.iter().map(|(_, found)| found).collect();
        assert_eq!(found.len(), 4);
        assert_eq!(
            (found[0].missing, found[0].is_wrong()),
            (Some(fill(1)), false)
        );
        assert_eq!(found[1].doubled, Some((fill(2), 1)));
        assert_eq!(
            (found[2].missing, found[2].extra.as_slice()),
            (None, &[fill(3)][..])
        );
        assert!(found[3].is_wrong());
        assert_eq!(found[3].seconds(), Some((104, 500)));
    }

    #[test]
    fn another_extra_row_of_a_known_id_is_new() {
        let mut differences = Differences::default();
        differences.compare(&[], &[fill(4)]);
        let new = differences.compare(&[], &[fill(4), shifted(4)]);
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].extra, [shifted(4)]);
        assert_eq!(differences.compare(&[], &[shifted(4), fill(4)]), []);
        let (_, found) = differences.iter().next().unwrap();
        assert_eq!(found.extra, [fill(4), shifted(4)]);
    }

    #[test]
    fn a_row_in_another_window_becomes_one_wrong_row() {
        let mut differences = Differences::default();
        assert_eq!(differences.compare(&[fill(4)], &[]).len(), 1);
        assert_eq!(differences.compare(&[], &[shifted(4)]).len(), 1);
        assert_eq!(differences.compare(&[fill(4)], &[]), []);
        assert_eq!(differences.len(), 1);
        assert!(differences.iter().all(|(_, found)| found.is_wrong()));
    }
}
