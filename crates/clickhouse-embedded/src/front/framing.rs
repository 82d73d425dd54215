//! Puts the pieces of a streamed result together.

use super::format::Pieces;
use crate::exception::{Exception, code};

/// Drops what repeats at the beginning of every piece but the first.
#[derive(Debug)]
pub(super) struct Joiner {
    pieces: Pieces,
    header: Option<Vec<u8>>,
}

impl Joiner {
    pub(super) fn new(pieces: Pieces) -> Self {
        Self {
            pieces,
            header: None,
        }
    }

    /// Returns the part of a piece that goes out.
    ///
    /// **Errors**: a piece does not begin with the header of the first; better none than wrong.
    pub(super) fn piece<'p>(&mut self, piece: &'p [u8]) -> Result<&'p [u8], Exception> {
        if matches!(self.pieces, Pieces::Join | Pieces::Whole) {
            return Ok(piece);
        }
        match &self.header {
            None => {
                let len = header_len(self.pieces, piece).ok_or_else(no_header)?;
                self.header = Some(piece[..len].to_vec());
                Ok(piece)
            }
            Some(header) => piece.strip_prefix(&header[..]).ok_or_else(no_header),
        }
    }
}

fn no_header() -> Exception {
    Exception::new(
        code::LOGICAL_ERROR,
        "The pieces of the result do not fit together. (LOGICAL_ERROR)",
    )
}

fn header_len(pieces: Pieces, piece: &[u8]) -> Option<usize> {
    match pieces {
        Pieces::Join | Pieces::Whole => Some(0),
        Pieces::DropBinaryHeader { lists } => binary_header_len(piece, lists),
        Pieces::DropLines { lines, quoted } => lines_len(piece, lines, quoted),
    }
}

/// The count of columns, then for each list so many strings, each after its length.
fn binary_header_len(piece: &[u8], lists: usize) -> Option<usize> {
    let (columns, mut at) = varint(piece)?;
    for _ in 0..columns.checked_mul(lists)? {
        let (len, size) = varint(piece.get(at..)?)?;
        at = at.checked_add(size)?.checked_add(len)?;
    }
    (at <= piece.len()).then_some(at)
}

/// Reads LEB128: the number, and the bytes that it takes.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

fn lines_len(piece: &[u8], lines: usize, quoted: bool) -> Option<usize> {
    let (mut left, mut inside) = (lines, false);
    for (index, &byte) in piece.iter().enumerate() {
        match byte {
            b'"' if quoted => inside = !inside,
            b'\n' if !inside => {
                left -= 1;
                if left == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::format::pieces;

    fn join(format: &str, given: &[&[u8]]) -> Result<Vec<u8>, Exception> {
        let mut joiner = Joiner::new(pieces(format));
        let mut all = Vec::new();
        for piece in given {
            all.extend_from_slice(joiner.piece(piece)?);
        }
        Ok(all)
    }

    #[test]
    fn binary_headers_stay_once() {
        let first = b"\x01\x01n\x05UInt8\x07";
        let second = b"\x01\x01n\x05UInt8\x08\x09";
        assert_eq!(
            join("RowBinaryWithNamesAndTypes", &[first, second]).unwrap(),
            b"\x01\x01n\x05UInt8\x07\x08\x09"
        );
        assert_eq!(
            join("RowBinaryWithNames", &[b"\x01\x01n\x01", b"\x01\x01n\x02"]).unwrap(),
            b"\x01\x01n\x01\x02"
        );
    }

    #[test]
    fn text_headers_stay_once() {
        assert_eq!(
            join("CSVWithNames", &[b"\"a\nb\"\n1\n", b"\"a\nb\"\n2\n"]).unwrap(),
            b"\"a\nb\"\n1\n2\n"
        );
        assert_eq!(
            join("TSVWithNamesAndTypes", &[b"a\"\nT\n1\n", b"a\"\nT\n2\n"]).unwrap(),
            b"a\"\nT\n1\n2\n"
        );
    }

    #[test]
    fn pieces_that_differ_are_an_error_not_a_wrong_row() {
        assert!(join("CSVWithNames", &[b"a\n1\n", b"b\n2\n"]).is_err());
        assert!(join("RowBinaryWithNamesAndTypes", &[b"\x02\x01n"]).is_err());
        assert!(
            join(
                "RowBinaryWithNamesAndTypes",
                &[b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
            )
            .is_err()
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_joined_or_refused(
            format in "RowBinaryWithNames(AndTypes)?|CSVWithNames|TSVWithNamesAndTypes",
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            drop(join(&format, &[&bytes, &bytes]));
        }
    }
}
