//! The seam to the network.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

pub use crate::room::Room;

/// What to send.
#[derive(Clone)]
pub enum Request {
    /// A query, with its body as JSON.
    Post {
        /// Where to.
        url: Url,
        /// The body, as JSON.
        json: Bytes,
        /// Lists that it asks for: how large an answer to expect.
        pages: usize,
    },
    /// A resource to read.
    Get {
        /// Where from.
        url: Url,
    },
}

impl fmt::Debug for Request {
    /// Shows no URL: it can hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post { json, .. } => write!(f, "Post({} bytes)", json.len()),
            Self::Get { .. } => f.write_str("Get"),
        }
    }
}

/// An answer that arrived whole, whatever its status.
#[derive(Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long `Retry-After` asks to wait.
    pub retry_after: Option<Duration>,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// What bounds the memory of all bodies, held until this one was read.
    pub room: Option<Room>,
    /// How long that had to be waited for.
    pub room_wait: Duration,
}

/// Why no answer arrived whole. The text is one line without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// It may pass: no connection stood, and nothing was sent.
    #[error("{0}")]
    NotConnected(String),
    /// It may pass: a reset, a body cut off.
    #[error("{0}")]
    Broken(String),
    /// It may pass, or the request asked for too much: the connection stood and the answer did
    /// not come in time.
    #[error("{0}")]
    TimedOut(String),
    /// The answer is larger than the transport takes.
    #[error("{0}")]
    TooLarge(String),
}

/// Carries one request to the endpoint and its answer back. It retries nothing and paces nothing:
/// that is the client's.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request and reads its answer to the end.
    ///
    /// # Errors
    /// [`TransportError`] where no answer arrived whole.
    ///
    /// # Cancel safety
    /// Dropped, the request may have arrived or not.
    async fn send(&self, request: &Request) -> Result<Answer, TransportError>;
}
