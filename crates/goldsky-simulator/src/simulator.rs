//! A running simulator.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, Data};
use crate::data::{self, Dataset};
use crate::error::Error;
use crate::expected::Expected;
use crate::faults::Faults;
use crate::server::{self, State};
use crate::stats::Stats;

/// A simulated source that answers until it is shut down or dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    endpoint: String,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Makes or reads the data and begins to listen. Runs on the current tokio runtime.
    ///
    /// # Errors
    /// Fails if the configuration cannot be met, given entities cannot be read, or the address
    /// cannot be listened on.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let dataset = made(config.data.clone()).await?;
        let listen = |source| Error::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let state = Arc::new(State::new(&config, dataset)?);
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&state), stopped));
        tracing::info!(%address, fills = state.node().dataset.fills(), "simulating the source");
        Ok(Self {
            address,
            endpoint: format!("http://{address}{}", server::SUBGRAPH),
            state,
            stop,
            serving,
        })
    }

    /// Returns where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL that takes queries.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the URL in place of Gamma's, to which `/markets` is added.
    pub fn gamma_url(&self) -> String {
        format!("http://{}/gamma", self.address)
    }

    /// Returns the URL in place of the data API's, to which `/activity` and `/trades` are added.
    pub fn data_api_url(&self) -> String {
        format!("http://{}/data-api", self.address)
    }

    /// Returns the number of events served.
    pub fn fills(&self) -> u64 {
        self.state.node().dataset.fills()
    }

    /// Returns the number of markets, those without trades included.
    pub fn markets(&self) -> u64 {
        u64::from(self.state.node().dataset.catalogue.markets())
    }

    /// Returns the number of tokens, those without trades included.
    pub fn tokens(&self) -> u64 {
        self.state.node().dataset.catalogue.tokens.len() as u64
    }

    /// Returns how many events were counted and then overwritten by one with the same id.
    pub fn overwritten(&self) -> u64 {
        self.state.node().dataset.overwritten
    }

    /// Returns what a complete load must come to.
    pub fn expected(&self) -> Expected {
        Expected::of(&self.state.node().dataset)
    }

    /// Returns what was asked and answered so far.
    pub fn stats(&self) -> Stats {
        self.state.counts.snapshot()
    }

    /// Changes what goes wrong from the next query on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.set_faults(faults);
    }

    /// Answers from other data from the next query on, as the same deployment: for a source that grows or
    /// is reorganised. What was said of the data that it started with, such as
    /// [`Host::deployment`](crate::Host), stays.
    ///
    /// # Errors
    /// Fails if the data cannot be made or read; then nothing changes.
    pub async fn replace(&self, data: Data) -> Result<(), Error> {
        self.state.replace(made(data).await?);
        Ok(())
    }

    /// Stops listening and ends open connections.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // It only fails if serving panicked or the runtime ends; either way it is over.
        let _ = self.serving.await;
    }
}

async fn made(data: Data) -> Result<Dataset, Error> {
    match tokio::task::spawn_blocking(move || data::of(&data)).await {
        Ok(dataset) => dataset,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
