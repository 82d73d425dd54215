//! What the benches call: requests are written, and answers read, as the client does it.

use fills::{Page, PageQuery};

use crate::page;
use crate::query;
use crate::wire::Data;

/// Returns the body of the request for these pages.
pub fn request(queries: &[PageQuery]) -> Vec<u8> {
    query::pages(queries)
}

/// Reads the pages of an answer to `queries`.
///
/// # Errors
/// What is wrong with the answer.
pub fn read(body: &[u8], queries: &[PageQuery]) -> Result<Vec<Page>, String> {
    let read = || {
        let data = Data::open(body, 0)?;
        let pages = queries.iter().enumerate().map(|(index, query)| {
            let alias = query::alias(index);
            page::read(query, &alias, data.field(&alias)?)
        });
        pages.collect::<Result<_, crate::classify::Failure>>()
    };
    read().map_err(|failure| failure.message)
}
