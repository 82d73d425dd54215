//! The source: name, connection, TLS, answer, how new it is and how fast.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fills::Survey;
use goldsky_client::{Config, Endpoint, Http, Request, Transport, TransportError};
use pacer::Stats;
use startup::{ExitCode, Settings};
use tokio::net::TcpStream;
use url::Url;
use wiring::progress::instant;

use crate::check::Check;

/// A host that accepts connections does so by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// The last second of the archive: trading moved to the V2 exchanges, whose fills are on chain only.
///
/// **Source**: the newest `OrderFilledEvent` of the public subgraph, 2026-04-28T11:00:40Z.
const END_OF_ARCHIVE: u64 = 1_777_374_040;
/// A slower answer than this keeps a run busy with waiting.
const SLOW: Duration = Duration::from_secs(2);

/// Looks the endpoint's name up.
pub(crate) async fn dns(endpoint: &Url) -> (Check, Vec<SocketAddr>) {
    const CODE: &str = "endpoint_dns";
    let host = endpoint.host_str().unwrap_or_default().to_owned();
    let asked = endpoint.clone();
    // The system's resolver, as for requests; it blocks.
    let found = tokio::task::spawn_blocking(move || asked.socket_addrs(|| None));
    match found.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => {
            let first = addresses[0].ip();
            let check = Check::ok(CODE, format!("{host} is {first}"));
            (check, addresses)
        }
        Ok(Ok(_)) => (unnamed(CODE, &host, "it has no address"), Vec::new()),
        Ok(Err(error)) => (unnamed(CODE, &host, &error.to_string()), Vec::new()),
        Err(error) => (unnamed(CODE, &host, &error.to_string()), Vec::new()),
    }
}

fn unnamed(code: &'static str, host: &str, why: &str) -> Check {
    let seen = format!("{host} is not found: {why}");
    let mend = "check the spelling of --endpoint, the network and the name server";
    Check::failed(code, seen, mend).ending_with(ExitCode::Unreachable)
}

/// Connects to one of the endpoint's addresses.
pub(crate) async fn connection(addresses: &[SocketAddr]) -> Check {
    const CODE: &str = "endpoint_connection";
    let begun = Instant::now();
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(addresses)).await;
    let why = match connected {
        Ok(Ok(stream)) => {
            let took = begun.elapsed().as_millis();
            let to = stream.peer_addr().map(|to| to.to_string());
            let seen = format!("{} in {took} ms", to.unwrap_or_default());
            return Check::ok(CODE, seen);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("nothing within {} s", PATIENCE.as_secs()),
    };
    let to: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let seen = format!("{} does not accept connections: {why}", to.join(", "));
    let mend = "check --endpoint and the firewall; a proxy goes by HTTPS_PROXY";
    Check::failed(CODE, seen, mend).ending_with(ExitCode::Unreachable)
}

/// Makes a TLS connection, by one request whose answer does not matter.
pub(crate) async fn tls(endpoint: &Url) -> Check {
    const CODE: &str = "endpoint_tls";
    if endpoint.scheme() != "https" {
        return Check::ok(CODE, "not asked for: the endpoint is http");
    }
    let why = match asked_once(endpoint).await {
        Ok(()) | Err(TransportError::TimedOut(_)) => return Check::ok(CODE, "it comes about"),
        // What came after the handshake is for the next check to judge.
        Err(TransportError::Broken(_) | TransportError::TooLarge(_)) => {
            return Check::ok(CODE, "it comes about");
        }
        Err(error) => error.to_string(),
    };
    let mend = "check that --endpoint is https, the clock, and the certificates of this system \
                (package ca-certificates)";
    Check::failed(CODE, why, mend).ending_with(ExitCode::Unreachable)
}

async fn asked_once(endpoint: &Url) -> Result<(), TransportError> {
    let apart = |error: goldsky_client::Error| TransportError::NotConnected(error.to_string());
    let parsed: Endpoint = endpoint.as_str().parse().map_err(apart)?;
    let http = Http::new(&Config::new(parsed)).map_err(apart)?;
    let url = endpoint.clone();
    http.send(&Request::Get { url }).await.map(drop)
}

