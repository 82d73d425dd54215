//! The client against the simulated source: nothing lost, nothing twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use fills::{Fill, Filter, Source as _, Span, TokenId};
use goldsky_client::{Client, Cursor, IdRange, Orderbook, PageQuery};
use goldsky_simulator::{Config, Data, Entities, Fault, Faults, Host, Seeded, Simulator, Text};
use serde_json::json;

use crate::fixture::{client, first_page, hasty, hasty_pacer};

/// Events of which many share a second: more than two full pages of one, and one less than, just
/// and one more than a page of others. Odd ones are sells. In the order of time and id.
fn bursts() -> Vec<serde_json::Value> {
    let seconds = [
        (1_700_000_000_u64, 2_601),
        (1_700_000_001, 1),
        (1_700_000_010, 999),
    ]
    .into_iter()
    .chain([(1_700_000_020, 1000), (1_700_000_030, 1001)]);
    let mut events = Vec::new();
    for (second, count) in seconds {
        for number in 0..count {
            let transaction = format!("0x{number:08x}{second:056x}");
            let order = format!("0x{:064x}", number * 7);
            let token = (7 + number % 5).to_string();
            let (given, got) = if number % 2 == 0 {
                ("0", token.as_str())
            } else {
                (token.as_str(), "0")
            };
            events.push(json!({
                "id": format!("{transaction}_{order}"),
                "transactionHash": transaction,
                "timestamp": second.to_string(),
                "orderHash": order,
                "maker": format!("0x{:040x}", 1),
                "taker": format!("0x{:040x}", 2),
                "makerAssetId": given,
                "takerAssetId": got,
                "makerAmountFilled": "42420000",
                "takerAmountFilled": "67333333",
                "fee": "0",
            }));
        }
    }
    events
}

