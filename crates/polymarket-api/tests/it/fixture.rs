//! What the tests share: hasty clients and the answers that they are given.

use std::time::Duration;

use pacer::Pacer;
use polymarket_api::{Config, RetryPolicy};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Makes a configuration that waits milliseconds where the default waits seconds.
pub(crate) fn hasty(endpoint: &str) -> Config {
    Config {
        request_timeout: Duration::from_secs(20),
        retry: RetryPolicy {
            attempts: 4,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(2),
            ..RetryPolicy::default()
        },
        ..Config::new(endpoint.parse().unwrap())
    }
}

/// Makes a pacer that pauses milliseconds where the default pauses seconds.
pub(crate) fn hasty_pacer() -> Pacer {
    Pacer::new(pacer::Config {
        window: Duration::from_millis(20),
        overload_pause: Duration::from_millis(20),
        ..pacer::Config::default()
    })
}

/// Serves one thing only.
pub(crate) async fn serve_always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}
