//! What keeps a simulator from starting.

use std::io;
use std::path::PathBuf;

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be met; the caller must change it.
    #[error("{reason}")]
    Configuration {
        /// What is wrong with which setting.
        reason: String,
    },
    /// A file of given entities could not be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of given entities is no JSON object.
    #[error("line {line} of {name} is not a JSON object")]
    Line {
        /// Which of the given texts.
        name: &'static str,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
}
