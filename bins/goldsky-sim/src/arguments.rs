//! Flags, and what they configure.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use command_line::{AboutArgs, VERSION};
use goldsky_simulator::{
    Config, Data, DataApi, Entities, FaultRate, Faults, Host, RateLimit, Seeded, Text,
};

/// Serve a simulated order-book subgraph: seeded data, rate limits, faults.
///
/// Prints one JSON line when it is ready, serves GET /expected, /stats, /gamma/markets,
/// /data-api/activity and /data-api/trades beside the GraphQL endpoint, and ends on SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "goldsky-sim", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Decides the data and which requests faults hit
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Markets, of which one in twenty has no trades
    #[arg(long, value_name = "N", default_value_t = 50)]
    markets: u32,

    /// Fills to make up
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    fills: u64,

    /// Serve these order-filled events, one JSON object a line, instead of made-up ones
    #[arg(long, value_name = "FILE.jsonl")]
    events: Option<PathBuf>,

    /// Which tokens of --events are known, one market-data object a line
    #[arg(long, value_name = "FILE.jsonl", requires = "events")]
    market_data: Option<PathBuf>,

    /// Serve these rows of Polymarket's data API, one object a line, instead of what the fills make
    #[arg(long, value_name = "FILE.jsonl")]
    activity: Option<PathBuf>,

    /// How long a request takes at least; dear queries take longer in proportion
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,

    /// Requests answered in each window of ten seconds
    #[arg(long, value_name = "N")]
    requests_per_10s: Option<u32>,

    /// Say in Retry-After when the window ends
    #[arg(long, requires = "requests_per_10s")]
    retry_after: bool,

    /// Let a share of the requests fail, 0 to 1 (repeatable); an unknown NAME lists the names
    #[arg(long = "fault", value_name = "NAME=RATE")]
    faults: Vec<FaultRate>,

    /// How long a stalled request waits
    #[arg(long, value_name = "N", default_value_t = 120_000)]
    stall_ms: u64,

    /// Lists that one request may ask for; with more the statement times out
    #[arg(long, value_name = "N")]
    max_pages_per_request: Option<usize>,

    /// Check queries as stricter hosts do: validation, skip up to 5000, 10000 entities
    #[arg(long)]
    strict: bool,

    /// Compress answers for clients that ask for it
    #[arg(long)]
    gzip: bool,

    /// How often an order is filled twice within a transaction, 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    collisions: f64,

    /// Share of the tokens that the market data leave out, 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    unknown_tokens: f64,

    #[command(flatten)]
    pub(crate) about: AboutArgs,
}

const EXAMPLES: &str = "\
Examples:
  goldsky-sim                                     10,000 fills of 50 markets, at a free port
  goldsky-sim --listen 127.0.0.1:9000 --fills 1000000 --markets 5000
  goldsky-sim --latency-ms 205 --requests-per-10s 50 --retry-after
  goldsky-sim --fault http-503=0.05 --fault truncated=0.01
  goldsky-sim --events fills.jsonl                given fills instead of made-up ones
  ingest --endpoint http://127.0.0.1:9000/…       the backfill from it: the line when it is ready
                                                  has the whole endpoint

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage.";

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(format!("{text:?} is not a rate from 0 to 1")),
    }
}

impl Arguments {
    /// Puts the flags together.
    pub(crate) fn into_config(self) -> Config {
        let host = if self.strict {
            Host::strict()
        } else {
            Host::default()
        };
        let stall = Duration::from_millis(self.stall_ms);
        let faults = self.faults.iter().fold(
            Faults::default().stalling_for(stall),
            |faults, FaultRate { fault, rate }| faults.with(*fault, *rate),
        );
        let data = match self.events {
            Some(events) => Data::Entities(Entities {
                market_data: self.market_data.map(Text::File),
                unknown_tokens: self.unknown_tokens,
                ..Entities::new(Text::File(events))
            }),
            None => Data::Seeded(Seeded {
                seed: self.seed,
                markets: self.markets,
                fills: self.fills,
                collisions: self.collisions,
                unknown_tokens: self.unknown_tokens,
                ..Seeded::default()
            }),
        };
        Config {
            listen: self.listen,
            data,
            host: Host {
                compresses: self.gzip,
                most_pages_per_request: self.max_pages_per_request,
                ..host
            },
            rate_limit: self.requests_per_10s.map(|requests_per_10s| RateLimit {
                requests_per_10s,
                retry_after: self.retry_after,
            }),
            latency: Duration::from_millis(self.latency_ms),
            faults,
            fault_seed: self.seed,
            data_api: DataApi {
                rows: self.activity.map(Text::File),
                ..DataApi::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use goldsky_simulator::Fault;

    use super::*;

    #[test]
    fn the_command_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn examples_are_accepted() {
        let examples = command_line::examples(&Arguments::command());
        assert!(examples.len() > 4, "only {} examples", examples.len());
        for example in examples {
            if let Err(refused) = Arguments::try_parse_from(&example) {
                panic!("{example:?}: {refused}");
            }
        }
    }

    #[test]
    fn flags_reach_the_configuration() {
        let arguments = Arguments::try_parse_from([
            "goldsky-sim",
            "--seed=7",
            "--markets=3",
            "--fills=99",
            "--latency-ms=5",
            "--requests-per-10s=50",
            "--fault=http-503=0.25",
            "--fault=reset=1",
        ]);
        let config = arguments.unwrap().into_config();
        assert_eq!(config.faults.rate(Fault::Http503), 0.25);
        assert_eq!(config.faults.rate(Fault::Reset), 1.0);
        assert_eq!(config.rate_limit.unwrap().requests_per_10s, 50);
        let Data::Seeded(seeded) = config.data else {
            panic!("made-up data");
        };
        assert_eq!((seeded.seed, seeded.markets, seeded.fills), (7, 3, 99));
    }

    #[test]
    fn an_unknown_fault_is_a_usage_error_that_lists_the_names() {
        let error = Arguments::try_parse_from(["goldsky-sim", "--fault", "flood=1"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("truncated"), "{error}");
    }
}
