//! The simulated source, and what it counted.

use std::path::Path;

use processes::Binaries;
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;
use crate::arguments::Arguments;

/// What the source answered since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Answered {
    /// Requests, refused ones included.
    pub(crate) requests: u64,
    /// Bytes of answers as sent.
    pub(crate) bytes: u64,
    /// Requests refused for their rate.
    pub(crate) rate_limited: u64,
}

/// What a complete load comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) fills: u64,
    pub(crate) usdc_base_units: u128,
}

/// A running source.
#[derive(Debug)]
pub(crate) struct Source {
    process: processes::Source,
    http: reqwest::Client,
    pub(crate) expected: Expected,
}

impl Source {
    /// Starts a source of so many fills.
    ///
    /// # Errors
    /// What keeps it from being ready.
    pub(crate) async fn start(
        binaries: &Binaries,
        directory: &Path,
        arguments: &Arguments,
        fills: u64,
    ) -> Result<Self, Failure> {
        // The client wants one even where nothing is encrypted; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let flags = flags(arguments, fills);
        let (binaries, directory) = (binaries.clone(), directory.to_path_buf());
        let start = move || {
            let flags: Vec<_> = flags.iter().map(String::as_str).collect();
            processes::Source::start(&binaries, &directory, &flags)
        };
        let process = tokio::task::spawn_blocking(start).await??;
        let http = reqwest::Client::new();
        let expected = get(&http, &process.url("/expected")).await?;
        Ok(Self {
            expected: Expected::read(&serde_json::from_slice(&expected)?)?,
            process,
            http,
        })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.process.endpoint
    }

    pub(crate) async fn answered(&self) -> Result<Answered, Failure> {
        let stats = get(&self.http, &self.process.url("/stats")).await?;
        Ok(serde_json::from_slice(&stats)?)
    }
}

impl Answered {
    /// Returns what was answered since an earlier look.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            bytes: self.bytes - before.bytes,
            rate_limited: self.rate_limited - before.rate_limited,
        }
    }
}

impl Expected {
    fn read(expected: &Value) -> Result<Self, Failure> {
        let tokens = expected["tokens"]
            .as_object()
            .ok_or("no tokens are expected")?;
        let volumes = tokens.values().map(|token| {
            let volume = token["collateralVolume"].as_str().ok_or("no volume")?;
            Ok(volume.parse::<u128>()?)
        });
        Ok(Self {
            fills: expected["fills"].as_u64().ok_or("no fills are expected")?,
            usdc_base_units: volumes.sum::<Result<_, Failure>>()?,
        })
    }
}

fn flags(arguments: &Arguments, fills: u64) -> Vec<String> {
    let mut flags = vec![
        "--listen=127.0.0.1:0".to_owned(),
        format!("--seed={}", arguments.seed),
        format!("--fills={fills}"),
        format!("--markets={}", arguments.markets_for(fills)),
        format!("--latency-ms={}", arguments.latency_ms),
    ];
    if let Some(limit) = arguments.requests_per_10s {
        flags.push(format!("--requests-per-10s={limit}"));
    }
    if arguments.gzip {
        flags.push("--gzip".to_owned());
    }
    flags
}

async fn get(http: &reqwest::Client, url: &str) -> Result<Vec<u8>, Failure> {
    let answer = http.get(url).send().await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volumes_of_all_tokens_are_added_up_exactly() {
        let most = u128::from(u64::MAX);
        let body = format!(
            r#"{{"fills":3,"tokens":{{"1":{{"collateralVolume":"{most}"}},
                "2":{{"collateralVolume":"1"}}}}}}"#
        );
        let expected = Expected::read(&serde_json::from_str(&body).unwrap()).unwrap();
        assert_eq!(expected.fills, 3);
        assert_eq!(expected.usdc_base_units, most + 1);
    }

    #[test]
    fn an_expectation_without_volumes_is_refused() {
        let body = serde_json::json!({"fills": 1, "tokens": {"1": {}}});
        assert!(Expected::read(&body).is_err());
    }
}
