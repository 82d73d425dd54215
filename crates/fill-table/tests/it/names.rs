//! Names that would leave their place in SQL if they were not quoted.

use clickhouse_embedded::testing::shared_server;
use clickhouse_sink::Config;
use fill_table::{Error, FillTable, MarketSource, Server};
use fills::{FillStore, Span};

use crate::fixture::{BEGIN, NAME, add, bare_entry, fill, text};

const HOSTILE: [&str; 5] = [
    "a`b",
    "a'; DROP DATABASE victim; --",
    "a\\",
    "a\"b c",
    "дb\u{202e} /*",
];

#[tokio::test]
async fn a_database_of_any_name_holds_the_tables_and_nothing_else_happens() {
    let client = shared_server().client();
    let execute = |sql: &'static str| client.query(sql).execute();
    execute("CREATE DATABASE victim").await.unwrap();
    for database in HOSTILE {
        let server = Server::embedded(client.clone(), database);
        server.create_database().await.unwrap();
        let table = FillTable::new(server, NAME).unwrap();
        table.ensure().await.unwrap();
        let (catalogue, entries) = (table.catalogue(), [bare_entry(1, 7)]);
        let added = catalogue.add(MarketSource::Subgraph, &entries).await;
        added.unwrap();
        catalogue.publish().await.unwrap();
        let store = table.open(Config::new("")).await.unwrap();
        add(&store, &[fill(1)]).await;
        let conditions = format!("SELECT condition_id FROM {}", table.names().fills());
        let condition = text(&table, &conditions).await;
        assert_eq!(condition, format!("0x{}", "07".repeat(32)), "{database}");
        let all = Span::new(0, u64::from(BEGIN) * 2);
        assert!(!store.ranges_with_rows(all).await.unwrap().is_empty());
        assert_eq!(table.totals().await.unwrap().fills, 1);
    }
    let left = client.query("SELECT count() FROM system.databases WHERE name = 'victim'");
    assert_eq!(left.fetch_one::<u64>().await.unwrap(), 1);
}

#[tokio::test]
async fn a_table_of_a_name_that_is_not_plain_is_refused_before_anything_is_sent() {
    for name in HOSTILE {
        let server = Server::embedded(shared_server().client(), "default");
        let refused = FillTable::new(server, name);
        assert!(matches!(refused, Err(Error::Name { .. })), "{name}");
    }
}
