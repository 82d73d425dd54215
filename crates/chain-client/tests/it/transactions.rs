//! Whole transactions: what adds up, and what does not.

use chain_client::{EXCHANGES, Log, ViolationKind, decode, topic};
use fills::CTF_EXCHANGE;

use crate::recorded::recorded;

/// A real block's fills of V1: three matches of which the ends were not recorded.
fn block_78000000() -> Vec<Log> {
    let rows = include_str!("../data/logs_78000000.jsonl").lines();
    rows.map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// Ends each match as the contract does: behind the fill of the order that crossed, with its values.
fn with_ends(logs: &[Log]) -> Vec<Log> {
    let mut whole = Vec::new();
    for log in logs {
        whole.push(log.clone());
        if log.topics[3][12..] == log.address.0 {
            let mut end = log.clone();
            end.topics = vec![topic::ORDERS_MATCHED_V1, log.topics[1], log.topics[2]];
            end.data.truncate(4 * 32);
            end.log_index += 1;
            whole.push(end);
        }
    }
    whole
}

#[test]
fn a_real_block_adds_up_and_any_log_that_is_left_out_is_found() {
    let logs = with_ends(&block_78000000());
    let whole = decode(&logs, EXCHANGES);
    assert_eq!((whole.fills.len(), whole.malformed.len()), (7, 0));
    assert_eq!(whole.violations, []);
    assert_eq!(logs.len(), 10);
    for index in 0..logs.len() {
        let mut logs = logs.clone();
        let left_out = logs.remove(index);
        let violations = decode(&logs, EXCHANGES).violations;
        assert_eq!(violations.len(), 1, "without log {}", left_out.log_index);
        assert_eq!(violations[0].tx_hash, left_out.tx_hash);
    }
}

#[test]
fn a_recorded_match_of_v2_adds_up_and_says_what_is_missing() {
    let whole: Vec<Log> = recorded().into_iter().map(|(log, _)| log).collect();
    let end = whole
        .iter()
        .position(|log| log.topics[0] == topic::ORDERS_MATCHED_V2)
        .unwrap();
    let whole = &whole[end - 2..=end];
    assert_eq!(decode(whole, EXCHANGES).violations, []);
    let kind = |left_out: usize| {
        let mut logs = whole.to_vec();
        logs.remove(left_out);
        decode(&logs, EXCHANGES).violations[0].kind
    };
    assert_eq!(kind(0), ViolationKind::SharesDiffer);
    assert_eq!(kind(1), ViolationKind::TakerIsMissing);
    assert_eq!(kind(2), ViolationKind::MatchIsMissing);
    assert_eq!(
        decode(&whole[..1], EXCHANGES).violations[0].kind,
        ViolationKind::MakersAreLeft
    );
}

#[test]
fn fills_of_one_order_in_a_transaction_are_counted_from_the_last() {
    let maker = block_78000000().remove(0);
    assert_ne!(maker.topics[3][12..], maker.address.0);
    let mut logs = vec![maker; 3];
    for (index, log) in (0..).zip(&mut logs) {
        log.log_index = index;
    }
    // Another order's fill between them, and one of the same order in another transaction.
    logs[1].topics[1] = [9; 32];
    let mut elsewhere = logs[0].clone();
    elsewhere.tx_hash.0[0] ^= 1;
    logs.push(elsewhere);
    let numbers: Vec<u16> = decode(&logs, EXCHANGES)
        .fills
        .iter()
        .map(|fill| fill.id.nth_from_last)
        .collect();
    assert_eq!(numbers, [1, 0, 0, 0]);
}

#[test]
fn what_cannot_be_an_event_is_kept_with_its_place() {
    let mut log = block_78000000().remove(0);
    log.data.pop();
    let decoded = decode(&[log.clone()], EXCHANGES);
    assert_eq!((decoded.fills.len(), decoded.violations.len()), (0, 0));
    let [malformed] = &decoded.malformed[..] else {
        panic!("{decoded:?}")
    };
    assert_eq!(
        malformed.fill_id,
        format!("{}_{}", log.tx_hash, log.log_index)
    );
    assert_eq!(malformed.position, Some(78_000_000));
    assert!(
        malformed
            .to_string()
            .contains("data has 159 bytes instead of 160")
    );
    let event: serde_json::Value = serde_json::from_str(&malformed.event).unwrap();
    assert_eq!(event["address"], CTF_EXCHANGE.to_string());
}

#[test]
fn logs_of_other_contracts_and_events_are_left_out_and_of_another_version_are_not() {
    let log = block_78000000().remove(0);
    let mut other = log.clone();
    other.address.0 = [7; 20];
    let mut fee = log.clone();
    fee.topics[0] = [3; 32];
    assert_eq!(
        decode(&[other, fee], EXCHANGES),
        chain_client::Decoded::default()
    );
    let mut of_v2 = log;
    of_v2.topics[0] = topic::ORDER_FILLED_V2;
    let decoded = decode(&[of_v2], EXCHANGES);
    assert_eq!(decoded.malformed[0].field, "topics");
}
