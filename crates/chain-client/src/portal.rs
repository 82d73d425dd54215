//! Logs, heads and blocks from an SQD portal.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api_client::{Config, Error, Failure, Http, Request};
use bytes::Bytes;
use fills::{Address, SourceError, TxHash};
use pacer::Pacer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::block::Head;
use crate::event::topic;
use crate::exchanges::Exchange;
use crate::fills::decode;
use crate::log::{Hex, HexBytes, Log};
use crate::refusal::Refusal;
use crate::rpc::Blocks;
use crate::sizer::RangeSizer;

/// What to look at when a portal refuses a request as such.
const HINT: &str = "check the URL, and that it names a dataset of an SQD portal";

/// Blocks asked for at a time: public portals end an answer after a few hundred to a few thousand.
const MAX_BLOCKS: u32 = 5_000;

/// Blocks asked for at first, before it is known how dense they are.
const FIRST_BLOCKS: u32 = 200;

/// Logs that an answer should have at most: about 15 MB of JSON.
const MAX_LOGS: f64 = 20_000.0;

/// A client of one dataset of an SQD portal, which serves final blocks only.
#[derive(Debug)]
pub struct PortalClient {
    api: api_client::Exchange,
    exchanges: Vec<Exchange>,
    sizer: Mutex<RangeSizer>,
}

impl PortalClient {
    /// Makes a client of the dataset at the configuration's endpoint, such as `…/datasets/polygon-mainnet`. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if HTTP or TLS cannot be set up.
    pub fn new(config: Config, pacer: Pacer, exchanges: &[Exchange]) -> Result<Self, Error> {
        let http = Arc::new(Http::new(&config)?);
        Ok(Self {
            api: api_client::Exchange::new(config, pacer, http, HINT),
            exchanges: exchanges.to_vec(),
            sizer: Mutex::new(RangeSizer::aiming_at(MAX_LOGS, FIRST_BLOCKS, MAX_BLOCKS)),
        })
    }

    /// Asks for the newest block and the newest final one.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn head(&self) -> Result<Head, SourceError> {
        let finalized: HeadLine = self.get("finalized-head").await?;
        let latest: HeadLine = self.get("head").await?;
        Ok(Head {
            chain_id: None,
            latest: latest.number.max(finalized.number),
            finalized: finalized.number,
        })
    }

    /// Finds the first block that is not before a second.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn first_block_since(&self, second: u64) -> Result<u32, SourceError> {
        let found: BlockAt = self.get(&format!("timestamps/{second}/block")).await?;
        Ok(found.block_number)
    }

    /// Reads the beginning of a range of final blocks, as much as the portal gives at a time; nothing where it has none
    /// of them yet. `parent` is the hash of the block before, where that is known: another one is an error.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn blocks(
        &self,
        range: RangeInclusive<u32>,
        parent: Option<[u8; 32]>,
    ) -> Result<Option<Blocks>, SourceError> {
        loop {
            let asked = self.sizer().cut(&range);
            match self.stream(&asked, parent).await {
                Err(SourceError::TooHeavy { message })
                    if self.sizer().refused(&asked, Refusal::TooManyLogs, &message) => {}
                blocks => return blocks,
            }
        }
    }

    async fn stream(
        &self,
        asked: &RangeInclusive<u32>,
        parent: Option<[u8; 32]>,
    ) -> Result<Option<Blocks>, SourceError> {
        let there = self.exchanges.iter();
        let there = there.filter(|one| one.first_block <= *asked.end());
        let addresses: Vec<String> = there.map(|one| one.address.to_string()).collect();
        if addresses.is_empty() {
            // An empty list matches nothing, and no list everything.
            return Ok(Some(Blocks {
                last: *asked.end(),
                ..Blocks::default()
            }));
        }
        let request = Request::Post {
            url: self.url("finalized-stream")?,
            json: Bytes::from(query(asked, parent, &addresses).to_string()),
            pages: 1,
        };
        let range = asked.clone();
        let read = move |body: &[u8]| lines(body, &range);
        let Some(lines) = self.api.ask(&request, read).await? else {
            return Ok(None);
        };
        // The portal may end its answer anywhere, and the last line is all that says where.
        let (last, last_hash) = lines.last().map_or((*asked.start(), None), |line| {
            (line.header.number, Some(line.header.hash.0))
        });
        let logs: Vec<Log> = lines.into_iter().flat_map(Line::logs).collect();
        self.sizer().answered(&(*asked.start()..=last), logs.len());
        Ok(Some(Blocks {
            decoded: decode(&logs, &self.exchanges),
            last,
            last_hash,
        }))
    }

    async fn get<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
    ) -> Result<T, SourceError> {
        let request = Request::Get {
            url: self.url(path)?,
        };
        // A portal that has just started answers null.
        let read = |body: &[u8]| match serde_json::from_slice::<Option<T>>(body) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Failure::passing("the portal does not know yet")),
            Err(error) => Err(Failure::misshapen(error.to_string())),
        };
        self.api.ask(&request, read).await
    }

    fn url(&self, path: &str) -> Result<url::Url, SourceError> {
        let mut url = self.api.endpoint().url().clone();
        let joined = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(path.split('/'));
        });
        match joined {
            Ok(()) => Ok(url),
            Err(()) => Err(SourceError::Protocol {
                message: "the portal's URL has no path".to_owned(),
            }),
        }
    }

    fn sizer(&self) -> MutexGuard<'_, RangeSizer> {
        // Each change is a few numbers, any of which will do.
        self.sizer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query(asked: &RangeInclusive<u32>, parent: Option<[u8; 32]>, addresses: &[String]) -> Value {
    let topics = [
        topic::ORDER_FILLED_V1,
        topic::ORDER_FILLED_V2,
        topic::ORDERS_MATCHED_V1,
        topic::ORDERS_MATCHED_V2,
        topic::UPGRADED,
    ];
    let hex = |word: &[u8; 32]| format!("0x{}", const_hex::encode(word));
    let mut query = json!({
        "type": "evm",
        "fromBlock": asked.start(),
        "toBlock": asked.end(),
        "fields": {
            "block": { "number": true, "hash": true, "timestamp": true },
            "log": {
                "logIndex": true,
                "transactionHash": true,
                "address": true,
                "data": true,
                "topics": true,
            },
        },
        "logs": [{ "address": addresses, "topic0": topics.each_ref().map(hex) }],
    });
    if let Some(parent) = parent {
        query["parentBlockHash"] = json!(hex(&parent));
    }
    query
}

