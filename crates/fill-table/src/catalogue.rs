//! The market catalogue: which condition, outcome and market a token belongs to.

use clickhouse::Row;
use fills::{ConditionId, TokenId};
use serde::Serialize;

use crate::ddl;
use crate::{Error, FillTable};

/// Where an entry of the catalogue comes from. The later one wins for a token, whenever each was
/// loaded; among entries of one source the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketSource {
    /// `MarketData` of the subgraph: every token that was ever registered, no texts.
    Subgraph,
    /// Polymarket's Gamma API: texts and outcomes.
    Gamma,
}

/// What is known about one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketEntry {
    /// The outcome token.
    pub token_id: TokenId,
    /// The condition that groups the market's tokens.
    pub condition_id: ConditionId,
    /// The outcome's place among the market's outcomes, from 0, where it is known.
    pub outcome_index: Option<u8>,
    /// The outcome's name, such as `Yes`, or empty.
    pub outcome: String,
    /// The market's name in URLs, or empty.
    pub slug: String,
    /// The market's question, or empty.
    pub question: String,
}

#[derive(Debug, Row, Serialize)]
struct MarketRow {
    token_id: clickhouse::types::UInt256,
    condition_id: String,
    outcome_index: Option<u8>,
    outcome: String,
    slug: String,
    question: String,
    source: i8,
}

/// The market catalogue of a fills table.
///
/// Fills do not hold what it says: readers see it looked up, so an entry that comes after its
/// fills shows in all of them at once.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub(crate) table: FillTable,
}

impl Catalogue {
    pub(crate) fn new(table: FillTable) -> Self {
        Self { table }
    }

    /// Adds entries of one source, and returns when they are durable. Adding them again changes nothing.
    /// Readers see them after [`Catalogue::publish`].
    ///
    /// # Errors
    /// Any error of the connection that lasts; the table has to exist.
    pub async fn add(&self, source: MarketSource, entries: &[MarketEntry]) -> Result<(), Error> {
        let rows: Vec<_> = entries.iter().map(|entry| row(source, entry)).collect();
        self.table
            .insert(&self.table.names().markets_data(), &rows)
            .await
    }

    /// Lets readers see the entries that were added.
    ///
    /// # Errors
    /// [`Error::Dictionary`] where they do not see them yet; calling it again goes on.
    pub async fn publish(&self) -> Result<(), Error> {
        match self.table.load_dictionary().await {
            // The password it was made with may be an old one.
            Err(error) if error.is_answer() => self.table.make_dictionary().await,
            outcome => outcome,
        }
    }
}

fn row(source: MarketSource, entry: &MarketEntry) -> MarketRow {
    MarketRow {
        token_id: clickhouse::types::UInt256::from_le_bytes(entry.token_id.to_le_bytes()),
        condition_id: entry.condition_id.to_string(),
        outcome_index: entry.outcome_index,
        outcome: entry.outcome.clone(),
        slug: entry.slug.clone(),
        question: entry.question.clone(),
        source: match source {
            MarketSource::Subgraph => 1,
            MarketSource::Gamma => 2,
        },
    }
}

impl FillTable {
    /// Makes the dictionary anew and loads it.
    ///
    /// A dictionary reads its table as a user of its own. Where the server's `default` user may
    /// not, the connection's credentials are written into its definition; `ClickHouse` hides them
    /// from whoever may not see secrets.
    pub(crate) async fn make_dictionary(&self) -> Result<(), Error> {
        let login = self.server().dictionary_login();
        let plain = self.try_dictionary(login).await;
        match (plain, self.server().credentials()) {
            (Err(error), Some(credentials)) if error.is_answer() => {
                self.try_dictionary(Some(credentials)).await
            }
            (outcome, _) => outcome,
        }
        .map_err(|error| self.dictionary_error(error))
    }

    async fn try_dictionary(&self, credentials: Option<&crate::Credentials>) -> Result<(), Error> {
        let statement = ddl::dictionary(self.names(), credentials);
        self.query(&statement).execute().await?;
        self.load_dictionary().await
    }

    async fn load_dictionary(&self) -> Result<(), Error> {
        let dictionary = self.names().dictionary();
        let statement = format!("-- load_dictionary\nSYSTEM RELOAD DICTIONARY {dictionary}");
        Ok(self.query(&statement).execute().await?)
    }

    /// A refused statement may be quoted in the answer, and with it the password.
    fn dictionary_error(&self, error: Error) -> Error {
        if !error.is_answer() {
            return error;
        }
        let mut message = error.to_string();
        let server = self.server();
        for login in [server.credentials(), server.dictionary_login()] {
            if let Some(login) = login.filter(|login| !login.password.is_empty()) {
                message = message.replace(&login.password, "***");
            }
        }
        Error::Dictionary { message }
    }
}
