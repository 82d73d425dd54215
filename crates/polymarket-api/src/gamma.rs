//! Gamma: Polymarket's market catalogue, with slugs and the names of outcomes.

use std::sync::Arc;

use api_client::{
    Config, Error, Exchange, Failure, Http, MalformedEntity, Object, Request, Stats, Wrong, kind,
    read_row,
};
use fills::{ConditionId, SourceError, TokenId};
use pacer::Pacer;
use serde_json::Value;
use serde_json::value::RawValue;

/// What to look at where Gamma refuses a request as such.
const HINT: &str = "check that the URL is that of Polymarket's Gamma";

/// A market as Gamma describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GammaMarket {
    /// The condition that groups the market's tokens.
    pub condition_id: ConditionId,
    /// The market's name in URLs.
    pub slug: String,
    /// The question.
    pub question: String,
    /// The market's tokens and what each stands for, in the order of their outcome index. Empty
    /// for markets from before the order book.
    pub outcomes: Vec<(TokenId, String)>,
}

/// A page of markets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GammaPage {
    /// The markets, in Gamma's order.
    pub markets: Vec<GammaMarket>,
    /// Markets of the page that do not read.
    pub malformed: Vec<MalformedEntity>,
}

impl GammaPage {
    /// Returns how many markets the answer held. None means that there are no more; fewer than
    /// asked for does not, as Gamma has its own bound.
    pub fn len(&self) -> usize {
        self.markets.len() + self.malformed.len()
    }

    /// Tells whether the answer held no market.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A client of Gamma. It should have a [`Pacer`] of its own: its limits are not the subgraph's.
#[derive(Debug)]
pub struct Gamma {
    exchange: Exchange,
}

impl Gamma {
    /// Makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if HTTP or TLS cannot be set up.
    pub fn new(config: Config, pacer: Pacer) -> Result<Self, Error> {
        let transport = Arc::new(Http::new(&config)?);
        Ok(Self {
            exchange: Exchange::new(config, pacer, transport, HINT),
        })
    }

    /// Tells what the client has done so far.
    pub fn stats(&self) -> Stats {
        self.exchange.stats()
    }

    /// Fetches up to `limit` markets behind the first `offset`, closed ones or open ones.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn markets(
        &self,
        closed: bool,
        limit: u32,
        offset: u32,
    ) -> Result<GammaPage, SourceError> {
        let query = [
            ("limit", limit.to_string()),
            ("offset", offset.to_string()),
            ("closed", closed.to_string()),
        ];
        let url = self.exchange.endpoint().join("markets", &query);
        let page = self.exchange.ask(&Request::Get { url }, read).await?;
        self.exchange.add_pages(1);
        Ok(page)
    }
}

pub(crate) fn read(body: &[u8]) -> Result<GammaPage, Failure> {
    let rows: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            Failure::misshapen("the answer is not a list of markets")
        } else {
            Failure::passing(format!("the answer is not JSON or cut off: {error}"))
        }
    })?;
    let mut page = GammaPage::default();
    for row in rows {
        match read_row(row, "conditionId", market).1 {
            Ok(market) => page.markets.push(market),
            Err(malformed) => page.malformed.push(malformed),
        }
    }
    Ok(page)
}

fn market(object: &Object) -> Result<GammaMarket, Wrong> {
    let tokens = texts(object, "clobTokenIds")?;
    let names = texts(object, "outcomes")?;
    if !tokens.is_empty() && tokens.len() != names.len() {
        let reason = format!("are {} for {} outcomes", tokens.len(), names.len());
        return Err(("clobTokenIds", reason));
    }
    let outcomes = tokens.iter().zip(names).map(|(token, name)| {
        let token = token
            .parse()
            .map_err(|error| ("clobTokenIds", format!("{token:?} {error}")))?;
        Ok((token, name))
    });
    Ok(GammaMarket {
        condition_id: object.parse("conditionId")?,
        slug: object.text("slug")?.to_owned(),
        question: object.text("question").unwrap_or_default().to_owned(),
        outcomes: outcomes.collect::<Result<_, Wrong>>()?,
    })
}

/// Reads a list of texts, which Gamma writes as JSON within text; an absent one is empty.
fn texts(object: &Object, field: &'static str) -> Result<Vec<String>, Wrong> {
    let wrong = |found: &Value| Err((field, format!("is {} instead of a list", kind(found))));
    match object.value(field) {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Vec::new()),
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| (field, format!("is text that is no list: {error}"))),
        list @ Value::Array(_) => serde_json::from_value(list.clone()).or_else(|_| wrong(list)),
        other => wrong(other),
    }
}

#[cfg(test)]
#[path = "gamma_tests.rs"]
mod tests;
