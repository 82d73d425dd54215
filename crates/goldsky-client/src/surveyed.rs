//! What the last survey saw, which no later answer may contradict.

use std::sync::atomic::{AtomicU64, Ordering};

use api_client::Failure;
use fills::{Filter, Survey};

use crate::pages::{Page, PageQuery};

/// The second of a fill that is not known: no window reaches it.
const NEVER: u64 = u64::MAX;

/// The head and the edges of the last survey; of nothing before the first.
#[derive(Debug)]
pub(crate) struct Surveyed {
    head: AtomicU64,
    oldest: AtomicU64,
    newest: AtomicU64,
}

impl Surveyed {
    pub(crate) fn nothing() -> Self {
        Self {
            head: AtomicU64::new(0),
            oldest: AtomicU64::new(NEVER),
            newest: AtomicU64::new(NEVER),
        }
    }

    /// Notes a survey, unless it is of an earlier block than one before.
    pub(crate) fn note(&self, survey: &Survey) {
        let edge = |second: Option<u64>| second.unwrap_or(NEVER);
        if self.head.fetch_max(survey.head_block, Ordering::Relaxed) > survey.head_block {
            return;
        }
        self.oldest.store(edge(survey.oldest), Ordering::Relaxed);
        self.newest.store(edge(survey.newest), Ordering::Relaxed);
    }

    /// Returns the block before which no answer may come from.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }

    /// Refuses a page of all fills that ends before a fill which the survey saw in its window: an
    /// empty answer is otherwise not told from the end of the fills.
    pub(crate) fn check(&self, query: &PageQuery, alias: &str, page: &Page) -> Result<(), Failure> {
        let full = page.len() >= usize::from(query.limit);
        if full || !matches!(query.filter, Filter::All) {
            return Ok(());
        }
        let last = |page: &Page| page.last.as_ref().map(|last| last.timestamp);
        let reached = last(page).or(query.after.as_ref().map(|after| after.timestamp));
        for (name, edge) in [("oldest", &self.oldest), ("newest", &self.newest)] {
            let edge = edge.load(Ordering::Relaxed);
            let asked_for = (query.from..query.until).contains(&edge);
            if asked_for && reached.is_none_or(|reached| reached < edge) {
                return Err(Failure::passing(format!(
                    "page {alias} ends before second {edge}, where the source said that its \
                     {name} fill is"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Cursor;

    fn cursor(timestamp: u64) -> Option<Cursor> {
        Some(Cursor {
            timestamp,
            id: "0xab".to_owned(),
        })
    }

    /// Checks a page that is not full, behind a cursor, against fills from second 10 to 20.
    fn check(from: u64, after: Option<u64>, until: u64, last: Option<u64>) -> bool {
        let surveyed = Surveyed::nothing();
        surveyed.note(&Survey {
            deployment: "Qm".to_owned(),
            head_block: 7,
            head_timestamp: None,
            oldest: Some(10),
            newest: Some(20),
        });
        let query = PageQuery {
            filter: Filter::All,
            from,
            after: after.and_then(cursor),
            until,
            limit: 1000,
        };
        let page = Page {
            last: last.and_then(cursor),
            ..Page::default()
        };
        surveyed.check(&query, "p0", &page).is_ok()
    }

    #[test]
    fn a_page_that_ends_before_a_surveyed_fill_is_refused() {
        assert!(!check(10, None, 21, None));
        assert!(!check(10, None, 21, Some(19)));
        assert!(!check(10, None, 15, None));
        assert!(!check(15, Some(19), 21, None));
    }

    #[test]
    fn a_page_that_need_not_hold_a_surveyed_fill_may_be_empty() {
        assert!(check(10, None, 21, Some(20)));
        assert!(check(11, None, 20, None));
        assert!(check(21, None, 30, None));
        assert!(check(20, Some(20), 21, None));
        assert!(check(10, None, 15, Some(10)));
    }

    #[test]
    fn nothing_is_expected_before_a_survey() {
        let query = PageQuery {
            filter: Filter::All,
            from: 0,
            after: None,
            until: u64::from(u32::MAX),
            limit: 1000,
        };
        let nothing = Surveyed::nothing();
        assert_eq!(nothing.check(&query, "p0", &Page::default()), Ok(()));
    }
}
