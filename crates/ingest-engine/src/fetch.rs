//! One request: ask for the next pages of some segments, and find what the table holds already.

use std::collections::HashSet;
use std::sync::Arc;

use fills::{FillId, FillSource, FillStore, Page, SourceError, SpanSet, StoreError, Turn};

use crate::segment::{Asked, Plan, Segment};
use crate::work::Request;

/// The answer to one request, with the segments it was for.
pub(crate) struct Fetched {
    pub(crate) segments: Vec<Segment>,
    /// How many pages were asked for.
    pub(crate) pages: usize,
    pub(crate) result: Result<Vec<Answer>, FetchError>,
}

/// One page of the answer.
pub(crate) struct Answer {
    /// Which of the segments it is for.
    pub(crate) segment: usize,
    pub(crate) asked: Asked,
    pub(crate) page: Page,
    /// Fills of the page that the table holds already.
    pub(crate) loaded: HashSet<FillId>,
}

pub(crate) enum FetchError {
    Source(SourceError),
    Store(StoreError),
}

/// Asks for the pages of a request and finds out which of their fills the table holds.
pub(crate) async fn fetch(
    turn: Turn,
    request: Request,
    source: Arc<dyn FillSource>,
    store: Arc<dyn FillStore>,
    occupied: Arc<SpanSet>,
) -> Fetched {
    let Request { mut segments, plan } = request;
    let pages = plan.len();
    let result = answers(turn, &mut segments, plan, &*source, &*store, &occupied).await;
    Fetched {
        segments,
        pages,
        result,
    }
}

async fn answers(
    turn: Turn,
    segments: &mut [Segment],
    plan: Plan,
    source: &dyn FillSource,
    store: &dyn FillStore,
    occupied: &SpanSet,
) -> Result<Vec<Answer>, FetchError> {
    let mut queries = Vec::with_capacity(plan.len());
    let mut places = Vec::with_capacity(plan.len());
    for (segment, asked, query) in plan {
        queries.push(query);
        places.push((segment, asked));
    }
    let pages = source.fetch(turn, &queries).await;
    let pages = pages.map_err(FetchError::Source)?;
    if pages.len() != places.len() {
        return Err(FetchError::Source(SourceError::Protocol {
            message: format!(
                "{} pages were asked for, {} came",
                places.len(),
                pages.len()
            ),
        }));
    }
    let mut answers = Vec::with_capacity(pages.len());
    for ((segment, asked), page) in places.into_iter().zip(pages) {
        let loaded = segments[segment]
            .loaded_among(asked, &page.fills, occupied, store)
            .await
            .map_err(FetchError::Store)?;
        answers.push(Answer {
            segment,
            asked,
            page,
            loaded,
        });
    }
    Ok(answers)
}
