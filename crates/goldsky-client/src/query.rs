//! Texts and variables of the requests. No I/O.

use std::fmt::Write as _;
use std::sync::Arc;

use fills::{ConditionId, Filter, Span, TokenId};
use serde_json::{Map, Value, json};

use crate::entity::IdRange;
use crate::pages::PageQuery;

/// Most rows that graph-node returns for one field.
pub(crate) const MOST_ROWS: u16 = 1000;

const META: &str = "_meta { block { number } deployment hasIndexingErrors }";

const EVENT_FIELDS: &str = "id transactionHash timestamp orderHash maker taker makerAssetId \
                            takerAssetId makerAmountFilled takerAmountFilled fee";

/// The alias of the page at `index`.
pub(crate) fn alias(index: usize) -> String {
    format!("p{index}")
}

/// Returns the request for several pages of fills, under [`alias`]es in the order of the queries.
///
/// The keyset is written `and: [{timestamp_gte}, …, {or: [{timestamp_gt}, {id_gt}]}]`: as a plain
/// `or` it was fourteen times slower on a real graph-node, and an `or` or `and` beside a column
/// filter is refused or silently gives no rows. Every variable is declared with the very type of
/// its place and used, as strict hosts want.
pub(crate) fn pages(queries: &[PageQuery]) -> Vec<u8> {
    let mut request = Request::default();
    for (index, query) in queries.iter().enumerate() {
        request.add_page(index, query);
    }
    request.into_json("Pages")
}

/// Returns the request for the deployment's identity, head, oldest and newest fill.
pub(crate) fn survey() -> Vec<u8> {
    let edge = "first: 1, orderBy: timestamp, orderDirection";
    body(
        &format!(
            "query Survey {{ \
             _meta {{ block {{ number timestamp }} deployment hasIndexingErrors }} \
             oldest: orderFilledEvents({edge}: asc) {{ timestamp }} \
             newest: orderFilledEvents({edge}: desc) {{ timestamp }} }}"
        ),
        Map::new(),
    )
}

/// Returns the request for one page of another entity by id, under the alias `rows`.
pub(crate) fn entities(field: &str, columns: &str, after_id: &str, limit: u16) -> Vec<u8> {
    let mut variables = Map::new();
    variables.insert("n".to_owned(), json!(limit));
    variables.insert("i".to_owned(), json!(after_id));
    body(
        &format!(
            "query Entities($n: Int!, $i: ID!) {{ {META} \
             rows: {field}(first: $n, orderBy: id, orderDirection: asc, where: {{id_gt: $i}}) \
             {{ {columns} }} }}"
        ),
        variables,
    )
}

/// Returns the request for those of another entity that have these ids, under the alias `rows`.
pub(crate) fn entities_of(field: &str, columns: &str, ids: &[TokenId]) -> Vec<u8> {
    let mut variables = Map::new();
    variables.insert("n".to_owned(), json!(MOST_ROWS));
    variables.insert("i".to_owned(), json!(ids));
    body(
        &format!(
            "query EntitiesOf($n: Int!, $i: [ID!]) {{ {META} \
             rows: {field}(first: $n, orderBy: id, orderDirection: asc, where: {{id_in: $i}}) \
             {{ {columns} }} }}"
        ),
        variables,
    )
}

/// Returns the request for a page of the tokens of some conditions behind an id, under the alias `rows`.
pub(crate) fn tokens_of(columns: &str, conditions: &[ConditionId], after_id: &str) -> Vec<u8> {
    let mut request = Request::default();
    let limit = request.declare("n".to_owned(), "Int!", json!(MOST_ROWS));
    let after = request.declare("i".to_owned(), "ID!", json!(after_id));
    let conditions: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let conditions = request.declare("c".to_owned(), "[String!]", json!(conditions));
    let _ = write!(
        request.fields,
        " rows: marketDatas(first: {limit}, orderBy: id, orderDirection: asc, \
         where: {{id_gt: {after}, condition_in: {conditions}}}) {{ {columns} }}"
    );
    request.into_json("TokensOf")
}

/// Returns the request for the times of the first fills of some spans, and nothing else of them,
/// under [`alias`]es in the order of the spans.
pub(crate) fn times(spans: &[Span], limit: u16) -> Vec<u8> {
    let mut request = Request::default();
    let limit = request.declare("n".to_owned(), "Int!", json!(limit));
    for (index, span) in spans.iter().enumerate() {
        let from = json!(span.from.to_string());
        let from = request.declare(format!("f{index}"), "BigInt!", from);
        let to = json!(span.to.to_string());
        let to = request.declare(format!("u{index}"), "BigInt!", to);
        let alias = alias(index);
        let _ = write!(
            request.fields,
            " {alias}: orderFilledEvents(first: {limit}, orderBy: timestamp, orderDirection: asc, \
             where: {{timestamp_gte: {from}, timestamp_lt: {to}}}) {{ timestamp }}"
        );
    }
    request.into_json("Times")
}

