//! The source that the settings name.

use std::sync::Arc;

use goldsky_client::{Client, Config, Endpoint, Http, Transport};
use pacer::Pacer;
use polymarket_api::{DataApi, Gamma};
use startup::settings::SourceSettings;
use startup::{ExitCode, Failure};

/// Polymarket's documented limit for Gamma is far above; the catalogue needs no more.
const GAMMA_IN_FLIGHT: usize = 4;

/// Makes the client of the order-book subgraph.
///
/// # Errors
/// A URL that cannot be asked, or TLS that cannot be set up.
pub fn client(settings: &SourceSettings) -> Result<Client, Failure> {
    client_over(settings, pacer(settings), |http| Arc::new(http))
}

/// Makes the client of the order-book subgraph like [`client`], at a pace that others may share, over a
/// transport that is made of the usual one.
///
/// # Errors
/// As [`client`].
pub fn client_over(
    settings: &SourceSettings,
    pacer: Pacer,
    over: impl FnOnce(Http) -> Arc<dyn Transport>,
) -> Result<Client, Failure> {
    let config = asking(settings)?;
    let transport = over(Http::new(&config).map_err(failure)?);
    Ok(Client::with_transport(config, pacer, transport))
}

/// Makes the pacer of a run with these settings, which has learned nothing yet.
pub fn pacer(settings: &SourceSettings) -> Pacer {
    Pacer::new(pacer::Config {
        max_in_flight: settings.workers,
        requests_per_10s: settings.requests_per_10s,
        ..pacer::Config::default()
    })
}

/// Tells how to ask the subgraph.
fn asking(settings: &SourceSettings) -> Result<Config, Failure> {
    let mut config = Config::new(endpoint(settings.endpoint.as_str())?);
    config.max_connections = settings.workers;
    if let Some(pages) = settings.pages_per_request {
        config.most_pages_per_request = pages;
    }
    config.retry.attempts = u32::MAX;
    config.retry.total = settings.patience;
    config.retry.rate_limited = config.retry.rate_limited.max(settings.patience);
    config.survey_retry.total = config.survey_retry.total.min(settings.patience);
    Ok(config)
}

/// Makes the client of Gamma.
///
/// # Errors
/// A URL that cannot be asked, or TLS that cannot be set up.
pub fn gamma(settings: &SourceSettings) -> Result<Gamma, Failure> {
    let pacer = Pacer::new(pacer::Config {
        max_in_flight: GAMMA_IN_FLIGHT,
        requests_per_10s: None,
        ..pacer::Config::default()
    });
    Gamma::new(Config::new(endpoint(settings.gamma_url.as_str())?), pacer).map_err(failure)
}

/// Makes the client of the data API, which keeps to the rate that Polymarket documents.
///
/// # Errors
/// A URL that cannot be asked, or TLS that cannot be set up.
pub fn data_api(settings: &SourceSettings) -> Result<DataApi, Failure> {
    let mut config = Config::new(endpoint(settings.data_api.as_str())?);
    config.retry.attempts = u32::MAX;
    config.retry.total = settings.patience;
    config.retry.rate_limited = config.retry.rate_limited.max(settings.patience);
    DataApi::new(config, DataApi::pacer()).map_err(failure)
}

fn endpoint(url: &str) -> Result<Endpoint, Failure> {
    url.parse().map_err(failure)
}

fn failure(error: goldsky_client::Error) -> Failure {
    let code = match &error {
        goldsky_client::Error::BadEndpoint { .. } => ExitCode::Usage,
        _ => ExitCode::Failed,
    };
    Failure::new(code, error)
}
