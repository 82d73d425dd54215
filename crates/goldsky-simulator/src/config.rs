//! What to serve and how badly.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::data::Head;
use crate::error::Error;
use crate::faults::Faults;
use crate::host::{Host, RateLimit};

/// The first event of the real archive, Unix seconds. **Source**: recorded from it.
pub const FIRST_SECOND: i64 = 1_669_060_209;
/// The last event of the real archive, Unix seconds. **Source**: recorded from it.
pub const LAST_SECOND: i64 = 1_777_374_040;

/// Everything about a simulator. The default is a small healthy one on a free port.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What to serve.
    pub data: Data,
    /// How strictly the host reads queries.
    pub host: Host,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
    /// How long a request takes at least, and a full page of the best pager takes. Dearer queries
    /// take proportionally longer, as measured on a real graph-node. Zero answers at once.
    pub latency: Duration,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// Chooses which requests the faults hit.
    pub fault_seed: u64,
    /// What stands in for Polymarket's data API.
    pub data_api: DataApi,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: Data::Seeded(Seeded::default()),
            host: Host::default(),
            rate_limit: None,
            latency: Duration::ZERO,
            faults: Faults::default(),
            fault_seed: 1,
            data_api: DataApi::default(),
        }
    }
}

/// What to serve.
#[derive(Debug, Clone)]
pub enum Data {
    /// Made up from a seed.
    Seeded(Seeded),
    /// Given entities.
    Entities(Entities),
}

/// A made-up data set. Equal values give equal data.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeded {
    /// Decides everything that the sizes leave open.
    pub seed: u64,
    /// Markets, of which one in twenty has no trades.
    pub markets: u32,
    /// Events served.
    pub fills: u64,
    /// The first event's second.
    pub first_second: i64,
    /// The last event's second, which is also the head's.
    pub last_second: i64,
    /// How often a resting order is filled twice within one transaction, `[0, 1]`. The earlier
    /// event is counted and then overwritten, so that the counters exceed the entities.
    pub collisions: f64,
    /// The share of tokens that `MarketData` does not know, `[0, 1]`.
    pub unknown_tokens: f64,
}

impl Default for Seeded {
    fn default() -> Self {
        Self {
            seed: 1,
            markets: 50,
            fills: 10_000,
            first_second: FIRST_SECOND,
            last_second: LAST_SECOND,
            collisions: 0.0,
            unknown_tokens: 0.0,
        }
    }
}

/// Given entities, each text one JSON object a line with the subgraph's own field names.
#[derive(Debug, Clone)]
pub struct Entities {
    /// `OrderFilledEvent`s, served as they are, however malformed. Of two with one id the later is
    /// served and both are counted.
    pub events: Text,
    /// `MarketData`; without it every token of the events is known under a condition of its own.
    pub market_data: Option<Text>,
    /// `Orderbook` counters that replace the counted ones.
    pub orderbooks: Option<Text>,
    /// The newest block, behind which events are not served; without it one at the last event.
    pub head: Option<Head>,
    /// Seconds between blocks, 2 unless given.
    pub seconds_per_block: Option<i64>,
    /// The share of tokens that `MarketData` does not know, `[0, 1]`.
    pub unknown_tokens: f64,
}

impl Entities {
    /// Takes events and nothing else.
    pub fn new(events: Text) -> Self {
        Self {
            events,
            market_data: None,
            orderbooks: None,
            head: None,
            seconds_per_block: None,
            unknown_tokens: 0.0,
        }
    }
}

/// What stands in for Polymarket's data API, and how much of it is shown.
#[derive(Debug, Clone)]
pub struct DataApi {
    /// Rows as the API's `/activity` shows them, one JSON object a line; without them they are
    /// made from the fills that are served.
    pub rows: Option<Text>,
    /// The most rows in one answer. Whoever asks for more gets these.
    pub most_rows: usize,
    /// The largest offset of `/activity`, in each window of time.
    pub most_activity_offset: usize,
    /// The largest offset of `/trades`.
    pub most_trades_offset: usize,
}

impl Default for DataApi {
    /// Rows made from the fills, 500 in an answer; offsets up to 5000 of activity and 3000 of
    /// trades. **Source**: Polymarket's documentation, and refusals that users report.
    fn default() -> Self {
        Self {
            rows: None,
            most_rows: 500,
            most_activity_offset: 5000,
            most_trades_offset: 3000,
        }
    }
}

/// A text, or the file that holds it.
#[derive(Debug, Clone)]
pub enum Text {
    /// The text itself.
    Inline(String),
    /// A file, which is unpacked if its name ends in `.gz`.
    File(PathBuf),
}

impl Text {
    pub(crate) fn read(&self, name: &'static str) -> Result<String, Error> {
        use std::io::Read as _;
        let path = match self {
            Self::Inline(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        tracing::debug!(path = %path.display(), name, "reading given entities");
        let read = || {
            let mut file = std::fs::File::open(path)?;
            let mut text = String::new();
            if path.extension().is_some_and(|extension| extension == "gz") {
                flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text)?;
            } else {
                file.read_to_string(&mut text)?;
            }
            Ok(text)
        };
        read().map_err(|source| Error::File {
            path: path.clone(),
            source,
        })
    }
}
