//! What a run is to load, decided from the settings and what the source says of itself.

use std::fmt;
use std::sync::Arc;

use checkpoint_store::Identity;
use fill_table::{FillTable, Selection, TableGroups};
use fills::{Span, Survey, TokenGroups};
use startup::settings::ScopeSettings;
use startup::{ExitCode, Failure, Settings, Strategy};

use crate::errors::from_table;

/// Tokens asked for in one request, by market.
///
/// On a real graph-node 500 values in `_in` were no slower than 50, and a group of them fills
/// pages where a single token rarely does.
pub const TOKENS_PER_GROUP: u64 = 500;

/// What to load and how.
pub struct Scope {
    /// Its name.
    pub strategy: &'static str,
    /// Why that one.
    pub why: &'static str,
    /// Which seconds.
    pub span: Span,
    /// The source's newest block when the span was decided.
    pub source_block: u64,
    /// The tokens, in groups; nothing scans all fills.
    pub groups: Option<Arc<dyn TokenGroups>>,
    /// What makes a checkpoint this job's.
    pub identity: Identity,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("strategy", &self.strategy)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// Tells whether the run asks by market, and why.
///
/// # Errors
/// A scan was asked for, of some markets only.
pub fn by_market(scope: &ScopeSettings) -> Result<(bool, &'static str), Failure> {
    match scope.strategy {
        Strategy::Scan if scope.is_some_markets() => Err(Failure::new(
            ExitCode::Usage,
            "--strategy scan loads all markets, and only some are asked for",
        )
        .with_hint("leave --strategy out, or take --strategy markets")),
        Strategy::Scan => Ok((false, "it was asked for")),
        Strategy::Markets => Ok((true, "it was asked for")),
        Strategy::Auto if scope.is_some_markets() => Ok((true, "only some markets are asked for")),
        Strategy::Auto => Ok((
            false,
            "all fills are asked for, and a scan fills its pages best",
        )),
    }
}

/// Decides what to load. By market, the catalogue has to be loaded.
///
/// # Errors
/// A selection of markets that are not in the catalogue.
pub async fn decide(
    settings: &Settings,
    survey: &Survey,
    table: &FillTable,
) -> Result<Scope, Failure> {
    let (by_market, why) = by_market(&settings.scope)?;
    let mut identity = vec![
        ("source", survey.deployment.clone()),
        ("from", bound(settings.scope.from, "beginning")),
        ("to", bound(settings.scope.to, "end")),
        ("database", settings.table.clickhouse_database.clone()),
        ("table", settings.table.table.clone()),
    ];
    let (strategy, groups) = if by_market {
        let selection = selection(&settings.scope, table).await?;
        let groups = TableGroups::new(table.catalogue(), selection, TOKENS_PER_GROUP).await;
        let groups = groups.map_err(from_table)?;
        if groups.tokens() == 0 && survey.newest.is_some() {
            return Err(Failure::new(
                ExitCode::Failed,
                "the source has fills, and its catalogue has no tokens to ask for them by",
            )
            .with_hint("--strategy scan needs no catalogue"));
        }
        let tokens = format!("{} ({:016x})", groups.tokens(), groups.fingerprint());
        identity.push(("tokens", tokens));
        ("markets", Some(Arc::new(groups) as Arc<dyn TokenGroups>))
    } else {
        ("scan", None)
    };
    identity.push(("strategy", strategy.to_owned()));
    Ok(Scope {
        strategy,
        why,
        span: span(&settings.scope, survey),
        source_block: survey.head_block,
        groups,
        identity: Identity::new(identity),
    })
}

async fn selection(scope: &ScopeSettings, table: &FillTable) -> Result<Selection, Failure> {
    let unknown = table
        .catalogue()
        .unknown_conditions(&scope.condition_ids)
        .await
        .map_err(from_table)?;
    if let Some(first) = unknown.first() {
        let message = format!(
            "the source's catalogue has no market {first} ({} of the {} asked for are unknown)",
            unknown.len(),
            scope.condition_ids.len()
        );
        return Err(Failure::new(ExitCode::Usage, message)
            .with_hint("check --condition-id and --markets-file for typing errors"));
    }
    let some = scope.names_markets();
    match scope.limit {
        Some(_) if some => Err(Failure::new(
            ExitCode::Usage,
            "--limit and a list of markets are asked for at once",
        )
        .with_hint("leave one of them out")),
        Some(limit) => Ok(Selection::FirstMarkets(limit as u64)),
        None if some => Ok(Selection::Only {
            conditions: scope.condition_ids.clone(),
            tokens: scope.token_ids.clone(),
        }),
        None => Ok(Selection::All),
    }
}

/// Returns the seconds to load: those asked for, as far as the source reaches.
pub fn span(scope: &ScopeSettings, survey: &Survey) -> Span {
    let (Some(oldest), Some(newest)) = (survey.oldest, survey.newest) else {
        return Span::new(0, 0);
    };
    let from = scope.from.unwrap_or(oldest);
    // What the source does not have yet is not promised: a later run goes on from here.
    let to = scope.to.unwrap_or(u64::MAX).min(newest.saturating_add(1));
    Span::new(from, to.max(from))
}

fn bound(second: Option<u64>, open: &str) -> String {
    second.map_or_else(|| open.to_owned(), |second| second.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(from: Option<u64>, to: Option<u64>) -> ScopeSettings {
        ScopeSettings {
            strategy: Strategy::Auto,
            from,
            to,
            condition_ids: Vec::new(),
            token_ids: Vec::new(),
            limit: None,
            follow: None,
        }
    }

    fn survey(reach: Option<(u64, u64)>) -> Survey {
        Survey {
            deployment: "Qm".to_owned(),
            head_block: 1,
            head_timestamp: None,
            oldest: reach.map(|(oldest, _)| oldest),
            newest: reach.map(|(_, newest)| newest),
        }
    }

    #[test]
    fn the_span_is_what_was_asked_for_as_far_as_the_source_reaches() {
        let check = |from, to, reach, expected| {
            assert_eq!(span(&scope(from, to), &survey(reach)), expected);
        };
        check(None, None, Some((10, 20)), Span::new(10, 21));
        check(Some(5), Some(15), Some((10, 20)), Span::new(5, 15));
        check(Some(15), Some(99), Some((10, 20)), Span::new(15, 21));
        check(Some(50), None, Some((10, 20)), Span::new(50, 50));
        assert!(span(&scope(None, None), &survey(None)).is_empty());
    }

    #[test]
    fn some_markets_are_not_scanned_for() {
        let mut some = scope(None, None);
        assert!(!by_market(&some).unwrap().0);
        some.limit = Some(3);
        assert!(by_market(&some).unwrap().0);
        some.strategy = Strategy::Scan;
        assert_eq!(by_market(&some).unwrap_err().code, ExitCode::Usage);
    }
}
