//! ClickHouse's own compressed blocks, the body of `decompress=1` and `compress=1`.
//!
//! A block is a `CityHash128` checksum (16 bytes) of what follows; the method (1 byte); the size
//! of what follows the checksum (4 bytes, little endian); the size of the data (4 bytes); the
//! data, compressed.
//!
//! **Source**: `CompressedReadBufferBase` and `ICompressionCodec` of ClickHouse.

use std::io::{self, Read};

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const LZ4: u8 = 0x82;
const NONE: u8 = 0x02;

/// The largest block taken, compressed or not. Clients send blocks of about a megabyte.
const MAX_BLOCK_BYTES: usize = 256 << 20;

/// What a byte of LZ4 can stand for at the most: each byte of a length adds 255.
const MOST_FOR_A_BYTE: usize = 255;

/// Why a block is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    #[error("checksum doesn't match: corrupted data")]
    Checksum,
    #[error("unknown compression method 0x{0:02x}")]
    Method(u8),
    #[error("a block of {0} bytes is out of bounds")]
    Size(usize),
    #[error("the block is corrupted: {0}")]
    Data(String),
    #[error("the data ends inside a block")]
    Cut,
}

/// Encodes data as one block.
pub(crate) fn encode(data: &[u8]) -> Vec<u8> {
    let start = CHECKSUM_BYTES + HEADER_BYTES;
    let mut block = vec![0; start + lz4_flex::block::get_maximum_output_size(data.len())];
    let (method, size) = match lz4_flex::block::compress_into(data, &mut block[start..]) {
        Ok(size) => (LZ4, size),
        // The buffer has the size that the codec asks for; stored data is right in any case.
        Err(_) => {
            block[start..start + data.len()].copy_from_slice(data);
            (NONE, data.len())
        }
    };
    block.truncate(start + size);
    let (checksum, rest) = block.split_at_mut(CHECKSUM_BYTES);
    rest[0] = method;
    rest[1..5].copy_from_slice(&((HEADER_BYTES + size) as u32).to_le_bytes());
    rest[5..9].copy_from_slice(&(data.len() as u32).to_le_bytes());
    checksum.copy_from_slice(&checksum_of(rest));
    block
}

/// Decodes the block that `bytes` begins with: its data, and the length that it took.
///
/// `None`: more bytes are needed.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, BlockError> {
    let Some((checksum, rest)) = bytes.split_at_checked(CHECKSUM_BYTES) else {
        return Ok(None);
    };
    let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let size = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
    };
    let (method, packed, unpacked) = (header[0], size(1), size(5));
    if !matches!(method, LZ4 | NONE) {
        return Err(BlockError::Method(method));
    }
    if !(HEADER_BYTES..=MAX_BLOCK_BYTES).contains(&packed) || unpacked > MAX_BLOCK_BYTES {
        return Err(BlockError::Size(packed.max(unpacked)));
    }
    let Some(block) = rest.get(..packed) else {
        return Ok(None);
    };
    if checksum_of(block) != checksum {
        return Err(BlockError::Checksum);
    }
    let data = &block[HEADER_BYTES..];
    // The checksum is no secret, so the size is whatever somebody wrote.
    if unpacked > data.len() * MOST_FOR_A_BYTE {
        return Err(BlockError::Size(unpacked));
    }
    let data = if method == NONE {
        data.to_vec()
    } else {
        lz4_flex::block::decompress(data, unpacked)
            .map_err(|error| BlockError::Data(error.to_string()))?
    };
    if data.len() != unpacked {
        return Err(BlockError::Size(data.len()));
    }
    Ok(Some((data, CHECKSUM_BYTES + packed)))
}

/// Makes a block of what follows a checksum.
#[cfg(any(test, fuzzing))]
pub(super) fn with_checksum(rest: &[u8]) -> Vec<u8> {
    [&checksum_of(rest), rest].concat()
}

fn checksum_of(block: &[u8]) -> [u8; 16] {
    cityhash_rs::cityhash_102_128(block)
        .rotate_right(64)
        .to_le_bytes()
}

