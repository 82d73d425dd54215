//! A simulated ClickHouse table: parts, the tokens that it remembers, and inserts that it goes on
//! with whether or not their sender lives.

mod insert;
mod quarantine;
mod read;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fills::{FillId, OrderHash, TxHash};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::world::World;

pub(crate) use insert::{Fate, Insert};
pub(crate) use quarantine::Doomed;
pub(crate) use read::Scope;

/// Bytes of a row.
pub(crate) const ROW_BYTES: usize = 252;

/// Where some columns begin in a row.
const TIMESTAMP: usize = 185;
const NTH_FROM_LAST: usize = 189;

/// One row as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Row(pub(crate) [u8; ROW_BYTES]);

impl Row {
    pub(crate) fn id(&self) -> [u8; 66] {
        key(&self.fill_id())
    }

    pub(crate) fn token(&self) -> &[u8] {
        &self.0[104..136]
    }

    pub(crate) fn second(&self) -> u32 {
        u32::from_le_bytes(self.part(TIMESTAMP))
    }

    pub(crate) fn fill_id(&self) -> FillId {
        FillId {
            tx_hash: TxHash(self.part(0)),
            order_hash: OrderHash(self.part(32)),
            nth_from_last: u16::from_le_bytes(self.part(NTH_FROM_LAST)),
        }
    }

    fn part<const N: usize>(&self, from: usize) -> [u8; N] {
        self.0[from..].first_chunk().copied().unwrap_or([0; N])
    }

    pub(crate) fn partition(&self) -> u32 {
        month(self.second())
    }
}

/// Returns the month of a second in UTC, counted from year 0: the table's partition.
pub(crate) fn month(second: u32) -> u32 {
    let at = Timestamp::from_second(second.into()).unwrap_or(Timestamp::MAX);
    let date = Offset::UTC.to_datetime(at);
    u32::from(date.year().unsigned_abs()) * 12 + u32::from(date.month().unsigned_abs())
}

/// A row's id as the table has it.
pub(crate) fn key(id: &FillId) -> [u8; 66] {
    let mut key = [0; 66];
    key[..32].copy_from_slice(id.tx_hash.as_bytes());
    key[32..64].copy_from_slice(id.order_hash.as_bytes());
    key[64..].copy_from_slice(&id.nth_from_last.to_le_bytes());
    key
}

/// The table and its server; they outlive the processes that use them.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    state: Arc<Mutex<State>>,
    world: World,
}

#[derive(Debug)]
struct State {
    rows: HashMap<[u8; 66], Row>,
    /// Newest last.
    remembered: VecDeque<(String, u32)>,
    window: usize,
    running: Vec<Insert>,
    down_until: Duration,
    crashes: u64,
    dead_letters: HashSet<Vec<u8>>,
    /// Rows that were taken out, each with its repair.
    quarantine: HashSet<(Row, String)>,
}

impl Table {
    pub(crate) fn new(window: u64, world: World) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                rows: HashMap::new(),
                remembered: VecDeque::new(),
                window: usize::try_from(window).unwrap_or(usize::MAX),
                running: Vec::new(),
                down_until: Duration::ZERO,
                crashes: 0,
                dead_letters: HashSet::new(),
                quarantine: HashSet::new(),
            })),
            world,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether the server runs.
    pub(crate) fn is_up(&self) -> bool {
        self.catch_up();
        self.world.is_calm() || self.state().down_until <= self.world.now()
    }

    /// The server dies and is back some time later. What it was executing stays undone.
    pub(crate) fn crash(&self, pause: Duration) {
        self.catch_up();
        let mut state = self.state();
        state.down_until = self.world.now() + pause;
        state.crashes += 1;
        let running = std::mem::take(&mut state.running);
        let mut torn = 0;
        for insert in &running {
            // A token is written down before its part is moved to its place.
            if let Some(partition) = insert.next_partition()
                && self.world.decide(|chance| chance.bool())
            {
                torn += 1;
                state.remember((insert.token.clone(), partition));
            }
        }
        drop(state);
        self.world.note(format_args!(
            "ClickHouse is down for {pause:?}, {} inserts with it, {torn} remembered",
            running.len()
        ));
    }

    /// Returns how often the server has died.
    pub(crate) fn crashes(&self) -> u64 {
        self.state().crashes
    }

    /// Tells whether the table holds a fill's row.
    pub(crate) fn holds(&self, id: &FillId, row: &[u8]) -> bool {
        let state = self.state();
        state.rows.get(&key(id)).is_some_and(|found| found.0 == row)
    }

    pub(crate) fn rows(&self) -> usize {
        self.state().rows.len()
    }

    /// Keeps a dead letter, once however often it comes.
    pub(crate) fn bury(&self, letter: Vec<u8>) {
        self.state().dead_letters.insert(letter);
    }

    /// Returns the number of dead letters.
    pub(crate) fn dead_letters(&self) -> usize {
        self.state().dead_letters.len()
    }

    /// Tells whether a dead letter with this text in it is there.
    pub(crate) fn has_buried(&self, text: &str) -> bool {
        let letters = &self.state().dead_letters;
        let within = |letter: &Vec<u8>| letter.windows(text.len()).any(|w| w == text.as_bytes());
        letters.iter().any(within)
    }

    /// Executes what is due.
    pub(crate) fn catch_up(&self) {
        let now = self.world.now();
        let mut due = Vec::new();
        {
            let mut state = self.state();
            for insert in &mut state.running {
                while let Some((_, partition)) = insert.commits.pop_front_if(|(at, _)| *at <= now) {
                    due.push((insert.token.clone(), partition, insert.rows_of(partition)));
                }
            }
            state.running.retain(|insert| insert.ends > now);
        }
        for (token, partition, rows) in due {
            self.commit(token, partition, rows);
        }
    }

    /// Commits one part, unless its token is remembered.
    fn commit(&self, token: String, partition: u32, rows: Vec<Row>) {
        let mut state = self.state();
        let place = (token, partition);
        if state.remembered.contains(&place) {
            drop(state);
            self.world
                .note(format_args!("part of {} rows is there already", rows.len()));
            return;
        }
        state.remember(place);
        let count = rows.len();
        let mut doubled = 0;
        for row in rows {
            doubled += usize::from(state.rows.insert(row.id(), row).is_some());
        }
        drop(state);
        self.world
            .note(format_args!("part of {count} rows is committed"));
        if doubled > 0 {
            self.world
                .fail(format_args!("{doubled} rows are in the table twice"));
        }
    }
}

impl State {
    fn remember(&mut self, place: (String, u32)) {
        self.remembered.push_back(place);
        if self.remembered.len() > self.window {
            self.remembered.pop_front();
        }
    }
}
