//! The market catalogue, from the subgraph and from Gamma into the table's database.

use std::collections::HashSet;
use std::time::Duration;

use fill_table::{FillTable, MarketEntry, MarketSource};
use fills::{SourceError, TokenId};
use goldsky_client::{Client, MarketData};
use ingest_engine::Snapshot;
use polymarket_api::{Gamma, GammaMarket, GammaPage};
use startup::{Failure, Settings, Shutdown};
use tokio::sync::watch;
use wiring::errors::{from_source, from_table};

const PAGE: u16 = 1000;
const GAMMA_PAGE: u32 = 500;
/// Between tries to load the catalogue of a source that is followed.
const BETWEEN_TRIES: Duration = Duration::from_secs(60);
/// Tokens without a condition that are asked for at a time.
const MOST_UNKNOWN: usize = 100_000;

/// What one load of the catalogue did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loaded {
    pub(crate) tokens: u64,
    pub(crate) malformed: u64,
    /// Whether it was stopped before the end.
    pub(crate) stopped: bool,
}

impl Loaded {
    /// Says that a load was stopped.
    pub(crate) fn stopped() -> Self {
        Self {
            stopped: true,
            ..Self::default()
        }
    }
}

/// Loads the catalogue as far as a run by market needs it; true if it was asked to stop.
///
/// New tokens have ids anywhere among the old ones, so only a load from the beginning finds all.
/// Named markets need no more than that they are known.
///
/// # Errors
/// What source or table meet; what was loaded by then is kept.
pub(crate) async fn for_a_run_by_market(
    settings: &Settings,
    client: &Client,
    table: &FillTable,
    shutdown: &Shutdown,
) -> Result<bool, Failure> {
    let scope = &settings.scope;
    let named = scope.names_markets();
    let loaded = complete(client, table, !named, shutdown).await?;
    if loaded.stopped || !named {
        return Ok(loaded.stopped);
    }
    let catalogue = table.catalogue();
    let unknown = catalogue.unknown_conditions(&scope.condition_ids).await;
    if unknown.map_err(from_table)?.is_empty() {
        return Ok(false);
    }
    Ok(complete(client, table, true, shutdown).await?.stopped)
}

/// Loads the catalogue, from the beginning or from where an earlier load ended, until asked to stop.
///
/// # Errors
/// What source or table meet; what was loaded by then is kept.
pub(crate) async fn complete(
    client: &Client,
    table: &FillTable,
    from_the_beginning: bool,
    shutdown: &Shutdown,
) -> Result<Loaded, Failure> {
    let after = match from_the_beginning {
        true => String::new(),
        false => table.catalogue().last_id().await.map_err(from_table)?,
    };
    let loaded = tokio::select! {
        loaded = from_subgraph(client, table, after, shutdown) => loaded?,
        () = shutdown.requested() => Loaded::stopped(),
    };
    if loaded.tokens > 0 {
        tracing::info!(tokens = loaded.tokens, "the market catalogue was loaded");
    }
    Ok(loaded)
}

/// Loads the catalogue, and then the conditions of tokens that come up while a source is followed, each
/// time that its fills are loaded, until nobody tells `loads` any more.
///
/// The first look is at all fills, since an earlier run may have ended before it looked; then it is at the
/// last day's.
pub(crate) async fn keep_up(
    client: &Client,
    table: &FillTable,
    mut loads: watch::Receiver<Snapshot>,
    shutdown: &Shutdown,
) {
    // A catalogue that is not complete would later be continued behind a token that came up.
    loop {
        let failure = match complete(client, table, false, shutdown).await {
            Ok(loaded) if loaded.stopped => return,
            Ok(_) => break,
            Err(failure) => failure,
        };
        tracing::warn!(error = %failure.error, "the market catalogue is not complete yet");
        tokio::select! {
            () = tokio::time::sleep(BETWEEN_TRIES) => {}
            () = shutdown.requested() => return,
            // Nobody loads any more.
            _ = loads.wait_for(|_| false) => return,
        }
    }
    let (mut asked, mut loaded, mut of_all) = (HashSet::new(), 0, true);
    let is_news = |snapshot: &Snapshot, loaded: u64| {
        snapshot.is_up_to_date && snapshot.fills_inserted > loaded
    };
    while let Ok(snapshot) = loads
        .wait_for(|now| is_news(now, loaded))
        .await
        .map(|now| *now)
    {
        loaded = snapshot.fills_inserted;
        let added = tokio::select! {
            added = add_unknown(client, table, of_all, &mut asked) => added,
            () = shutdown.requested() => return,
        };
        match added {
            Ok(all) => of_all &= !all,
            // The next fills are another occasion.
            Err(failure) => {
                tracing::warn!(error = %failure.error, "conditions of new tokens are not known yet");
            }
        }
    }
}