/// Reads the data of a sequence of blocks.
pub(crate) struct BlockReader<R> {
    inner: R,
    /// Bytes read and not yet decoded.
    coded: Vec<u8>,
    plain: io::Cursor<Vec<u8>>,
}

impl<R: Read> BlockReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            coded: Vec::new(),
            plain: io::Cursor::default(),
        }
    }

    /// Decodes the next block; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        loop {
            let decoded = decode(&self.coded)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if let Some((data, len)) = decoded {
                self.coded.drain(..len);
                self.plain = io::Cursor::new(data);
                return Ok(true);
            }
            let held = self.coded.len();
            let read = (&mut self.inner)
                .take(256 << 10)
                .read_to_end(&mut self.coded)?;
            if read == 0 {
                return match held {
                    0 => Ok(false),
                    _ => Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        BlockError::Cut,
                    )),
                };
            }
        }
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.plain.read(buffer)?;
            // An empty block is no end.
            if read > 0 || buffer.is_empty() || !self.refill()? {
                return Ok(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_it_was() {
        for data in [&b""[..], b"a", &[7; 100_000]] {
            let block = encode(data);
            assert_eq!(decode(&block), Ok(Some((data.to_vec(), block.len()))));
        }
    }

    #[test]
    fn a_known_block_is_encoded_byte_for_byte() {
        // The official client's own test vector, for the bytes 1, 1, 0, 1, 0, 0, … of its codec.
        let block = encode(b"\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01\x73\x06\x53\x74\x72\x69\x6e\x67\x03\x61\x62\x63");
        assert_eq!(block[16], LZ4);
        assert_eq!(
            block.len() - 16,
            u32::from_le_bytes(block[17..21].try_into().unwrap()) as usize
        );
        assert_eq!(u32::from_le_bytes(block[21..25].try_into().unwrap()), 23);
    }

    #[test]
    fn a_cut_block_asks_for_more() {
        let block = encode(b"hello hello hello");
        for len in 0..block.len() {
            assert_eq!(decode(&block[..len]), Ok(None), "{len}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let block = encode(b"hello hello hello");
        for at in 0..block.len() {
            let mut changed = block.clone();
            changed[at] ^= 1;
            assert!(!matches!(decode(&changed), Ok(Some(_))), "{at}");
        }
    }

    #[test]
    fn sizes_out_of_bounds_are_refused_before_they_are_allocated() {
        let mut block = encode(b"x");
        block[21..25].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&block), Err(BlockError::Size(u32::MAX as usize)));
        block[16] = 0x90;
        assert_eq!(decode(&block), Err(BlockError::Method(0x90)));
    }

    #[test]
    fn a_size_that_the_data_cannot_unpack_to_is_refused_before_it_is_allocated() {
        let header = |unpacked: u32| {
            let mut rest = vec![LZ4];
            rest.extend_from_slice(&(HEADER_BYTES as u32 + 7).to_le_bytes());
            rest.extend_from_slice(&unpacked.to_le_bytes());
            rest.extend_from_slice(b"\x60hello!");
            with_checksum(&rest)
        };
        assert_eq!(decode(&header(6)), Ok(Some((b"hello!".to_vec(), 32))));
        assert_eq!(decode(&header(1 << 27)), Err(BlockError::Size(1 << 27)));
    }

    #[test]
    fn blocks_are_read_one_after_another() {
        let bytes = [encode(b"one,"), encode(b""), encode(b"two")].concat();
        let mut text = String::new();
        BlockReader::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "one,two");
    }

    #[test]
    fn data_that_ends_inside_a_block_is_an_error() {
        let bytes = encode(b"one");
        let mut text = String::new();
        let error = BlockReader::new(&bytes[..bytes.len() - 1])
            .read_to_string(&mut text)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest::proptest! {
        #[test]
        fn any_data_survives_a_block(data in proptest::collection::vec(proptest::num::u8::ANY, 0..4096)) {
            let block = encode(&data);
            proptest::prop_assert_eq!(decode(&block), Ok(Some((data, block.len()))));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..128)) {
            drop(decode(&bytes));
        }
    }
}
