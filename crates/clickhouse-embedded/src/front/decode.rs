//! Undoes the codings of a request's body.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::Bytes;

use super::blocks::{BlockError, BlockReader};
use super::upload::{Torn, Upload};
use crate::exception::{Exception, code};

/// How much is decoded at a time.
const PIECE_BYTES: usize = 256 << 10;

/// One way in which a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// Zlib, as HTTP means it.
    Deflate,
    /// Standard LZ4 frames.
    Lz4Frame,
    /// ClickHouse's own blocks.
    Blocks,
}

/// A request's body without its codings. Reading blocks.
pub(super) enum Body {
    Plain(Upload),
    Coded(Box<dyn Read>, Shared),
}

/// The body under its codings, which is asked whether it has ended when they say so.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<Upload>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl Body {
    /// Undoes `codings`, outermost first.
    pub(super) fn new(upload: Upload, codings: &[Coding]) -> Self {
        if codings.is_empty() {
            return Self::Plain(upload);
        }
        let shared = Shared(Rc::new(RefCell::new(upload)));
        let reader = codings.iter().fold(
            Box::new(shared.clone()) as Box<dyn Read>,
            |inner, coding| match coding {
                Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(inner)),
                Coding::Deflate => Box::new(flate2::read::ZlibDecoder::new(inner)),
                Coding::Lz4Frame => Box::new(lz4_flex::frame::FrameDecoder::new(inner)),
                Coding::Blocks => Box::new(BlockReader::new(inner)),
            },
        );
        Self::Coded(reader, shared)
    }

    /// Waits for the next piece; `None` at the proper end, of the coding and of the body.
    pub(super) fn piece(&mut self) -> Result<Option<Bytes>, Exception> {
        let (reader, shared) = match self {
            Self::Plain(upload) => return Ok(upload.piece()?),
            Self::Coded(reader, shared) => (reader, shared),
        };
        let mut piece = vec![0; PIECE_BYTES];
        // A frame's end reads as an end, and another frame may follow: hence twice.
        for _ in 0..2 {
            let len = reader.read(&mut piece).map_err(|error| refusal(&error))?;
            if len > 0 {
                piece.truncate(len);
                return Ok(Some(Bytes::from(piece)));
            }
            if shared.0.borrow_mut().at_end()? {
                return Ok(None);
            }
        }
        Err(refusal(&io::Error::other("the body goes on after its end")))
    }
}

/// Finds what was behind a reader's error.
fn refusal(error: &std::io::Error) -> Exception {
    let mut cause: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as _);
    while let Some(error) = cause {
        if let Some(torn) = error.downcast_ref::<Torn>() {
            return Exception::from(*torn);
        }
        if let Some(BlockError::Checksum) = error.downcast_ref::<BlockError>() {
            return Exception::new(
                code::CHECKSUM_DOESNT_MATCH,
                format_args!("{error}. (CHECKSUM_DOESNT_MATCH)"),
            );
        }
        cause = match error.downcast_ref::<std::io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    Exception::new(
        code::CANNOT_DECOMPRESS,
        format_args!("Cannot decompress the request's body: {error}. (CANNOT_DECOMPRESS)"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::sync::watch;

    use super::*;
    use crate::front::{blocks, upload};

    fn read(bytes: Vec<u8>, codings: &[Coding], complete: bool) -> Result<Vec<u8>, Exception> {
        let (_closing, watch) = watch::channel(false);
        let (sender, upload) = upload::channel(watch);
        futures::executor::block_on(async {
            sender.data(Bytes::from(bytes)).await;
            if complete {
                sender.end().await;
            }
        });
        let mut body = Body::new(upload, codings);
        let mut all = Vec::new();
        while let Some(piece) = body.piece()? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(data: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_coding_is_undone() {
        let data = b"hello\n\nhello".repeat(100_000);
        assert_eq!(read(data.clone(), &[], true).unwrap().len(), data.len());
        assert_eq!(read(gzip(&data), &[Coding::Gzip], true).unwrap(), data);
        assert_eq!(read(lz4(&data), &[Coding::Lz4Frame], true).unwrap(), data);
        let both = gzip(&blocks::encode(&data));
        assert_eq!(
            read(both, &[Coding::Gzip, Coding::Blocks], true).unwrap(),
            data
        );
    }

    #[test]
    fn a_torn_body_is_never_an_end() {
        for (bytes, codings) in [
            (b"hello".to_vec(), &[][..]),
            (gzip(b"hello"), &[Coding::Gzip]),
            (blocks::encode(b"hello"), &[Coding::Blocks]),
            (lz4(b"hello"), &[Coding::Lz4Frame]),
        ] {
            let error = read(bytes, codings, false).unwrap_err();
            assert_eq!(error.code, code::ABORTED, "{codings:?} {}", error.text);
        }
    }

    #[test]
    fn frames_can_follow_each_other_and_nothing_else_can() {
        let two = [lz4(b"hello "), lz4(b"world")].concat();
        assert_eq!(
            read(two, &[Coding::Lz4Frame], true).unwrap(),
            b"hello world"
        );
        let two = [gzip(b"hello "), gzip(b"world")].concat();
        assert_eq!(read(two, &[Coding::Gzip], true).unwrap(), b"hello world");
        let more = [lz4(b"hello"), b"more than a header".to_vec()].concat();
        assert!(read(more, &[Coding::Lz4Frame], true).is_err());
    }

    #[test]
    fn a_coding_that_stops_early_is_an_error() {
        for (mut bytes, coding) in [
            (gzip(b"hello"), Coding::Gzip),
            (blocks::encode(b"hello"), Coding::Blocks),
            (lz4(&[7; 1000]), Coding::Lz4Frame),
        ] {
            bytes.truncate(bytes.len() - 5);
            assert!(read(bytes, &[coding], true).is_err(), "{coding:?}");
        }
    }

    #[test]
    fn a_broken_checksum_has_clickhouses_code() {
        let mut bytes = blocks::encode(b"hello");
        bytes[0] ^= 1;
        let error = read(bytes, &[Coding::Blocks], true).unwrap_err();
        assert_eq!(error.code, code::CHECKSUM_DOESNT_MATCH);
    }
}
