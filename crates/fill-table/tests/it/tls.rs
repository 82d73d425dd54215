//! TLS in front of the shared server.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use clickhouse_embedded::testing;
use fill_table::{ClientCertificate, Error, Server, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig as TlsConfig};

/// A TLS server whose certificate a CA of its own has signed.
struct Tls {
    url: String,
    ca: tempfile::NamedTempFile,
    /// A client's certificate and key, of the same CA.
    client: tempfile::NamedTempFile,
}

fn pem_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

async fn tls(asks_for_certificate: bool) -> Tls {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let root = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (certificate, key) = signed("localhost");
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
    let builder = match asks_for_certificate {
        true => TlsConfig::builder().with_client_cert_verifier(verifier.unwrap()),
        false => TlsConfig::builder().with_no_client_auth(),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let server = testing::shared_server().connection().url.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut near) = acceptor.accept(stream).await else {
                continue;
            };
            let address = server.trim_start_matches("http://");
            let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let (client, client_key) = signed("client");
    Tls {
        url,
        ca: pem_file(&root.pem()),
        client: pem_file(&(client.pem() + &client_key.serialize_pem())),
    }
}

fn trusting(tls: &Tls) -> ServerConfig {
    ServerConfig {
        urls: vec![tls.url.clone()],
        database: "default".to_owned(),
        ca_file: Some(tls.ca.path().to_owned()),
        ..ServerConfig::default()
    }
}

async fn refusal(config: ServerConfig) -> String {
    match Server::http(config).unwrap().ping().await {
        Err(Error::Unreachable { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_private_ca_is_trusted_if_its_file_is_given() {
    let tls = tls(false).await;
    let server = Server::http(ServerConfig {
        settings: vec![("max_threads".to_owned(), "3".to_owned())],
        ..trusting(&tls)
    });
    let server = server.unwrap();
    server.ping().await.unwrap();
    let threads = "SELECT toUInt64(getSetting('max_threads'))";
    let threads = server.client().query(threads).fetch_one::<u64>().await;
    assert_eq!(threads.unwrap(), 3);

    let stranger = ServerConfig {
        ca_file: None,
        ..trusting(&tls)
    };
    let message = refusal(stranger).await;
    assert!(message.contains("UnknownIssuer"), "{message}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let tls = tls(true).await;
    let own = ClientCertificate {
        chain: tls.client.path().to_owned(),
        key: tls.client.path().to_owned(),
    };
    let server = Server::http(ServerConfig {
        client_certificate: Some(own),
        ..trusting(&tls)
    });
    server.unwrap().ping().await.unwrap();
    let message = refusal(trusting(&tls)).await;
    assert!(message.contains("CertificateRequired"), "{message}");
}

#[test]
fn a_certificate_file_that_is_none_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let with = |ca: Option<&Path>, own: Option<&Path>| {
        Server::http(ServerConfig {
            urls: vec!["https://localhost".to_owned()],
            ca_file: ca.map(Path::to_owned),
            client_certificate: own.map(|path| ClientCertificate {
                chain: path.to_owned(),
                key: path.to_owned(),
            }),
            ..ServerConfig::default()
        })
    };
    for path in [empty.path(), "no/such/file".as_ref()] {
        for refused in [with(Some(path), None), with(None, Some(path))] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        }
    }
}
