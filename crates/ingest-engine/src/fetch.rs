//! One request for the next pages of some segments.

use std::sync::Arc;

use fills::{FillSource, Page, SourceError, Turn};

use crate::segment::{Asked, Segment};
use crate::work::Request;

/// The answer to one request, with the segments it was for.
pub(crate) struct Fetched {
    pub(crate) segments: Vec<Segment>,
    /// How many pages were asked for.
    pub(crate) pages: usize,
    pub(crate) result: Result<Vec<Answer>, SourceError>,
}

/// One page of the answer.
pub(crate) struct Answer {
    /// Which of the segments it is for.
    pub(crate) segment: usize,
    pub(crate) asked: Asked,
    pub(crate) page: Page,
}

/// Asks for the pages of a request.
pub(crate) async fn fetch(turn: Turn, request: Request, source: Arc<dyn FillSource>) -> Fetched {
    let Request { segments, plan } = request;
    let pages = plan.len();
    let (places, queries): (Vec<_>, Vec<_>) = plan
        .into_iter()
        .map(|(segment, asked, query)| ((segment, asked), query))
        .unzip();
    let result = source.fetch(turn, &queries).await.and_then(|answered| {
        if answered.len() != places.len() {
            let (asked, came) = (places.len(), answered.len());
            let message = format!("{asked} pages were asked for, {came} came");
            return Err(SourceError::Protocol { message });
        }
        let answers = places.into_iter().zip(answered);
        let answer = |((segment, asked), page)| Answer {
            segment,
            asked,
            page,
        };
        Ok(answers.map(answer).collect())
    });
    Fetched {
        segments,
        pages,
        result,
    }
}
