//! All that the data API tells of a wallet.
//!
//! `/activity` takes windows of time, so pages follow each other by time and not by offset: the
//! next one begins with the last second of the one before, which may not have been all of it.
//! Offsets, with their cap and their trust in an order that the API does not promise within a
//! second, are used where one second has more rows than a page.

use std::collections::VecDeque;

use api_client::MalformedEntity;
use fills::{Address, SourceError, Span, Trade};
use futures::{Stream, stream};

use crate::data_api::{DataApi, PageOf, TradePage};
use crate::row::TradeRow;

/// What the API tells, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A trade, whole.
    Trade(Trade),
    /// Seconds of which it does not show all, since its offsets end before their rows do.
    NotAll(Span),
}

/// Why a wallet's history could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The API did not answer, or not what was asked.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A row does not read, so that no sum over it would be right.
    #[error("the data API's row does not read: {0}")]
    Malformed(MalformedEntity),
}

/// A wallet's trades within a span, the oldest first. Holds one page, or the rows of one second
/// where these are more.
#[derive(Debug)]
pub struct History<'a> {
    api: &'a DataApi,
    wallet: Address,
    /// The seconds still to ask for, both inclusive; nothing at the end.
    rest: Option<(u32, u32)>,
    /// How many rows of the first of them were seen already.
    seen: usize,
    told: VecDeque<Told>,
}

impl<'a> History<'a> {
    /// Begins to tell a wallet's trades. Nothing is asked yet.
    pub fn new(api: &'a DataApi, wallet: Address, span: Span) -> Self {
        // Second 0 would mean the API's default window; no block is as old.
        let first = u32::try_from(span.from.max(1)).ok();
        let last = span.to.saturating_sub(1).min(u64::from(u32::MAX)) as u32;
        Self {
            api,
            wallet,
            rest: first
                .map(|first| (first, last))
                .filter(|(first, last)| first <= last),
            seen: 0,
            told: VecDeque::new(),
        }
    }

    /// Returns what comes next, trades in ascending order of their keys; nothing after the last.
    ///
    /// # Errors
    /// [`HistoryError`]; then what was told is a beginning and no more.
    pub async fn next(&mut self) -> Result<Option<Told>, HistoryError> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(Some(told));
            }
            let Some((first, last)) = self.rest else {
                return Ok(None);
            };
            self.go_on(first, last).await?;
        }
    }

    /// Returns all of it as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Told, HistoryError>> + use<'a> {
        stream::try_unfold(self, async |mut history| {
            let next = history.next().await?;
            Ok(next.map(|told| (told, history)))
        })
    }

    async fn go_on(&mut self, first: u32, last: u32) -> Result<(), HistoryError> {
        // The cap of offsets is never below their beginning.
        let rows = self.rows(first, last, 0).await?.unwrap_or_default();
        let begun = rows.iter().filter(|row| second(row) == first).count();
        if begun < self.seen {
            let message = format!(
                "the data API showed {} rows of second {first}, and then {begun} of them",
                self.seen
            );
            return Err(SourceError::Protocol { message }.into());
        }
        self.seen = 0;
        let (Some(oldest), Some(newest)) = (rows.first().map(second), rows.last().map(second))
        else {
            self.rest = None;
            return Ok(());
        };
        if oldest == newest {
            self.tell_second(oldest, rows).await?;
            self.rest = oldest.checked_add(1).map(|next| (next, last));
        } else {
            let (whole, begun): (Vec<_>, Vec<_>) =
                rows.iter().partition(|row| second(row) < newest);
            self.tell(whole);
            self.seen = begun.len();
            self.rest = Some((newest, last));
        }
        self.rest = self.rest.filter(|(first, last)| first <= last);
        Ok(())
    }

    /// Tells a second whose rows fill a page and may go on behind it.
    async fn tell_second(
        &mut self,
        second: u32,
        mut rows: Vec<TradeRow>,
    ) -> Result<(), HistoryError> {
        loop {
            match self.rows(second, second, rows.len()).await? {
                None => {
                    let second = u64::from(second);
                    let span = Span::new(second, second + 1);
                    self.told.push_back(Told::NotAll(span));
                    return Ok(());
                }
                Some(more) if more.is_empty() => {
                    self.tell(&rows);
                    return Ok(());
                }
                Some(more) => rows.extend(more),
            }
        }
    }

    fn tell<'r>(&mut self, rows: impl IntoIterator<Item = &'r TradeRow>) {
        let trades = Trade::sum(rows.into_iter().map(|row| row.trade));
        self.told.extend(trades.into_iter().map(Told::Trade));
    }

    async fn rows(
        &self,
        first: u32,
        last: u32,
        offset: usize,
    ) -> Result<Option<Vec<TradeRow>>, HistoryError> {
        let wallet = self.wallet;
        let page = self.api.page(PageOf::Activity {
            wallet,
            first,
            last,
            offset,
        });
        page.await?.map(sound).transpose()
    }
}

/// Tells a wallet's newest trades within a span as `/trades` does: without USDC, and where its
/// offsets end, with the seconds before as [`Told::NotAll`]. Holds all of them, as many as the
/// offsets allow.
///
/// # Errors
/// [`HistoryError`].
pub async fn newest_trades(
    api: &DataApi,
    wallet: Address,
    span: Span,
) -> Result<Vec<Told>, HistoryError> {
    let mut rows: Vec<TradeRow> = Vec::new();
    let mut told = Vec::new();
    loop {
        let offset = rows.len();
        let page = api.page(PageOf::Trades { wallet, offset });
        match page.await?.map(sound).transpose()? {
            Some(more) if more.is_empty() => break,
            Some(more) => rows.extend(more),
            None => {
                // The oldest second may go on behind the cap.
                let oldest = rows.last().map_or(u32::MAX, second);
                rows.retain(|row| second(row) > oldest);
                let hidden = span.intersection(&Span::new(0, u64::from(oldest) + 1));
                told.extend((!hidden.is_empty()).then_some(Told::NotAll(hidden)));
                break;
            }
        }
    }
    let within = rows
        .iter()
        .filter(|row| (span.from..span.to).contains(&second(row).into()));
    let trades = Trade::sum(within.map(|row| row.trade));
    told.extend(trades.into_iter().map(Told::Trade));
    Ok(told)
}

fn second(row: &TradeRow) -> u32 {
    row.trade.key.timestamp
}

fn sound(page: TradePage) -> Result<Vec<TradeRow>, HistoryError> {
    match page.malformed.into_iter().next() {
        Some(malformed) => Err(HistoryError::Malformed(malformed)),
        None => Ok(page.rows),
    }
}
