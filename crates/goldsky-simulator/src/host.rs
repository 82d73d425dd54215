//! How the simulated host runs graph-node.

/// How the host runs graph-node. The default is graph-node's own.
#[derive(Debug, Clone)]
pub struct Host {
    /// The largest `skip`.
    pub most_skip: u32,
    /// Whether queries are validated against the schema before they run.
    pub validates: bool,
    /// The most entities that a query may ask for.
    pub most_entities: Option<u64>,
    /// The deepest nesting of a query.
    pub most_depth: u32,
    /// The largest result in bytes, as graph-node counts it.
    pub most_result_bytes: Option<u64>,
    /// The most lists in one request, beyond which the store's statements time out.
    pub most_pages_per_request: Option<usize>,
    /// Whether answers are compressed for those who ask for it.
    pub compresses: bool,
    /// The deployment's hash; empty: one made from the data, so that other data are another
    /// deployment.
    pub deployment: String,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            most_skip: u32::MAX,
            validates: false,
            most_entities: None,
            most_depth: u32::from(u8::MAX),
            most_result_bytes: None,
            most_pages_per_request: None,
            compresses: false,
            deployment: String::new(),
        }
    }
}

impl Host {
    /// Returns the stricter settings that were recorded: skip up to 5000, validation, at most
    /// 10,000 entities.
    pub fn strict() -> Self {
        Self {
            most_skip: 5_000,
            validates: true,
            most_entities: Some(10_000),
            ..Self::default()
        }
    }
}

/// A budget of requests in fixed windows of ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests answered in each window.
    pub requests_per_10s: u32,
    /// Whether a refusal says in `Retry-After` when the window ends.
    pub retry_after: bool,
}
