//! The server's configuration files.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Access, ServerOptions};

/// The user of the program that starts the server.
pub(crate) const PROGRAM_USER: &str = "clickhouse_embedded";

/// The user of HTTP requests without credentials, where no password is asked for. It differs from
/// `default` in that it cannot stop the listeners.
const GUEST: &str = "guest";

/// What users without a password may do: everything except to reach files, other servers, users
/// and listeners. `SHOW GRANTS` of an administrator has all there are.
const OPEN_GRANTS: [&str; 3] = [
    "GRANT CHECK, SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, \
     CREATE TEMPORARY TABLE, CREATE DICTIONARY, DROP DATABASE, DROP TABLE, DROP VIEW, \
     DROP DICTIONARY, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, dictGet, \
     SYSTEM RELOAD DICTIONARY, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM CLEANUP, \
     SYSTEM SYNC REPLICA, SYSTEM WAIT LOADING PARTS, SYSTEM VIEWS, SYSTEM FLUSH, \
     SYSTEM DROP CACHE ON *.*",
    "GRANT SET DEFINER ON *",
    "GRANT TABLE ENGINE ON MergeTree, TABLE ENGINE ON ReplacingMergeTree, \
     TABLE ENGINE ON SummingMergeTree, TABLE ENGINE ON AggregatingMergeTree, \
     TABLE ENGINE ON CollapsingMergeTree, TABLE ENGINE ON VersionedCollapsingMergeTree, \
     TABLE ENGINE ON CoalescingMergeTree, TABLE ENGINE ON Memory, TABLE ENGINE ON Null, \
     TABLE ENGINE ON Set, TABLE ENGINE ON Join, TABLE ENGINE ON Log, TABLE ENGINE ON TinyLog, \
     TABLE ENGINE ON StripeLog, TABLE ENGINE ON Buffer, TABLE ENGINE ON Merge, \
     TABLE ENGINE ON Dictionary, TABLE ENGINE ON GenerateRandom",
];

/// The part of the grants that is safe only where the server process is confined.
pub(crate) const DICTIONARY_GRANT: &str = "CREATE DICTIONARY, ";

/// Functions that reach files and other servers and ask for no grant. Where no password is asked
/// for, functions of the user take their place.
pub(crate) const SHADOWED: [&str; 2] = ["file", "hasColumnInTable"];

/// Returns the definition of a function that takes the place of a [`SHADOWED`] one.
pub(crate) fn shadow(function: &str) -> String {
    format!(
        "CREATE FUNCTION {function} AS argument -> throwIf(1, '{function}() needs a server with a password')\n"
    )
}

/// The server's own login is of the user `default`, and opens the listeners.
const LISTEN_GRANT: &str = "GRANT SYSTEM LISTEN ON *.*";

/// What requests without a password may ask for, rule by rule: the first that fits holds.
///
/// Web pages are kept out: a browser would send their requests, which need no password. A request
/// of another origin has an `Origin` or says so in `Sec-Fetch-Site`; one of a name that was made to
/// lead here has that name as its `Host`.
fn open_rules() -> String {
    const LOCAL: &str = "(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?";
    const QUERY: &str = "<type>dynamic_query_handler</type>";
    const REFUSAL: &str = "<type>static</type><status>403</status>\
        <response_content>web pages and other hosts need a server with a password</response_content>";
    let host = format!("<Host>regex:{LOCAL}</Host>");
    let guest = format!("{QUERY}<user>{GUEST}</user>");
    let header =
        |name: &str, value: &str| format!("<headers>{host}<{name}>{value}</{name}></headers>");
    let page = |path: &str, handler: &str| {
        let rule = format!("<url>{path}</url><headers>{host}</headers>");
        (rule, format!("<type>{handler}</type>"))
    };
    let rules = [
        (
            "<headers><Sec-Fetch-Site>regex:(cross|same)-site</Sec-Fetch-Site></headers>"
                .to_owned(),
            REFUSAL.to_owned(),
        ),
        // The server's own pages.
        (
            header("Origin", &format!("regex:http://{LOCAL}")),
            QUERY.to_owned(),
        ),
        (header("Origin", "regex:.+"), REFUSAL.to_owned()),
        (header("X-ClickHouse-User", "regex:.+"), QUERY.to_owned()),
        (header("Authorization", "regex:.+"), QUERY.to_owned()),
        page("/ping", "ping"),
        page("/replicas_status", "replicas_status"),
        page("/play", "play"),
        page("/dashboard", "dashboard"),
        page("/binary", "binary"),
        page("/merges", "merges"),
        page("/js/uplot.js", "js"),
        page("/js/lz-string.js", "js"),
        (format!("<headers>{host}</headers>"), guest),
        (String::new(), REFUSAL.to_owned()),
    ];
    let rules: String = rules
        .iter()
        .map(|(filter, handler)| format!("<rule>{filter}<handler>{handler}</handler></rule>"))
        .collect();
    format!("<http_handlers>{rules}</http_handlers>")
}

/// Where the server listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) http: SocketAddr,
    pub(crate) native: SocketAddr,
}

