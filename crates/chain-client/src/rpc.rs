//! Logs, heads and blocks from JSON-RPC nodes.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api_client::{Class, Config, Error, Failure, Http, Request};
use bytes::Bytes;
use fills::SourceError;
use pacer::Pacer;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::block::{Block, Head};
use crate::event::topic;
use crate::exchanges::Exchange;
use crate::fills::{Decoded, decode};
use crate::log::Log;
use crate::refusal::Refusal;
use crate::sizer::RangeSizer;

/// What to look at when a node refuses a request as such.
const HINT: &str = "check the URL, its key, and that the node keeps logs of the whole chain";

/// Headers asked for in one request.
const HEADERS_AT_ONCE: usize = 100;

/// Blocks behind the head that are final where a node does not know which are: milestones take seconds, and the deepest
/// reorganisation since they exist was shorter.
const FINAL_AFTER: u32 = 200;

/// A client of one or several JSON-RPC providers of one chain, the first of which is asked until it fails.
#[derive(Debug)]
pub struct RpcClient {
    nodes: Vec<Node>,
    /// Which is asked first.
    current: AtomicUsize,
    exchanges: Vec<Exchange>,
}

#[derive(Debug)]
struct Node {
    api: api_client::Exchange,
    sizer: Mutex<RangeSizer>,
}

/// The beginning of a range of blocks, read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocks {
    /// What is in them.
    pub decoded: Decoded,
    /// The last of them.
    pub last: u32,
    /// Its hash, where it came along.
    pub last_hash: Option<[u8; 32]>,
}

impl RpcClient {
    /// Makes a client of these providers. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if HTTP or TLS cannot be set up.
    pub fn new(providers: Vec<(Config, Pacer)>, exchanges: &[Exchange]) -> Result<Self, Error> {
        let node = |(config, pacer): (Config, Pacer)| {
            let http = Arc::new(Http::new(&config)?);
            Ok(Node {
                api: api_client::Exchange::new(config, pacer, http, HINT),
                sizer: Mutex::new(RangeSizer::new(1_000, 10_000)),
            })
        };
        Ok(Self {
            nodes: providers
                .into_iter()
                .map(node)
                .collect::<Result<_, Error>>()?,
            current: AtomicUsize::new(0),
            exchanges: exchanges.to_vec(),
        })
    }

