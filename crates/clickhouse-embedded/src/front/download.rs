//! An answer's body on its way from the engine's thread to the connection's task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::instance::Instance;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Download {
    content: Content,
    /// The engine must outlive what it makes. The engine's own threads do not set it, as its
    /// end waits for them.
    engine: Option<Arc<Instance>>,
}

#[derive(Debug)]
enum Content {
    Full(Option<Bytes>),
    Pieces(mpsc::Receiver<Piece>),
}

impl Download {
    /// Makes a body of known bytes.
    pub(super) fn full(bytes: Bytes) -> Self {
        Self {
            content: Content::Full(Some(bytes)),
            engine: None,
        }
    }

    /// Makes a body of what comes until [`Piece::End`].
    pub(super) fn pieces(pieces: mpsc::Receiver<Piece>) -> Self {
        Self {
            content: Content::Pieces(pieces),
            engine: None,
        }
    }

    /// Keeps the engine open as long as the body is there.
    pub(super) fn keep(mut self, engine: Arc<Instance>) -> Self {
        self.engine = Some(engine);
        self
    }
}

/// A part of an answer's body.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    /// The result is complete. Without it, the connection is cut, lest a part pass for all.
    End,
}

/// The engine stopped before the end of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the result was cut off")]
pub(crate) struct Cut;

impl Body for Download {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.get_mut().content {
            Content::Full(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Pieces(pieces) => pieces.poll_recv(context).map(|piece| match piece {
                Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::End) => None,
                None => Some(Err(Cut)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Pieces(_) => SizeHint::default(),
        }
    }
}
