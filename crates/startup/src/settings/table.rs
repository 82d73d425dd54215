//! Every setting, declared once. Flags, the settings file, `config show`, the reference and the
//! suggestions for misspelt keys all derive from here.

use super::setting::{Fallback, Form, Group, Setting};

/// What the entries below have in common; each names what is its own.
const BASE: Setting = Setting {
    name: "",
    flag: None,
    environment: None,
    in_file: true,
    default: Fallback::Absent("none"),
    form: Form::One("VALUE"),
    secret: false,
    secret_path: false,
    group: Group::Source,
    doc: "",
    allowed: "",
};

const HTTP_URL: &str = "an http or https URL without user and password";
const NAME: &str = "letters, digits, _ and -, beginning with a letter or _, at most 128";
const FROM_ONE: &str = "a whole number from 1";
const TIME: &str = "RFC 3339 (2024-01-31T00:00:00Z), a date (2024-01-31, midnight UTC) or Unix \
                    seconds, without fractions and within 1970 to 2106";

/// Every setting, by group.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "endpoint",
        flag: Some("endpoint"),
        environment: Some("GOLDSKY_ENDPOINT"),
        default: Fallback::Text(
            "https://api.goldsky.com/api/public/project_cl6mb8i9h0003e201j6li0diw/subgraphs/orderbook-subgraph/0.0.1/gn",
        ),
        form: Form::One("URL"),
        secret_path: true,
        doc: "GraphQL endpoint that serves the fills",
        allowed: HTTP_URL,
        ..BASE
    },
    Setting {
        name: "workers",
        flag: Some("workers"),
        environment: Some("WORKER_COUNT"),
        default: Fallback::Text("128"),
        form: Form::One("N"),
        doc: "Most requests in flight at once",
        allowed: "a whole number from 1 to 1024",
        ..BASE
    },
    Setting {
        name: "requests_per_10s",
        flag: Some("requests-per-10s"),
        environment: Some("REQUESTS_PER_10S"),
        default: Fallback::Absent("learned"),
        form: Form::One("N"),
        doc: "Hard cap on the request rate",
        allowed: "a whole number from 1",
        ..BASE
    },
    Setting {
        name: "pages_per_request",
        flag: Some("pages-per-request"),
        environment: Some("PAGES_PER_REQUEST"),
        default: Fallback::Absent("learned"),
        form: Form::One("N"),
        doc: "Most pages asked for in one request (aliases)",
        allowed: "a whole number from 1 to 100",
        ..BASE
    },
    Setting {
        name: "source_patience_seconds",
        flag: Some("source-patience-seconds"),
        environment: Some("SOURCE_PATIENCE_SECONDS"),
        default: Fallback::Text("300"),
        form: Form::One("N"),
        doc: "How long a request that fails is tried again before its part is given up",
        allowed: "a whole number from 1 to 86400",
        ..BASE
    },
    Setting {
        name: "gamma_url",
        flag: Some("gamma-url"),
        environment: Some("GAMMA_URL"),
        default: Fallback::Text("https://gamma-api.polymarket.com"),
        form: Form::One("URL"),
        secret_path: true,
        doc: "Polymarket's market texts: slugs, questions, outcomes",
        allowed: HTTP_URL,
        ..BASE
    },
    Setting {
        name: "data_api",
        flag: Some("data-api"),
        environment: Some("DATA_API_URL"),
        default: Fallback::Text("https://data-api.polymarket.com"),
        form: Form::One("URL"),
        secret_path: true,
        doc: "Second witness of a wallet's fills, for validation",
        allowed: HTTP_URL,
        ..BASE
    },
    Setting {
        name: "clickhouse_url",
        flag: Some("clickhouse-url"),
        environment: Some("CLICKHOUSE_URL"),
        default: Fallback::Absent("embedded"),
        form: Form::One("URL"),
        group: Group::Table,
        doc: "HTTP URL of a ClickHouse server, instead of the embedded engine; of several replicas, separated by commas, the next is taken when one cannot be connected to",
        allowed: "http or https URLs without user, password and query; several differ in their hosts only",
        ..BASE
    },
    Setting {
        name: "clickhouse_user",
        flag: Some("clickhouse-user"),
        environment: Some("CLICKHOUSE_USER"),
        default: Fallback::Text("default"),
        form: Form::One("NAME"),
        group: Group::Table,
        doc: "User at the ClickHouse server",
        allowed: "a name without control characters",
        ..BASE
    },
    Setting {
        name: "clickhouse_password",
        environment: Some("CLICKHOUSE_PASSWORD"),
        default: Fallback::Derived("empty"),
        secret: true,
        group: Group::Table,
        doc: "Password at the ClickHouse server; it has no flag, because other users can read those",
        allowed: "any text",
        ..BASE
    },
    Setting {
        name: "clickhouse_password_file",
        flag: Some("clickhouse-password-file"),
        environment: Some("CLICKHOUSE_PASSWORD_FILE"),
        form: Form::One("PATH"),
        group: Group::Table,
        doc: "File that holds the password, instead of the password itself",
        allowed: "the path of a readable file",
        ..BASE
    },
    Setting {
        name: "clickhouse_access_token",
        environment: Some("CLICKHOUSE_ACCESS_TOKEN"),
        secret: true,
        group: Group::Table,
        doc: "Access token (JWT) for the ClickHouse server, instead of user and password; it has no flag, because other users can read those",
        allowed: "visible ASCII characters",
        ..BASE
    },
    Setting {
        name: "clickhouse_ca",
        flag: Some("clickhouse-ca"),
        environment: Some("CLICKHOUSE_CA"),
        default: Fallback::Absent("system"),
        form: Form::One("PATH"),
        group: Group::Table,
        doc: "PEM file of certificates that the ClickHouse connection trusts beside the system's",
        allowed: "the path of a readable file",
        ..BASE
    },
    Setting {
        name: "clickhouse_client_cert",
        flag: Some("clickhouse-client-cert"),
        environment: Some("CLICKHOUSE_CLIENT_CERT"),
        form: Form::One("PATH"),
        group: Group::Table,
        doc: "PEM file of the certificate that the ClickHouse connection shows; without a password the user logs in with it",
        allowed: "the path of a readable file",
        ..BASE
    },
    Setting {
        name: "clickhouse_client_key",
        flag: Some("clickhouse-client-key"),
        environment: Some("CLICKHOUSE_CLIENT_KEY"),
        default: Fallback::Absent("the certificate's file"),
        form: Form::One("PATH"),
        group: Group::Table,
        doc: "PEM file of the private key of the client certificate",
        allowed: "the path of a readable file",
        ..BASE
    },
    Setting {
        name: "clickhouse_headers",
        flag: Some("clickhouse-header"),
        form: Form::Many("NAME=VALUE"),
        secret: true,
        group: Group::Table,
        doc: "HTTP header of every request to the ClickHouse server (repeatable); for a secret use the settings file, because other users can read flags",
        allowed: "a header name, =, and visible ASCII characters",
        ..BASE
    },
    Setting {
        name: "clickhouse_roles",
        flag: Some("clickhouse-role"),
        form: Form::Many("NAME"),
        group: Group::Table,
        doc: "ClickHouse role of every request to the server, instead of the user's default roles (repeatable)",
        allowed: "a name without control characters",
        ..BASE
    },
    Setting {
        name: "clickhouse_settings",
        flag: Some("clickhouse-setting"),
        default: Fallback::Absent("none"),
        form: Form::Many("NAME=VALUE"),
        group: Group::Table,
        doc: "ClickHouse setting of every request to the server, such as insert_quorum=2 (repeatable)",
        allowed: "a name, =, and a value",
        ..BASE
    },
    Setting {
        name: "clickhouse_database",
        flag: Some("clickhouse-database"),
        environment: Some("CLICKHOUSE_DATABASE"),
        default: Fallback::Text("default"),
        form: Form::One("NAME"),
        group: Group::Table,
        doc: "Database that holds the table",
        allowed: NAME,
        ..BASE
    },
    Setting {
        name: "data_dir",
        flag: Some("data-dir"),
        environment: Some("DATA_DIR"),
        default: Fallback::Text("./data"),
        form: Form::One("PATH"),
        group: Group::Table,
        doc: "Directory of the embedded engine's data and, unless given, of the checkpoint",
        allowed: "a path",
        ..BASE
    },
    Setting {
        name: "table",
        flag: Some("table"),
        environment: Some("FILLS_TABLE"),
        default: Fallback::Text("clob_fills_v2"),
        form: Form::One("NAME"),
        group: Group::Table,
        doc: "Table that readers query",
        allowed: NAME,
        ..BASE
    },
    Setting {
        name: "insert_batch_size",
        flag: Some("insert-batch-size"),
        environment: Some("INSERT_BATCH_SIZE"),
        default: Fallback::Text("98304"),
        form: Form::One("N"),
        group: Group::Table,
        doc: "Rows in one insert, across markets",
        allowed: "a whole number from 1 to 1000000",
        ..BASE
    },
    Setting {
        name: "strategy",
        flag: Some("strategy"),
        environment: Some("STRATEGY"),
        default: Fallback::Text("auto"),
        form: Form::One("scan|markets|auto"),
        group: Group::Scope,
        doc: "Scan all fills by time, or query by the tokens of markets",
        allowed: "scan, markets or auto",
        ..BASE
    },
    Setting {
        name: "from",
        flag: Some("from"),
        default: Fallback::Absent("beginning"),
        form: Form::One("TIME"),
        group: Group::Scope,
        doc: "First second to load, inclusive",
        allowed: TIME,
        ..BASE
    },
    Setting {
        name: "to",
        flag: Some("to"),
        default: Fallback::Absent("end"),
        form: Form::One("TIME"),
        group: Group::Scope,
        doc: "Last second to load, exclusive",
        allowed: TIME,
        ..BASE
    },
    Setting {
        name: "condition_ids",
        flag: Some("condition-id"),
        default: Fallback::Absent("all"),
        form: Form::Many("ID"),
        group: Group::Scope,
        doc: "Load only the markets with these condition ids (repeatable)",
        allowed: "0x and 64 hex digits",
        ..BASE
    },
    Setting {
        name: "token_ids",
        flag: Some("token-id"),
        default: Fallback::Absent("all"),
        form: Form::Many("ID"),
        group: Group::Scope,
        doc: "Load only these outcome tokens (repeatable)",
        allowed: "a decimal number from 1, of at most 256 bits, in quotes where it stands in a file",
        ..BASE
    },
    Setting {
        name: "markets_file",
        flag: Some("markets-file"),
        form: Form::One("PATH"),
        group: Group::Scope,
        doc: "File of condition ids and token ids, one a line, `#` begins a comment",
        allowed: "the path of a readable file",
        ..BASE
    },
    Setting {
        name: "limit",
        flag: Some("limit"),
        environment: Some("TEST_LIMIT"),
        form: Form::One("N"),
        group: Group::Scope,
        doc: "Load only the first N markets",
        allowed: "a whole number from 1",
        ..BASE
    },
    Setting {
        name: "follow",
        flag: Some("follow"),
        environment: Some("FOLLOW"),
        default: Fallback::Text("false"),
        form: Form::Switch,
        group: Group::Scope,
        doc: "Go on with new fills when all is loaded, until interrupted",
        allowed: "true or false",
        ..BASE
    },
    Setting {
        name: "settled_after_seconds",
        flag: Some("settled-after-seconds"),
        environment: Some("SETTLED_AFTER_SECONDS"),
        default: Fallback::Text("600"),
        form: Form::One("N"),
        group: Group::Scope,
        doc: "How far behind the newest block a followed source's fills are final; newer ones are loaded later",
        allowed: "a whole number from 0 to 86400",
        ..BASE
    },
    Setting {
        name: "look_every_seconds",
        flag: Some("look-every-seconds"),
        environment: Some("LOOK_EVERY_SECONDS"),
        default: Fallback::Text("15"),
        form: Form::One("N"),
        group: Group::Scope,
        doc: "Time between looks at a followed source that moves; at one that does not it doubles, up to \
              20 times this",
        allowed: "a whole number from 1 to 3600",
        ..BASE
    },
    Setting {
        name: "checkpoint",
        flag: Some("checkpoint"),
        environment: Some("CHECKPOINT"),
        default: Fallback::Derived("DATA_DIR/checkpoint-TABLE"),
        form: Form::One("PATH"),
        group: Group::Progress,
        doc: "File that keeps the progress",
        allowed: "a path",
        ..BASE
    },
    Setting {
        name: "checkpoint_interval",
        flag: Some("checkpoint-interval"),
        environment: Some("CHECKPOINT_INTERVAL"),
        default: Fallback::Text("500"),
        form: Form::One("N"),
        group: Group::Progress,
        doc: "Finished work items between checkpoints (also at least every 5 s)",
        allowed: FROM_ONE,
        ..BASE
    },
    Setting {
        name: "fresh",
        flag: Some("fresh"),
        in_file: false,
        default: Fallback::Text("false"),
        form: Form::Switch,
        group: Group::Progress,
        doc: "Forget the checkpoint; rows already loaded stay and are not doubled",
        allowed: "true or false",
        ..BASE
    },
    Setting {
        name: "yes",
        flag: Some("yes"),
        in_file: false,
        default: Fallback::Text("false"),
        form: Form::Switch,
        group: Group::Progress,
        doc: "Do not ask",
        allowed: "true or false",
        ..BASE
    },
    Setting {
        name: "metrics_listen",
        flag: Some("metrics-listen"),
        environment: Some("METRICS_LISTEN"),
        default: Fallback::Absent("off"),
        form: Form::One("ADDRESS"),
        group: Group::Output,
        doc: "Address that serves Prometheus /metrics, /health and the live page",
        allowed: "an IP address and a port (127.0.0.1:9464)",
        ..BASE
    },
    Setting {
        name: "output",
        flag: Some("output"),
        default: Fallback::Derived("human on a terminal, json elsewhere"),
        form: Form::One("human|json"),
        group: Group::Output,
        doc: "Text for people, or one JSON object on standard output and JSON lines on standard error",
        allowed: "human or json",
        ..BASE
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_flags_and_variables_are_each_used_once() {
        let once = |texts: Vec<&str>| {
            let distinct: HashSet<_> = texts.iter().collect();
            assert_eq!(distinct.len(), texts.len(), "{texts:?}");
        };
        once(SETTINGS.iter().map(|setting| setting.name).collect());
        once(SETTINGS.iter().filter_map(|setting| setting.flag).collect());
        once(
            SETTINGS
                .iter()
                .filter_map(|setting| setting.environment)
                .collect(),
        );
    }

    #[test]
    fn every_setting_is_documented_and_can_be_set() {
        for setting in SETTINGS {
            let Setting { name, doc, .. } = setting;
            assert!(!doc.is_empty() && !doc.ends_with('.'), "{name}");
            assert!(!setting.allowed.is_empty(), "{name}");
            assert!(
                setting.flag.is_some() || setting.environment.is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn settings_stand_by_group() {
        let mut groups: Vec<_> = SETTINGS.iter().map(|setting| setting.group).collect();
        groups.dedup();
        assert_eq!(groups, Group::ALL);
    }
}
