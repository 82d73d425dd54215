//! How many fills a run is to load, asked of the source in few requests.

mod books;
mod markets;
mod times;

use fills::{SourceError, Span, Survey};
use forecast::Estimate;
use goldsky_client::Client;
use startup::settings::{ScopeSettings, SourceSettings};

use crate::scope;

/// Parts of what there is, one of which counters may take: where they do not end by then they are
/// too many to be added up, and the rest is needed to sample.
const COUNTERS_SHARE: u64 = 6;

/// Requests that make a rough estimate.
pub const REQUESTS_TO_ESTIMATE: u64 = 7;

/// Requests that make a sample a good one.
pub const REQUESTS_TO_SAMPLE: u64 = 52;

/// Most pages in one request: they are of few columns, but a source may take its time for each.
const PAGES: usize = 16;

/// What a run is to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The fills.
    pub estimate: Estimate,
    /// Tokens whose fills they are, about; nothing where that is not known.
    pub tokens: Option<u64>,
    /// Samples that say only how many fills there are at the least.
    pub cut_short: u64,
}

impl Expected {
    fn exact(fills: u64, tokens: Option<u64>) -> Self {
        Self::of(Estimate::exact(fills), tokens)
    }

    fn of(estimate: Estimate, tokens: Option<u64>) -> Self {
        Self {
            estimate,
            tokens,
            cut_short: 0,
        }
    }
}

/// A source, and how often it may still be asked.
#[derive(Debug)]
struct Asking<'a> {
    client: &'a Client,
    requests_left: u64,
    /// Most pages in one request.
    pages: usize,
}

impl Asking<'_> {
    /// Takes one request from those that are left, if any is.
    fn take(&mut self) -> bool {
        let taken = self.requests_left > 0;
        self.requests_left -= u64::from(taken);
        taken
    }
}

/// Returns how many pages a request for an estimate may ask for.
pub fn pages(source: &SourceSettings) -> usize {
    source.pages_per_request.map_or(PAGES, |set| set.min(PAGES))
}

/// Counts or estimates the fills of a scope with at most `requests` requests, each of at most `pages`
/// pages; nothing is written anywhere. Returns nothing where these are too few to tell.
///
/// # Errors
/// Any error of the source.
pub async fn expect(
    client: &Client,
    scope: &ScopeSettings,
    survey: &Survey,
    requests: u64,
    pages: usize,
) -> Result<Option<Expected>, SourceError> {
    let span = scope::span(scope, survey);
    let reach = (survey.oldest, survey.newest);
    let whole =
        matches!(reach, (Some(oldest), Some(newest)) if span.from <= oldest && span.to > newest);
    if span.is_empty() {
        return Ok(Some(Expected::exact(0, None)));
    }
    let mut asking = Asking {
        client,
        requests_left: requests,
        pages: pages.max(1),
    };
    if scope.is_some_markets() {
        return markets::expect(&mut asking, scope, whole).await.map(Some);
    }
    all(&mut asking, span, whole).await
}

/// Expects more closely what a scope was expected to hold roughly, where `requests` requests suffice for
/// that: by counting everything, which is exact, or else by more samples.
///
/// # Errors
/// Any error of the source.
pub async fn expect_closely(
    client: &Client,
    scope: &ScopeSettings,
    survey: &Survey,
    rough: &Expected,
    requests: u64,
    pages: usize,
) -> Result<Option<Expected>, SourceError> {
    let of_all = rough.tokens.filter(|_| !scope.is_some_markets());
    if let Some(tokens) = of_all
        && books::requests_for(tokens, pages) <= requests
    {
        let mut asking = Asking {
            client,
            requests_left: requests,
            pages: pages.max(1),
        };
        let books = books::add_up(&mut asking, requests).await?;
        if books.all {
            return Ok(Some(Expected::exact(books.fills, Some(books.tokens))));
        }
    }
    match requests >= REQUESTS_TO_SAMPLE {
        true => expect(client, scope, survey, REQUESTS_TO_SAMPLE, pages).await,
        false => Ok(None),
    }
}

/// Expects all fills of a span.
async fn all(
    asking: &mut Asking<'_>,
    span: Span,
    whole: bool,
) -> Result<Option<Expected>, SourceError> {
    let mut tokens = None;
    if whole {
        let share = (asking.requests_left / COUNTERS_SHARE).max(1);
        let books = books::add_up(asking, share).await?;
        if books.all {
            return Ok(Some(Expected::exact(books.fills, Some(books.tokens))));
        }
        tokens = Some(books.tokens);
    }
    let sampled = times::sample(asking, span).await?;
    Ok(sampled.map(|sampled| Expected { tokens, ..sampled }))
}
