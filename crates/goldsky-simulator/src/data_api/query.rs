//! What is asked for.

/// By time, which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// The parameters of a query string; what it does not know it ignores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowQuery {
    /// Lower-case hex.
    pub(crate) user: String,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    /// First second; 0 where none is given.
    pub(crate) start: i64,
    /// Last second, inclusive.
    pub(crate) end: i64,
    pub(crate) direction: Direction,
    pub(crate) taker_only: bool,
}

impl RowQuery {
    /// Reads a query string, or says what the API says of it.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self {
            user: String::new(),
            limit: 100,
            offset: 0,
            start: 0,
            end: i64::MAX,
            direction: Direction::Descending,
            taker_only: true,
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "user" => parsed.user = value.to_ascii_lowercase(),
                "limit" => parsed.limit = number(name, value)?,
                "offset" => parsed.offset = number(name, value)?,
                "start" => parsed.start = number(name, value)?,
                "end" => parsed.end = number(name, value)?,
                "takerOnly" => parsed.taker_only = value != "false",
                "sortDirection" if value == "ASC" => parsed.direction = Direction::Ascending,
                _ => {}
            }
        }
        match parsed.user.is_empty() {
            true => Err("required query param 'user' not provided".to_owned()),
            false => Ok(parsed),
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("invalid query param '{name}'"))
}