/// Asks for the conditions of tokens that were not asked for before: of all fills, or of the last day's. False
/// where there are more than are asked for at a time.
async fn add_unknown(
    client: &Client,
    table: &FillTable,
    of_all: bool,
    asked: &mut HashSet<TokenId>,
) -> Result<bool, Failure> {
    let catalogue = table.catalogue();
    // Those that the source does not know come up every time.
    let most = asked.len() + MOST_UNKNOWN;
    let unknown = match of_all {
        true => catalogue.unknown_of_all(most).await,
        false => catalogue.unknown_of_the_last_day(most).await,
    };
    let mut unknown = unknown.map_err(from_table)?;
    let is_all = unknown.len() < most;
    unknown.retain(|token| !asked.contains(token));
    if unknown.is_empty() {
        return Ok(is_all);
    }
    for tokens in unknown.chunks(usize::from(PAGE)) {
        let known = client.market_datas_by_id(tokens).await;
        let known = known.map_err(from_source)?;
        let entries: Vec<_> = known.entities.into_iter().map(entry).collect();
        let added = catalogue.add(MarketSource::Subgraph, &entries).await;
        added.map_err(from_table)?;
    }
    catalogue.publish().await.map_err(from_table)?;
    asked.extend(unknown);
    Ok(is_all)
}

/// Loads the conditions of all tokens behind `after`, an id as the source orders them.
///
/// # Errors
/// What source or table meet; what was loaded by then is kept.
pub(crate) async fn from_subgraph(
    client: &Client,
    table: &FillTable,
    mut after: String,
    shutdown: &Shutdown,
) -> Result<Loaded, Failure> {
    let catalogue = table.catalogue();
    let mut loaded = Loaded::default();
    loop {
        let page = client
            .market_datas(&after, PAGE)
            .await
            .map_err(from_source)?;
        let full = page.len() >= usize::from(PAGE);
        for malformed in &page.malformed {
            tracing::warn!(
                id = malformed.id,
                field = malformed.field,
                reason = malformed.reason,
                "a token of the catalogue is not usable"
            );
        }
        loaded.malformed += page.malformed.len() as u64;
        loaded.tokens += page.entities.len() as u64;
        let entries: Vec<_> = page.entities.into_iter().map(entry).collect();
        let added = catalogue.add(MarketSource::Subgraph, &entries).await;
        added.map_err(from_table)?;
        loaded.stopped = shutdown.is_requested();
        match page.last_id {
            Some(last) if full && !loaded.stopped => after = last,
            _ => break,
        }
    }
    catalogue.publish().await.map_err(from_table)?;
    Ok(loaded)
}

/// Loads slugs, questions and outcomes of all markets, open and closed.
///
/// # Errors
/// What Gamma or the table meet; what was loaded by then is kept.
pub(crate) async fn from_gamma(
    gamma: &Gamma,
    table: &FillTable,
    shutdown: &Shutdown,
) -> Result<Loaded, Failure> {
    let catalogue = table.catalogue();
    let mut loaded = Loaded::default();
    for closed in [false, true] {
        let mut offset = 0;
        let mut before = GammaPage::default();
        loop {
            let page = gamma.markets(closed, GAMMA_PAGE, offset).await;
            let page = page.map_err(from_gamma_error)?;
            if page.is_empty() || loaded.stopped {
                break;
            }
            // Whoever ignores the offset would be asked for ever.
            if page == before {
                let message = format!("the markets from {offset} on are those before them again");
                return Err(from_gamma_error(SourceError::Protocol { message }));
            }
            before.clone_from(&page);
            offset += page.len() as u32;
            loaded.malformed += page.malformed.len() as u64;
            let entries: Vec<MarketEntry> = page.markets.into_iter().flat_map(entries).collect();
            loaded.tokens += entries.len() as u64;
            let added = catalogue.add(MarketSource::Gamma, &entries).await;
            added.map_err(from_table)?;
            loaded.stopped = shutdown.is_requested();
        }
    }
    catalogue.publish().await.map_err(from_table)?;
    Ok(loaded)
}

fn from_gamma_error(error: SourceError) -> Failure {
    from_source(error).with_hint("check the network and --gamma-url, then run again")
}

fn entry(data: MarketData) -> MarketEntry {
    MarketEntry {
        token_id: data.token_id,
        condition_id: data.condition_id,
        outcome_index: data
            .outcome_index
            .and_then(|index| u8::try_from(index).ok()),
        outcome: String::new(),
        slug: String::new(),
        question: String::new(),
    }
}

fn entries(market: GammaMarket) -> Vec<MarketEntry> {
    let outcomes = market.outcomes.into_iter().enumerate();
    outcomes
        .map(|(index, (token_id, outcome))| MarketEntry {
            token_id,
            condition_id: market.condition_id,
            outcome_index: u8::try_from(index).ok(),
            outcome,
            slug: market.slug.clone(),
            question: market.question.clone(),
        })
        .collect()
}
