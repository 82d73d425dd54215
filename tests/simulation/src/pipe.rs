//! The way to ClickHouse: the official client over in-memory pipes.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use clickhouse::{Client, Compression};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::DuplexStream;
use tower_service::Service;

use crate::server::Server;

/// Bytes in each direction of a pipe: about one insert chunk of the client.
const PIPE_BYTES: usize = 256 << 10;

/// Makes the client of one process. It connects while the server runs.
pub(crate) fn client(server: Server) -> Client {
    over_pipes(move |pipe| {
        if !server.table.is_up() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        tokio::spawn(server.clone().serve(pipe));
        Ok(())
    })
}

/// Makes a client whose connections are pipes, each given to `serve` as it is made; an error of it
/// refuses the connection.
fn over_pipes(
    serve: impl Fn(DuplexStream) -> io::Result<()> + Clone + Send + Sync + 'static,
) -> Client {
    let http = legacy::Client::builder(TokioExecutor::new()).build(PipeConnector { serve });
    Client::with_http_client(http)
        // Nothing is resolved or dialled; the client wants a URL.
        .with_url("http://simulated")
        .with_compression(Compression::None)
}

/// Makes a pipe for each connection, with a server at its other end.
#[derive(Debug, Clone)]
struct PipeConnector<S> {
    serve: S,
}

impl<S: Fn(DuplexStream) -> io::Result<()>> Service<Uri> for PipeConnector<S> {
    type Response = Pipe;
    type Error = io::Error;
    type Future = Ready<io::Result<Pipe>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        ready((self.serve)(far).map(|()| Pipe(TokioIo::new(near))))
    }
}

/// The client's end of a pipe.
#[derive(Debug)]
struct Pipe(TokioIo<DuplexStream>);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