/// Returns `config.xml`.
pub(crate) fn server(
    options: &ServerOptions,
    ports: Ports,
    dir: &Path,
    authenticator: SocketAddr,
) -> String {
    let memory = options.max_memory_bytes.map_or_else(String::new, |bytes| {
        format!("<max_server_memory_usage>{bytes}</max_server_memory_usage>")
    });
    let rules = match options.access {
        Access::Open => open_rules(),
        Access::Password { .. } => String::new(),
    };
    format!(
        "<clickhouse>
    <log-level>warning</log-level>
    <logger>
        <console>0</console>
        <log>{log}</log>
        <size>10M</size>
        <count>1</count>
    </logger>
    <listen_host>{host}</listen_host>
    <http_port>{http}</http_port>
    <tcp_port>{native}</tcp_port>
    <users_config>{users}</users_config>
    {memory}
    {rules}
    <http_authentication_servers>
        <program>
            <uri>http://{authenticator}/</uri>
            <max_tries>1</max_tries>
        </program>
    </http_authentication_servers>
</clickhouse>
",
        log = escape(&dir.join("server.log").to_string_lossy()),
        users = escape(&dir.join("users.xml").to_string_lossy()),
        host = ports.http.ip(),
        http = ports.http.port(),
        native = ports.native.port(),
    )
}

/// Returns `users.xml`.
pub(crate) fn users(options: &ServerOptions, program_password: &str) -> String {
    let mut settings = String::from(
        // `clickhouse-local` reads `1 + 1` as `SELECT 1 + 1`; a server does not.
        "<implicit_select>0</implicit_select>\
         <allow_introspection_functions>0</allow_introspection_functions>",
    );
    for (name, value) in &options.settings {
        // Writing to a string does not fail.
        let _ = write!(settings, "<{name}>{}</{name}>", escape(value));
    }
    let loopback = "<ip>127.0.0.1</ip><ip>::1</ip>";
    let everywhere = "<ip>::/0</ip>";
    let checked = "<http_authentication><server>program</server><scheme>basic</scheme>\
                   </http_authentication>";
    let open = grants(&OPEN_GRANTS);
    let open_and_listen = grants(&[OPEN_GRANTS.as_slice(), &[LISTEN_GRANT]].concat());
    let mut users = user(
        PROGRAM_USER,
        &sha256(program_password),
        loopback,
        EVERYTHING,
    );
    users += &match &options.access {
        Access::Open => {
            user(GUEST, "<no_password/>", loopback, &open)
                + &user("default", "<no_password/>", loopback, &open_and_listen)
        }
        Access::Password {
            user: name,
            password,
        } => {
            // Views that were made without a password belong to these two.
            let guest = user(GUEST, &sha256(program_password), loopback, &open);
            guest
                + &match name.as_str() {
                    "default" => user("default", checked, everywhere, EVERYTHING),
                    _ => {
                        user("default", checked, loopback, &open_and_listen)
                            + &user(name, &sha256(password), everywhere, EVERYTHING)
                    }
                }
        }
    };
    format!(
        "<clickhouse>
    <profiles><default>{settings}</default></profiles>
    <quotas><default/></quotas>
    <users>
{users}    </users>
</clickhouse>
"
    )
}

/// What stands in the place of grants where a user has all of them.
const EVERYTHING: &str = "<access_management>1</access_management><named_collection_control>1</named_collection_control>";

fn user(name: &str, login: &str, networks: &str, rights: &str) -> String {
    format!(
        "        <{name}>{login}<networks>{networks}</networks>{rights}\
         <profile>default</profile><quota>default</quota></{name}>\n"
    )
}

fn grants(grants: &[&str]) -> String {
    let queries = grants
        .iter()
        .map(|grant| format!("<query>{grant}</query>"))
        .collect::<String>();
    format!("<grants>{queries}</grants>")
}

fn sha256(password: &str) -> String {
    let digest = Sha256::digest(password.as_bytes());
    let mut element = String::from("<password_sha256_hex>");
    for byte in digest {
        // Writing to a string does not fail.
        let _ = write!(element, "{byte:02x}");
    }
    element + "</password_sha256_hex>"
}

/// Returns whether a text can be the name of a user, which is the name of an element.
pub(crate) fn is_user_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        && ![PROGRAM_USER, GUEST].contains(&text)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(access: Access) -> ServerOptions {
        ServerOptions {
            access,
            settings: vec![("max_threads".to_owned(), "<2".to_owned())],
            ..ServerOptions::default()
        }
    }

    #[test]
    fn no_password_is_in_the_files() {
        for user in ["default", "writer"] {
            let access = Access::Password {
                user: user.to_owned(),
                password: "hunter2".to_owned(),
            };
            let users = users(&with(access), "hunter3");
            assert!(!users.contains("hunter"), "{users}");
            assert!(users.contains("<max_threads>&lt;2</max_threads>"));
        }
    }

    #[test]
    fn names_of_users_are_names_of_elements() {
        for name in ["default", "a-b_1", "_x"] {
            assert!(is_user_name(name), "{name}");
        }
        for name in ["guest", "", "1a", "a b", "a<b", "a.b", "é"] {
            assert!(!is_user_name(name), "{name}");
        }
    }
}
