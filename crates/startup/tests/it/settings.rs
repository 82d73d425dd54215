//! What settings become, and what is refused.

use startup::settings::Output;
use startup::{Settings, Strategy};

use crate::{Start, shown};

const CONDITION: &str = "0x0012214aa998f1c9b2389af527f2de896a8b5d3310597aaa08d91d64af60984b";

#[test]
fn defaults_are_those_that_the_documentation_names() {
    let start = Start::new();
    let settings = start.settings();
    let Settings {
        source,
        table,
        scope,
        progress,
        ..
    } = &settings;
    assert_eq!(source.endpoint.host_str(), Some("api.goldsky.com"));
    assert_eq!(source.workers, 128);
    assert_eq!(
        (source.requests_per_10s, source.pages_per_request),
        (None, None)
    );
    assert_eq!(table.clickhouse_urls, []);
    assert_eq!(table.data_dir, start.path().join("./data"));
    assert_eq!(table.table, "clob_fills_v2");
    assert_eq!(table.clickhouse_password.expose(), "");
    assert_eq!(scope.strategy, Strategy::Auto);
    assert_eq!((scope.from, scope.to, scope.limit), (None, None, None));
    assert!(!scope.is_some_markets());
    assert_eq!(
        progress.checkpoint,
        start.path().join("data/checkpoint-clob_fills_v2")
    );
    assert_eq!(progress.checkpoint_interval, 500);
    assert_eq!(settings.output, Output::Json, "no terminal");
    assert_eq!(settings.metrics_listen, None);
}

#[test]
fn bad_values_are_refused_with_value_origin_and_what_is_allowed() {
    let check = |start: Start, parts: &[&str]| {
        let message = start.refusal();
        for part in parts {
            assert!(message.contains(part), "{part}: {message}");
        }
    };
    check(
        Start::new().variable("WORKER_COUNT", "0"),
        &["\"0\"", "workers", "environment WORKER_COUNT", "1 to 1024"],
    );
    check(
        Start::new().flags(&["--workers", "-1"]),
        &["\"-1\"", "--workers", "1 to 1024"],
    );
    check(
        Start::new().settings_file("insert_batch_size = 1000001"),
        &["1000001", "file clob-backfill.toml", "1 to 1000000"],
    );
    check(
        Start::new().settings_file("workers = [1, 2]"),
        &["workers", "not one value"],
    );
    check(
        Start::new().file(".env", "STRATEGY=fast"),
        &[
            "\"fast\"",
            "environment STRATEGY in .env",
            "scan, markets or auto",
        ],
    );
    check(
        Start::new().flags(&["--table", "fills; DROP TABLE x"]),
        &["--table", "letters, digits, _ and -"],
    );
    check(
        Start::new().flags(&["--token-id", "7", "--token-id", "0x7"]),
        &["\"0x7\"", "--token-id", "decimal"],
    );
    check(
        Start::new().flags(&["--condition-id", "0x7"]),
        &["1 hex digits instead of 64"],
    );
    check(
        Start::new().flags(&["--from", "soon"]),
        &["--from", "RFC 3339", "Unix"],
    );
    check(
        Start::new().flags(&["--metrics-listen", "9464"]),
        &["127.0.0.1:9464", "`off`"],
    );
    check(
        Start::new().variable("TEST_LIMIT", "none at all"),
        &["TEST_LIMIT"],
    );
}

