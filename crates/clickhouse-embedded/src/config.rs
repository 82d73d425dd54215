//! The server's configuration files.

use std::net::SocketAddr;

use sha2::{Digest, Sha256};

use crate::connection::Files;
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

/// The server's own login is of the user `default`, and opens the listeners.
const LISTEN_GRANT: &str = "GRANT SYSTEM LISTEN ON *.*";

/// What requests without a password may ask for, rule by rule: the first that fits holds.
///
/// Web pages are kept out: a browser would send their requests, which need no password. A request
/// of another origin has an `Origin` or says so in `Sec-Fetch-Site`; one of a name that was made to
/// lead here has that name as its `Host`.
fn open_rules() -> String {
    const LOCAL: &str = "(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?";
    const QUERY: &str = "<handler><type>dynamic_query_handler</type></handler>";
    const REFUSAL: &str = "<handler><type>static</type><status>403</status>\
        <response_content>web pages and other hosts need a server with a password</response_content>\
        </handler>";
    let host = format!("<Host>regex:{LOCAL}</Host>");
    let local = format!("<headers>{host}</headers>");
    format!(
        "<http_handlers>
        <rule><headers><Sec-Fetch-Site>regex:(cross|same)-site</Sec-Fetch-Site></headers>{REFUSAL}</rule>
        <rule><headers>{host}<Origin>regex:http://{LOCAL}</Origin></headers>{QUERY}</rule>
        <rule><headers>{host}<Origin>regex:.+</Origin></headers>{REFUSAL}</rule>
        <rule><headers>{host}<X-ClickHouse-User>regex:.+</X-ClickHouse-User></headers>{QUERY}</rule>
        <rule><headers>{host}<Authorization>regex:.+</Authorization></headers>{QUERY}</rule>
        <rule><url>/ping</url>{local}<handler><type>ping</type></handler></rule>
        <rule><url>/replicas_status</url>{local}<handler><type>replicas_status</type></handler></rule>
        <rule><url>/play</url>{local}<handler><type>play</type></handler></rule>
        <rule><url>/dashboard</url>{local}<handler><type>dashboard</type></handler></rule>
        <rule><url>/binary</url>{local}<handler><type>binary</type></handler></rule>
        <rule><url>/merges</url>{local}<handler><type>merges</type></handler></rule>
        <rule><url>/js/uplot.js</url>{local}<handler><type>js</type></handler></rule>
        <rule><url>/js/lz-string.js</url>{local}<handler><type>js</type></handler></rule>
        <rule>{local}
            <handler><type>dynamic_query_handler</type><user>{GUEST}</user></handler></rule>
        <rule>{REFUSAL}</rule>
    </http_handlers>"
    )
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
    files: &Files,
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
        log = escape(&files.log.to_string_lossy()),
        users = escape(&files.users.to_string_lossy()),
        host = ports.http.ip(),
        http = ports.http.port(),
        native = ports.native.port(),
    )
}

/// Returns `users.xml`.
pub(crate) fn users(options: &ServerOptions, program_password: &str) -> String {
    let settings: String = options
        .settings
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", escape(value)))
        .collect();
    let program = sha256(program_password);
    let open = grants(&OPEN_GRANTS);
    let open_and_listen = grants(&[OPEN_GRANTS.as_slice(), &[LISTEN_GRANT]].concat());
    let mut users = user_element(PROGRAM_USER, &program, LOOPBACK, EVERYTHING);
    match &options.access {
        Access::Open => {
            users += &user_element(GUEST, NO_PASSWORD, LOOPBACK, &open);
            users += &user_element("default", NO_PASSWORD, LOOPBACK, &open_and_listen);
        }
        Access::Password { user, password } => {
            // Views that were made without a password belong to `guest` and `default`.
            users += &user_element(GUEST, &program, LOOPBACK, &open);
            if user == "default" {
                users += &user_element(user, CHECKED, EVERYWHERE, EVERYTHING);
            } else {
                users += &user_element("default", CHECKED, LOOPBACK, &open_and_listen);
                users += &user_element(user, &sha256(password), EVERYWHERE, EVERYTHING);
            }
        }
    }
    // `clickhouse-local` reads `1 + 1` as `SELECT 1 + 1`; a server does not. Memory of a Parquet answer goes
    // with its row groups: 20 million fills took 1.16 GB more with those of a server, half of that with these.
    format!(
        "<clickhouse>
    <profiles>
        <default>
            <implicit_select>0</implicit_select>
            <output_format_parquet_row_group_size_bytes>67108864</output_format_parquet_row_group_size_bytes>
            <allow_introspection_functions>0</allow_introspection_functions>
            {settings}
        </default>
    </profiles>
    <quotas><default/></quotas>
    <users>
{users}    </users>
</clickhouse>
"
    )
}

/// The networks that a user may come from.
const LOOPBACK: &str = "<ip>127.0.0.1</ip><ip>::1</ip>";
const EVERYWHERE: &str = "<ip>::/0</ip>";

const NO_PASSWORD: &str = "<no_password/>";
/// The password is checked by the [`Authenticator`](crate::auth::Authenticator).
const CHECKED: &str =
    "<http_authentication><server>program</server><scheme>basic</scheme></http_authentication>";

/// What stands in the place of grants where a user has all of them.
const EVERYTHING: &str = "<access_management>1</access_management><named_collection_control>1</named_collection_control>";

fn user_element(name: &str, login: &str, networks: &str, rights: &str) -> String {
    format!(
        "        <{name}>{login}<networks>{networks}</networks>{rights}\
         <profile>default</profile><quota>default</quota></{name}>\n"
    )
}

fn grants(grants: &[&str]) -> String {
    let queries = grants.join("</query><query>");
    format!("<grants><query>{queries}</query></grants>")
}

fn sha256(password: &str) -> String {
    let digest = Sha256::digest(password);
    format!("<password_sha256_hex>{digest:x}</password_sha256_hex>")
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

    #[test]
    fn no_password_is_in_the_files() {
        for user in ["default", "writer"] {
            let options = ServerOptions {
                access: Access::Password {
                    user: user.to_owned(),
                    password: "hunter2".to_owned(),
                },
                settings: vec![("max_threads".to_owned(), "<2".to_owned())],
                ..ServerOptions::default()
            };
            let users = users(&options, "hunter3");
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
