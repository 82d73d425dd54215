//! Rows that are taken out: into the quarantine, and then out of the table.

use clickhouse_types::read_leb128;

use super::{ROW_BYTES, Row, Table};

/// Which rows a statement is about that takes them out.
#[derive(Debug)]
pub(crate) struct Doomed {
    first: u32,
    last: u32,
    repair: String,
}

impl Doomed {
    /// Reads the literals of the statement; one without them is about no row.
    pub(crate) fn of(sql: &str) -> Self {
        let mut seconds = sql.split("toDateTime(").skip(1).map(|rest| {
            let second = rest.split(')').next().unwrap_or_default();
            second.parse().unwrap_or_default()
        });
        let repair = sql.split("repair = '").nth(1).unwrap_or_default();
        let repair = repair.split('\'').next().unwrap_or_default();
        Self {
            first: seconds.next().unwrap_or_default(),
            last: seconds.next().unwrap_or_default(),
            repair: repair.to_owned(),
        }
    }
}

impl Table {
    /// Puts rows into the quarantine, from RowBinary: the row, where the source has it, reason, repair.
    pub(crate) fn quarantine(&self, mut body: &[u8]) {
        let mut state = self.state();
        while let Some((row, rest)) = body.split_first_chunk::<ROW_BYTES>() {
            body = rest;
            for width in [32, 4] {
                body = match body.split_first() {
                    Some((0, value)) => value.get(width..).unwrap_or_default(),
                    Some((_, rest)) => rest,
                    None => body,
                };
            }
            let [_reason, repair] = [text(&mut body), text(&mut body)];
            state.quarantine.insert((Row(*row), repair));
        }
    }

    /// Returns the rows of the table that a repair is about.
    pub(crate) fn doomed(&self, doomed: &Doomed) -> Vec<Row> {
        self.catch_up();
        let state = self.state();
        let is_doomed = |row: &&Row| {
            (doomed.first..=doomed.last).contains(&row.second())
                && state
                    .quarantine
                    .contains(&((*row).clone(), doomed.repair.clone()))
        };
        state.rows.values().filter(is_doomed).cloned().collect()
    }

    /// Takes those out. The table remembers the tokens they came with.
    pub(crate) fn take_out(&self, doomed: &Doomed) {
        for row in self.doomed(doomed) {
            self.state().rows.remove(&row.id());
        }
    }
}

fn text(body: &mut &[u8]) -> String {
    let length = read_leb128(&mut *body).unwrap_or_default() as usize;
    let (text, rest) = body.split_at_checked(length).unwrap_or_default();
    *body = rest;
    String::from_utf8_lossy(text).into_owned()
}
