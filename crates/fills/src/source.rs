//! Where fills come from.

use std::sync::Arc;

use async_trait::async_trait;

use crate::event::Malformed;
use crate::fill::Fill;
use crate::id::TokenId;
use crate::span::Span;

/// Which fills a task is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Those whose maker gave one of these tokens (the SELLs).
    MakerAssetIn(Arc<[TokenId]>),
    /// Those whose maker got one of these tokens (the BUYs).
    TakerAssetIn(Arc<[TokenId]>),
}

/// What to read: the fills of `filter` in a range of the source's positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which fills.
    pub filter: Filter,
    /// Which positions.
    pub range: Span,
    /// What the chunk before this range came with; nothing at a new range.
    pub resume: Option<Resume>,
}

/// How a source goes on behind a chunk. The source makes it, and the caller hands it back.
///
/// It is not durable: it says where a chunk ended, not what is in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// The last record of the range's first position that was read; nothing if none was.
    pub after: Option<String>,
    /// Maximum number of records to ask for at a time, while the source finds more too heavy.
    pub max_rows: Option<u16>,
    /// Maximum number of positions to ask for at a time, while the source finds more too heavy.
    pub max_positions: Option<u64>,
}

/// What was read of one [`Task`].
///
/// **Invariant**: it holds all records of the task before `complete_to` that earlier chunks did not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The fills, in order of position.
    pub fills: Vec<Fill>,
    /// Events that cannot be fills.
    pub malformed: Vec<Malformed>,
    /// All positions before this one were read to their end. The rest begins here.
    pub complete_to: u64,
    /// How to go on, where something is left of the range.
    pub resume: Option<Resume>,
}

impl Chunk {
    /// Returns how many records came, fills or not.
    pub fn len(&self) -> usize {
        self.fills.len() + self.malformed.len()
    }

    /// Returns true if no record came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a look at the source says before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The deployment's identity: two sources with the same one serve the same fills.
    pub deployment: String,
    /// The newest block it has indexed.
    pub head_block: u64,
    /// That block's time in seconds since 1970, where the source tells it.
    pub head_timestamp: Option<u64>,
    /// The first fill's second; nothing if the source has no fills.
    pub oldest: Option<u64>,
    /// The last fill's second; nothing if the source has no fills.
    pub newest: Option<u64>,
}

/// Why the source did not answer. Each variant is a decision of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The request asks for too much at once: read fewer tasks with it. For one task the source has
    /// reduced it as far as it can be.
    #[error("the source finds the request too heavy: {message}")]
    TooHeavy {
        /// The source's words, cut to a line.
        message: String,
    },
    /// The source could not be reached or kept failing for as long as it was tried.
    #[error("the source did not answer after {attempts} attempts: {message}")]
    Unavailable {
        /// How often it was asked.
        attempts: u32,
        /// What the last attempt met.
        message: String,
    },
    /// The service says that it exists no longer: stop, and name another.
    #[error("the source no longer exists: {message}")]
    Gone {
        /// The service's words, cut to a line.
        message: String,
    },
    /// The deployment says that its own data is broken: stop.
    #[error("the source is broken: {message}")]
    Broken {
        /// The source's words, cut to a line.
        message: String,
    },
    /// The source refuses the request or answers in another shape: no retry will help.
    #[error("the source and this program do not understand each other: {message}")]
    Protocol {
        /// What was refused or answered, cut to a line.
        message: String,
    },
}

/// A source of fills on an axis of its own: positions, of which only the source knows what they are.
///
/// Retrying what may pass is the source's own business, and so is how much to ask for. No error is ever an
/// empty chunk.
#[async_trait]
pub trait Source: Send + Sync {
    /// Looks at the source: what it is and how far it reaches.
    ///
    /// # Errors
    /// Any [`SourceError`]; a deployment with indexing errors is [`SourceError::Broken`].
    async fn survey(&self) -> Result<Survey, SourceError>;

    /// Returns the maximum number of records in a chunk, at least 1.
    fn max_rows(&self) -> u16;

    /// Waits until one more request may be sent. Whoever takes a slot before deciding what to read decides
    /// as late as possible.
    ///
    /// # Cancel safety
    /// A dropped call takes no slot. A slot that is dropped unused is lost.
    async fn slot(&self) -> Box<dyn Slot>;
}

/// The right to send one request, now.
#[async_trait]
pub trait Slot: Send {
    /// Returns how many tasks the request should be for, at least 1, where `streams` can be read from at
    /// a time and each is followed by another.
    fn capacity(&self, streams: usize) -> usize;

    /// Returns how many tasks the request may be for at most, at least 1.
    fn max_tasks(&self) -> usize;

    /// Reads from the beginning of each task, in the order of the tasks. A chunk may come without any
    /// progress, to be asked for again as its [`Resume`] says.
    ///
    /// # Errors
    /// Any [`SourceError`]; then nothing was read of any task.
    ///
    /// # Cancel safety
    /// Nothing is kept between calls: a dropped call can be made again with another slot.
    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError>;
}
