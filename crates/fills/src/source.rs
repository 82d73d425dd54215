//! Where fills come from.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::cursor::Cursor;
use crate::event::Malformed;
use crate::fill::Fill;
use crate::id::TokenId;

/// Which fills a page is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Those whose maker gave one of these tokens (the SELLs).
    MakerAssetIn(Arc<[TokenId]>),
    /// Those whose maker got one of these tokens (the BUYs).
    TakerAssetIn(Arc<[TokenId]>),
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
    /// Most fills in the page, 1 to 1000.
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
    /// Returns how many events the answer held. Fewer than asked for means that the span is done.
    pub fn len(&self) -> usize {
        self.fills.len() + self.malformed.len()
    }

    /// Tells whether the answer held no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a look at the source says before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The deployment's identity: two sources with the same one serve the same fills.
    pub deployment: String,
    /// The newest block it has indexed.
    pub head_block: u64,
    /// That block's time in seconds since 1970, where the source tells it.
    pub head_timestamp: Option<u64>,
    /// The first fill's second; nothing if the source has no fills.
    pub oldest: Option<u64>,
    /// The last fill's second; nothing if the source has no fills.
    pub newest: Option<u64>,
}

/// Why the source did not answer. Each variant is a decision of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The request asks for too much at once: ask for fewer or smaller pages.
    #[error("the source finds the request too heavy: {message}")]
    TooHeavy {
        /// The source's words, cut to a line.
        message: String,
    },
    /// The source could not be reached or kept failing for as long as it was tried.
    #[error("the source did not answer after {attempts} attempts: {message}")]
    Unavailable {
        /// How often it was asked.
        attempts: u32,
        /// What the last attempt met.
        message: String,
    },
    /// The deployment says that its own data is broken: stop.
    #[error("the source is broken: {message}")]
    Broken {
        /// The source's words, cut to a line.
        message: String,
    },
    /// The source refuses the request or answers in another shape: no retry will help.
    #[error("the source and this program do not understand each other: {message}")]
    Protocol {
        /// What was refused or answered, cut to a line.
        message: String,
    },
}

/// Leave to make one request: now, and for so many pages.
pub struct Turn {
    pages: usize,
    /// How many requests may begin while one page is answered; nothing where nothing bounds them.
    requests_per_page: Option<f64>,
    /// What the source gave along to know the turn by.
    permit: Option<Box<dyn Any + Send>>,
}

impl Turn {
    /// Makes a turn that nobody gave: the source makes the request wait where it has to.
    pub fn unasked() -> Self {
        Self {
            pages: 1,
            requests_per_page: None,
            permit: None,
        }
    }

    /// Makes a turn for a request of up to `pages` pages that holds `permit` until it is used.
    pub fn new(pages: usize, permit: impl Any + Send) -> Self {
        Self {
            pages: pages.max(1),
            requests_per_page: None,
            permit: Some(Box::new(permit)),
        }
    }

    /// Says that the source lets `requests` begin in the time that it takes to answer one page.
    #[must_use]
    pub fn paced(mut self, requests: Option<f64>) -> Self {
        self.requests_per_page = requests;
        self
    }

    /// Returns how many pages the request should ask for, at least 1, where `streams` pages can be asked
    /// for at a time and each is followed by another.
    ///
    /// With `r` requests begun while one page is answered, requests of `b` pages bring `r * b` pages in
    /// that time, but no more than `streams / b`, since what stands in one request comes at once and
    /// asks for more only then. Both are as many where `b` is the square root of `streams / r`.
    pub fn pages_of(&self, streams: usize) -> usize {
        let balanced = self
            .requests_per_page
            .map_or(f64::INFINITY, |requests| (streams as f64 / requests).sqrt());
        (balanced.ceil() as usize).clamp(1, self.pages)
    }

    /// Returns how many pages one request should ask for at most, at least 1.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Takes out what the source gave along; nothing if there is none of that type.
    pub fn into_permit<P: Any>(self) -> Option<P> {
        let permit = self.permit?.downcast().ok()?;
        Some(*permit)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

/// A source of fills.
///
/// Retrying what may pass is the source's own business; an error that comes out is one that
/// outlasted it. No error is ever an empty page.
#[async_trait]
pub trait FillSource: Send + Sync {
    /// Looks at the source: what it is and how far it reaches.
    ///
    /// # Errors
    /// Any [`SourceError`]; a deployment with indexing errors is [`SourceError::Broken`].
    async fn survey(&self) -> Result<Survey, SourceError>;

    /// Waits until one more request may be sent, and says how much it should ask for. Whoever
    /// asks for a turn before deciding what to ask for decides as late as possible.
    ///
    /// # Cancel safety
    /// A dropped call takes no turn. A turn that is dropped unused is lost.
    async fn turn(&self) -> Turn {
        Turn::unasked()
    }

    /// Fetches several pages with one request, in the order of the queries.
    ///
    /// # Errors
    /// Any [`SourceError`]; then none of the pages was answered.
    ///
    /// # Cancel safety
    /// Nothing is kept between calls: a dropped call can be made again.
    async fn fetch(&self, turn: Turn, queries: &[PageQuery]) -> Result<Vec<Page>, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_no_more_than_keeps_the_others_going() {
        let turn = |requests| Turn::new(32, ()).paced(requests);
        // Twenty requests begin while a page is answered: of eight pages each they would soon all have
        // been asked for, and most of the twenty would have nothing to ask for.
        assert_eq!(turn(Some(20.0)).pages_of(80), 2);
        assert_eq!(turn(Some(20.0)).pages_of(2000), 10);
        // One begins: what it does not ask for waits.
        assert_eq!(turn(Some(1.0)).pages_of(100), 10);
        assert_eq!(turn(Some(0.02)).pages_of(100), 32);
        assert_eq!(turn(Some(20.0)).pages_of(0), 1);
        assert_eq!(turn(None).pages_of(1), 32);
        assert_eq!(turn(Some(0.0)).pages_of(0), 1);
    }
}
