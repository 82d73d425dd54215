/// Why a client could not be made. What a made client meets is a [`fills::SourceError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint is no URL that can be asked: the user must change it.
    #[error("the endpoint is not an http or https URL: {reason}")]
    BadEndpoint {
        /// What is wrong with it, without the URL itself, which can hold secrets.
        reason: String,
    },
    /// HTTP or TLS cannot be set up on this machine.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
}
