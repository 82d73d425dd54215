use api_client::Class;
use serde_json::{Value, json};

use super::*;

fn wallet(byte: u8) -> Address {
    Address([byte; 20])
}

fn row(wallet: Address, second: u32) -> Value {
    json!({
        "proxyWallet": wallet, "side": "BUY", "asset": "7", "timestamp": second,
        "transactionHash": format!("0x{second:064x}"), "size": 2.0, "usdcSize": 1.0,
    })
}

const ACTIVITY: PageOf = PageOf::Activity {
    wallet: Address([1; 20]),
    first: 10,
    last: 20,
    offset: 0,
};

const TRADES: PageOf = PageOf::Trades {
    wallet: Address([1; 20]),
    offset: 0,
};

fn read_rows(of: PageOf, rows: &[Value]) -> Result<TradePage, Failure> {
    read(Value::from(rows).to_string().as_bytes(), of, 3)
}

fn seconds(of: PageOf, seconds: &[u32]) -> Result<TradePage, Failure> {
    let rows: Vec<_> = seconds
        .iter()
        .map(|&second| row(wallet(1), second))
        .collect();
    read_rows(of, &rows)
}

#[test]
fn a_page_is_in_the_order_asked_for_and_within_its_window() {
    assert_eq!(seconds(ACTIVITY, &[10, 10, 20]).unwrap().rows.len(), 3);
    assert_eq!(seconds(TRADES, &[9, 2, 2]).unwrap().rows.len(), 3);
    let check = |of, wrong: &[u32], words: &str| {
        let failure = seconds(of, wrong).unwrap_err();
        assert_eq!(failure.class, Class::Misshapen);
        assert!(failure.message.contains(words), "{}", failure.message);
    };
    check(ACTIVITY, &[10, 20, 19], "out of order");
    check(TRADES, &[1, 2], "out of order");
    check(ACTIVITY, &[9], "second 9 outside of [10, 20]");
    check(ACTIVITY, &[21], "second 21 outside of [10, 20]");
    check(ACTIVITY, &[10, 11, 12, 13], "has 4 rows, 3 were asked for");
}

#[test]
fn a_row_of_another_wallet_makes_the_page_another() {
    let failure = read_rows(ACTIVITY, &[row(wallet(1), 10), row(wallet(2), 10)]).unwrap_err();
    assert_eq!(failure.class, Class::Misshapen);
    assert!(failure.message.contains("0x0202"), "{}", failure.message);
}

#[test]
fn a_row_that_does_not_read_is_kept_beside_the_others() {
    let mut inexact = row(wallet(1), 11);
    inexact["size"] = json!(0.123_456_7);
    let page = read_rows(ACTIVITY, &[row(wallet(1), 10), inexact]).unwrap();
    assert_eq!((page.rows.len(), page.malformed.len()), (1, 1));
    let named = page.malformed[0].to_string();
    assert!(
        named.contains(&format!("{:064x}: size 0.1234567", 11)),
        "{named}"
    );
}

#[test]
fn what_is_no_list_is_misshapen_and_what_is_cut_off_passes() {
    let class = |body: &str| read(body.as_bytes(), ACTIVITY, 3).unwrap_err().class;
    assert_eq!(class("{\"error\":\"no\"}"), Class::Misshapen);
    assert_eq!(class("[{\"proxyWallet\":"), Class::Passing);
    assert_eq!(class("<html>"), Class::Passing);
    assert_eq!(class(""), Class::Passing);
}
