use std::fmt;
use std::str::FromStr;

use url::Url;
use url::form_urlencoded::parse;

use crate::error::Error;

/// What is shown instead of a secret.
const MASK: &str = "***";

/// The shortest text that is taken for a secret: keys are longer, and words are not to be blotted
/// out.
const LEAST_BYTES: usize = 8;

/// Where to ask: an `http` or `https` URL.
///
/// `Display` and `Debug` show the whole of a public endpoint and of others only where they are: user,
/// password, path, query and fragment can hold secrets, and hosts of subgraphs put keys in the path.
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

    /// The data API, which tells what a wallet did.
    ///
    /// **Source**: Polymarket's documentation.
    pub const PUBLIC_DATA_API: &str = "https://data-api.polymarket.com";

    /// Returns the whole URL, secrets included.
    pub fn url(&self) -> &Url {
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

    /// Returns the words of a server without what they repeat of this URL.
    pub(crate) fn without_secrets(&self, words: &str) -> String {
        if self.is_public() {
            return words.to_owned();
        }
        let url = &self.0;
        let given = [url.username(), url.password().unwrap_or_default()];
        let decoded = given.iter().flat_map(|text| parse(text.as_bytes()));
        let mut secrets: Vec<String> = decoded.map(|(text, _)| text.into_owned()).collect();
        let whole = [url.path(), url.query().unwrap_or_default()];
        let texts = given.into_iter().chain(whole).chain(url.path().split('/'));
        secrets.extend(texts.map(str::to_owned));
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        // What stands in the public endpoint too is what such URLs are made of.
        secrets.retain(|text| text.len() >= LEAST_BYTES && !Self::PUBLIC_ORDERBOOK.contains(text));
        secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
        secrets.iter().fold(words.to_owned(), |words, secret| {
            words.replace(secret, MASK)
        })
    }

    fn is_public(&self) -> bool {
        [
            Self::PUBLIC_ORDERBOOK,
            Self::PUBLIC_GAMMA,
            Self::PUBLIC_DATA_API,
        ]
        .contains(&self.0.as_str().trim_end_matches('/'))
    }

    /// Returns the URL with a path appended to its own and with this query, as pairs.
    pub fn join(&self, path: &str, query: &[(&str, String)]) -> Url {
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
        match self.0.path() {
            path if self.is_public() || path == "/" => f.write_str(path),
            _ => write!(f, "/{MASK}"),
        }
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
        assert_eq!(secret.to_string(), "https://graph.example:8443/***");
        assert!(!format!("{secret:?}").contains("hunter2"));
        // Hosts of subgraphs put keys in the path.
        let keyed = endpoint("https://gateway.example/api/hunter2/subgraphs/id/Qm");
        assert_eq!(keyed.to_string(), "https://gateway.example/***");
        assert_eq!(endpoint("http://h").to_string(), "http://h/");
    }

    #[test]
    fn what_a_server_repeats_of_the_url_is_not_shown_either() {
        let keyed =
            endpoint("http://hunter20:p%40ssw0rd@h/api/hunter21/subgraphs/x?key=hunter22&a=b");
        assert_eq!(
            keyed
                .without_secrets("no /api/hunter21/subgraphs/x?key=hunter22 of hunter20: p@ssw0rd"),
            "no ***?key=*** of ***: ***"
        );
        assert_eq!(
            keyed.without_secrets("deployment `hunter21` is not among the subgraphs of x"),
            "deployment `***` is not among the subgraphs of x"
        );
        let public = endpoint(Endpoint::PUBLIC_ORDERBOOK);
        let words = "no subgraphs/orderbook-subgraph/0.0.1 of project_cl6mb8i9h0003e201j6li0diw";
        assert_eq!(public.without_secrets(words), words);
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
        assert!(!endpoint(Endpoint::PUBLIC_DATA_API).is_loopback());
        let shown = endpoint(Endpoint::PUBLIC_ORDERBOOK).to_string();
        assert_eq!(shown, Endpoint::PUBLIC_ORDERBOOK);
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