async fn simulate(events: &[serde_json::Value], host: Host) -> Simulator {
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    let config = Config {
        data: Data::Entities(Entities::new(Text::Inline(lines.join("\n")))),
        host,
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

/// Pages to the end of a query.
async fn all(client: &Client, mut query: PageQuery) -> Vec<Fill> {
    let mut fills = Vec::new();
    loop {
        let pages = client.pages(std::slice::from_ref(&query)).await.unwrap();
        let [page] = pages.try_into().unwrap();
        assert!(page.malformed.is_empty(), "{:?}", page.malformed);
        let whole = page.len() == usize::from(query.limit);
        fills.extend(page.fills);
        if !whole {
            return fills;
        }
        query.after = page.last;
    }
}

fn ids(fills: &[Fill]) -> Vec<String> {
    fills.iter().map(|fill| fill.id.to_string()).collect()
}

fn ids_of(
    events: &[serde_json::Value],
    chosen: impl Fn(&serde_json::Value) -> bool,
) -> Vec<String> {
    events
        .iter()
        .filter(|event| chosen(event))
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn seconds_of_more_than_a_page_are_paged_without_loss_or_repetition() {
    let events = bursts();
    let source = simulate(&events, Host::strict()).await;
    let client = client(source.endpoint());
    for limit in [1000, 999, 333, 100] {
        let query = PageQuery {
            limit,
            ..first_page()
        };
        assert_eq!(ids(&all(&client, query).await), ids_of(&events, |_| true));
    }
}

#[tokio::test]
async fn windows_are_half_open() {
    let events = bursts();
    let source = simulate(&events, Host::strict()).await;
    let query = PageQuery {
        from: 1_700_000_001,
        until: 1_700_000_020,
        ..first_page()
    };
    let found = all(&client(source.endpoint()), query).await;
    assert_eq!(found.len(), 1000);
    let within = |event: &serde_json::Value| {
        ["1700000001", "1700000010"].contains(&event["timestamp"].as_str().unwrap())
    };
    assert_eq!(ids(&found), ids_of(&events, within));
}

#[tokio::test]
async fn both_filters_together_find_every_fill_of_their_tokens_once() {
    let events = bursts();
    let source = simulate(&events, Host::strict()).await;
    let client = client(source.endpoint());
    let tokens: Arc<[TokenId]> = [7, 9].map(TokenId::from).into();
    let sells = PageQuery {
        filter: Filter::MakerAssetIn(Arc::clone(&tokens)),
        ..first_page()
    };
    let buys = PageQuery {
        filter: Filter::TakerAssetIn(tokens),
        ..first_page()
    };
    let asked = ["7", "9"].map(serde_json::Value::from);
    let sold = ids_of(&events, |event| asked.contains(&event["makerAssetId"]));
    let bought = ids_of(&events, |event| asked.contains(&event["takerAssetId"]));
    assert!(sold.len() > 1000 && bought.len() > 1000);
    assert_eq!(ids(&all(&client, sells.clone()).await), sold);
    assert_eq!(ids(&all(&client, buys.clone()).await), bought);

    let together = client.pages(&[sells, buys]).await.unwrap();
    assert_eq!(ids(&together[0].fills), sold[..1000]);
    assert_eq!(ids(&together[1].fills), bought[..1000]);
}

#[tokio::test]
async fn many_aliases_are_one_request() {
    let events = bursts();
    let source = simulate(&events, Host::strict()).await;
    let client = client(source.endpoint());
    let starts = events.iter().step_by(700).map(|event| Cursor {
        timestamp: event["timestamp"].as_str().unwrap().parse().unwrap(),
        id: event["id"].as_str().unwrap().to_owned(),
    });
    let queries: Vec<PageQuery> = starts
        .map(|cursor| PageQuery {
            after: Some(cursor),
            limit: 700,
            ..first_page()
        })
        .collect();
    let pages = client.pages(&queries).await.unwrap();
    let mut found = ids_of(&events[..1], |_| true);
    found.extend(pages.iter().flat_map(|page| ids(&page.fills)));
    assert_eq!(found, ids_of(&events, |_| true));
    assert_eq!(client.stats().requests, 1);
    assert_eq!(client.stats().pages, queries.len() as u64);
}

#[tokio::test]
async fn malformed_events_stand_where_they_are() {
    let mut events = bursts();
    events.truncate(10);
    events[4]["maker"] = json!("0xzz");
    events[9]["takerAmountFilled"] = json!("-1");
    let source = simulate(&events, Host::default()).await;
    let query = PageQuery {
        limit: 10,
        ..first_page()
    };
    let pages = client(source.endpoint()).pages(&[query]).await.unwrap();
    assert_eq!(pages[0].fills.len(), 8);
    let fields: Vec<_> = pages[0]
        .malformed
        .iter()
        .map(|bad| bad.field.as_str())
        .collect();
    assert_eq!(fields, ["maker", "takerAmountFilled"]);
    let last = pages[0].last.as_ref().unwrap();
    assert_eq!(last.id, events[9]["id"].as_str().unwrap());
}

#[tokio::test]
async fn faults_lose_nothing_and_repeat_nothing() {
    let config = Config {
        host: Host {
            compresses: true,
            ..Host::strict()
        },
        ..Config::default()
    };
    let source = Simulator::start(config).await.unwrap();
    let query = PageQuery {
        limit: 200,
        ..first_page()
    };
    let healthy = all(&client(source.endpoint()), query.clone()).await;
    assert_eq!(healthy.len() as u64, source.fills());

    let passing = [
        Fault::Http429,
        Fault::Http503,
        Fault::Http500,
        Fault::Http502Html,
        Fault::Http504Empty,
        Fault::Reset,
        Fault::Truncated,
        Fault::NullData,
    ];
    let faults = passing
        .into_iter()
        .fold(Faults::default(), |faults, fault| faults.with(fault, 0.04));
    source.set_faults(faults);
    let patient = goldsky_client::Config {
        retry: goldsky_client::RetryPolicy {
            attempts: 100,
            ..hasty(source.endpoint()).retry
        },
        ..hasty(source.endpoint())
    };
    let client = Client::new(patient, hasty_pacer()).unwrap();
    assert_eq!(ids(&all(&client, query).await), ids(&healthy));
    assert!(client.stats().retries > 0);
}

#[tokio::test]
async fn answers_of_a_node_that_lags_behind_are_not_taken() {
    let source = Simulator::start(Config::default()).await.unwrap();
    let client = client(source.endpoint());
    client.survey().await.unwrap();
    source.set_faults(Faults::default().with(Fault::OldState, 1.0));
    let error = client.pages(&[first_page()]).await.unwrap_err();
    assert!(error.to_string().contains("before block"), "{error}");
}

#[tokio::test]
async fn a_survey_tells_the_edges() {
    let source = simulate(&bursts(), Host::strict()).await;
    let survey = client(source.endpoint()).survey().await.unwrap();
    assert_eq!(survey.oldest, Some(1_700_000_000));
    assert_eq!(survey.newest, Some(1_700_000_030));
    assert!(survey.head_block > 0 && !survey.deployment.is_empty());
}

#[tokio::test]
async fn a_failed_deployment_is_broken() {
    let source = Simulator::start(Config::default()).await.unwrap();
    source.set_faults(Faults::default().with(Fault::IndexingError, 1.0));
    let client = client(source.endpoint());
    let broken = |error| matches!(error, fills::SourceError::Broken { .. });
    assert!(broken(client.survey().await.unwrap_err()));
    assert!(broken(client.pages(&[first_page()]).await.unwrap_err()));
}

#[tokio::test]
async fn catalogue_and_counters_are_paged_to_the_end() {
    let config = Config {
        data: Data::Seeded(Seeded {
            markets: 300,
            ..Seeded::default()
        }),
        host: Host::strict(),
        ..Config::default()
    };
    let source = Simulator::start(config).await.unwrap();
    let client = client(source.endpoint());

    let mut tokens = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = client.market_datas(&after, 100).await.unwrap();
        assert!(page.malformed.is_empty(), "{:?}", page.malformed);
        for market in &page.entities {
            assert!(tokens.insert(market.token_id), "{} twice", market.token_id);
        }
        if page.len() < 100 {
            break;
        }
        after = page.last_id.unwrap();
    }
    assert_eq!(tokens.len() as u64, source.tokens());

    let mut books = Vec::new();
    let mut after = String::new();
    loop {
        let page = client.orderbooks(&after, 100).await.unwrap();
        assert!(page.malformed.is_empty(), "{:?}", page.malformed);
        books.extend(page.entities.iter().copied());
        if page.len() < 100 {
            break;
        }
        after = page.last_id.unwrap();
    }
    let trades: u64 = books.iter().map(|book| book.trades_quantity).sum();
    assert_eq!(trades, source.fills());
    assert!(books.iter().all(|book| {
        book.trades_quantity == book.buys_quantity + book.sells_quantity
            && book.collateral_volume == book.collateral_buy_volume + book.collateral_sell_volume
    }));

    let some: Vec<TokenId> = books.iter().step_by(9).map(|book| book.token_id).collect();
    let page = client.orderbooks_of(&some).await.unwrap();
    let found: BTreeSet<_> = page.entities.iter().map(|book| book.token_id).collect();
    assert_eq!(found, some.into_iter().collect());

    assert_eq!(books_by_range(&client).await, books);
}

/// Reads the order books of two ranges, both with each request, at one block.
async fn books_by_range(client: &Client) -> Vec<Orderbook> {
    let block = client.survey().await.unwrap().head_block;
    let halves = |middle: &str| {
        let first = IdRange {
            after: String::new(),
            through: Some(middle.to_owned()),
        };
        let second = IdRange {
            after: middle.to_owned(),
            through: None,
        };
        [first, second]
    };
    let mut ranges = halves("5");
    let mut books = [Vec::new(), Vec::new()];
    loop {
        let slot = client.slot().await;
        let pages = client
            .orderbooks_at(slot, Some(block), &ranges, 10)
            .await
            .unwrap();
        assert_eq!(pages.len(), 2);
        if pages.iter().all(|page| page.is_empty()) {
            return books.concat();
        }
        for (index, page) in pages.into_iter().enumerate() {
            books[index].extend(page.entities);
            if let Some(last) = page.last_id {
                ranges[index].after = last;
            }
        }
    }
}

#[tokio::test]
async fn times_are_those_of_the_first_fills_of_each_span() {
    let events = bursts();
    let source = simulate(&events, Host::strict()).await;
    let client = client(source.endpoint());
    let mut seconds: Vec<u64> = events
        .iter()
        .map(|event| event["timestamp"].as_str().unwrap().parse().unwrap())
        .collect();
    seconds.sort_unstable();
    let (first, last) = (seconds[0], *seconds.last().unwrap());
    let spans = [Span::new(first, last), Span::new(last, last + 1)];
    let times = client.times(&spans, 1000).await.unwrap();
    let expected = spans.map(|span| {
        let within = seconds.iter().filter(|s| (span.from..span.to).contains(s));
        within.take(1000).copied().collect::<Vec<_>>()
    });
    assert_eq!(times, expected);
    assert_eq!(times[0].len(), 1000);
}

#[tokio::test]
async fn the_tokens_of_a_condition_are_found_without_the_others() {
    let config = Config {
        data: Data::Seeded(goldsky_simulator::Seeded {
            fills: 1000,
            markets: 20,
            ..goldsky_simulator::Seeded::default()
        }),
        host: Host::strict(),
        ..Config::default()
    };
    let source = Simulator::start(config).await.unwrap();
    let client = client(source.endpoint());
    let all = client.market_datas("", 1000).await.unwrap().entities;
    let conditions = [all[0].condition_id, all[9].condition_id];
    let mut expected = all;
    expected.retain(|token| conditions.contains(&token.condition_id));
    let found = client.market_datas_of(&conditions, "").await.unwrap();
    assert_eq!(found.entities, expected);
    let behind = found.last_id.unwrap();
    let rest = client.market_datas_of(&conditions, &behind).await.unwrap();
    assert!(rest.is_empty());
}
