/// A place in source order, which is `(timestamp, id)`, ids compared bytewise.
///
/// A cursor is not durable: it says where a page ended, not what is in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The id of the last event seen, as served: a malformed id is a place in the order too.
    pub id: String,
}
