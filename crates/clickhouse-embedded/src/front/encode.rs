//! Codes an answer's body.

use std::io::{self, Write};

use bytes::Bytes;

use super::blocks;

/// One way in which an answer is coded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    Identity,
    Gzip,
    /// Standard LZ4 frames.
    Lz4Frame,
    /// ClickHouse's own blocks.
    Blocks,
}

impl Coding {
    /// Returns the value of `Content-Encoding`.
    pub(super) fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity | Self::Blocks => None,
            Self::Gzip => Some("gzip"),
            Self::Lz4Frame => Some("lz4"),
        }
    }
}

/// Codes pieces, each so that the other side can decode it when it arrives.
pub(super) enum Encoder {
    Identity,
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Lz4Frame(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Blocks,
}

impl Encoder {
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Identity => Self::Identity,
            Coding::Gzip => {
                let level = flate2::Compression::fast();
                Self::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), level)))
            }
            Coding::Lz4Frame => {
                Self::Lz4Frame(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new())))
            }
            Coding::Blocks => Self::Blocks,
        }
    }

    /// Codes one piece.
    pub(super) fn piece(&mut self, data: &[u8]) -> io::Result<Bytes> {
        Ok(match self {
            Self::Identity => Bytes::copy_from_slice(data),
            Self::Blocks => Bytes::from(blocks::encode(data)),
            Self::Gzip(encoder) => {
                encoder.write_all(data)?;
                encoder.flush()?;
                Bytes::from(std::mem::take(encoder.get_mut()))
            }
            Self::Lz4Frame(encoder) => {
                encoder.write_all(data)?;
                encoder.flush()?;
                Bytes::from(std::mem::take(encoder.get_mut()))
            }
        })
    }

    /// Returns what the coding needs at its end.
    pub(super) fn end(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Identity | Self::Blocks => Bytes::new(),
            Self::Gzip(encoder) => Bytes::from(encoder.finish()?),
            Self::Lz4Frame(encoder) => Bytes::from(encoder.finish()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::front::blocks::BlockReader;

    fn encode(coding: Coding) -> Vec<u8> {
        let mut encoder = Encoder::new(coding);
        let mut all = Vec::new();
        for piece in [&b"one,"[..], &[b'x'; 70_000], b",two"] {
            all.extend_from_slice(&encoder.piece(piece).unwrap());
        }
        all.extend_from_slice(&encoder.end().unwrap());
        all
    }

    #[test]
    fn what_is_coded_can_be_decoded() {
        let plain = encode(Coding::Identity);
        let check = |coding: Coding, decode: fn(&[u8], &mut Vec<u8>) -> io::Result<usize>| {
            let mut decoded = Vec::new();
            decode(&encode(coding), &mut decoded).unwrap();
            assert_eq!(decoded, plain, "{coding:?}");
        };
        check(Coding::Gzip, |coded, out| {
            flate2::read::GzDecoder::new(coded).read_to_end(out)
        });
        check(Coding::Lz4Frame, |coded, out| {
            lz4_flex::frame::FrameDecoder::new(coded).read_to_end(out)
        });
        check(Coding::Blocks, |coded, out| {
            BlockReader::new(coded).read_to_end(out)
        });
    }
}