#[test]
fn a_refused_url_does_not_show_its_password() {
    let long = format!("http://u:hunter2{}@h", "x".repeat(200));
    for url in ["http://u:hunter2@h", "http://h/?password=hunter2", &long] {
        let message = Start::new().variable("CLICKHOUSE_URL", url).refusal();
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn empty_variables_are_unset() {
    let start = Start::new()
        .variable("WORKER_COUNT", "")
        .variable("CLICKHOUSE_URL", "");
    let settings = start.settings();
    assert_eq!(settings.source.workers, 128);
    assert_eq!(settings.table.clickhouse_urls, []);
}

#[test]
fn the_word_for_nothing_takes_back_what_a_lower_layer_sets() {
    let start = Start::new()
        .settings_file("limit = 5\ntoken_ids = ['7']\nclickhouse_url = 'http://h'")
        .flags(&["--limit", "none", "--token-id", "all"])
        .variable("CLICKHOUSE_URL", "embedded");
    let settings = start.settings();
    assert_eq!(settings.scope.limit, None);
    assert!(settings.scope.token_ids.is_empty());
    assert_eq!(settings.table.clickhouse_urls, []);
    assert_eq!(shown(&settings, "limit"), ("none", "--limit"));
}

#[test]
fn the_range_is_half_open_and_not_empty() {
    let settings = Start::new()
        .flags(&["--from", "2022-11-21T19:50:09Z", "--to", "1669060210"])
        .settings();
    assert_eq!(settings.scope.from, Some(1_669_060_209));
    assert_eq!(settings.scope.to, Some(1_669_060_210));
    let message = Start::new()
        .flags(&["--from", "10"])
        .settings_file("to = 10")
        .refusal();
    assert!(message.contains("10 (--from)"), "{message}");
    assert!(
        message.contains("10 (file clob-backfill.toml)"),
        "{message}"
    );
}

#[test]
fn how_a_source_is_followed_counts_where_it_is() {
    let follow = |text: &str| Start::new().settings_file(text).settings().scope.follow;
    assert_eq!(follow("settled_after_seconds = 60"), None);
    let follow = follow("follow = true\nsettled_after_seconds = 60").unwrap();
    assert_eq!(
        (follow.settled_after.as_secs(), follow.look_every.as_secs()),
        (60, 15)
    );
}

#[test]
fn ids_of_flags_and_markets_file_add_up_each_once() {
    let start = Start::new()
        .file("markets.txt", &format!("# mine\n8\n{CONDITION}\n7\n"))
        .flags(&["--token-id", "7", "--token-id", "9", "--token-id", "7"])
        .flags(&["--markets-file", "markets.txt"]);
    let scope = start.settings().scope;
    assert_eq!(scope.token_ids, [7.into(), 9.into(), 8.into()]);
    assert_eq!(scope.condition_ids, [CONDITION.parse().unwrap()]);
    assert!(scope.is_some_markets());
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let check = |start: Start, name: &str| {
        let message = start.refusal();
        assert!(
            message.starts_with("cannot read ") && message.ends_with(name),
            "{message}"
        );
    };
    check(Start::new().flags(&["--config", "none.toml"]), "none.toml");
    check(
        Start::new().flags(&["--markets-file", "none.txt"]),
        "none.txt",
    );
    check(
        Start::new().variable("CLICKHOUSE_PASSWORD_FILE", "none.secret"),
        "none.secret",
    );
}

#[test]
fn another_settings_file_can_be_named() {
    let start = Start::new()
        .settings_file("workers = 1")
        .file("other.toml", "table = 'fills'")
        .flags(&["--config", "other.toml"]);
    let settings = start.settings();
    assert_eq!(settings.source.workers, 128);
    assert_eq!(shown(&settings, "table"), ("fills", "file other.toml"));
}

#[test]
fn the_checkpoint_follows_data_directory_and_table_unless_given() {
    let start = Start::new().flags(&["--data-dir", "/d", "--table", "t"]);
    assert_eq!(
        start.settings().progress.checkpoint.to_str(),
        Some("/d/checkpoint-t")
    );
    assert_eq!(shown(&start.settings(), "checkpoint").0, "/d/checkpoint-t");
    let start = start.variable("CHECKPOINT", "/c");
    assert_eq!(start.settings().progress.checkpoint.to_str(), Some("/c"));
}

#[test]
fn the_password_comes_from_a_file_without_its_line_end() {
    for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        let settings = Start::new()
            .file("secret", text)
            .variable("CLICKHOUSE_PASSWORD_FILE", "secret")
            .settings();
        assert_eq!(settings.table.clickhouse_password.expose(), "hunter2");
    }
}

#[test]
fn the_higher_layer_says_which_way_the_password_comes() {
    let password = |start: Start| {
        start
            .settings()
            .table
            .clickhouse_password
            .expose()
            .to_owned()
    };
    let by_file = Start::new()
        .file("secret", "of the file")
        .variable("CLICKHOUSE_PASSWORD", "of the variable")
        .flags(&["--clickhouse-password-file", "secret"]);
    assert_eq!(password(by_file), "of the file");
    let by_variable = Start::new()
        .settings_file("clickhouse_password_file = 'missing'")
        .variable("CLICKHOUSE_PASSWORD", "of the variable");
    assert_eq!(password(by_variable), "of the variable");
    let both = Start::new()
        .variable("CLICKHOUSE_PASSWORD", "of the variable")
        .variable("CLICKHOUSE_PASSWORD_FILE", "secret");
    let message = both.refusal();
    assert!(message.contains("given twice"), "{message}");
    assert!(!message.contains("of the variable"), "{message}");
}

#[test]
fn a_settings_file_that_does_not_read_is_placed_without_quoting_it() {
    for text in [
        "workers = 3\nclickhouse_password = \"hunter2",
        "workers = 3\nclickhouse_password = hunter2",
        "workers = 3\nclickhouse_password = 'a' 'hunter2'",
        "workers = 3\n hunter2 = = 1",
    ] {
        let message = Start::new().settings_file(text).refusal();
        assert!(message.contains("line 2"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn secrets_show_in_no_output() {
    let settings = Start::new()
        .variable("CLICKHOUSE_PASSWORD", "hunter2")
        .settings();
    assert_eq!(
        shown(&settings, "clickhouse_password"),
        ("***", "environment CLICKHOUSE_PASSWORD")
    );
    let debug = format!("{settings:?}");
    assert!(
        debug.contains("***") && !debug.contains("hunter2"),
        "{debug}"
    );
}

#[test]
fn a_client_certificate_may_hold_its_key_and_a_key_alone_is_refused() {
    let table = |flags: &[&str]| Start::new().flags(flags).settings().table;
    let certificate = table(&["--clickhouse-client-cert", "one.pem"]).clickhouse_client_cert;
    let (chain, key) = certificate.unwrap();
    assert_eq!(chain, key);
    let both = [
        "--clickhouse-client-cert",
        "a.pem",
        "--clickhouse-client-key",
        "b.pem",
    ];
    let (chain, key) = table(&both).clickhouse_client_cert.unwrap();
    assert!(chain.ends_with("a.pem") && key.ends_with("b.pem"));
    let refused = Start::new()
        .flags(&["--clickhouse-client-key", "b.pem"])
        .refusal();
    assert!(refused.contains("clickhouse_client_cert"), "{refused}");
}
