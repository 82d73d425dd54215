//! Wallets of the table held against what Polymarket's data API tells of them.

use std::collections::HashSet;

use fills::{Address, Span, TokenId, Trade};
use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use polymarket_api::{Comparison, DataApi, History, HistoryError, Told};

use crate::coverage::within;
use crate::rows::list;
use crate::wallet::{Chosen, ComparedWallet, Held};
use crate::{Error, Level, Validation};

/// As many as [`DataApi::pacer`] lets be in flight: each asks for one page after another.
const WALLETS_AT_ONCE: usize = 8;

impl Validation {
    /// Compares wallets, some at a time, and adds them in the order given, up to the first that fails.
    ///
    /// # Errors
    /// Any error of API or table. A wallet of which the API tells something that does not read is
    /// no error: it alone is not compared.
    pub(crate) async fn compare_wallets(
        &self,
        api: &DataApi,
        chosen: Vec<(Address, Chosen)>,
        compared: &mut Vec<ComparedWallet>,
    ) -> Result<(), Error> {
        const DOING: &str = "comparing with the data API";
        let of = chosen.len() as u64;
        self.progress.tell(Level::Wallet, DOING, 0, of);
        let tokens = self.coverage.tokens.as_ref();
        let tokens: Option<HashSet<TokenId>> = tokens.map(|some| some.iter().copied().collect());
        let each = chosen
            .into_iter()
            .map(|chosen| self.compare_wallet(api, chosen, tokens.as_ref()));
        let mut each = stream::iter(each).buffered(WALLETS_AT_ONCE);
        while let Some(one) = each.try_next().await? {
            compared.push(one);
            let done = compared.len() as u64;
            self.progress.tell(Level::Wallet, DOING, done, of);
        }
        Ok(())
    }

    async fn compare_wallet(
        &self,
        api: &DataApi,
        (wallet, chosen): (Address, Chosen),
        tokens: Option<&HashSet<TokenId>>,
    ) -> Result<ComparedWallet, Error> {
        let query = self.held_sql(wallet);
        let wanted = self.coverage.span;
        let most_trades = self.config.wallets.most_trades;
        let compared = match read(api, wallet, wanted, tokens, most_trades).await {
            Ok(Witness { told, span }) => {
                let table = self.trades(wallet, span, tokens)?;
                let told = stream::iter(told.into_iter().map(Ok::<Told, Error>));
                let comparison = Comparison {
                    most_differences: self.config.most_findings,
                };
                Ok((comparison.compare(table, told).await?, span))
            }
            Err(HistoryError::Source(source)) => return Err(Error::Witness { wallet, source }),
            Err(error) => Err(error.to_string()),
        };
        Ok(ComparedWallet {
            wallet,
            chosen,
            held: self.table.row::<Held>(&query).await?,
            query,
            wanted,
            compared,
        })
    }

    fn trades<'a>(
        &self,
        wallet: Address,
        span: Span,
        tokens: Option<&'a HashSet<TokenId>>,
    ) -> Result<impl Stream<Item = Result<Trade, Error>> + use<'a>, Error> {
        let cursor = self.table.wallet_trades(wallet, span)?;
        let trades = stream::try_unfold(cursor, async |mut cursor| {
            let next = cursor.next().await?;
            Ok(next.map(|trade| (trade, cursor)))
        });
        Ok(trades.try_filter(move |trade| {
            future::ready(tokens.is_none_or(|tokens| tokens.contains(&trade.key.token_id)))
        }))
    }

    /// Returns the statement that sums up what the table holds of a wallet.
    fn held_sql(&self, wallet: Address) -> String {
        let of_tokens = match self.coverage.tokens.as_deref() {
            None => String::new(),
            Some([]) => " AND 0".to_owned(),
            Some(tokens) => format!(" AND token_id IN {}", list(tokens)),
        };
        format!(
            "-- wallet\nSELECT count() AS fills, sum(usdc) AS usdc, \
             toUInt32(min(d.timestamp)) AS first, toUInt32(max(d.timestamp)) AS last\n\
             FROM {} AS d\nWHERE concat('0x', lower(hex(maker))) = '{wallet}' AND {}{of_tokens}",
            self.table.names().data(),
            within(self.coverage.span),
        )
    }
}

/// A wallet's trades by the data API, the oldest first.
#[derive(Debug)]
struct Witness {
    told: Vec<Told>,
    /// The seconds that were asked for: fewer than wanted where these have more trades than are
    /// read.
    span: Span,
}

/// Reads a wallet's trades of some tokens within a span, to the end of the second in which they
/// reach `most_trades`. They are held, so that no read of the table waits for the API.
async fn read(
    api: &DataApi,
    wallet: Address,
    span: Span,
    tokens: Option<&HashSet<TokenId>>,
    most_trades: usize,
) -> Result<Witness, HistoryError> {
    let mut history = History::new(api, wallet, span);
    let mut told = Vec::new();
    let (mut trades, mut last) = (0, 0);
    while let Some(next) = history.next().await? {
        if let Told::Trade(trade) = &next {
            let second = trade.key.timestamp;
            if trades >= most_trades.max(1) && second != last {
                let span = Span::new(span.from, second.into());
                return Ok(Witness { told, span });
            }
            (trades, last) = (trades + 1, second);
            if tokens.is_some_and(|tokens| !tokens.contains(&trade.key.token_id)) {
                continue;
            }
        }
        told.push(next);
    }
    Ok(Witness { told, span })
}
