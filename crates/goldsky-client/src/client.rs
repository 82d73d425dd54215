use std::sync::Arc;

use api_client::{Config, Error, Exchange, Http, Request, Stats, Transport};
use async_trait::async_trait;
use bytes::Bytes;
use fills::{ConditionId, Source, SourceError, Span, Survey, TokenId};
use pacer::{Pacer, Permit};

use crate::catalog::MarketData;
use crate::classify::HINT;
use crate::entity::{self, Entity, EntityPage, IdRange};
use crate::orderbooks::Orderbook;
use crate::pages::{Page, PageQuery};
use crate::query;
use crate::reader::Reader;
use crate::slot::Slot;
use crate::survey;
use crate::times;

/// A client of one order-book subgraph. A clone is the same client: all calls of a process should go
/// through one client and one [`Pacer`].
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) exchange: Arc<Exchange>,
    reader: Arc<Reader>,
    /// Maximum number of fills in a page.
    pub(crate) max_rows: u16,
}

impl Client {
    /// Makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if HTTP or TLS cannot be set up.
    pub fn new(config: Config, pacer: Pacer) -> Result<Self, Error> {
        let transport = Arc::new(Http::new(&config)?);
        Ok(Self::with_transport(config, pacer, transport))
    }

    /// Makes a client over another way to the endpoint than its own HTTP.
    pub fn with_transport(config: Config, pacer: Pacer, transport: Arc<dyn Transport>) -> Self {
        Self {
            exchange: Arc::new(Exchange::new(config, pacer, transport, HINT)),
            reader: Arc::new(Reader::new()),
            max_rows: query::MOST_ROWS,
        }
    }

    /// Asks for pages of up to `max_rows` (1 to 1000) fills.
    #[must_use]
    pub fn with_max_rows(mut self, max_rows: u16) -> Self {
        self.max_rows = max_rows.clamp(1, query::MOST_ROWS);
        self
    }

    /// Waits until one more request may be sent.
    ///
    /// # Cancel safety
    /// A dropped call takes no slot. A slot that is dropped unused is lost.
    pub async fn slot(&self) -> Slot {
        Slot {
            client: self.clone(),
            permit: self.exchange.permit().await,
        }
    }

    /// Fetches several pages of fills with one request, in the order of the queries.
    ///
    /// # Errors
    /// Any [`SourceError`]; then none of the pages was answered.
    ///
    /// # Cancel safety
    /// Nothing is kept between calls: a dropped call can be made again.
    pub async fn pages(&self, queries: &[PageQuery]) -> Result<Vec<Page>, SourceError> {
        self.slot().await.pages(queries).await
    }

