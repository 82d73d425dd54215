//! The right to send one request, and what it reads: pages as chunks, smaller ones where the source finds
//! them too heavy.

use async_trait::async_trait;
use fills::{Chunk, Resume, SourceError, Task};
use pacer::{Permit, pages_per_request};

use crate::client::Client;
use crate::pages::{Cursor, Page, PageQuery};

/// Minimum number of rows in a page: a smaller one costs the source nothing less.
const MIN_ROWS: u16 = 10;

/// A limit in seconds that bounds nothing any more: a year and more.
const UNBOUNDED_SECONDS: u64 = 31_557_600;

/// The right to send one request to the subgraph, now.
#[derive(Debug)]
pub struct Slot {
    pub(crate) client: Client,
    pub(crate) permit: Permit,
}

impl Slot {
    /// Returns how many pages the request may ask for at most, at least 1.
    pub fn max_pages(&self) -> usize {
        self.client.exchange.pages().max(1)
    }

    /// Fetches several pages of fills with the request, in the order of the queries.
    ///
    /// # Errors
    /// Any [`SourceError`]; then none of the pages was answered.
    pub async fn pages(self, queries: &[PageQuery]) -> Result<Vec<Page>, SourceError> {
        self.client.pages_with(self.permit, queries).await
    }

    fn query(&self, task: &Task) -> PageQuery {
        let resume = task.resume.clone().unwrap_or_default();
        let until = resume.max_positions.map_or(task.range.to, |seconds| {
            let until = task.range.from.saturating_add(seconds);
            until.min(task.range.to)
        });
        let rows = self.client.max_rows;
        PageQuery {
            filter: task.filter.clone(),
            from: task.range.from,
            after: resume.after.map(|id| Cursor {
                timestamp: task.range.from,
                id,
            }),
            until,
            limit: resume.max_rows.map_or(rows, |reduced| reduced.min(rows)),
        }
    }
}

#[async_trait]
impl fills::Slot for Slot {
    fn capacity(&self, streams: usize) -> usize {
        let requests = self.client.exchange.requests_per_page();
        pages_per_request(streams, requests).clamp(1, self.max_pages())
    }

    fn max_tasks(&self) -> usize {
        self.max_pages()
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        let queries: Vec<PageQuery> = tasks.iter().map(|task| self.query(task)).collect();
        let max_rows = self.client.max_rows;
        match (self.pages(&queries).await, tasks) {
            (Ok(pages), _) => {
                let asked = tasks.iter().zip(&queries).zip(pages);
                let chunks = asked.map(|((task, query), page)| chunk(task, query, page, max_rows));
                Ok(chunks.collect())
            }
            (Err(SourceError::TooHeavy { message }), [task]) => match reduced(task, max_rows) {
                Some(resume) => Ok(vec![Chunk {
                    complete_to: task.range.from,
                    resume: Some(resume),
                    ..Chunk::default()
                }]),
                None => Err(SourceError::TooHeavy { message }),
            },
            (Err(error), _) => Err(error),
        }
    }
}

/// Tells how far a page reaches, and how to go on behind it.
fn chunk(task: &Task, query: &PageQuery, page: Page, max_rows: u16) -> Chunk {
    let full = page.len() >= usize::from(query.limit);
    // A page that is not full holds everything up to its end; more rows may be in the second in which a
    // full one ends.
    let (complete_to, after) = match page.last {
        Some(last) if full => (last.timestamp, Some(last.id)),
        _ => (query.until, None),
    };
    #[cfg(feature = "mutations")]
    let (complete_to, after) = match after {
        Some(_) if mutation::is_on(mutation::Mutation::CursorByTimestamp) => {
            (complete_to + 1, None)
        }
        after => (complete_to, after),
    };
    let before = task.resume.clone().unwrap_or_default();
    let max_rows = before
        .max_rows
        .map(|rows| rows.saturating_mul(2))
        .filter(|&rows| rows < max_rows);
    let max_positions = before
        .max_positions
        .map(|seconds| seconds.saturating_mul(2))
        .filter(|&seconds| seconds < UNBOUNDED_SECONDS);
    Chunk {
        fills: page.fills,
        malformed: page.malformed,
        complete_to,
        resume: Some(Resume {
            after,
            max_rows,
            max_positions,
        }),
    }
}

/// Asks for half the rows and a quarter of the time from now on; nothing if that is not possible.
fn reduced(task: &Task, max_rows: u16) -> Option<Resume> {
    let before = task.resume.clone().unwrap_or_default();
    let rows = before.max_rows.unwrap_or(max_rows);
    if rows <= MIN_ROWS {
        return None;
    }
    let seconds = before.max_positions.unwrap_or(task.range.seconds());
    Some(Resume {
        max_rows: Some((rows / 2).max(MIN_ROWS)),
        max_positions: Some((seconds / 4).max(1)),
        ..before
    })
}

#[cfg(test)]
mod tests {
    use fills::{Filter, Span};

    use super::*;

    fn task(resume: Option<Resume>) -> Task {
        Task {
            filter: Filter::All,
            range: Span::new(100, 4_100),
            resume,
        }
    }

    #[test]
    fn what_is_too_heavy_is_asked_for_in_ever_smaller_parts_down_to_an_end() {
        let (mut asked, mut sizes) = (task(None), Vec::new());
        while let Some(resume) = reduced(&asked, 1000) {
            sizes.push((resume.max_rows.unwrap(), resume.max_positions.unwrap()));
            asked = task(Some(resume));
        }
        let rows: Vec<u16> = sizes.iter().map(|size| size.0).collect();
        assert_eq!(rows, [500, 250, 125, 62, 31, 15, 10]);
        assert_eq!(sizes[..3], [(500, 1000), (250, 250), (125, 62)]);
    }

    #[test]
    fn answers_lead_back_to_full_pages() {
        let resume = Resume {
            after: Some("0xab".to_owned()),
            max_rows: Some(250),
            max_positions: Some(10_000_000),
        };
        let asked = task(Some(resume));
        let query = PageQuery {
            filter: Filter::All,
            from: 100,
            after: None,
            until: 4_100,
            limit: 250,
        };
        let answered = chunk(&asked, &query, Page::default(), 1000);
        let resume = answered.resume.unwrap();
        assert_eq!(
            (resume.after.clone(), resume.max_rows, resume.max_positions),
            (None, Some(500), Some(20_000_000))
        );
        let asked = task(Some(resume));
        let answered = chunk(&asked, &query, Page::default(), 1000);
        assert_eq!(answered.resume, Some(Resume::default()));
    }
}
