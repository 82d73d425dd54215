//! HTTP and TLS to a server.

use std::path::Path;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Below `ClickHouse`'s `keep_alive_timeout`, so that a connection that the server closes is not used.
///
/// **Source**: the default of the `clickhouse` crate.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes the official client, which trusts the system's certificates (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name others) and those of a PEM file.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<Client, Error> {
    let mut tcp = HttpConnector::new();
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.enforce_http(false);
    // Only the first installation in a process counts; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = ClientConfig::builder()
        .with_root_certificates(roots(ca_file)?)
        .with_no_client_auth();
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build(https);
    Ok(Client::with_http_client(http))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in system.errors {
        tracing::debug!(%error, "cannot read certificates of the system");
    }
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        // Slim containers have no certificates of their own.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        let refused = |reason: String| Error::CaFile {
            path: path.to_owned(),
            reason,
        };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refused(error.to_string()))?;
        if certificates.is_empty() {
            return Err(refused("it holds no certificate in PEM form".to_owned()));
        }
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|error| refused(error.to_string()))?;
        }
    }
    Ok(roots)
}