/// Reads the lines of a body, one for each block; nothing of a body without any (204).
///
/// A body that was cut is whole to HTTP and gzip. What stands behind the last line feed is the beginning of a line.
fn lines(body: &[u8], asked: &RangeInclusive<u32>) -> Result<Option<Vec<Line>>, Failure> {
    if body.is_empty() {
        return Ok(None);
    }
    let end = body.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    let mut lines: Vec<Line> = Vec::new();
    for line in body[..end].split(|&byte| byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| Failure::misshapen(format!("a line of the portal: {error}")))?;
        let number = line.header.number;
        let is_next = lines.last().is_none_or(|last| last.header.number < number);
        let logs = line.logs.iter().map(|log| log.log_index);
        if !asked.contains(&number) || !is_next || !logs.is_sorted_by(|left, right| left < right) {
            return Err(Failure::misshapen(format!(
                "block {number} is not one of {asked:?} in order, or its logs are not"
            )));
        }
        lines.push(line);
    }
    match lines.is_empty() {
        false => Ok(Some(lines)),
        true => Err(Failure::passing(
            "the portal's answer broke off in its first line",
        )),
    }
}

#[derive(Deserialize)]
struct HeadLine {
    number: u32,
}

#[derive(Deserialize)]
struct BlockAt {
    block_number: u32,
}

/// A block as the portal serves it.
#[derive(Deserialize)]
struct Line {
    header: Header,
    /// Absent where it has none.
    #[serde(default)]
    logs: Vec<LogLine>,
}

#[derive(Deserialize)]
struct Header {
    number: u32,
    hash: Hex<32>,
    timestamp: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogLine {
    log_index: u32,
    transaction_hash: Hex<32>,
    address: Hex<20>,
    data: HexBytes,
    topics: Vec<Hex<32>>,
}

impl Line {
    fn logs(self) -> impl Iterator<Item = Log> {
        let Header {
            number, timestamp, ..
        } = self.header;
        self.logs.into_iter().map(move |log| Log {
            address: Address(log.address.0),
            topics: log.topics.into_iter().map(|topic| topic.0).collect(),
            data: log.data.0,
            block_number: number,
            block_timestamp: Some(timestamp),
            tx_hash: TxHash(log.transaction_hash.0),
            log_index: log.log_index,
        })
    }
}
