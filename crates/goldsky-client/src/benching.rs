//! What the benches call: requests are written, and answers read, as the client does it.

use crate::pages::{Page, PageQuery};
use crate::query;
use crate::reader::Reader;

/// Returns the body of the request for these pages.
pub fn request(queries: &[PageQuery]) -> Vec<u8> {
    query::pages(queries)
}

/// Reads the pages of an answer to `queries`.
///
/// # Errors
/// What is wrong with the answer.
pub fn read(body: &[u8], queries: &[PageQuery]) -> Result<Vec<Page>, String> {
    let pages = Reader::new().pages(body, queries);
    pages.map_err(|failure| failure.message)
}