/// Returns the request for a page of another entity from each of some ranges of ids, at one block,
/// under [`alias`]es in the order of the ranges.
pub(crate) fn ranges(
    field: &str,
    columns: &str,
    block: Option<u64>,
    ranges: &[IdRange],
    limit: u16,
) -> Vec<u8> {
    let mut request = Request::default();
    let limit = request.declare("n".to_owned(), "Int!", json!(limit));
    let at_block = block.map(|number| {
        let number = request.declare("b".to_owned(), "Int!", json!(number));
        format!("block: {{number: {number}}}, ")
    });
    let at_block = at_block.unwrap_or_default();
    for (index, range) in ranges.iter().enumerate() {
        let after = request.declare(format!("a{index}"), "ID!", json!(range.after));
        let mut bounds = format!("id_gt: {after}");
        if let Some(through) = &range.through {
            let through = request.declare(format!("z{index}"), "ID!", json!(through));
            let _ = write!(bounds, ", id_lte: {through}");
        }
        let alias = alias(index);
        let _ = write!(
            request.fields,
            " {alias}: {field}(first: {limit}, orderBy: id, orderDirection: asc, \
             {at_block}where: {{{bounds}}}) {{ {columns} }}"
        );
    }
    request.into_json("Ranges")
}

fn body(query: &str, variables: Map<String, Value>) -> Vec<u8> {
    json!({ "query": query, "variables": variables })
        .to_string()
        .into_bytes()
}

/// A request for pages in the making.
#[derive(Default)]
struct Request<'a> {
    declarations: Vec<String>,
    fields: String,
    variables: Map<String, Value>,
    /// Lists of tokens sent already: pages of the same tokens share theirs.
    tokens: Vec<&'a Arc<[TokenId]>>,
}

impl<'a> Request<'a> {
    fn add_page(&mut self, index: usize, query: &'a PageQuery) {
        // A cursor before the window's beginning holds nothing back.
        let after = query
            .after
            .as_ref()
            .filter(|cursor| cursor.timestamp >= query.from);
        let from = after.map_or(query.from, |cursor| cursor.timestamp);
        let limit = self.declare(format!("n{index}"), "Int!", json!(query.limit));
        let from = self.declare(format!("f{index}"), "BigInt!", json!(from.to_string()));
        let until = json!(query.until.to_string());
        let until = self.declare(format!("u{index}"), "BigInt!", until);
        let mut terms = format!("{{timestamp_gte: {from}}}, {{timestamp_lt: {until}}}");
        match &query.filter {
            Filter::All => {}
            Filter::MakerAssetIn(tokens) => {
                let tokens = self.declare_tokens(tokens);
                let _ = write!(terms, ", {{makerAssetId_in: {tokens}}}");
            }
            Filter::TakerAssetIn(tokens) => {
                let tokens = self.declare_tokens(tokens);
                let _ = write!(terms, ", {{takerAssetId_in: {tokens}}}");
            }
        }
        if let Some(cursor) = after {
            let id = self.declare(format!("i{index}"), "ID!", json!(cursor.id));
            let _ = write!(
                terms,
                ", {{or: [{{timestamp_gt: {from}}}, {{id_gt: {id}}}]}}"
            );
        }
        let alias = alias(index);
        let _ = write!(
            self.fields,
            " {alias}: orderFilledEvents(first: {limit}, orderBy: timestamp, orderDirection: asc, \
             where: {{and: [{terms}]}}) {{ {EVENT_FIELDS} }}"
        );
    }

    /// Declares a variable and returns how it is written in the query.
    fn declare(&mut self, name: String, kind: &str, value: Value) -> String {
        let written = format!("${name}");
        self.declarations.push(format!("{written}: {kind}"));
        self.variables.insert(name, value);
        written
    }

    fn declare_tokens(&mut self, tokens: &'a Arc<[TokenId]>) -> String {
        let sent = self
            .tokens
            .iter()
            .position(|sent| Arc::ptr_eq(sent, tokens));
        match sent {
            Some(place) => format!("$t{place}"),
            None => {
                let name = format!("t{}", self.tokens.len());
                self.tokens.push(tokens);
                self.declare(name, "[String!]", json!(tokens.as_ref()))
            }
        }
    }

