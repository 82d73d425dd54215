//! One request for what comes next in some segments.

use fills::{Chunk, Slot, SourceError};

use crate::segment::{Place, Segment};
use crate::work::Request;

/// What came of one request, with the segments it was for.
pub(crate) struct Fetched {
    pub(crate) segments: Vec<Segment>,
    /// How many tasks the request had.
    pub(crate) tasks: usize,
    pub(crate) result: Result<Vec<(Place, Chunk)>, SourceError>,
}

/// Reads the tasks of a request.
pub(crate) async fn fetch(slot: Box<dyn Slot>, request: Request) -> Fetched {
    let Request {
        segments,
        places,
        tasks,
    } = request;
    let result = slot.read(&tasks).await.and_then(|chunks| {
        let (asked, came) = (tasks.len(), chunks.len());
        if asked != came {
            let message = format!("{asked} pages were asked for, {came} came");
            return Err(SourceError::Protocol { message });
        }
        Ok(places.into_iter().zip(chunks).collect())
    });
    Fetched {
        segments,
        tasks: tasks.len(),
        result,
    }
}
