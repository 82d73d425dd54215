//! Connections that break off, fall silent or lie about their length.

use std::time::Duration;

use fills::{Source as _, SourceError};
use goldsky_client::{Client, Config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{ATTEMPTS, answer, client, events, first_page, hasty, hasty_pacer};

/// Reads a request's head and its body, of the length announced.
async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            body.len() >= length
        });
        if whole || read == 0 {
            return;
        }
    }
}

/// Serves `first` to the first connection and `then` to all others, and closes each after it,
/// by a reset where `reset` says so.
async fn serve_bytes(first: Vec<u8>, then: Vec<u8>, reset: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut answer = first;
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            let _ = stream.write_all(&answer).await;
            if reset {
                let _ = stream.set_zero_linger();
            }
            drop(stream);
            answer.clone_from(&then);
        }
    });
    endpoint
}

fn response(body: &str, announced: usize) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {announced}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn chunked(body: &str, end: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{body}\r\n{end}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_refusal_is_heard_while_another_answer_has_all_the_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (hung, is_hung) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        read_request(&mut first).await;
        first.write_all(&response("{", 1_000)).await.unwrap();
        hung.send(()).unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        read_request(&mut second).await;
        let gone = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
        second.write_all(gone).await.unwrap();
        // The first one goes on taking its room.
        std::future::pending::<()>().await;
    });
    let config = Config {
        max_bytes_at_once: 1,
        ..hasty(&endpoint)
    };
    let client = Client::new(config, hasty_pacer()).unwrap();
    let query = [first_page()];
    let page = client.pages(&query);
    let refused = async {
        is_hung.await.unwrap();
        client.survey().await
    };
    tokio::select! {
        page = page => panic!("{page:?}"),
        survey = refused => assert!(matches!(survey, Err(SourceError::Gone { .. })), "{survey:?}"),
    }
}

fn sound_body() -> String {
    answer(&events()).to_string()
}

fn cut_short() -> Vec<(&'static str, Vec<u8>)> {
    let body = sound_body();
    let half = &body[..body.len() / 2];
    vec![
        ("nothing", Vec::new()),
        ("half a head", b"HTTP/1.1 200 O".to_vec()),
        ("half a body", response(half, body.len())),
        // A whole answer that was to go on is not known to be whole.
        ("no end", chunked(&body, "")),
        ("a short length", response(&body, body.len() - 10)),
    ]
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_again() {
    let body = sound_body();
    for (name, bytes) in cut_short() {
        let endpoint = serve_bytes(bytes, response(&body, body.len()), false).await;
        let client = client(&endpoint);
        let pages = client.pages(&[first_page()]).await.unwrap();
        assert_eq!(pages[0].fills.len(), 3, "{name}");
        assert_eq!(client.stats().retries, 1, "{name}");
    }
}

#[tokio::test]
async fn an_answer_always_cut_short_is_unavailable() {
    for (name, bytes) in cut_short() {
        for reset in [false, true] {
            let endpoint = serve_bytes(bytes.clone(), bytes.clone(), reset).await;
            let error = client(&endpoint).pages(&[first_page()]).await.unwrap_err();
            assert!(
                matches!(error, SourceError::Unavailable { attempts, .. } if attempts == ATTEMPTS),
                "{name}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_chunked_answer_that_ends_is_whole() {
    let whole = chunked(&sound_body(), "0\r\n\r\n");
    let endpoint = serve_bytes(whole.clone(), whole, false).await;
    let pages = client(&endpoint).pages(&[first_page()]).await.unwrap();
    assert_eq!(pages[0].fills.len(), 3);
}

/// Accepts connections, sends `bytes` and then nothing more.
async fn serve_and_fall_silent(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
            silent.push(stream);
        }
    });
    endpoint
}

#[tokio::test]
async fn silence_is_bounded() {
    let body = sound_body();
    for bytes in [Vec::new(), response(&body[..100], body.len())] {
        let endpoint = serve_and_fall_silent(bytes).await;
        let short = Duration::from_millis(50);
        let configs = [
            Config {
                idle_timeout: short,
                ..hasty(&endpoint)
            },
            Config {
                request_timeout: short,
                ..hasty(&endpoint)
            },
        ];
        for config in configs {
            let client = Client::new(config, hasty_pacer()).unwrap();
            let error = client.pages(&[first_page()]).await.unwrap_err();
            // One page that never comes in time may be too much.
            assert!(matches!(error, SourceError::TooHeavy { .. }), "{error}");
            assert!(error.to_string().contains("timed out"), "{error}");
        }
    }
}

/// Sends `bytes` one at a time, so that no silence is ever long.
async fn serve_in_a_trickle(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                read_request(&mut stream).await;
                for byte in bytes {
                    if stream.write_all(&[byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
    });
    endpoint
}

#[tokio::test]
async fn a_trickle_is_bounded_by_the_time_of_the_whole_request() {
    let body = sound_body();
    let endpoint = serve_in_a_trickle(response(&body, body.len())).await;
    let config = Config {
        idle_timeout: Duration::from_secs(20),
        request_timeout: Duration::from_millis(200),
        ..hasty(&endpoint)
    };
    let client = Client::new(config, hasty_pacer()).unwrap();
    let error = client.pages(&[first_page()]).await.unwrap_err();
    assert!(matches!(error, SourceError::TooHeavy { .. }), "{error}");
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn a_dropped_call_gives_its_permit_back() {
    let endpoint = serve_and_fall_silent(Vec::new()).await;
    let pacer = hasty_pacer();
    let client = Client::new(hasty(&endpoint), pacer.clone()).unwrap();
    let queries = [first_page()];
    let call = client.pages(&queries);
    let seen = async {
        while pacer.stats().in_flight == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = call => panic!("{answer:?}"),
        () = seen => {}
    }
    assert_eq!(pacer.stats().in_flight, 0);
}
