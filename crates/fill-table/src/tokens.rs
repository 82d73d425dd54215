//! Which tokens to fetch, straight from the catalogue.

use clickhouse::Row;
use clickhouse::query::Query;
use clickhouse::types::UInt256;
use fills::{ConditionId, TokenId};
use serde::Deserialize;

use crate::names::literal;
use crate::retry::{reading, reading_on};
use crate::{Catalogue, Error};

/// Which tokens of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// Those of the first so many markets, by condition id.
    FirstMarkets(u64),
    /// Those of some conditions, and some tokens besides, whether the catalogue knows them or not.
    Only {
        /// Conditions whose tokens are selected.
        conditions: Vec<ConditionId>,
        /// Further tokens.
        tokens: Vec<TokenId>,
    },
}

/// How large a selection is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct SelectionSize {
    /// Tokens.
    pub tokens: u64,
    /// Conditions that the catalogue knows them to belong to.
    pub markets: u64,
    /// The same for the same tokens, whatever the order they were loaded in.
    pub fingerprint: u64,
}

#[derive(Row, Deserialize)]
struct Token {
    token_id: UInt256,
}

impl From<Token> for TokenId {
    fn from(row: Token) -> Self {
        Self::from_le_bytes(row.token_id.to_le_bytes())
    }
}

