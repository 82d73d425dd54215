//! The way to the source: a real client at one end, a simulated graph-node at the other, and
//! whatever can happen between them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use fills::{Chunk, Slot, Source, SourceError, Survey, Task};
use goldsky_client::{Answer, Client, Request, Transport, TransportError};
use goldsky_simulator::Node;

use crate::world::World;

/// A client whose requests have as many pages as a schedule wants.
#[derive(Debug)]
pub(crate) struct Bundled {
    pub(crate) client: Client,
    pub(crate) pages: usize,
}

#[async_trait]
impl Source for Bundled {
    async fn survey(&self) -> Result<Survey, SourceError> {
        self.client.survey().await
    }

    fn max_rows(&self) -> u16 {
        self.client.max_rows()
    }

    async fn slot(&self) -> Box<dyn Slot> {
        Box::new(BundledSlot {
            slot: Source::slot(&self.client).await,
            pages: self.pages,
        })
    }
}

struct BundledSlot {
    slot: Box<dyn Slot>,
    pages: usize,
}

#[async_trait]
impl Slot for BundledSlot {
    fn capacity(&self, _: usize) -> usize {
        self.pages
    }

    fn max_tasks(&self) -> usize {
        self.pages
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        self.slot.read(tasks).await
    }
}

/// A way on which nothing happens.
#[derive(Debug)]
pub(crate) struct Direct(pub(crate) Arc<Node>);

#[async_trait]
impl Transport for Direct {
    async fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        Ok(whole(self.0.answer(json(request), 0)))
    }
}

/// A way on which the world has its say.
#[derive(Debug)]
pub(crate) struct Weathered {
    pub(crate) node: Arc<Node>,
    pub(crate) world: World,
    pub(crate) faults: f64,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    /// With the state of so many blocks ago.
    AnsweredLate(u64),
    Status(u16, &'static str, Option<u64>),
    Graph(&'static str),
    CutOff,
    Empty,
    Reset,
    Silence,
}

#[async_trait]
impl Transport for Weathered {
    async fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let world = &self.world;
        let fate = match world.happens(self.faults) {
            true => world.decide(Fate::bad),
            false => Fate::Answered,
        };
        let latency = match fate {
            Fate::Silence => Duration::from_secs(30),
            _ => world.decide(latency),
        };
        world.step("source is asked").await;
        world.sleep(latency).await;
        world
            .step(format!("source: {fate:?} after {latency:?}"))
            .await;
        let body = |blocks| self.node.answer(json(request), blocks);
        match fate {
            Fate::Answered => Ok(whole(body(0))),
            Fate::AnsweredLate(blocks) => Ok(whole(body(blocks))),
            Fate::Status(status, words, retry_after) => Ok(Answer {
                status,
                retry_after: retry_after.map(Duration::from_secs),
                body: words.into(),
                ..Answer::default()
            }),
            Fate::Graph(message) => Ok(whole(
                serde_json::json!({ "errors": [{ "message": message }] })
                    .to_string()
                    .into_bytes(),
            )),
            Fate::CutOff => {
                let mut body = body(0);
                let end = world.decide(|chance| chance.usize(0..body.len()));
                body.truncate(end);
                Ok(whole(body))
            }
            Fate::Empty => Ok(whole(Vec::new())),
            Fate::Reset => Err(TransportError::Broken("connection reset".to_owned())),
            Fate::Silence => Err(TransportError::TimedOut("timed out".to_owned())),
        }
    }
}

impl Fate {
    fn bad(chance: &mut Rng) -> Self {
        const QUERY_ALLOWANCE: &str = "Sorry, you've surpassed your query allowance. Please note \
                                       that limits reset every 10 seconds";
        match chance.u8(0..16) {
            0 | 1 => Self::AnsweredLate(chance.u64(1..100_000)),
            2 => Self::Status(429, QUERY_ALLOWANCE, None),
            3 => Self::Status(429, QUERY_ALLOWANCE, Some(chance.u64(0..12))),
            4 => Self::Status(500, "Internal server error", None),
            5 => Self::Status(502, "<html><h1>502 Bad Gateway</h1></html>", None),
            6 => Self::Status(504, "", None),
            7 => Self::Graph("Store error: database unavailable"),
            8 => Self::Graph("service is overloaded and can not run the query right now"),
            9 => Self::Graph(
                "Failed to get entities from store: canceling statement due to statement timeout",
            ),
            10 => Self::Graph("query is too expensive"),
            11 => Self::CutOff,
            12 => Self::Empty,
            13 => Self::Silence,
            _ => Self::Reset,
        }
    }
}

/// Most answers come soon, some late.
pub(crate) fn latency(chance: &mut Rng) -> Duration {
    let most_ms = match chance.u8(0..10) {
        0 => 8_000,
        1..4 => 1_000,
        _ => 200,
    };
    Duration::from_millis(chance.u64(1..=most_ms))
}

fn whole(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        retry_after: None,
        body,
        ..Answer::default()
    }
}

fn json(request: &Request) -> &[u8] {
    match request {
        Request::Post { json, .. } => json,
        Request::Get { .. } => &[],
    }
}
