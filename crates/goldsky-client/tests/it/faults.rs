//! Answers that are none: what is asked again, what comes out as which error, what it costs.

use std::io::Write as _;

use fills::{Filter, Source, SourceError, Span, Task};
use goldsky_client::{Client, Config};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::fixture::{
    ATTEMPTS, answer, answer_from_block, client, errors, events, first_page, hasty, hasty_pacer,
    requests_to, serve, serve_always, sound,
};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(body: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_raw(body, "application/json")
        .insert_header("content-encoding", "gzip")
}

#[tokio::test]
async fn an_answer_of_several_gzip_members_is_whole() {
    let answer = answer(&events()).to_string();
    let (front, back) = answer.as_bytes().split_at(answer.len() / 2);
    let members = gzipped([gzip(front), gzip(back)].concat());
    let server = serve_always(members).await;
    let pages = client(&server.uri()).pages(&[first_page()]).await.unwrap();
    assert_eq!(pages[0].fills.len(), 3);
}

fn passing() -> Vec<(&'static str, ResponseTemplate)> {
    let text = |status: u16, body: &str| ResponseTemplate::new(status).set_body_string(body);
    let mut cut_off = gzip(answer(&events()).to_string().as_bytes());
    cut_off.truncate(cut_off.len() / 2);
    vec![
        ("500", text(500, "")),
        ("502", text(502, "<html>Bad gateway</html>")),
        ("503", text(503, "no healthy upstream")),
        ("504", text(504, "")),
        ("empty", text(200, "")),
        ("html", text(200, "<!doctype html><html></html>")),
        ("half", text(200, "{\"data\":{\"p0\":[{\"id\":\"0x")),
        ("no gzip", gzipped(b"not gzip at all".to_vec())),
        ("half gzip", gzipped(cut_off)),
        ("no database", errors("Store error: database unavailable")),
        (
            "reorganisation",
            errors("the chain was reorganized while executing the query"),
        ),
    ]
}

