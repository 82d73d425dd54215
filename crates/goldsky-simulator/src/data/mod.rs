//! The data set: events, tokens, counters, blocks.

mod blocks;
mod catalogue;
mod counters;
mod given;
mod load;
mod made;
mod mix;
mod postings;
mod row;
mod rows;
mod seeded;
mod texts;

use crate::config::Data;
use crate::error::Error;

pub use blocks::Head;
pub use counters::ExpectedToken;

pub(crate) use blocks::Blocks;
pub(crate) use catalogue::{Catalogue, USDC};
pub(crate) use counters::{Counters, scaled};
pub(crate) use given::Given;
pub(crate) use made::{EXCHANGES, Made, MadeRows};
pub(crate) use mix::{Key, unit};
pub(crate) use postings::Postings;
pub(crate) use rows::{Column, Rows};

/// The two ways to keep events.
#[derive(Debug)]
pub(crate) enum Events {
    Made(Made),
    Given(Given),
}

/// Everything that is served.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) events: Events,
    pub(crate) catalogue: Catalogue,
    pub(crate) postings: Postings,
    /// By token.
    pub(crate) counters: Vec<Counters>,
    /// Tokens with at least one event, ascending: those that have an `Orderbook`.
    pub(crate) traded: Vec<u32>,
    pub(crate) blocks: Blocks,
    /// Events that a later one with the same id replaced: counted, but not served.
    pub(crate) overwritten: u64,
}

/// Runs an expression with `$rows` bound to the events as [`Rows`], once for each kind, so that
/// the choice is made per query and not per row.
macro_rules! with_rows {
    ($dataset:expr, |$rows:ident| $body:expr) => {
        match &$dataset.events {
            $crate::data::Events::Made(made) => {
                let $rows = &$crate::data::MadeRows {
                    made,
                    tokens: &$dataset.catalogue.tokens,
                };
                $body
            }
            $crate::data::Events::Given($rows) => $body,
        }
    };
}
pub(crate) use with_rows;

/// Makes or reads the data.
///
/// # Errors
/// Fails if the configuration cannot be met or given entities cannot be read.
pub(crate) fn of(data: &Data) -> Result<Dataset, Error> {
    match data {
        Data::Seeded(seeded) => seeded::make(seeded),
        Data::Entities(entities) => load::load(entities),
    }
}

impl Dataset {
    pub(crate) fn new(
        events: Events,
        catalogue: Catalogue,
        counters: Vec<Counters>,
        blocks: Blocks,
        overwritten: u64,
    ) -> Self {
        let mut dataset = Self {
            traded: (0..counters.len() as u32)
                .filter(|token| counters[*token as usize].trades() > 0)
                .collect(),
            events,
            catalogue,
            postings: Postings::default(),
            counters,
            blocks,
            overwritten,
        };
        dataset.postings = with_rows!(dataset, |rows| Postings::build(
            dataset.catalogue.tokens.len(),
            rows.len(),
            |row| rows.assets(row)
        ));
        dataset
    }

    /// Returns the number of events served.
    pub(crate) fn fills(&self) -> u64 {
        with_rows!(self, |rows| u64::from(rows.len()))
    }
}
