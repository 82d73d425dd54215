//! A request's body on its way from the connection's task to the engine's thread.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, watch};

use crate::exception::{Exception, code};

/// Pieces that wait between network and engine. The engine keeps 16 more.
const PIECES: usize = 4;

enum Piece {
    Data(Bytes),
    /// The body ended as its length or its last chunk says. A body that is dropped before has
    /// been torn.
    End,
}

/// Makes a connected pair. A receiver also ends when `closing` turns true.
pub(super) fn channel(closing: watch::Receiver<bool>) -> (Sender, Upload) {
    let (sender, receiver) = mpsc::channel(PIECES);
    (
        Sender(sender),
        Upload {
            receiver,
            closing,
            left: Bytes::new(),
            ended: false,
        },
    )
}

/// The network's end.
#[derive(Debug)]
pub(super) struct Sender(mpsc::Sender<Piece>);

impl Sender {
    /// Hands a piece over; false if nobody takes more.
    pub(super) async fn data(&self, data: Bytes) -> bool {
        data.is_empty() || self.0.send(Piece::Data(data)).await.is_ok()
    }

    /// Says that the body is complete.
    pub(super) async fn end(self) {
        // An engine that has answered already takes no end.
        drop(self.0.send(Piece::End).await);
    }
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::End => f.write_str("End"),
        }
    }
}

/// The engine's end. Reading blocks, so it is for the engine's threads only.
#[derive(Debug)]
pub(super) struct Upload {
    receiver: mpsc::Receiver<Piece>,
    closing: watch::Receiver<bool>,
    left: Bytes,
    ended: bool,
}

/// The body stopped before its end: the client went away, or the engine is closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's body was torn off")]
pub(super) struct Torn;

impl Upload {
    /// Waits for the next piece; `None` at the proper end.
    pub(super) fn piece(&mut self) -> Result<Option<Bytes>, Torn> {
        if !self.left.is_empty() {
            return Ok(Some(std::mem::take(&mut self.left)));
        }
        if self.ended {
            return Ok(None);
        }
        let piece = futures::executor::block_on(async {
            tokio::select! {
                biased;
                _ = self.closing.wait_for(|closing| *closing) => None,
                piece = self.receiver.recv() => piece,
            }
        });
        match piece {
            Some(Piece::Data(data)) => Ok(Some(data)),
            Some(Piece::End) => {
                self.ended = true;
                Ok(None)
            }
            None => Err(Torn),
        }
    }
}

impl Upload {
    /// Waits until it is known whether the body is at its proper end.
    pub(super) fn at_end(&mut self) -> Result<bool, Torn> {
        match self.piece()? {
            Some(piece) => {
                self.left = piece;
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.piece() {
            Ok(Some(mut piece)) => {
                let len = piece.len().min(buffer.len());
                piece.copy_to_slice(&mut buffer[..len]);
                self.left = piece;
                Ok(len)
            }
            Ok(None) => Ok(0),
            Err(torn) => Err(io::Error::other(torn)),
        }
    }
}

impl From<Torn> for Exception {
    fn from(torn: Torn) -> Self {
        Self::new(code::ABORTED, format_args!("{torn}. (ABORTED)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (Sender, Upload, watch::Sender<bool>) {
        let (closing, watch) = watch::channel(false);
        let (sender, upload) = channel(watch);
        (sender, upload, closing)
    }

    #[test]
    fn a_body_is_complete_only_with_its_end() {
        let (sender, mut upload, _closing) = open();
        futures::executor::block_on(async {
            assert!(sender.data(Bytes::from_static(b"abc")).await);
            sender.end().await;
        });
        assert_eq!(upload.piece(), Ok(Some(Bytes::from_static(b"abc"))));
        assert_eq!(upload.piece(), Ok(None));
        assert_eq!(upload.piece(), Ok(None));

        let (sender, mut upload, _closing) = open();
        drop(sender);
        assert_eq!(upload.piece(), Err(Torn));
    }

    #[test]
    fn closing_the_engine_tears_a_waiting_body() {
        let (_sender, mut upload, closing) = open();
        closing.send_replace(true);
        assert_eq!(upload.piece(), Err(Torn));
    }

    #[test]
    fn pieces_are_read_in_any_portion() {
        let (sender, mut upload, _closing) = open();
        futures::executor::block_on(async {
            assert!(sender.data(Bytes::from_static(b"hello")).await);
            sender.end().await;
        });
        let mut three = [0; 3];
        upload.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"hel");
        assert_eq!(upload.piece(), Ok(Some(Bytes::from_static(b"lo"))));
    }
}