/// Tells who answered.
pub(crate) fn answers(survey: &Survey) -> Check {
    let seen = format!(
        "deployment {}, block {}",
        survey.deployment, survey.head_block
    );
    Check::ok("endpoint_answers", seen)
}

/// Judges how new the source's fills are.
pub(crate) fn head(survey: &Survey, now: u64) -> Check {
    const CODE: &str = "source_head";
    let block = match survey.head_timestamp {
        Some(head) if head <= now => format!("newest block {} old", age(now - head)),
        Some(_) => "newest block ahead of this machine's clock".to_owned(),
        None => "the age of its newest block is not told".to_owned(),
    };
    let Some(newest) = survey.newest else {
        let seen = format!("it has no fills; {block}");
        return Check::warning(
            CODE,
            seen,
            "check that --endpoint is an order-book subgraph",
        );
    };
    if newest >= END_OF_ARCHIVE {
        let seen = format!(
            "the archive is whole: its last fill is of {}, when trading moved to the V2 exchanges, \
             whose fills are on chain only; {block}",
            instant(newest)
        );
        return Check::ok(CODE, seen);
    }
    let seen = format!(
        "its newest fill is of {}, and the archive ends at {}; {block}",
        instant(newest),
        instant(END_OF_ARCHIVE)
    );
    let mend = "wait until it has caught up, or take the public endpoint, if all fills are wanted";
    Check::warning(CODE, seen, mend)
}

fn age(seconds: u64) -> String {
    match seconds {
        0..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Judges how the source answered to what was asked of it so far.
pub(crate) fn rate(settings: &Settings, stats: &Stats, requests: u64) -> Check {
    const CODE: &str = "source_rate";
    let latency = stats.latency.unwrap_or_default();
    let set = settings.source.requests_per_10s;
    let limit = match (set, stats.requests_per_10s) {
        (Some(set), _) => format!("{set} in 10 s as set"),
        (None, Some(learned)) => format!("{learned} in 10 s learned"),
        (None, None) => "no limit met".to_owned(),
    };
    let seen = format!(
        "{requests} requests, {} ms each, {} refused for the rate; {limit}",
        latency.as_millis(),
        stats.rate_limited
    );
    if stats.rate_limited > 0 {
        let mend = "let nothing else use the endpoint from this address, or share its limit with \
                    --requests-per-10s (a run learns it otherwise)";
        return Check::warning(CODE, seen, mend);
    }
    if latency > SLOW {
        let mend = "try again later; fewer --pages-per-request make lighter requests";
        return Check::warning(CODE, seen, mend);
    }
    Check::ok(CODE, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State;

    fn survey(newest: Option<u64>, head_timestamp: Option<u64>) -> Survey {
        Survey {
            deployment: "Qm".to_owned(),
            head_block: 7,
            head_timestamp,
            oldest: newest,
            newest,
        }
    }

    #[test]
    fn a_source_is_whole_when_it_has_the_last_fill() {
        let check = |newest, state, says: &str| {
            let found = head(
                &survey(newest, Some(END_OF_ARCHIVE)),
                END_OF_ARCHIVE + 90_000,
            );
            assert_eq!(found.state, state);
            assert!(found.seen.contains(says), "{}", found.seen);
            assert!(
                found.seen.contains("newest block 25 h old"),
                "{}",
                found.seen
            );
        };
        check(Some(END_OF_ARCHIVE), State::Ok, "2026-04-28T11:00:40Z");
        check(Some(END_OF_ARCHIVE - 1), State::Warning, "T11:00:39Z");
        check(None, State::Warning, "no fills");
    }

    #[test]
    fn a_head_may_be_untold_or_of_another_clock() {
        let seen = |head_timestamp| head(&survey(None, head_timestamp), 100).seen;
        assert!(seen(None).contains("not told"));
        assert!(seen(Some(101)).contains("ahead"));
        assert!(seen(Some(40)).contains("1 min old"));
    }
}
