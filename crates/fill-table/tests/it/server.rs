//! What goes wrong before there is a table.

use std::net::TcpListener;

use clickhouse_embedded::{Access, ServerOptions, testing};
use fill_table::{Credentials, Error, FillTable, Server, ServerConfig};

use crate::fixture::database;

fn config(url: String, database: &str) -> ServerConfig {
    ServerConfig {
        url,
        credentials: None,
        database: database.to_owned(),
    }
}

#[tokio::test]
async fn the_engine_says_its_version() {
    let client = database("server_ping").await;
    let info = Server::embedded(client, "server_ping")
        .ping()
        .await
        .unwrap();
    assert!(info.version.starts_with("26."), "{info:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    // Bound and dropped: nobody listens there now.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Server::http(config(format!("http://127.0.0.1:{port}"), "default"));
    assert!(matches!(
        server.ping().await,
        Err(Error::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_database_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        access: Access::Password {
            user: "writer".to_owned(),
            password: "right".to_owned(),
        },
        ..testing::server_options()
    };
    let started = clickhouse_embedded::Server::start(dir.path(), options).unwrap();
    let with = |password: &str, database: &str| {
        Server::http(ServerConfig {
            credentials: Some(Credentials {
                user: "writer".to_owned(),
                password: password.to_owned(),
            }),
            ..config(started.connection().url.clone(), database)
        })
    };
    let wrong = with("wrong", "default").ping().await;
    assert!(matches!(wrong, Err(Error::Credentials { .. })), "{wrong:?}");

    let server = with("right", "server_made_later");
    let missing = server.ping().await;
    assert!(
        matches!(missing, Err(Error::NoDatabase { .. })),
        "{missing:?}"
    );
    server.create_database().await.unwrap();
    server.create_database().await.unwrap();
    server.ping().await.unwrap();

    // The dictionary cannot read as `default`, which has no password to give.
    let table = FillTable::new(server, "fills").unwrap();
    table.ensure().await.unwrap();
    table.check().await.unwrap();
}
