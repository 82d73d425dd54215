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
        ca_file: None,
        settings: Vec::new(),
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

/// Puts TLS in front of the shared server, and returns its port and the certificate of its CA.
async fn tls() -> (u16, String) {
    use std::sync::Arc;

    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig as TlsConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca_certificate = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let tls = TlsConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = testing::shared_server().connection().url.clone();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut near) = acceptor.accept(stream).await else {
                continue;
            };
            let address = server.trim_start_matches("http://");
            let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    (port, ca_certificate)
}

#[tokio::test]
async fn a_private_ca_is_trusted_if_its_file_is_given() {
    let (port, certificate) = tls().await;
    let url = format!("https://localhost:{port}");
    let ca_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca_file.path(), certificate).unwrap();
    let trusting = ServerConfig {
        ca_file: Some(ca_file.path().to_owned()),
        settings: vec![("max_threads".to_owned(), "3".to_owned())],
        ..config(url.clone(), "default")
    };
    let server = Server::http(trusting).unwrap();
    server.ping().await.unwrap();
    let threads = "SELECT toUInt64(getSetting('max_threads'))";
    let threads = server.client().query(threads).fetch_one::<u64>().await;
    assert_eq!(threads.unwrap(), 3);

    let stranger = Server::http(config(url, "default")).unwrap().ping().await;
    let Err(Error::Unreachable { message, .. }) = stranger else {
        panic!("{stranger:?}");
    };
    assert!(message.contains("UnknownIssuer"), "{message}");
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let with = |path: &std::path::Path| {
        Server::http(ServerConfig {
            ca_file: Some(path.to_owned()),
            ..config("https://localhost".to_owned(), "default")
        })
    };
    for path in [file.path(), "no/such/file".as_ref()] {
        let refused = with(path).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    }
}