    /// Asks for the chain's identity, its newest block and its newest final one.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn head(&self) -> Result<Head, SourceError> {
        self.ask_any(async |node| {
            let chain_id: Quantity = node.ask("eth_chainId", json!([])).await?;
            let latest: Quantity = node.ask("eth_blockNumber", json!([])).await?;
            let latest = latest.block()?;
            // Some nodes know no such tag, and say so in many ways.
            let read = |body: &[u8]| match result::<Option<Block>>(body) {
                Err(failure) if !matches!(failure.class, Class::RateLimited { .. }) => Ok(None),
                answer => answer,
            };
            let finalized = json!(["finalized", false]);
            let finalized = node.send("eth_getBlockByNumber", finalized, read).await?;
            let finalized =
                finalized.map_or(latest.saturating_sub(FINAL_AFTER), |block| block.number);
            Ok(Head {
                chain_id: Some(chain_id.0),
                latest,
                finalized: finalized.min(latest),
            })
        })
        .await
    }

    /// Asks for a block; nothing if there is none of that number.
    ///
    /// # Errors
    /// Any [`SourceError`].
    pub async fn block(&self, number: u32) -> Result<Option<Block>, SourceError> {
        self.ask_any(async |node| {
            let params = json!([format!("{number:#x}"), false]);
            node.ask("eth_getBlockByNumber", params).await
        })
        .await
    }

    /// Finds the first block of `range` that is not before a second; nothing if all are.
    ///
    /// # Errors
    /// Any [`SourceError`]; [`SourceError::Protocol`] where a block of the range is not there.
    pub async fn first_block_since(
        &self,
        second: u64,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, SourceError> {
        let (mut from, mut end) = (*range.start(), range.end().saturating_add(1));
        while from < end {
            let middle = from + (end - from) / 2;
            let block = self
                .block(middle)
                .await?
                .ok_or_else(|| SourceError::Protocol {
                    message: format!("there is no block {middle}"),
                })?;
            match u64::from(block.timestamp) < second {
                true => from = middle + 1,
                false => end = middle,
            }
        }
        Ok((from <= *range.end()).then_some(from))
    }

    /// Reads the beginning of a range of blocks, as much as a provider gives at a time.
    ///
    /// A block whose logs do not add up is read again from the other providers; it stays among
    /// [`Decoded::violations`] where none has it whole.
    ///
    /// # Errors
    /// Any [`SourceError`] of the last provider, where none answers.
    pub async fn blocks(&self, range: RangeInclusive<u32>) -> Result<Blocks, SourceError> {
        let (logs, last) = self
            .ask_any(async |node| node.logs(&range, &self.exchanges).await)
            .await?;
        let mut decoded = decode(&logs, &self.exchanges);
        let mut doubtful: Vec<u32> = decoded
            .violations
            .iter()
            .map(|one| one.block_number)
            .collect();
        doubtful.dedup();
        for block in doubtful {
            self.read_elsewhere(block, &mut decoded).await?;
        }
        Ok(Blocks {
            decoded,
            last,
            last_hash: None,
        })
    }

    /// Reads a block from the providers that are not asked first, until one has it whole.
    async fn read_elsewhere(&self, block: u32, decoded: &mut Decoded) -> Result<(), SourceError> {
        let current = self.current.load(Ordering::Relaxed);
        for other in 1..self.nodes.len() {
            let node = &self.nodes[(current + other) % self.nodes.len()];
            let Ok((logs, _)) = node.logs(&(block..=block), &self.exchanges).await else {
                continue;
            };
            let again = decode(&logs, &self.exchanges);
            if again.violations.is_empty() && again.fills.len() >= decoded.fills_of(block) {
                tracing::warn!(block, "a provider left out logs, another one has them");
                decoded.replace(block, again);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks one node after the other until one answers, and goes on with that one.
    async fn ask_any<'s, T>(
        &'s self,
        ask: impl AsyncFn(&'s Node) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let current = self.current.load(Ordering::Relaxed);
        let mut last = None;
        for turn in 0..self.nodes.len() {
            let index = (current + turn) % self.nodes.len();
            match ask(&self.nodes[index]).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => {
                    tracing::debug!(provider = index, %error, "a provider failed");
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| SourceError::Protocol {
            message: "no provider is set".to_owned(),
        }))
    }
}

impl Node {
    /// Reads the logs of the beginning of a range, and returns its last block too.
    async fn logs(
        &self,
        range: &RangeInclusive<u32>,
        exchanges: &[Exchange],
    ) -> Result<(Vec<Log>, u32), SourceError> {
        loop {
            let asked = self.sizer().cut(range);
            let message = match self.logs_of(&asked, exchanges).await {
                Ok(mut logs) => {
                    self.sizer().answered(&asked, logs.len());
                    self.add_times(&mut logs).await?;
                    return Ok((logs, *asked.end()));
                }
                Err(SourceError::TooHeavy { message }) => message,
                Err(error) => return Err(error),
            };
            let refusal = Refusal::of(&message);
            tracing::debug!(?asked, ?refusal, message, "a range of blocks is refused");
            if self.sizer().refused(&asked, refusal, &message) {
                continue;
            }
            // One block, or too many contracts: contract by contract.
            let mut logs = Vec::new();
            for exchange in exchanges {
                let exchange = std::slice::from_ref(exchange);
                logs.append(&mut self.logs_of(&asked, exchange).await?);
            }
            logs.sort_by_key(|log| (log.block_number, log.log_index));
            self.add_times(&mut logs).await?;
            return Ok((logs, *asked.end()));
        }
    }

    async fn logs_of(
        &self,
        asked: &RangeInclusive<u32>,
        exchanges: &[Exchange],
    ) -> Result<Vec<Log>, SourceError> {
        let hex = |word: &[u8]| format!("0x{}", const_hex::encode(word));
        let there = exchanges
            .iter()
            .filter(|one| one.first_block <= *asked.end());
        let addresses: Vec<_> = there.map(|one| one.address.to_string()).collect();
        if addresses.is_empty() {
            // A filter without contracts would be one for all of them.
            return Ok(Vec::new());
        }
        let topics = [
            topic::ORDER_FILLED_V1,
            topic::ORDER_FILLED_V2,
            topic::ORDERS_MATCHED_V1,
            topic::ORDERS_MATCHED_V2,
            topic::UPGRADED,
        ];
        let filter = json!([{
            "fromBlock": format!("{:#x}", asked.start()),
            "toBlock": format!("{:#x}", asked.end()),
            "address": addresses,
            "topics": [topics.map(|topic| hex(&topic))],
        }]);
        let asked = asked.clone();
        let read = move |body: &[u8]| {
            let logs: Vec<Log> = result(body)?;
            let places = logs.iter().map(|log| (log.block_number, log.log_index));
            let inside = logs.iter().all(|log| asked.contains(&log.block_number));
            if !inside || !places.is_sorted_by(|left, right| left < right) {
                return Err(Failure::misshapen(format!(
                    "logs of the blocks {asked:?} are not in order, or of other blocks"
                )));
            }
            Ok(logs)
        };
        self.send("eth_getLogs", filter, read).await
    }

    /// Asks for the times of blocks where the node does not send them along. They are never guessed: blocks do not come
    /// regularly.
    async fn add_times(&self, logs: &mut [Log]) -> Result<(), SourceError> {
        let without = logs.iter().filter(|log| log.block_timestamp.is_none());
        let mut numbers: Vec<u32> = without.map(|log| log.block_number).collect();
        numbers.dedup();
        let mut blocks = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(HEADERS_AT_ONCE) {
            blocks.append(&mut self.headers(numbers).await?);
        }
        let mut blocks = blocks.into_iter().peekable();
        for log in logs.iter_mut().filter(|log| log.block_timestamp.is_none()) {
            while blocks
                .next_if(|block| block.number < log.block_number)
                .is_some()
            {}
            log.block_timestamp = blocks.peek().map(|block| block.timestamp);
        }
        Ok(())
    }

    /// Asks for several blocks in one request, and returns them in order.
    async fn headers(&self, numbers: &[u32]) -> Result<Vec<Block>, SourceError> {
        let call = |(id, number): (usize, &u32)| {
            let params = json!([format!("{number:#x}"), false]);
            json!({ "jsonrpc": "2.0", "id": id, "method": "eth_getBlockByNumber", "params": params })
        };
        let calls: Vec<Value> = numbers.iter().enumerate().map(call).collect();
        let numbers = numbers.to_vec();
        let read = move |body: &[u8]| {
            // An error of all of them is one object.
            let answers: Vec<Answer<Block>> = match body.trim_ascii_start().first() {
                Some(b'[') => parse(body)?,
                _ => return Err(result::<Value>(body).err().unwrap_or_else(no_result)),
            };
            // They may come in any order.
            let mut blocks = answers
                .into_iter()
                .map(Answer::result)
                .collect::<Result<Vec<Block>, Failure>>()?;
            blocks.sort_by_key(|block| block.number);
            match blocks
                .iter()
                .map(|block| block.number)
                .eq(numbers.iter().copied())
            {
                true => Ok(blocks),
                false => Err(Failure::misshapen(
                    "the blocks are others than were asked for",
                )),
            }
        };
        self.post(json!(calls), read).await
    }

    async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, SourceError> {
        self.send(method, params, result).await
    }

    async fn send<T: Send + 'static>(
        &self,
        method: &str,
        params: Value,
        read: impl api_client::Read<T>,
    ) -> Result<T, SourceError> {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.post(call, read).await
    }

    async fn post<T: Send + 'static>(
        &self,
        call: Value,
        read: impl api_client::Read<T>,
    ) -> Result<T, SourceError> {
        let request = Request::Post {
            url: self.api.endpoint().url().clone(),
            json: Bytes::from(call.to_string()),
            pages: 1,
        };
        self.api.ask(&request, read).await
    }

    fn sizer(&self) -> MutexGuard<'_, RangeSizer> {
        // Each change is a few numbers, any of which will do.
        self.sizer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to one call.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Answer<T> {
    /// Absent is not `null`, which is a value of an [`Option`].
    #[serde(default, deserialize_with = "present")]
    result: Option<T>,
    #[serde(default)]
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<T> Answer<T> {
    fn result(self) -> Result<T, Failure> {
        match self.error {
            Some(error) => Err(error.into()),
            None => self.result.ok_or_else(no_result),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let Refused { code, message } = refused;
        let class = match Refusal::of(&message) {
            Refusal::BehindHead => Class::Passing,
            Refusal::RateLimited => Class::RateLimited { retry_after: None },
            Refusal::Pruned | Refusal::QuotaUsedUp => Class::Gone,
            // Nobody halves a call that is not about a range.
            Refusal::Unknown if code == -32601 => Class::Refused,
            _ => Class::TooHeavy,
        };
        Self::new(class, format!("{message} ({code})"))
    }
}

fn no_result() -> Failure {
    Failure::misshapen("the answer has neither result nor error")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::misshapen(error.to_string()))
}

/// Reads the result of one call.
fn result<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // A failed call may have a result of null beside its error, which is no `T`.
    let refused: Answer<IgnoredAny> = parse(body)?;
    if let Some(error) = refused.error {
        return Err(error.into());
    }
    parse::<Answer<T>>(body)?.result()
}

/// A number in hex behind `0x`, of up to 64 bits.
#[derive(Debug, Clone, Copy)]
struct Quantity(u64);

impl Quantity {
    fn block(self) -> Result<u32, SourceError> {
        u32::try_from(self.0).map_err(|_| SourceError::Protocol {
            message: format!("{} is no block of this chain", self.0),
        })
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text
            .strip_prefix("0x")
            .map(|digits| u64::from_str_radix(digits, 16));
        match number {
            Some(Ok(number)) => Ok(Self(number)),
            _ => Err(serde::de::Error::custom(format!(
                "{text:?} is no number in hex"
            ))),
        }
    }
}
