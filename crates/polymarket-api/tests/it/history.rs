//! All that the data API tells of a wallet, through its paging and its caps.

use fills::{Address, Side, SourceError, Span, Trade};
use goldsky_simulator::{Config, DataApi as Caps, Simulator, Text};
use polymarket_api::{DataApi, History, HistoryError, Told, newest_trades};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::fixture::{hasty, hasty_pacer, serve_always};

const WALLET: Address = Address([0xaa; 20]);
const ALL: Span = Span::new(0, u64::MAX);

/// The wallet's row of a second, the `n`th of a transaction of its own.
fn row(second: u32, n: u32) -> Value {
    json!({
        "proxyWallet": WALLET, "side": "SELL", "asset": "7", "conditionId": "0x00",
        "timestamp": second, "transactionHash": format!("0x{second:032x}{n:032x}"),
        "size": 2.5, "usdcSize": 1.25,
    })
}

/// Rows of four seconds: one, seven, two and one.
fn rows() -> Vec<Value> {
    let seconds = [(100, 1), (200, 7), (300, 2), (400, 1)];
    let rows = |(second, count)| (0..count).map(move |n| row(second, n));
    seconds.into_iter().flat_map(rows).collect()
}

async fn start(rows: &[Value], caps: Caps) -> Simulator {
    let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
    let config = Config {
        data_api: Caps {
            rows: Some(Text::Inline(lines.join("\n"))),
            ..caps
        },
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

fn client(url: &str) -> DataApi {
    DataApi::new(hasty(url), hasty_pacer()).unwrap()
}

async fn tell(api: &DataApi, span: Span) -> Result<Vec<Told>, HistoryError> {
    let mut history = History::new(api, WALLET, span);
    let mut told = Vec::new();
    while let Some(next) = history.next().await? {
        told.push(next);
    }
    Ok(told)
}

/// The seconds of the trades told, and those not shown.
fn seconds(told: &[Told]) -> (Vec<u32>, Vec<Span>) {
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    for told in told {
        match told {
            Told::Trade(trade) => shown.push(trade.key.timestamp),
            Told::NotAll(span) => hidden.push(*span),
        }
    }
    (shown, hidden)
}

#[tokio::test]
async fn every_trade_is_told_once_in_order_whatever_a_page_holds() {
    for page_rows in 1..=12 {
        for most_rows in [2, 3, 500] {
            let caps = Caps {
                most_rows,
                ..Caps::default()
            };
            let simulator = start(&rows(), caps).await;
            let api = client(&simulator.data_api_url()).with_page_rows(page_rows);
            let told = tell(&api, ALL).await.unwrap();
            let trades: Vec<Trade> = told
                .iter()
                .map(|told| match told {
                    Told::Trade(trade) => *trade,
                    Told::NotAll(span) => panic!("{span} is not shown"),
                })
                .collect();
            assert_eq!(trades.len(), 11, "{page_rows} of {most_rows} rows");
            assert!(trades.is_sorted_by(|one, next| one.key < next.key));
            assert!(trades.iter().all(|trade| trade.key.side == Side::Sell
                && trade.shares_base_units == 2_500_000
                && trade.usdc_base_units == Some(1_250_000)));
        }
    }
}

#[tokio::test]
async fn rows_of_one_trade_are_told_as_their_sum() {
    let simulator = start(&[row(5, 1), row(5, 1), row(5, 2)], Caps::default()).await;
    let told = tell(&client(&simulator.data_api_url()), ALL).await.unwrap();
    let [Told::Trade(sum), Told::Trade(other)] = told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((sum.fills, sum.usdc_base_units), (2, Some(2_500_000)));
    assert_eq!((other.fills, other.usdc_base_units), (1, Some(1_250_000)));
}

#[tokio::test]
async fn only_trades_within_the_span_are_told() {
    let simulator = start(&rows(), Caps::default()).await;
    let api = client(&simulator.data_api_url());
    let within = async |from, to| {
        let told = tell(&api, Span::new(from, to)).await.unwrap();
        seconds(&told).0
    };
    assert_eq!(within(300, 400).await, [300, 300]);
    assert_eq!(within(300, 401).await, [300, 300, 400]);
    assert_eq!(within(0, 101).await, [100]);
    assert_eq!(within(101, 200).await, [0_u32; 0]);
    assert_eq!(within(400, 400).await, [0_u32; 0]);
    assert_eq!(within(1 << 32, u64::MAX).await, [0_u32; 0]);
}

#[tokio::test]
async fn a_second_with_more_rows_than_offsets_reach_is_not_shown_and_the_others_are() {
    let caps = Caps {
        most_rows: 3,
        most_activity_offset: 3,
        ..Caps::default()
    };
    let simulator = start(&rows(), caps).await;
    let told = tell(&client(&simulator.data_api_url()), ALL).await.unwrap();
    let (shown, hidden) = seconds(&told);
    assert_eq!(shown, [100, 300, 300, 400]);
    assert_eq!(hidden, [Span::new(200, 201)]);
    assert!(matches!(told[1], Told::NotAll(_)), "{told:?}");
}

#[tokio::test]
async fn trades_before_the_cap_of_the_list_of_the_newest_are_not_shown() {
    let caps = Caps {
        most_rows: 2,
        most_trades_offset: 2,
        ..Caps::default()
    };
    let simulator = start(&rows(), caps).await;
    let api = client(&simulator.data_api_url());
    // Offsets 0 and 2 show 400, 300, 300 and one row of 200.
    let told = newest_trades(&api, WALLET, ALL).await.unwrap();
    let (shown, hidden) = seconds(&told);
    assert_eq!(shown, [300, 300, 400]);
    assert_eq!(hidden, [Span::new(0, 201)]);
    let told = newest_trades(&api, WALLET, Span::new(300, 400))
        .await
        .unwrap();
    assert_eq!(seconds(&told), (vec![300, 300], vec![]));
}

#[tokio::test]
async fn the_list_of_the_newest_has_all_shares_and_no_usdc() {
    let simulator = start(&rows(), Caps::default()).await;
    let api = client(&simulator.data_api_url());
    let told = newest_trades(&api, WALLET, ALL).await.unwrap();
    assert_eq!(told.len(), 11);
    for told in told {
        let Told::Trade(trade) = told else {
            panic!("{told:?}");
        };
        assert_eq!(trade.shares_base_units, 2_500_000);
        assert_eq!(trade.usdc_base_units, None);
    }
}

#[tokio::test]
async fn a_row_that_is_no_whole_number_of_base_units_ends_it_by_name() {
    let mut inexact = row(150, 9);
    inexact["usdcSize"] = json!(0.000_000_1);
    let mut all = rows();
    all.push(inexact);
    let simulator = start(&all, Caps::default()).await;
    let error = tell(&client(&simulator.data_api_url()), ALL)
        .await
        .unwrap_err();
    let named = format!("0x{:032x}{:032x}: usdcSize", 150, 9);
    assert!(error.to_string().contains(&named), "{error}");
}

#[tokio::test]
async fn an_api_that_ignores_the_window_is_not_believed() {
    // The same page whatever is asked for: then its rows are outside of the next window.
    let same = ResponseTemplate::new(200).set_body_json([row(100, 1), row(200, 1)]);
    let server = serve_always(same).await;
    let error = tell(&client(&server.uri()), ALL).await.unwrap_err();
    let HistoryError::Source(SourceError::Protocol { message }) = error else {
        panic!("{error}");
    };
    assert!(message.contains("second 100 outside of"), "{message}");
}

#[tokio::test]
async fn rows_that_were_shown_once_have_to_be_shown_again() {
    use wiremock::matchers::query_param;
    use wiremock::{Mock, MockServer};

    let server = MockServer::start().await;
    let answer = |rows: &[Value]| ResponseTemplate::new(200).set_body_json(rows);
    Mock::given(query_param("start", "1"))
        .respond_with(answer(&[row(100, 1), row(200, 1)]))
        .mount(&server)
        .await;
    // As if the beginning of a window were not part of it.
    Mock::given(query_param("start", "200"))
        .respond_with(answer(&[row(300, 1)]))
        .mount(&server)
        .await;
    let error = tell(&client(&server.uri()), ALL).await.unwrap_err();
    assert!(
        error.to_string().contains("1 rows of second 200"),
        "{error}"
    );
}
