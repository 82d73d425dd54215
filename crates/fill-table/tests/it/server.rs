//! What goes wrong before there is a table.

use std::net::TcpListener;

use fill_table::{Credentials, Error, FillTable, Server, ServerConfig};

use crate::fixture::{database, engine};

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
    use clickhouse_embedded::Auth;
    let auth = Auth::Credentials {
        user: "writer".to_owned(),
        password: "right".to_owned(),
    };
    let engine = engine();
    let listener = engine.serve("127.0.0.1:0".parse().unwrap(), auth).await;
    let listener = listener.unwrap();
    let with = |password: &str, database: &str| {
        Server::http(ServerConfig {
            credentials: Some(Credentials {
                user: "writer".to_owned(),
                password: password.to_owned(),
            }),
            ..config(listener.url(), database)
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

    // The user is the listener's and not the engine's, which asks for no password.
    let table = FillTable::new(server, "fills").unwrap();
    table.ensure().await.unwrap();
    table.check().await.unwrap();
}
