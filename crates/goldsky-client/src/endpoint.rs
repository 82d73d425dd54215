use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::error::Error;

/// Where to ask: an `http` or `https` URL.
///
/// `Display` and `Debug` show neither user, password, query nor fragment, which can hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The hosted subgraph that indexes both V1 exchanges.
    ///
    /// **Source**: Polymarket's documentation of its subgraphs.
    pub const PUBLIC_ORDERBOOK: &str = "https://api.goldsky.com/api/public/project_cl6mb8i9h0003e201j6li0diw/subgraphs/orderbook-subgraph/0.0.1/gn";

    /// Gamma, Polymarket's market catalogue.
    ///
    /// **Source**: Polymarket's documentation.
    pub const PUBLIC_GAMMA: &str = "https://gamma-api.polymarket.com";

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Tells whether the endpoint is on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns the URL with a path appended to its own and with this query, as pairs.
    pub(crate) fn join(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.0.clone();
        let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads a URL.
    ///
    /// # Errors
    /// [`Error::BadEndpoint`] if it is none, or of another scheme than `http` and `https`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadEndpoint { reason };
        let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("its scheme is {:?}", url.scheme())));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.0.scheme())?;
        f.write_str(self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = endpoint("https://user:hunter2@graph.example:8443/api/gn?key=hunter2#hunter2");
        assert_eq!(secret.to_string(), "https://graph.example:8443/api/gn");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn only_http_is_an_endpoint() {
        let check = |text: &str, reason: &str| {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        };
        check("ftp://example.org/", "ftp");
        check("api.example.org/gn", "relative");
        check("", "relative");
    }

    #[test]
    fn the_public_endpoints_parse() {
        assert!(!endpoint(Endpoint::PUBLIC_ORDERBOOK).is_loopback());
        assert!(!endpoint(Endpoint::PUBLIC_GAMMA).is_loopback());
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for text in ["http://127.0.0.1:1/", "http://[::1]/", "http://localhost/x"] {
            assert!(endpoint(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn paths_and_queries_are_appended() {
        let url = endpoint("http://h/base/?k=v").join("markets", &[("a", "1 2".to_owned())]);
        assert_eq!(url.as_str(), "http://h/base/markets?k=v&a=1+2");
    }
}