impl Catalogue {
    /// Returns the selected tokens from `first` up to `next`, exclusive, or to the last; the
    /// smallest first.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn tokens_within(
        &self,
        selection: &Selection,
        first: TokenId,
        next: Option<TokenId>,
    ) -> Result<Vec<TokenId>, Error> {
        let before = match next {
            Some(_) => "AND token_id < toUInt256({next:String})\n",
            None => "",
        };
        let sql = format!(
            "-- tokens_within\nSELECT DISTINCT token_id FROM ({selected})\n\
             WHERE token_id >= toUInt256({{first:String}})\n{before}ORDER BY token_id",
            selected = self.selected(selection),
        );
        let query = || {
            let query = bound(self.table.query(&sql), selection);
            let query = query.param("first", first.to_string());
            match next {
                Some(next) => query.param("next", next.to_string()),
                None => query,
            }
        };
        // In the middle of a run, which waits for its inserts without end as well.
        let rows = reading_on(|| async { Ok(query().fetch_all::<Token>().await?) }).await?;
        Ok(rows.into_iter().map(TokenId::from).collect())
    }

    /// Returns the first of every `n` selected tokens, the smallest first.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn every_nth_token(
        &self,
        selection: &Selection,
        n: u64,
    ) -> Result<Vec<TokenId>, Error> {
        let sql = format!(
            "-- every_nth_token\nSELECT token_id FROM (\n\
             SELECT token_id, row_number() OVER (ORDER BY token_id) AS place FROM (\n\
             SELECT DISTINCT token_id FROM ({selected})))\n\
             WHERE (place - 1) % {{n:UInt64}} = 0\nORDER BY token_id",
            selected = self.selected(selection),
        );
        self.tokens(|| bound(self.table.query(&sql).param("n", n.max(1)), selection))
            .await
    }

    async fn tokens(&self, query: impl Fn() -> Query) -> Result<Vec<TokenId>, Error> {
        let rows = reading(|| async { Ok(query().fetch_all::<Token>().await?) }).await?;
        Ok(rows.into_iter().map(TokenId::from).collect())
    }

    /// Returns tokens of the table's last day of fills that readers do not see a condition of, at most
    /// `most`.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn unknown_of_the_last_day(&self, most: usize) -> Result<Vec<TokenId>, Error> {
        let data = self.table.names().data();
        let last_day = format!("WHERE timestamp >= (SELECT max(timestamp) FROM {data}) - 86400");
        self.unknown("unknown_of_the_last_day", &last_day, most)
            .await
    }

    /// Returns tokens of all fills that readers do not see a condition of, at most `most`; reads one
    /// column of the whole table.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn unknown_of_all(&self, most: usize) -> Result<Vec<TokenId>, Error> {
        self.unknown("unknown_of_all", "", most).await
    }

    async fn unknown(
        &self,
        name: &str,
        condition: &str,
        most: usize,
    ) -> Result<Vec<TokenId>, Error> {
        let sql = format!(
            "-- {name}\nSELECT token_id FROM (SELECT DISTINCT token_id FROM {data} {condition})\n\
             WHERE NOT dictHas({dictionary}, token_id)\nLIMIT {{most:UInt64}}",
            data = self.table.names().data(),
            dictionary = literal(&self.table.names().dictionary().unquoted()),
        );
        self.tokens(|| self.table.query(&sql).param("most", most))
            .await
    }

    /// Returns the last id, as the subgraph orders them, that was loaded from it; empty if none.
    ///
    /// A load in that order can go on behind it.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn last_id(&self) -> Result<String, Error> {
        // Ids are ordered as texts there.
        let sql = format!(
            "-- last_id\nSELECT max(toString(token_id)) FROM {} WHERE source = 'subgraph'",
            self.table.names().markets_data(),
        );
        reading(|| async { Ok(self.table.query(&sql).fetch_one().await?) }).await
    }

    /// Counts a selection and tells it from others.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn size(&self, selection: &Selection) -> Result<SelectionSize, Error> {
        let sql = format!(
            "-- size\nSELECT uniqExact(token_id) AS tokens, \
             uniqExactIf(condition_id, condition_id != '') AS markets, \
             toUInt64(sumDistinct(sipHash64(token_id))) AS fingerprint\n\
             FROM ({selected})",
            selected = self.selected(selection),
        );
        reading(|| async {
            let query = bound(self.table.query(&sql), selection);
            Ok(query.fetch_one::<SelectionSize>().await?)
        })
        .await
    }

    /// Returns those of the conditions that the catalogue does not know, in the order given.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn unknown_conditions(
        &self,
        conditions: &[ConditionId],
    ) -> Result<Vec<ConditionId>, Error> {
        let sql = format!(
            "-- unknown_conditions\nSELECT DISTINCT condition_id FROM {markets}\n\
             WHERE condition_id IN {{conditions:Array(String)}}",
            markets = self.table.names().markets(),
        );
        let asked = texts(conditions);
        let known = reading(|| async {
            let query = self.table.query(&sql).param("conditions", &asked);
            Ok(query.fetch_all::<String>().await?)
        })
        .await?;
        let known: std::collections::HashSet<_> = known.into_iter().collect();
        Ok(conditions
            .iter()
            .filter(|condition| !known.contains(&condition.to_string()))
            .copied()
            .collect())
    }

    /// Returns the subquery for a selection: token ids, maybe repeated, with their condition ids.
    ///
    /// It reads the table and not the view: what both sources know of a token is here the same.
    fn selected(&self, selection: &Selection) -> String {
        let markets = self.table.names().markets_data();
        let columns = "SELECT token_id, condition_id FROM";
        match selection {
            Selection::All => format!("{columns} {markets}"),
            Selection::FirstMarkets(_) => format!(
                "{columns} {markets} WHERE condition_id IN (SELECT DISTINCT condition_id \
                 FROM {markets} ORDER BY condition_id LIMIT {{count:UInt64}})"
            ),
            Selection::Only { .. } => format!(
                "{columns} {markets} WHERE condition_id IN {{conditions:Array(String)}} \
                 UNION ALL SELECT toUInt256(arrayJoin({{tokens:Array(String)}})) AS token_id, \
                 '' AS condition_id"
            ),
        }
    }
}

fn bound(query: Query, selection: &Selection) -> Query {
    match selection {
        Selection::All => query,
        Selection::FirstMarkets(count) => query.param("count", count),
        Selection::Only { conditions, tokens } => query
            .param("conditions", texts(conditions))
            .param("tokens", texts(tokens)),
    }
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
