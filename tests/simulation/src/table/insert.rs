//! One insert, from its body to its last part.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use clickhouse_types::read_leb128;
use fastrand::Rng;

use super::{ROW_BYTES, Row, Table};
use crate::source::latency;

/// Bytes of each column's values, in the order in which fills are written.
const WIDTHS: [usize; 16] = [32, 32, 20, 20, 32, 1, 16, 16, 16, 4, 2, 1, 20, 4, 4, 32];

/// An insert that the server executes.
#[derive(Debug, Clone)]
pub(crate) struct Insert {
    query_id: String,
    pub(super) token: String,
    rows: Vec<Row>,
    /// When which partition's part is committed, in order.
    pub(super) commits: VecDeque<(Duration, u32)>,
    pub(super) ends: Duration,
    /// The part that it never comes to the end of.
    unfinished: Option<u32>,
}

/// What becomes of one insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is done, and the answer is an error.
    DoneAndError(u32, &'static str),
    /// It fails after some of its parts.
    HalfDone(u32, &'static str),
    /// It is turned away.
    Refused(u32, &'static str),
    /// It is refused for its size.
    TooLarge,
    /// The connection breaks while the rows are on their way.
    CutOff,
    /// It takes so long that nobody waits for it.
    Late(Duration),
    /// Something between delivers it again, and waits for the second answer.
    Twice(Duration),
    /// The server dies while it is being executed.
    ServerDies,
}

impl Fate {
    pub(crate) fn bad(chance: &mut Rng) -> Self {
        const PASSING: [(u32, &str); 8] = [
            (159, "Timeout exceeded"),
            (209, "Socket timeout"),
            (210, "Connection reset by peer"),
            (242, "Table is in readonly mode"),
            (319, "Unknown status of insert"),
            (425, "System error"),
            (999, "Coordination::Exception: Session expired"),
            (241, "(total) memory limit exceeded: would use 9.00 GiB"),
        ];
        const AT_THE_DOOR: [(u32, &str); 3] = [
            (202, "Too many simultaneous queries"),
            (252, "Too many parts (3000)"),
            (745, "Server overloaded"),
        ];
        let (code, words) = PASSING[chance.usize(0..PASSING.len())];
        let seconds =
            |chance: &mut Rng, most: u64| Duration::from_millis(chance.u64(1..most * 1_000));
        match chance.u8(0..14) {
            0..3 => Self::AnswerLost,
            3 => Self::DoneAndError(code, words),
            4 | 5 => Self::HalfDone(code, words),
            6 => Self::HalfDone(241, "Query memory limit exceeded: would use 9.00 GiB"),
            7 => {
                let (code, words) = AT_THE_DOOR[chance.usize(0..AT_THE_DOOR.len())];
                Self::Refused(code, words)
            }
            8 => Self::TooLarge,
            9 => Self::CutOff,
            10 | 11 => Self::Late(seconds(chance, 120)),
            12 => Self::Twice(seconds(chance, 4)),
            _ => Self::ServerDies,
        }
    }
}

impl Insert {
    /// Reads the rows of a block in the Native format; nothing of one that is not whole.
    pub(crate) fn rows_in(mut body: &[u8]) -> Vec<Row> {
        let head = (read_leb128(&mut body), read_leb128(&mut body));
        let (Ok(_), Ok(count)) = head else {
            return Vec::new();
        };
        let mut rows = vec![Vec::with_capacity(ROW_BYTES); count as usize];
        for width in WIDTHS {
            for _name_and_type in 0..2 {
                let length = read_leb128(&mut body).unwrap_or_default();
                body = body.get(length as usize..).unwrap_or_default();
            }
            for row in &mut rows {
                let Some((value, rest)) = body.split_at_checked(width) else {
                    return Vec::new();
                };
                row.extend_from_slice(value);
                body = rest;
            }
        }
        let rows = rows.into_iter();
        rows.filter_map(|row| row.try_into().ok().map(Row))
            .collect()
    }

    /// Returns the partition whose part is being written.
    pub(super) fn next_partition(&self) -> Option<u32> {
        let next = self.commits.front().map(|(_, partition)| *partition);
        next.or(self.unfinished)
    }

    pub(super) fn rows_of(&self, partition: u32) -> Vec<Row> {
        let rows = self.rows.iter();
        rows.filter(|row| row.partition() == partition)
            .cloned()
            .collect()
    }
}

impl Table {
    /// Begins to execute an insert, and returns when it ends; nothing if one of its id is being
    /// executed.
    pub(crate) fn begin(
        &self,
        query_id: &str,
        token: &str,
        rows: &[Row],
        fate: Fate,
    ) -> Option<Duration> {
        self.catch_up();
        if self
            .state()
            .running
            .iter()
            .any(|insert| insert.query_id == query_id)
        {
            return None;
        }
        let partitions: BTreeSet<u32> = rows.iter().map(Row::partition).collect();
        let parts = match fate {
            Fate::HalfDone(..) | Fate::ServerDies => self
                .world
                .decide(|chance| chance.usize(0..partitions.len())),
            _ => partitions.len(),
        };
        let unfinished = partitions.iter().nth(parts).copied();
        let mut at = self.world.now();
        if let Fate::Late(late) = fate {
            at += late;
        }
        let mut commits = VecDeque::new();
        for partition in partitions.into_iter().take(parts) {
            at += self.world.decide(latency);
            commits.push_back((at, partition));
        }
        let mut ends = at + Duration::from_millis(1);
        let insert = Insert {
            query_id: query_id.to_owned(),
            token: token.to_owned(),
            rows: rows.to_vec(),
            commits,
            ends,
            unfinished,
        };
        let mut running = vec![insert.clone()];
        if let Fate::Twice(later) = fate {
            let mut again = insert;
            again.commits.iter_mut().for_each(|(at, _)| *at += later);
            again.ends += later;
            ends = again.ends;
            running.push(again);
        }
        self.state().running.extend(running);
        Some(ends)
    }

    /// Returns how many inserts are being executed.
    pub(crate) fn running(&self) -> usize {
        self.catch_up();
        self.state().running.len()
    }
}
