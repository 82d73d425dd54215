//! The fills that schedules are about, made once for all of them.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use clickhouse_sink::EncodeRow as _;
use fill_table::FillRow;
use fills::{Fill, FillId, Filter, TokenId};
use goldsky_client::{Client, Config, PageQuery};
use goldsky_simulator::{Data, Host, Node, Seeded};
use pacer::Pacer;

use crate::plan::DATASETS;
use crate::source::Direct;
use crate::table::Row;

/// A source and what a complete load of it comes to.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) node: Arc<Node>,
    pub(crate) fills: Vec<Expected>,
    pub(crate) tokens: Vec<TokenId>,
}

/// A fill that has to be in the table.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: FillId,
    pub(crate) second: u64,
    pub(crate) token: TokenId,
    /// The row, as it is sent.
    pub(crate) row: Vec<u8>,
}

impl Dataset {
    /// Returns one of [`DATASETS`].
    pub(crate) fn get(index: usize) -> Arc<Self> {
        static ALL: [OnceLock<Arc<Dataset>>; DATASETS] = [const { OnceLock::new() }; DATASETS];
        Arc::clone(ALL[index].get_or_init(|| Arc::new(Self::make(index as u64))))
    }

    /// Returns in how many partitions the rows lie.
    pub(crate) fn partitions(&self) -> u64 {
        let rows = self.fills.iter();
        let rows = rows.filter_map(|fill| fill.row.as_slice().try_into().ok().map(Row));
        let partitions: BTreeSet<u32> = rows.map(|row| row.partition()).collect();
        partitions.len().max(1) as u64
    }

    /// Sizes from nothing to some hundred; spans from seconds, where pages end within a second,
    /// to months, where batches lie in several partitions.
    fn make(index: u64) -> Self {
        let span = [9, 60, 900, 86_400, 100 * 86_400][index as usize % 5];
        let seeded = Seeded {
            seed: index + 1,
            markets: [1, 3, 8][index as usize % 3],
            fills: [150, 40, 260, 90, 1, 330, 200, 0][index as usize % 8],
            first_second: 1_700_000_000,
            last_second: 1_700_000_000 + span,
            ..Seeded::default()
        };
        let node = Node::make(&Data::Seeded(seeded), Host::default())
            .map(Arc::new)
            .unwrap_or_else(|error| panic!("data set {index}: {error}"));
        let fills: Vec<_> = read_all(&node).into_iter().map(Expected::from).collect();
        assert_eq!(fills.len() as u64, node.expected().fills);
        let tokens: BTreeSet<_> = fills.iter().map(|fill| fill.token).collect();
        Self {
            node,
            fills,
            tokens: tokens.into_iter().collect(),
        }
    }
}

impl From<Fill> for Expected {
    fn from(fill: Fill) -> Self {
        let mut row = Vec::new();
        // A fill always has a row.
        let _ = FillRow(fill).encode(&mut row);
        Self {
            id: fill.id,
            second: u64::from(fill.timestamp),
            token: fill.token_id,
            row,
        }
    }
}

/// Reads everything, page by page and without any of the machinery under test.
fn read_all(node: &Arc<Node>) -> Vec<Fill> {
    let endpoint = "http://simulated/".parse();
    let mut config = Config::new(endpoint.unwrap_or_else(|error| panic!("{error}")));
    config.decoders = 0;
    let transport = Arc::new(Direct(Arc::clone(node)));
    let client = Client::with_transport(config, Pacer::new(pacer::Config::default()), transport);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        let mut fills = Vec::new();
        let mut after = None;
        loop {
            let query = PageQuery {
                filter: Filter::All,
                from: 0,
                after,
                until: u64::from(u32::MAX),
                limit: 1000,
            };
            let pages = client.pages(&[query]).await;
            let mut pages = pages.unwrap_or_else(|error| panic!("{error}"));
            let page = pages.remove(0);
            fills.extend(page.fills);
            after = page.last;
            if after.is_none() {
                return fills;
            }
        }
    })
}
