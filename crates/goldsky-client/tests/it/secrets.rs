//! Credentials in the endpoint reach the server and nobody else.

use wiremock::matchers::{basic_auth, query_param};
use wiremock::{Mock, MockServer};

use crate::fixture::{client, first_page, sound};

#[tokio::test]
async fn credentials_are_sent() {
    let server = MockServer::start().await;
    Mock::given(basic_auth("user", "hunter2"))
        .and(query_param("key", "hunter3"))
        .respond_with(sound())
        .expect(1)
        .mount(&server)
        .await;
    let endpoint = format!("http://user:hunter2@{}/gn?key=hunter3", server.address());
    client(&endpoint).pages(&[first_page()]).await.unwrap();
}

#[tokio::test]
async fn credentials_are_in_no_error_and_in_no_debug_output() {
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let client = client(&format!(
        "http://user:hunter2@127.0.0.1:{port}/gn?key=hunter2"
    ));
    let error = client.pages(&[first_page()]).await.unwrap_err();
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{client:?}"),
    ] {
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
