//! What queries need of a set of events, however they are stored.

use std::cmp::Ordering;

/// A column of `OrderFilledEvent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Id,
    TransactionHash,
    Timestamp,
    OrderHash,
    Maker,
    Taker,
    MakerAssetId,
    TakerAssetId,
    MakerAmountFilled,
    TakerAmountFilled,
    Fee,
}

impl Column {
    pub(crate) const ALL: [Self; 11] = [
        Self::Id,
        Self::TransactionHash,
        Self::Timestamp,
        Self::OrderHash,
        Self::Maker,
        Self::Taker,
        Self::MakerAssetId,
        Self::TakerAssetId,
        Self::MakerAmountFilled,
        Self::TakerAmountFilled,
        Self::Fee,
    ];

    /// Returns the subgraph's name of the column.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::TransactionHash => "transactionHash",
            Self::Timestamp => "timestamp",
            Self::OrderHash => "orderHash",
            Self::Maker => "maker",
            Self::Taker => "taker",
            Self::MakerAssetId => "makerAssetId",
            Self::TakerAssetId => "takerAssetId",
            Self::MakerAmountFilled => "makerAmountFilled",
            Self::TakerAmountFilled => "takerAmountFilled",
            Self::Fee => "fee",
        }
    }
}

/// Events in order of `(timestamp, id)`: a row's number is its place in that order.
pub(crate) trait Rows {
    /// Whether no text ever needs escaping in JSON.
    const PLAIN: bool;

    fn len(&self) -> u32;

    /// Returns the time by which a row is ordered, seconds since 1970.
    fn timestamp(&self, row: u32) -> i64;

    /// Returns the maker's and the taker's asset as indexes of the catalogue.
    fn assets(&self, row: u32) -> [u32; 2];

    /// Appends a column's text as served. Returns `false` and appends nothing where it is null.
    fn write(&self, row: u32, column: Column, out: &mut Vec<u8>) -> bool;

    /// Compares two rows by id, bytewise.
    fn compare_ids(&self, a: u32, b: u32) -> Ordering;

    /// Returns all rows in order of id.
    fn by_id(&self) -> &[u32];

    /// Returns the first row at or after a second; the number of rows if there is none.
    fn first_at(&self, second: i64) -> u32 {
        partition(self.len(), |row| self.timestamp(row) < second)
    }

    /// Returns the place in `by_id` of the first row whose id is not below the text.
    fn id_lower_bound(&self, id: &[u8]) -> u32 {
        let by_id = self.by_id();
        let mut text = Vec::new();
        partition(self.len(), |place| {
            text.clear();
            self.write(by_id[place as usize], Column::Id, &mut text);
            text.as_slice() < id
        })
    }
}

/// Returns the first number in `[0, len)` that `below` denies, or `len`.
fn partition(len: u32, mut below: impl FnMut(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