    pub(crate) async fn pages_with(
        &self,
        permit: Permit,
        queries: &[PageQuery],
    ) -> Result<Vec<Page>, SourceError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        queries
            .iter()
            .try_for_each(|query| check_limit(query.limit))?;
        let request = self.post(query::pages(queries), queries.len());
        let (reader, asked) = (Arc::clone(&self.reader), queries.to_vec());
        let read = move |body: &[u8]| reader.pages(body, &asked);
        let pages = self
            .exchange
            .ask_for_pages(permit, queries.len(), &request, read)
            .await;
        #[cfg(feature = "mutations")]
        if let Err(SourceError::Unavailable { .. }) = pages
            && mutation::is_on(mutation::Mutation::GivenUpIsEmpty)
        {
            return Ok(vec![Page::default(); queries.len()]);
        }
        let pages = pages?;
        self.exchange.add_pages(pages.len());
        Ok(pages)
    }

    /// Tells what the client has done so far.
    pub fn stats(&self) -> Stats {
        self.exchange.stats()
    }

    /// Fetches up to `limit` (1 to 1000) tokens of the book behind `after_id`, in the order of
    /// their ids as text. Begin with the empty text, go on with [`EntityPage::last_id`].
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn market_datas(
        &self,
        after_id: &str,
        limit: u16,
    ) -> Result<EntityPage<MarketData>, SourceError> {
        self.entities(after_id, limit).await
    }

    /// Fetches up to `limit` (1 to 1000) order books behind `after_id`, in the order of their ids
    /// as text. Begin with the empty text, go on with [`EntityPage::last_id`].
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn orderbooks(
        &self,
        after_id: &str,
        limit: u16,
    ) -> Result<EntityPage<Orderbook>, SourceError> {
        self.entities(after_id, limit).await
    }

    /// Fetches up to `limit` (1 to 1000) order books of each range with one request, in the order of
    /// the ranges: as they were at one block, or without one as they are. Go on behind
    /// [`EntityPage::last_id`].
    ///
    /// # Errors
    /// Any [`SourceError`]; then none of the pages was answered. [`SourceError::Protocol`] also
    /// where the host keeps no history of that block.
    pub async fn orderbooks_at(
        &self,
        slot: Slot,
        block: Option<u64>,
        ranges: &[IdRange],
        limit: u16,
    ) -> Result<Vec<EntityPage<Orderbook>>, SourceError> {
        check_limit(limit)?;
        let json = query::ranges(Orderbook::FIELD, Orderbook::COLUMNS, block, ranges, limit);
        let request = self.post(json, ranges.len());
        let (reader, asked) = (Arc::clone(&self.reader), ranges.to_vec());
        let read = move |body: &[u8]| {
            let data = reader.open(body)?;
            let pages = asked.iter().enumerate().map(|(index, range)| {
                let rows = data.field(&query::alias(index))?;
                entity::read(&range.after, limit, rows)
            });
            pages.collect()
        };
        let pages: Vec<EntityPage<Orderbook>> = self
            .exchange
            .ask_for_pages(slot.permit, ranges.len(), &request, read)
            .await?;
        self.exchange.add_pages(pages.len());
        Ok(pages)
    }

    /// Fetches the order books of up to 1000 tokens, in the order of their ids as text. Tokens
    /// that were never traded have none.
    ///
    /// # Errors
    /// Any [`SourceError`]; [`SourceError::Protocol`] for more than 1000 tokens.
    pub async fn orderbooks_of(
        &self,
        tokens: &[TokenId],
    ) -> Result<EntityPage<Orderbook>, SourceError> {
        self.entities_of(tokens).await
    }

    /// Fetches what the book knows of up to 1000 tokens, in the order of their ids as text. Tokens that it
    /// does not know are left out.
    ///
    /// # Errors
    /// Any [`SourceError`]; [`SourceError::Protocol`] for more than 1000 tokens.
    pub async fn market_datas_by_id(
        &self,
        tokens: &[TokenId],
    ) -> Result<EntityPage<MarketData>, SourceError> {
        self.entities_of(tokens).await
    }

    async fn entities_of<E: Entity + Send + 'static>(
        &self,
        tokens: &[TokenId],
    ) -> Result<EntityPage<E>, SourceError> {
        if tokens.len() > usize::from(query::MOST_ROWS) {
            return Err(ours(format!("{} tokens at once", tokens.len())));
        }
        let json = query::entities_of(E::FIELD, E::COLUMNS, tokens);
        self.ask(json, String::new(), query::MOST_ROWS).await
    }

    /// Fetches up to 1000 tokens of some conditions behind `after_id`, in the order of their ids as
    /// text. Begin with the empty text, go on with [`EntityPage::last_id`].
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn market_datas_of(
        &self,
        conditions: &[ConditionId],
        after_id: &str,
    ) -> Result<EntityPage<MarketData>, SourceError> {
        let json = query::tokens_of(MarketData::COLUMNS, conditions, after_id);
        self.ask(json, after_id.to_owned(), query::MOST_ROWS).await
    }

    /// Fetches with one request when the first `limit` (1 to 1000) fills of each span were, in seconds
    /// and in order: what tells how dense fills lie, at a twentieth of the bytes of the fills.
    ///
    /// # Errors
    /// Any [`SourceError`]; then none of the spans was answered.
    pub async fn times(&self, spans: &[Span], limit: u16) -> Result<Vec<Vec<u64>>, SourceError> {
        check_limit(limit)?;
        let request = self.post(query::times(spans, limit), spans.len());
        let (reader, asked) = (Arc::clone(&self.reader), spans.to_vec());
        let read = move |body: &[u8]| {
            let data = reader.open(body)?;
            let pages = asked.iter().enumerate();
            let pages =
                pages.map(|(index, span)| times::read(&data, &query::alias(index), *span, limit));
            pages.collect()
        };
        // Not as pages of fills: how many of those serve best is not learned from these.
        let pages: Vec<Vec<u64>> = self.exchange.ask(&request, read).await?;
        self.exchange.add_pages(pages.len());
        Ok(pages)
    }

    async fn entities<T: Entity + Send + 'static>(
        &self,
        after_id: &str,
        limit: u16,
    ) -> Result<EntityPage<T>, SourceError> {
        check_limit(limit)?;
        let json = query::entities(T::FIELD, T::COLUMNS, after_id, limit);
        self.ask(json, after_id.to_owned(), limit).await
    }

    /// Asks for one page of entities.
    async fn ask<T: Entity + Send + 'static>(
        &self,
        json: Vec<u8>,
        after_id: String,
        limit: u16,
    ) -> Result<EntityPage<T>, SourceError> {
        let reader = Arc::clone(&self.reader);
        let read = move |body: &[u8]| {
            let data = reader.open(body)?;
            entity::read(&after_id, limit, data.field("rows")?)
        };
        let answer = self.exchange.ask(&self.post(json, 1), read).await?;
        self.exchange.add_pages(1);
        Ok(answer)
    }

    fn post(&self, json: Vec<u8>, pages: usize) -> Request {
        Request::Post {
            url: self.exchange.endpoint().url().clone(),
            json: Bytes::from(json),
            pages,
        }
    }
}

#[async_trait]
impl Source for Client {
    async fn survey(&self) -> Result<Survey, SourceError> {
        let request = self.post(query::survey(), 1);
        let survey = self.exchange.ask_soon(&request, survey::read).await?;
        self.reader.note(&survey)?;
        Ok(survey)
    }

    fn max_rows(&self) -> u16 {
        self.max_rows
    }

    async fn slot(&self) -> Box<dyn fills::Slot> {
        Box::new(Self::slot(self).await)
    }
}

fn check_limit(limit: u16) -> Result<(), SourceError> {
    if (1..=query::MOST_ROWS).contains(&limit) {
        Ok(())
    } else {
        Err(ours(format!("a page of {limit} rows")))
    }
}

fn ours(asked: String) -> SourceError {
    SourceError::Protocol {
        message: format!("{asked} cannot be asked for, 1 to {} can", query::MOST_ROWS),
    }
}
