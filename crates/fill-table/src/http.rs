//! HTTP and TLS to a server, or to the first of several that can be reached.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use clickhouse::Client;
use futures::future::BoxFuture;
use http::Uri;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::{Error, ServerConfig};

const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Time for one of several hosts; a single host has the request's own patience.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below `ClickHouse`'s `keep_alive_timeout`, so that a connection that the server closes is not used.
///
/// **Source**: the default of the `clickhouse` crate.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes the official client, which trusts the system's certificates (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name others) and those of a PEM file.
pub(crate) fn client(config: &ServerConfig, proxies: Matcher) -> Result<Client, Error> {
    let hosts = config.urls.iter().map(|url| {
        let parsed = url.parse::<Uri>();
        parsed.map_err(|error| Error::Unreachable {
            message: format!("{url:?} is no URL: {error}"),
            is_silent: false,
        })
    });
    let hosts = hosts.collect::<Result<Arc<[Uri]>, Error>>()?;
    let mut tcp = HttpConnector::new();
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.set_connect_timeout((hosts.len() > 1).then_some(CONNECT_TIMEOUT));
    tcp.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls(config)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(ProxyConnector {
            tcp,
            proxies: Arc::new(proxies),
        });
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build(FailoverConnector {
            inner: https,
            hosts,
            current: Arc::default(),
        });
    Ok(Client::with_http_client(http))
}

/// Connects by way of the proxy that the environment names for `https` URLs. Plain HTTP, which is for
/// servers that are near, goes straight to the server.
#[derive(Clone)]
struct ProxyConnector {
    tcp: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Service<Uri> for ProxyConnector {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let is_tls = host.scheme() == Some(&http::uri::Scheme::HTTPS);
        let Some(proxy) = self.proxies.intercept(&host).filter(|_| is_tls) else {
            let connecting = self.tcp.call(host);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        if proxy.uri().scheme() != Some(&http::uri::Scheme::HTTP) {
            return Box::pin(async { Err("HTTPS_PROXY has to be an http:// URL".into()) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        let connecting = tunnel.call(host);
        Box::pin(async move { Ok(connecting.await?) })
    }
}

/// Connects to the host that was reached last, and to the next one if that fails.
#[derive(Clone)]
struct FailoverConnector<C> {
    inner: C,
    hosts: Arc<[Uri]>,
    current: Arc<AtomicUsize>,
}

impl<C> Service<Uri> for FailoverConnector<C>
where
    C: Service<Uri, Error = BoxError> + Clone + Send + 'static,
    C::Future: Send,
    C::Response: Send,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, first: Uri) -> Self::Future {
        let Self {
            mut inner,
            hosts,
            current,
        } = self.clone();
        Box::pin(async move {
            if hosts.len() < 2 {
                return inner.call(first).await;
            }
            let begin = current.load(Ordering::Relaxed);
            let mut failures = Vec::new();
            for place in (begin..begin + hosts.len()).map(|place| place % hosts.len()) {
                match inner.call(hosts[place].clone()).await {
                    Ok(connection) => {
                        current.store(place, Ordering::Relaxed);
                        return Ok(connection);
                    }
                    Err(error) => failures.push(format!("{}: {error}", hosts[place])),
                }
            }
            Err(failures.join("; ").into())
        })
    }
}

fn tls(config: &ServerConfig) -> Result<ClientConfig, Error> {
    // Only the first installation in a process counts; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = ClientConfig::builder().with_root_certificates(roots(config.ca_file.as_deref())?);
    let Some(own) = &config.client_certificate else {
        return Ok(tls.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_file(&own.key)
        .map_err(|error| unusable(&own.key, error.to_string()))?;
    let chain = certificates(&own.chain)?;
    tls.with_client_auth_cert(chain, key)
        .map_err(|error| unusable(&own.chain, error.to_string()))
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
        for certificate in certificates(path)? {
            let added = roots.add(certificate);
            added.map_err(|error| unusable(path, error.to_string()))?;
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, pem::Error> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(unusable(
            path,
            "it holds no certificate in PEM form".to_owned(),
        )),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(path, error.to_string())),
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::CertificateFile {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Connects to a host that does not exist, and returns what the proxy was asked for, if it was.
    async fn asked_of_the_proxy(url: &str, no_proxy: &str) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://me:secret@{}", listener.local_addr().unwrap());
        let proxies = Matcher::builder().all(proxy).no(no_proxy).build();
        let config = ServerConfig {
            urls: vec![url.to_owned()],
            ..ServerConfig::default()
        };
        let client = client(&config, proxies).unwrap().with_url(url);
        let query = client.query("SELECT 1");
        let request = tokio::spawn(async move { query.execute().await });
        tokio::select! {
            accepted = listener.accept() => {
                let (mut stream, _) = accepted.unwrap();
                let mut head = vec![0; 4096];
                let read = stream.read(&mut head).await.unwrap();
                head.truncate(read);
                stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
                Some(String::from_utf8(head).unwrap())
            }
            answer = request => {
                answer.unwrap().unwrap_err();
                None
            }
        }
    }

    #[tokio::test]
    async fn https_goes_through_the_proxy_unless_the_host_is_exempt() {
        let asked = asked_of_the_proxy("https://server.invalid:8443", "other.invalid");
        let head = asked.await.unwrap();
        assert!(
            head.starts_with("CONNECT server.invalid:8443 HTTP/1.1"),
            "{head}"
        );
        assert!(
            head.to_lowercase().contains("proxy-authorization: basic"),
            "{head}"
        );
        for (url, exempt) in [
            ("https://server.invalid:8443", "server.invalid"),
            ("http://server.invalid:8123", ""),
        ] {
            assert_eq!(asked_of_the_proxy(url, exempt).await, None, "{url}");
        }
    }
}
