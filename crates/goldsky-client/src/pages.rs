//! Pages of fills: what graph-node is asked for, and what it answers.

use fills::{Fill, Filter, Malformed};

/// A place in the order of events, which is `(timestamp, id)`, ids compared bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The id of the last event seen, as served: a malformed id is a place in the order too.
    pub id: String,
}

/// One page to ask for: the first `limit` fills of `filter`, in `(timestamp, id)` order, behind
/// `after` (or from second `from` on) and before second `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// Which fills.
    pub filter: Filter,
    /// First second, inclusive; used where there is no cursor yet.
    pub from: u64,
    /// Where the page before ended, exclusive.
    pub after: Option<Cursor>,
    /// Last second, exclusive.
    pub until: u64,
    /// Maximum number of fills in the page, 1 to 1000.
    pub limit: u16,
}

/// What one [`PageQuery`] was answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The fills, in `(timestamp, id)` order.
    pub fills: Vec<Fill>,
    /// Events of the page that cannot be fills.
    pub malformed: Vec<Malformed>,
    /// The place of the last event, fill or not; nothing if the page is empty.
    pub last: Option<Cursor>,
}

impl Page {
    /// Returns how many events the answer held. Fewer than asked for means that the range is done.
    pub fn len(&self) -> usize {
        self.fills.len() + self.malformed.len()
    }

    /// Returns true if the answer held no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