#[tokio::test]
async fn what_passes_is_asked_again_and_then_answered() {
    for (name, fault) in passing() {
        let server = serve(fault, sound()).await;
        let client = client(&server.uri());
        let pages = client.pages(&[first_page()]).await.unwrap();
        assert_eq!(pages[0].fills.len(), 3, "{name}");
        let stats = client.stats();
        assert_eq!((stats.requests, stats.retries), (2, 1), "{name}");
        assert_eq!(stats.pages, 1, "{name}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_unavailable_and_never_an_empty_page() {
    let passing = passing().into_iter().filter(|(name, _)| *name != "504");
    for (name, fault) in passing {
        let server = serve_always(fault).await;
        let error = client(&server.uri())
            .pages(&[first_page()])
            .await
            .unwrap_err();
        assert!(
            matches!(error, SourceError::Unavailable { attempts, .. } if attempts == ATTEMPTS),
            "{name}: {error}"
        );
        assert_eq!(requests_to(&server).await, ATTEMPTS as usize, "{name}");
    }
}

#[tokio::test]
async fn a_page_that_never_comes_in_time_is_read_with_fewer_rows() {
    let few = wiremock::matchers::body_string_contains("\"n0\":500");
    let server = wiremock::MockServer::start().await;
    let answers = wiremock::Mock::given(few).respond_with(sound());
    answers.mount(&server).await;
    let late = wiremock::Mock::given(wiremock::matchers::any());
    let late = late.respond_with(ResponseTemplate::new(504));
    late.with_priority(9).mount(&server).await;
    let client = client(&server.uri());
    let mut task = Task {
        filter: Filter::All,
        range: Span::new(1_705_970_000, 1_745_970_000),
        resume: None,
    };
    let mut chunks = Vec::new();
    while chunks.is_empty() {
        let slot = Source::slot(&client).await;
        let chunk = slot
            .read(std::slice::from_ref(&task))
            .await
            .unwrap()
            .remove(0);
        task.resume = chunk.resume;
        chunks.extend(chunk.fills);
    }
    assert_eq!(chunks.len(), 3);
    // Three attempts at a whole page, and one at half of it.
    assert_eq!(requests_to(&server).await, 4);
}

#[tokio::test]
async fn refusals_for_the_rate_are_waited_out_and_are_no_attempts() {
    let refusal = ResponseTemplate::new(429)
        .set_body_string("Sorry, you've surpassed your query allowance of 50");
    let server = serve(refusal, sound()).await;
    let config = Config {
        retry: goldsky_client::RetryPolicy {
            attempts: 1,
            ..hasty(&server.uri()).retry
        },
        ..hasty(&server.uri())
    };
    let pacer = hasty_pacer();
    let client = Client::new(config, pacer.clone()).unwrap();
    assert_eq!(client.pages(&[first_page()]).await.unwrap()[0].len(), 3);
    let stats = client.stats();
    assert_eq!((stats.rate_limited, stats.retries), (1, 0));
    assert_eq!(pacer.stats().rate_limited, 1);
}

#[tokio::test]
async fn a_retry_after_of_more_than_the_patience_is_unavailable_at_once() {
    for seconds in ["86400", "18446744073709551615"] {
        let refusal = ResponseTemplate::new(429).insert_header("retry-after", seconds);
        let server = serve_always(refusal).await;
        let error = client(&server.uri())
            .pages(&[first_page()])
            .await
            .unwrap_err();
        assert!(error.to_string().contains(seconds), "{error}");
        assert_eq!(requests_to(&server).await, 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_was_deprecated_is_gone_at_once() {
    let words =
        r#"{"error":{"code":"ENDPOINT_DEPRECATED","message":"This endpoint has been deprecated"}}"#;
    for (status, body) in [
        (429, words),
        (403, "This subgraph is Deprecated."),
        (410, ""),
    ] {
        let gone = ResponseTemplate::new(status).set_body_string(body);
        let server = serve_always(gone).await;
        let error = client(&server.uri()).survey().await.unwrap_err();
        assert!(
            matches!(error, SourceError::Gone { .. }),
            "{status}: {error}"
        );
        assert_eq!(requests_to(&server).await, 1, "{status}");
    }
}

#[tokio::test]
async fn a_gateway_that_refuses_after_good_answers_is_asked_again() {
    for status in [401, 403, 404] {
        let server = serve(sound(), ResponseTemplate::new(status)).await;
        let client = client(&server.uri());
        client.pages(&[first_page()]).await.unwrap();
        let error = client.pages(&[first_page()]).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Unavailable { attempts, .. } if attempts == ATTEMPTS),
            "{status}: {error}"
        );
    }
}

#[tokio::test]
async fn a_busy_service_is_asked_again_when_it_says() {
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "1");
    let server = serve(busy, sound()).await;
    let client = client(&server.uri());
    let begin = std::time::Instant::now();
    assert_eq!(client.pages(&[first_page()]).await.unwrap()[0].len(), 3);
    // The client's own waits are of milliseconds.
    assert!(begin.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(requests_to(&server).await, 2);
}

#[tokio::test]
async fn an_open_breaker_pauses_the_pacer() {
    let breaker = ResponseTemplate::new(503)
        .set_body_string("too many failures in the past 60 seconds, try again later");
    let server = serve(breaker, sound()).await;
    let pacer = hasty_pacer();
    let client = Client::new(hasty(&server.uri()), pacer.clone()).unwrap();
    assert_eq!(client.pages(&[first_page()]).await.unwrap()[0].len(), 3);
    assert_eq!(pacer.stats().overloaded, 1);
}

#[tokio::test]
async fn what_is_decided_comes_out_after_one_request() {
    let check = async |fault: ResponseTemplate, expected: fn(&SourceError) -> bool| {
        let server = serve_always(fault).await;
        let error = client(&server.uri())
            .pages(&[first_page()])
            .await
            .unwrap_err();
        assert!(expected(&error), "{error}");
        assert_eq!(requests_to(&server).await, 1, "{error}");
    };
    let heavy = |error: &SourceError| matches!(error, SourceError::TooHeavy { .. });
    let broken = |error: &SourceError| matches!(error, SourceError::Broken { .. });
    let protocol = |error: &SourceError| matches!(error, SourceError::Protocol { .. });
    check(errors("Query timed out"), heavy).await;
    check(errors("indexing_error"), broken).await;
    check(
        errors("Type `Query` has no field `orderFilledEvents`"),
        protocol,
    )
    .await;
    check(
        ResponseTemplate::new(200).set_body_json(json!({"message": "Not found"})),
        protocol,
    )
    .await;
    check(ResponseTemplate::new(404), protocol).await;
    check(ResponseTemplate::new(401), protocol).await;
}

#[tokio::test]
async fn what_is_doubtful_is_asked_three_times() {
    let check = async |fault: ResponseTemplate, expected: fn(&SourceError) -> bool| {
        let server = serve_always(fault).await;
        let error = client(&server.uri())
            .pages(&[first_page()])
            .await
            .unwrap_err();
        assert!(expected(&error), "{error}");
        assert_eq!(requests_to(&server).await, 3, "{error}");
    };
    check(errors("service is overloaded, try later"), |error| {
        matches!(error, SourceError::TooHeavy { .. })
    })
    .await;
    let event = events()[0].clone();
    let twice = ResponseTemplate::new(200).set_body_json(answer(&json!([event, event])));
    check(
        twice,
        |error| matches!(error, SourceError::Protocol { message } if message.contains("twice")),
    )
    .await;
}

#[tokio::test]
async fn an_answer_larger_than_the_bound_is_too_heavy() {
    let body = answer(&json!([])).to_string();
    let padded = format!("{body}{}", " ".repeat(100_000));
    for answer in [
        ResponseTemplate::new(200).set_body_string(padded.as_str()),
        // A small answer that unpacks to a large one.
        gzipped(gzip(padded.as_bytes())),
    ] {
        let server = serve_always(answer).await;
        let config = Config {
            max_answer_bytes: 50_000,
            ..hasty(&server.uri())
        };
        let client = Client::new(config, hasty_pacer()).unwrap();
        let error = client.pages(&[first_page()]).await.unwrap_err();
        assert!(matches!(error, SourceError::TooHeavy { .. }), "{error}");
    }
}

#[tokio::test]
async fn answers_may_be_compressed() {
    let body = answer(&events()).to_string();
    let server = serve_always(gzipped(gzip(body.as_bytes()))).await;
    let client = client(&server.uri());
    assert_eq!(client.pages(&[first_page()]).await.unwrap()[0].len(), 3);
    assert_eq!(client.stats().bytes_received, body.len() as u64);
}

#[tokio::test]
async fn an_answer_from_before_the_surveyed_block_is_asked_for_again() {
    let survey = json!({"data": {
        "_meta": {"block": {"number": 100, "timestamp": 7}, "deployment": "Qm", "hasIndexingErrors": false},
        "oldest": [{"timestamp": "5"}],
        "newest": [{"timestamp": "9"}],
    }});
    let older = answer_from_block(99, &json!([]));
    let server = serve(
        ResponseTemplate::new(200).set_body_json(survey),
        ResponseTemplate::new(200).set_body_json(older),
    )
    .await;
    let client = client(&server.uri());
    assert_eq!(client.survey().await.unwrap().head_block, 100);
    let error = client.pages(&[first_page()]).await.unwrap_err();
    assert!(error.to_string().contains("block 99"), "{error}");
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_was_moved_to_another_deployment_is_broken() {
    let meta = |deployment: &str| json!({"block": {"number": 100}, "deployment": deployment, "hasIndexingErrors": false});
    let survey = json!({"data": {
        "_meta": meta("QmOne"), "oldest": [{"timestamp": "5"}], "newest": [{"timestamp": "9"}],
    }});
    let moved = json!({"data": {"_meta": meta("QmOther"), "p0": []}});
    let server = serve(
        ResponseTemplate::new(200).set_body_json(survey),
        ResponseTemplate::new(200).set_body_json(moved),
    )
    .await;
    let client = client(&server.uri());
    client.survey().await.unwrap();
    let error = client.pages(&[first_page()]).await.unwrap_err();
    assert!(matches!(error, SourceError::Broken { .. }), "{error}");
    assert!(error.to_string().contains("QmOther"), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = serve_always(sound()).await;
    for status in [301, 302, 307, 308] {
        let redirect = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        let server = serve_always(redirect).await;
        let error = client(&server.uri())
            .pages(&[first_page()])
            .await
            .unwrap_err();
        assert!(matches!(error, SourceError::Protocol { .. }), "{error}");
    }
    assert_eq!(requests_to(&elsewhere).await, 0);
}