    fn into_json(self, name: &str) -> Vec<u8> {
        let declarations = self.declarations.join(", ");
        body(
            &format!("query {name}({declarations}) {{ {META}{} }}", self.fields),
            self.variables,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Cursor;

    fn page(filter: Filter, after: Option<(u64, &str)>) -> PageQuery {
        PageQuery {
            filter,
            from: 100,
            after: after.map(|(timestamp, id)| Cursor {
                timestamp,
                id: id.to_owned(),
            }),
            until: 200,
            limit: 1000,
        }
    }

    fn built(queries: &[PageQuery]) -> (String, Value) {
        let mut body: Value = serde_json::from_slice(&pages(queries)).unwrap();
        let query = body["query"].as_str().unwrap().to_owned();
        (query, body["variables"].take())
    }

    #[test]
    fn a_first_page_has_no_keyset() {
        let (query, variables) = built(&[page(Filter::All, None)]);
        assert_eq!(
            query,
            "query Pages($n0: Int!, $f0: BigInt!, $u0: BigInt!) \
             { _meta { block { number } deployment hasIndexingErrors } \
             p0: orderFilledEvents(first: $n0, orderBy: timestamp, orderDirection: asc, \
             where: {and: [{timestamp_gte: $f0}, {timestamp_lt: $u0}]}) \
             { id transactionHash timestamp orderHash maker taker makerAssetId takerAssetId \
             makerAmountFilled takerAmountFilled fee } }"
        );
        assert_eq!(variables, json!({"n0": 1000, "f0": "100", "u0": "200"}));
    }

    #[test]
    fn a_cursor_becomes_the_keyset() {
        let (query, variables) = built(&[page(Filter::All, Some((150, "0xab_0xcd")))]);
        assert!(
            query.contains(
                "where: {and: [{timestamp_gte: $f0}, {timestamp_lt: $u0}, \
                 {or: [{timestamp_gt: $f0}, {id_gt: $i0}]}]}"
            ),
            "{query}"
        );
        assert!(query.contains("$i0: ID!"), "{query}");
        assert_eq!(variables["f0"], "150");
        assert_eq!(variables["i0"], "0xab_0xcd");
    }

    #[test]
    fn a_cursor_before_the_window_is_none() {
        let (query, variables) = built(&[page(Filter::All, Some((99, "0xff")))]);
        assert!(!query.contains("or: ["), "{query}");
        assert_eq!(variables["f0"], "100");
    }

    #[test]
    fn pages_of_the_same_tokens_send_them_once() {
        let tokens: Arc<[TokenId]> = [TokenId::from(7), TokenId::from(8)].into();
        let others: Arc<[TokenId]> = [TokenId::from(9)].into();
        let (query, variables) = built(&[
            page(Filter::MakerAssetIn(Arc::clone(&tokens)), None),
            page(Filter::TakerAssetIn(tokens), Some((150, "0x1"))),
            page(Filter::TakerAssetIn(others), None),
        ]);
        assert!(query.contains("{timestamp_lt: $u0}, {makerAssetId_in: $t0}]}"));
        assert!(query.contains("{timestamp_lt: $u1}, {takerAssetId_in: $t0}, {or: ["));
        assert!(query.contains("{timestamp_lt: $u2}, {takerAssetId_in: $t1}]}"));
        assert_eq!(query.matches("[String!]").count(), 2);
        assert_eq!(variables["t0"], json!(["7", "8"]));
        assert_eq!(variables["t1"], json!(["9"]));
    }

    #[test]
    fn every_variable_is_declared_used_and_sent() {
        let tokens: Arc<[TokenId]> = [TokenId::from(7)].into();
        let (query, variables) = built(&[
            page(Filter::All, Some((150, "0x1"))),
            page(Filter::MakerAssetIn(tokens), None),
        ]);
        for name in variables.as_object().unwrap().keys() {
            assert!(
                query.contains(&format!("${name}: ")),
                "{name} is not declared"
            );
            let uses = query.matches(&format!("${name}")).count();
            assert!(uses > 1, "{name} is not used");
        }
        let declared = query.split_once(')').unwrap().0.matches('$').count();
        assert_eq!(declared, variables.as_object().unwrap().len());
    }

    #[test]
    fn ranges_are_asked_for_at_one_block() {
        let asked = [
            IdRange {
                after: "12".to_owned(),
                through: Some("5".to_owned()),
            },
            IdRange::default(),
        ];
        let json = ranges("orderbooks", "id", Some(7), &asked, 10);
        let body: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            body["query"],
            "query Ranges($n: Int!, $b: Int!, $a0: ID!, $z0: ID!, $a1: ID!) \
             { _meta { block { number } deployment hasIndexingErrors } \
             p0: orderbooks(first: $n, orderBy: id, orderDirection: asc, block: {number: $b}, \
             where: {id_gt: $a0, id_lte: $z0}) { id } \
             p1: orderbooks(first: $n, orderBy: id, orderDirection: asc, block: {number: $b}, \
             where: {id_gt: $a1}) { id } }"
        );
        let variables = json!({"n": 10, "b": 7, "a0": "12", "z0": "5", "a1": ""});
        assert_eq!(body["variables"], variables);
    }

    #[test]
    fn an_id_from_outside_cannot_leave_its_variable() {
        let (query, variables) = built(&[page(Filter::All, Some((150, "\"}]}) { id } #")))]);
        assert!(!query.contains('#'));
        assert_eq!(variables["i0"], "\"}]}) { id } #");
    }
}
