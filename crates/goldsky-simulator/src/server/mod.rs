//! HTTP on a listener.

mod answers;
mod body;
mod query;
mod rate;
mod routes;
mod state;
mod stream;

pub(crate) use routes::SUBGRAPH;
pub(crate) use state::State;

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use stream::{ResetSwitch, Stream};

/// Serves until the sender of `stop` is gone or sends `true`; open connections end at once.
pub(crate) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stopped| *stopped) => break,
        };
        // Those that ended are forgotten.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                // Answers are written whole; waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                let switch = ResetSwitch::default();
                let state = Arc::clone(&state);
                connections.spawn(connection(
                    Stream::new(stream, switch.clone()),
                    state,
                    switch,
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn connection(stream: Stream, state: Arc<State>, switch: ResetSwitch) {
    let service = service_fn(|request| {
        let (state, switch) = (Arc::clone(&state), switch.clone());
        async move { routes::route(request, &state, &switch).await }
    });
    let served = http1::Builder::new()
        // Kept connections may stay idle as long as the client likes.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
