//! What goes wrong before there is a table.

use std::net::TcpListener;

use clickhouse_embedded::{Access, ServerOptions, testing};
use fill_table::{Credentials, Error, FillTable, Server, ServerConfig};

use crate::fixture::database;

fn config(url: String, database: &str) -> ServerConfig {
    ServerConfig {
        urls: vec![url],
        database: database.to_owned(),
        ..ServerConfig::default()
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
    let server = Server::http(config(format!("http://127.0.0.1:{port}"), "default")).unwrap();
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
        .unwrap()
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

#[tokio::test]
async fn the_next_host_is_taken_when_one_is_away() {
    let away = "http://127.0.0.1:1".to_owned();
    let there = testing::shared_server().connection().url.clone();
    let both = ServerConfig {
        urls: vec![away.clone(), there.clone()],
        ..config(String::new(), "default")
    };
    let server = Server::http(both).unwrap();
    server.ping().await.unwrap();

    // Nothing says that these two are one table's replicas.
    let table = FillTable::new(server, "of_two_hosts").unwrap();
    let Err(Error::SeveralServers { message }) = table.ensure().await else {
        panic!("it was not refused");
    };
    assert!(message.contains("not a replicated table"), "{message}");

    let neither = ServerConfig {
        urls: vec![away, "http://127.0.0.1:2".to_owned()],
        ..config(String::new(), "default")
    };
    let Err(Error::Unreachable { message, .. }) = Server::http(neither).unwrap().ping().await
    else {
        panic!("nobody is there");
    };
    for port in [":1", ":2"] {
        assert!(message.contains(port), "{message}");
    }
}

#[tokio::test]
async fn two_servers_behind_one_address_are_seen_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let second = clickhouse_embedded::Server::start(dir.path(), testing::server_options()).unwrap();
    let first = testing::shared_server().connection().url.clone();
    let addresses = [first, second.connection().url.clone()];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for address in addresses.iter().cycle() {
            let (mut near, _) = listener.accept().await.unwrap();
            let address = address.trim_start_matches("http://");
            let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let server = Server::http(config(url, "default")).unwrap();
    let table = FillTable::new(server, "behind_a_balancer").unwrap();
    let Err(Error::SeveralServers { message }) = table.ensure().await else {
        panic!("it was not refused");
    };
    assert!(message.contains("name one server"), "{message}");
    let made = "SELECT count() FROM system.tables WHERE name LIKE 'behind_a_balancer%'";
    for client in [testing::shared_server().client(), second.client()] {
        assert_eq!(client.query(made).fetch_one::<u64>().await.unwrap(), 0);
    }
    tokio::task::spawn_blocking(move || second.stop())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_private_server_asks_for_is_sent() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            .await
            .unwrap();
        String::from_utf8_lossy(&head[..read]).to_lowercase()
    });
    let server = Server::http(ServerConfig {
        credentials: Some(Credentials {
            user: "somebody".to_owned(),
            password: String::new(),
        }),
        access_token: Some("token".to_owned()),
        roles: vec!["loader".to_owned()],
        headers: vec![("x-gate".to_owned(), "open".to_owned())],
        settings: vec![("insert_quorum".to_owned(), "2".to_owned())],
        ..config(url, "default")
    });
    server.unwrap().ping().await.unwrap_err();
    let head = request.await.unwrap();
    for sent in [
        "authorization: bearer token",
        "x-gate: open",
        "role=loader",
        "insert_quorum=2",
    ] {
        assert!(head.contains(sent), "{sent} is not in {head}");
    }
    assert!(!head.contains("somebody"), "{head}");
}
