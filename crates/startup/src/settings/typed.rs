//! The settings as values, grouped by what they are about.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fills::{ConditionId, TokenId};
use url::Url;

use super::choice::{Output, Strategy};
use super::presentation::Shown;
use super::secret::Secret;

/// Every setting, checked. Paths are joined to the directory that the program was started in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where fills come from, and how fast.
    pub source: SourceSettings,
    /// Where fills go.
    pub table: TableSettings,
    /// Which fills.
    pub scope: ScopeSettings,
    /// How far the job is.
    pub progress: ProgressSettings,
    /// For whom output is written.
    pub output: Output,
    /// Where `/metrics`, `/health` and the live page are served; nothing means not at all.
    pub metrics_listen: Option<SocketAddr>,
    pub(super) shown: Vec<Shown>,
}

/// Where fills come from, and how fast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// The GraphQL endpoint.
    pub endpoint: Url,
    /// Most requests in flight at once, 1 to 1024.
    pub workers: usize,
    /// Hard cap on the request rate, at least 1; nothing means that it is learned.
    pub requests_per_10s: Option<u32>,
    /// Most pages asked for in one request, 1 to 100; nothing means that it is learned.
    pub pages_per_request: Option<usize>,
    /// How long a failing request is tried again before its part is given up.
    pub patience: Duration,
    /// Polymarket's market texts.
    pub gamma_url: Url,
    /// The second witness of a wallet's fills.
    pub data_api: Url,
}

/// Where fills go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// The `ClickHouse` server, or its replicas; none means the embedded engine.
    pub clickhouse_urls: Vec<Url>,
    /// The user at the server.
    pub clickhouse_user: String,
    /// The password at the server; it may be empty.
    pub clickhouse_password: Secret,
    /// Sent instead of user and password.
    pub clickhouse_access_token: Option<Secret>,
    /// The database, a plain name.
    pub clickhouse_database: String,
    /// A PEM file of certificates to trust beside the system's.
    pub clickhouse_ca: Option<PathBuf>,
    /// PEM files of the certificate that the connection shows and of its key.
    pub clickhouse_client_cert: Option<(PathBuf, PathBuf)>,
    /// Headers of every request to the server, by name.
    pub clickhouse_headers: Vec<(String, Secret)>,
    /// Roles of every request to the server; none means the user's default roles.
    pub clickhouse_roles: Vec<String>,
    /// `ClickHouse` settings of every request to the server, by name.
    pub clickhouse_settings: Vec<(String, String)>,
    /// The embedded engine's data.
    pub data_dir: PathBuf,
    /// What readers query, a plain name.
    pub table: String,
    /// Rows in one insert, 1 to 1,000,000.
    pub insert_batch_size: usize,
}

/// Which fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeSettings {
    /// How the source is asked.
    pub strategy: Strategy,
    /// First second, inclusive; nothing means from the beginning.
    pub from: Option<u64>,
    /// Last second, exclusive and after `from`; nothing means to the end.
    pub to: Option<u64>,
    /// Only these markets, those of the markets file behind those of flags, each once.
    pub condition_ids: Vec<ConditionId>,
    /// Only these tokens, those of the markets file behind those of flags, each once.
    pub token_ids: Vec<TokenId>,
    /// Only the first so many markets, at least 1.
    pub limit: Option<usize>,
    /// How the source is followed; nothing ends with what there is.
    pub follow: Option<FollowSettings>,
}

/// How a source is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowSettings {
    /// How far behind the newest block fills are final.
    pub settled_after: Duration,
    /// Time between looks at a source that moves.
    pub look_every: Duration,
}

impl TableSettings {
    /// Returns true if the embedded engine is used.
    pub fn is_embedded(&self) -> bool {
        self.clickhouse_urls.is_empty()
    }
}

impl ScopeSettings {
    /// Tells whether only some markets are asked for.
    pub fn is_some_markets(&self) -> bool {
        self.names_markets() || self.limit.is_some()
    }

    /// Tells whether markets or tokens are asked for by their ids.
    pub fn names_markets(&self) -> bool {
        !self.condition_ids.is_empty() || !self.token_ids.is_empty()
    }
}

/// How far the job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressSettings {
    /// The file that keeps it.
    pub checkpoint: PathBuf,
    /// Finished work items between checkpoints, at least 1.
    pub checkpoint_interval: u64,
    /// Whether to forget what is there.
    pub fresh: bool,
    /// Whether to go on without asking.
    pub yes: bool,
}

impl Settings {
    /// Returns every setting with its value and origin, in the order of
    /// [`SETTINGS`](super::SETTINGS), as `config show` prints them.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }
}
