//! Sends a statement's result to the client, from the engine's thread.

use bytes::Bytes;
use http::Response;
use tokio::sync::{mpsc, oneshot, watch};

use super::download::{Download, Piece};
use super::encode::Encoder;
use super::format::Pieces;
use super::framing::Joiner;
use super::reply::Replier;
use crate::exception::{Exception, code};
use crate::library::{Counts, Outcome, RowStream};

/// Pieces that wait for the network.
const WAITING: usize = 2;
/// The largest piece.
const PIECE_BYTES: usize = 1 << 20;

/// Where the answer to one request goes. It is given at most once.
pub(super) struct Answer {
    replier: Replier,
    closing: watch::Receiver<bool>,
    head: Option<oneshot::Sender<Response<Download>>>,
}

impl Answer {
    pub(super) fn new(
        replier: Replier,
        closing: watch::Receiver<bool>,
        head: oneshot::Sender<Response<Download>>,
    ) -> Self {
        Self {
            replier,
            closing,
            head: Some(head),
        }
    }

    /// Answers with an error.
    pub(super) fn error(&mut self, exception: &Exception) {
        let response = self.replier.error(exception);
        self.send(response);
    }

    /// Answers that a statement without a result is done.
    pub(super) fn empty(&mut self, format: &str, counts: Counts) {
        self.full(format, counts, Bytes::new());
    }

    /// Answers with a whole result.
    pub(super) fn whole(&mut self, outcome: &Outcome, format: &str) -> Result<(), Exception> {
        let mut encoder = Encoder::new(self.replier.coding);
        let bytes = outcome.bytes();
        if bytes.len() > PIECE_BYTES {
            let mut pieces = self.pieces(format, outcome.counts(), encoder);
            pieces.send(bytes);
            pieces.end();
            return Ok(());
        }
        let body = coded(&mut encoder, bytes)?;
        let body = with_end(vec![body], encoder)?;
        self.full(format, outcome.counts(), body);
        Ok(())
    }

    /// Answers with a result as it comes.
    ///
    /// The head waits for the second piece: a small result gets its length and all its counts,
    /// and an error that comes early is the answer.
    pub(super) fn stream(
        &mut self,
        mut stream: RowStream<'_>,
        format: &str,
        pieces: Pieces,
        wait_for_end: bool,
    ) -> Result<(), Exception> {
        let mut joiner = Joiner::new(pieces);
        let mut encoder = Encoder::new(self.replier.coding);
        let (mut counts, mut early) = (Counts::default(), Vec::new());
        while wait_for_end || early.len() < 2 {
            let Some(outcome) = stream.next()? else {
                let body = with_end(early, encoder)?;
                self.full(format, counts, body);
                return Ok(());
            };
            counts += outcome.counts();
            early.push(coded(&mut encoder, joiner.piece(outcome.bytes())?)?);
        }
        let mut sender = self.pieces(format, counts, encoder);
        if early.into_iter().all(|piece| sender.send_coded(piece)) {
            self.rest(stream, joiner, sender);
        }
        Ok(())
    }

    fn rest(&self, mut stream: RowStream<'_>, mut joiner: Joiner, mut sender: Sender) {
        let failed = loop {
            match stream.next() {
                Ok(Some(outcome)) => match joiner.piece(outcome.bytes()) {
                    Ok(piece) if sender.send(piece) => {}
                    // Nobody reads; dropping the stream cancels the statement.
                    Ok(_) => return,
                    Err(exception) => break exception,
                },
                Ok(None) => return sender.end(),
                Err(exception) => break exception,
            }
        };
        // The client looks for the frame at a piece's end, so it is a piece of its own.
        if sender.send(self.replier.late_error(&failed).as_bytes()) {
            sender.end();
        }
    }

    fn full(&mut self, format: &str, counts: Counts, body: Bytes) {
        let response = self.replier.result(format, counts, Download::full(body));
        self.send(response);
    }

    fn pieces(&mut self, format: &str, counts: Counts, encoder: Encoder) -> Sender {
        let (sender, receiver) = mpsc::channel(WAITING);
        let body = Download::pieces(receiver);
        let response = self.replier.result(format, counts, body);
        self.send(response);
        Sender {
            pieces: sender,
            closing: self.closing.clone(),
            encoder,
        }
    }

    fn send(&mut self, response: Response<Download>) {
        if let Some(head) = self.head.take() {
            // A client that went away needs no answer.
            drop(head.send(response));
        }
    }
}

struct Sender {
    pieces: mpsc::Sender<Piece>,
    closing: watch::Receiver<bool>,
    encoder: Encoder,
}

impl Sender {
    /// Codes and sends bytes; false if nobody takes them any more.
    fn send(&mut self, bytes: &[u8]) -> bool {
        bytes
            .chunks(PIECE_BYTES)
            .all(|chunk| coded(&mut self.encoder, chunk).is_ok_and(|piece| self.send_coded(piece)))
    }

    fn send_coded(&mut self, piece: Bytes) -> bool {
        piece.is_empty() || self.give(Piece::Data(piece))
    }

    fn end(mut self) {
        let encoder = std::mem::replace(&mut self.encoder, Encoder::Identity);
        if encoder.end().is_ok_and(|last| self.send_coded(last)) {
            self.give(Piece::End);
        }
    }

    fn give(&mut self, piece: Piece) -> bool {
        futures::executor::block_on(async {
            tokio::select! {
                biased;
                _ = self.closing.wait_for(|closing| *closing) => false,
                sent = self.pieces.send(piece) => sent.is_ok(),
            }
        })
    }
}

fn coded(encoder: &mut Encoder, bytes: &[u8]) -> Result<Bytes, Exception> {
    encoder.piece(bytes).map_err(|error| coding_failed(&error))
}

fn with_end(mut pieces: Vec<Bytes>, encoder: Encoder) -> Result<Bytes, Exception> {
    pieces.push(encoder.end().map_err(|error| coding_failed(&error))?);
    pieces.retain(|piece| !piece.is_empty());
    Ok(match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => Bytes::from(pieces.concat()),
    })
}

fn coding_failed(error: &std::io::Error) -> Exception {
    Exception::new(
        code::LOGICAL_ERROR,
        format_args!("Cannot compress the result: {error}"),
    )
}
