//! Does Polymarket's data API say the same of some wallets?
//!
//! It is a second witness: who counters leave out, the owner of a resting order, is whom it tells
//! about. Its word is held against the table's, and where they differ the source is asked again.

use std::collections::{BTreeSet, HashSet};

use fill_table::ChosenFor;
use fills::{Address, Scope, Span};

use crate::difference::Differences;
use crate::wallet::{Chosen, ComparedWallet};
use crate::{Check, Error, Level, Outcome, Validation};

const NAME: &str = "wallets";

/// Most seconds that the source is asked about.
const MOST_SECONDS: usize = 500;

/// The columns that tell a wallet's trades exactly.
const COLUMNS: [&str; 7] = [
    "maker",
    "timestamp",
    "tx_hash",
    "token_id",
    "side",
    "shares",
    "usdc",
];

/// Which wallets are held against the data API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallets {
    /// These.
    pub named: Vec<Address>,
    /// And so many of the table, half by volume and half drawn.
    pub sample: u32,
    /// Trades of one wallet, at least one, after which the rest of it is left out, so that a market maker's
    /// millions do not take the API for hours.
    pub most_trades: usize,
}

impl Default for Wallets {
    /// Ten of the table, 50,000 trades of each: about a hundred pages.
    fn default() -> Self {
        Self {
            named: Vec::new(),
            sample: 10,
            most_trades: 50_000,
        }
    }
}

impl Validation {
    /// Holds wallets against the data API, some at a time; one check for each.
    ///
    /// # Errors
    /// Any error of API, table or source.
    pub(crate) async fn wallets(
        &self,
        differences: &mut Differences,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let not_run = |why: &str| Check::not_run(Level::Wallet, NAME, why);
        let Some(api) = &self.data_api else {
            outcome.checks.push(not_run("no data API is given"));
            return Ok(());
        };
        if let Some(why) = self.why_not_exact().await? {
            outcome.checks.push(not_run(&why));
            return Ok(());
        }
        let chosen = self.chosen().await?;
        if chosen.is_empty() {
            outcome.checks.push(not_run("the table has no wallet"));
        }
        let mut compared = Vec::new();
        let ended = self.compare_wallets(api, chosen, &mut compared).await;
        let checks = compared.iter().map(ComparedWallet::check);
        outcome.checks.extend(checks);
        self.tell_trades(&compared, differences, outcome).await?;
        ended
    }

    /// Says why the table cannot tell trades exactly, if it cannot.
    async fn why_not_exact(&self) -> Result<Option<String>, Error> {
        let data = self.table.names().data();
        let client = self.table.server().client();
        let there: Vec<String> = client
            .query_raw(
                "-- columns_of_trades\nSELECT name FROM system.columns\n\
                 WHERE database = {database:String} AND table = {table:String}",
            )
            .param("database", self.table.names().database())
            .param("table", &data.name)
            .fetch_all()
            .await?;
        // The server does not list what the user has no right to.
        if there.is_empty()
            && let Some(missing) = self.missing_right().await?
        {
            return Ok(Some(missing));
        }
        let missing = COLUMNS
            .into_iter()
            .filter(|&name| there.iter().all(|one| one != name));
        let missing: Vec<_> = missing.collect();
        let needed = "exact shares and USDC of each fill are needed";
        Ok(match (there.is_empty(), missing.is_empty()) {
            (true, _) => Some(format!("{needed}, and there is no table {data} with them")),
            (false, false) => {
                let missing = missing.join(", ");
                Some(format!("{needed}, and {data} has no column {missing}"))
            }
            (false, true) => None,
        })
    }

    /// Returns the wallets to look at, each once.
    async fn chosen(&self) -> Result<Vec<(Address, Chosen)>, Error> {
        let Wallets { named, sample, .. } = &self.config.wallets;
        let mut chosen: Vec<_> = named
            .iter()
            .map(|&wallet| (wallet, Chosen::Named))
            .collect();
        if *sample > 0 {
            self.progress.tell(Level::Wallet, "choosing wallets", 0, 0);
            let sampled = self.table.sample_wallets(*sample, self.config.seed).await?;
            chosen.extend(sampled.into_iter().map(|one| match one.chosen_for {
                ChosenFor::Volume => (one.wallet, Chosen::ByVolume),
                ChosenFor::Draw => (one.wallet, Chosen::Drawn),
            }));
        }
        let mut seen = HashSet::new();
        chosen.retain(|(wallet, _)| seen.insert(*wallet));
        Ok(chosen)
    }

    /// Asks the source about the seconds in which trades differ, and tells those.
    async fn tell_trades(
        &self,
        compared: &[ComparedWallet],
        differences: &mut Differences,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let found = || compared.iter().flat_map(ComparedWallet::findings);
        let seconds: BTreeSet<u32> = found().map(|(second, _)| second).collect();
        let asked: BTreeSet<u32> = seconds.into_iter().take(MOST_SECONDS).collect();
        let scopes = asked.iter().map(|&second| Scope {
            span: Span::new(second.into(), u64::from(second) + 1),
            tokens: self.coverage.tokens.clone(),
        });
        let doing = (Level::Wallet, "asking the source");
        self.compare_each(scopes.collect(), differences, doing)
            .await?;
        let wrong = differences.seconds();
        for (second, finding) in found() {
            outcome
                .findings
                .push(match (wrong.contains(&second), asked.contains(&second)) {
                    (true, _) => finding.mended_by("validate --repair"),
                    (false, true) => {
                        let about = format!("{}; the source has what the table has", finding.about);
                        finding.about(about)
                    }
                    (false, false) => finding,
                });
        }
        let further = compared.iter().map(ComparedWallet::further).sum();
        outcome.findings.count_further(further);
        Ok(())
    }
}
