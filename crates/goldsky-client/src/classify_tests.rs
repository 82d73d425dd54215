use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::wire::Data;

/// Reads a recorded answer: its status and body.
fn recorded(name: &str) -> (u16, String) {
    let path = format!("{}/tests/answers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let answer: Value = serde_json::from_str(&file).unwrap();
    let body = match &answer["body"] {
        Value::Null => answer["body_text"].as_str().unwrap_or_default().to_owned(),
        body => body.to_string(),
    };
    (answer["status"].as_u64().unwrap().try_into().unwrap(), body)
}

fn classify(code: u16, body: &str) -> Failure {
    if code == 200 {
        Data::open(body.as_bytes(), 0).expect_err(body)
    } else {
        status(code, None, body.as_bytes())
    }
}

fn check(code: u16, body: &str, expected: Class) {
    let failure = classify(code, body);
    assert_eq!(
        failure.class, expected,
        "{code} {body}: {}",
        failure.message
    );
}

fn check_recorded(names: &[&str], expected: Class) {
    for name in names {
        let (code, body) = recorded(name);
        let failure = classify(code, &body);
        assert_eq!(failure.class, expected, "{name}: {}", failure.message);
    }
}

#[test]
fn a_rate_refusal_carries_how_long_to_wait() {
    let wait = Some(Duration::from_secs(3));
    let body = b"Sorry, you've surpassed your query allowance of 50 requests, limits reset every 10 seconds";
    let failure = status(429, wait, body);
    assert_eq!(failure.class, Class::RateLimited { retry_after: wait });
    assert!(failure.message.contains("allowance"), "{}", failure.message);
}

#[test]
fn a_rate_refusal_within_a_success_is_one_too() {
    let body = r#"{"errors":[{"message":"Sorry, you've surpassed your query allowance"}]}"#;
    check(200, body, RATE);
}

#[test]
fn a_breaker_is_told_from_a_gateway() {
    let breaker = "Too many failures in the past 60 seconds, try again later";
    check(503, breaker, Class::Overloaded);
    check(503, "Service Unavailable", Class::Passing);
}

#[test]
fn gateways_and_servers_in_trouble_pass() {
    for code in [500, 502, 503, 520] {
        check(code, "", Class::Passing);
        check(code, "<html><h1>Bad gateway</h1></html>", Class::Passing);
    }
    check(200, "", Class::Passing);
    check(200, "<html>maintenance</html>", Class::Passing);
}

#[test]
fn what_came_too_late_may_pass_or_be_too_heavy() {
    for code in [408, 504, 524] {
        check(code, "", Class::TimedOut);
    }
}

#[test]
fn a_store_without_its_database_passes() {
    check_recorded(&["33a_pg_down_1", "33b_pg_down_2"], Class::Passing);
    let pool =
        r#"{"errors":[{"message":"Store error: timed out waiting for the connection pool"}]}"#;
    check(200, pool, Class::Passing);
}

#[test]
fn a_reorganisation_passes() {
    let body = r#"{"errors":[{"message":"the chain was reorganized while executing the query"}]}"#;
    check(200, body, Class::Passing);
}

#[test]
fn what_asks_for_too_much_is_too_heavy() {
    check_recorded(
        &[
            "13_in_32767",
            "20e_too_complex",
            "21a_query_timeout_1s_locked",
            "21b_query_timeout_1s_locked_aliases",
            "21c_query_timeout_0",
            "21d_sql_statement_timeout_1s_locked",
            "22a_result_too_big",
        ],
        Class::TooHeavy,
    );
    let expensive = r#"{"errors":[{"message":"query is too expensive"}]}"#;
    check(200, expensive, Class::TooHeavy);
    check(413, "Payload too large", Class::TooHeavy);
}

#[test]
fn what_may_be_heavy_or_passing_is_doubtful() {
    for words in [
        "service is overloaded and can not run the query right now. Please try again in a few minutes",
        "Store error: something broke",
        "Failed to get entities from store: server closed the connection unexpectedly, query = select 1",
    ] {
        let body = serde_json::json!({"errors": [{"message": words}]}).to_string();
        check(200, &body, Class::HeavyOrPassing);
    }
}

#[test]
fn a_deployment_with_errors_is_broken() {
    check(
        200,
        r#"{"data":null,"errors":[{"message":"indexing_error"}]}"#,
        Class::Broken,
    );
    check_recorded(
        &[
            "34a_nonfatal_error_deny",
            "34b_nonfatal_error_allow",
            "34c_nonfatal_error_meta_only",
            "34g_nonfatal_error_allow_only",
            "34h_nonfatal_error_allow_both",
        ],
        Class::Broken,
    );
}

#[test]
fn our_own_mistakes_are_refused() {
    check_recorded(
        &[
            "02a_first_1001",
            "02b_first_0",
            "04c_or_mixed_column",
            "04g_and_mixed_column",
            "08a_syntax_error",
            "08b_unknown_field",
            "08c_unknown_root",
            "08d_wrong_type_first",
            "08e_wrong_type_ts",
            "08f_empty_body",
            "08g_empty_query",
            "08h_not_json",
            "08i_no_query_field",
            "08j_json_array_batch",
            "08k_no_content_type",
            "08m_get",
            "08o_missing_variable",
            "08q_unknown_where_field",
            "08r_unknown_subgraph",
            "08s_unknown_path",
            "08t_bad_orderby",
            "08u_operation_name",
            "08zb_null_variable_id_gt",
            "20b_strict_unknown_field",
            "20c_strict_conflict",
            "20d_strict_wrong_type",
            "20f_too_deep",
            "20g_strict_unknown_where",
            "20h_strict_unused_variable",
            "20i_strict_var_type_mismatch",
            "20j_strict_var_type_mismatch_bigint",
            "20k_strict_two_ops_opname",
            "20n_strict_list_nullability",
        ],
        Class::Refused,
    );
}

#[test]
fn a_refusal_says_what_to_check() {
    for code in [400, 401, 403, 404] {
        let failure = status(code, None, b"no");
        assert_eq!(failure.class, Class::Refused);
        assert!(
            failure.message.contains(&code.to_string()),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("endpoint"), "{}", failure.message);
    }
    let (code, body) = recorded("08s_unknown_path");
    assert!(classify(code, &body).message.contains("Not found"));
}

#[test]
fn words_never_seen_before_pass_unless_they_point_into_the_query() {
    check(
        200,
        r#"{"errors":[{"message":"a new trouble"}]}"#,
        Class::Passing,
    );
    let located = r#"{"errors":[{"message":"a new rule","locations":[{"line":1,"column":2}]}]}"#;
    check(200, located, Class::Refused);
}

#[test]
fn of_several_errors_the_one_that_leaves_least_to_hope_decides() {
    let body = r#"{"errors":[{"message":"Store error: database unavailable"},{"message":"indexing_error"},{"message":"Query timed out"}]}"#;
    check(200, body, Class::Broken);
}

#[test]
fn the_sources_words_are_cut_to_a_line() {
    let body =
        serde_json::json!({"errors": [{"message": "Query timed out\n\u{1b}[2J".repeat(100_000)}]});
    let failure = classify(200, &body.to_string());
    assert!(failure.message.chars().count() <= 301);
    assert!(failure.message.chars().all(|char| !char.is_control()));
}
