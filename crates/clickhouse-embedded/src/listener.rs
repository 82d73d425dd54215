use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::instance::Instance;
use crate::{Auth, Error, front};

/// A listener for ClickHouse HTTP clients. Dropping it ends the listening and its connections.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Returns the address listened on, with the port that was picked.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL for clients on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Listens on `addr`. Beyond this machine, credentials are a must.
pub(crate) async fn serve(
    instance: Arc<Instance>,
    addr: SocketAddr,
    auth: Auth,
) -> Result<Server, Error> {
    if !addr.ip().is_loopback() && auth == Auth::Open {
        return Err(Error::CredentialsNeeded { addr });
    }
    let refused = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    let accepting = tokio::spawn(accept(listener, instance, Arc::new(auth)));
    Ok(Server { addr, accepting })
}

async fn accept(listener: TcpListener, instance: Arc<Instance>, auth: Arc<Auth>) {
    let mut connections = JoinSet::new();
    let mut closing = instance.closing();
    loop {
        tokio::select! {
            () = async { drop(closing.wait_for(|closing| *closing).await) } => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers should not wait for more.
                    drop(stream.set_nodelay(true));
                    let auth = Some(Arc::clone(&auth));
                    connections.spawn(connection(stream, Arc::clone(&instance), auth));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of file descriptors, most often: let some connections end.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
        }
    }
    // The connections refuse new statements by now, and end with their clients.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves the requests of one connection, until it ends.
pub(crate) async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    instance: Arc<Instance>,
    auth: Option<Arc<Auth>>,
) {
    let service =
        service_fn(move |request| front::handle(Arc::clone(&instance), auth.clone(), request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // The statement can be in the URL.
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
