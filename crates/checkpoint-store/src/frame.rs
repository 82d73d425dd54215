//! The bytes of a checkpoint file: a header in text, then the payload. Pure.

use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// The format that this version writes and reads.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: &str = "checkpoint-store format ";

/// A whole and undamaged file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) identity: Identity,
    pub(crate) payload: Vec<u8>,
}

/// Why bytes are not a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Another version wrote it, and what it says of that is undamaged.
    OtherFormat(u32),
    /// It is not what was written.
    Corrupt(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Header<I> {
    identity: I,
    payload_bytes: usize,
}

/// Writes a file's bytes.
pub(crate) fn encode(identity: &Identity, payload: &[u8]) -> serde_json::Result<Vec<u8>> {
    let header = header_line(identity, payload)?;
    let mut bytes = format!("{}\n{header}\n", first_line(FORMAT)).into_bytes();
    let checksum = checksum_line(&bytes, payload);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(payload);
    Ok(bytes)
}

/// Reads a file's bytes.
///
/// Every line is compared with the only text that would have been written, so that no bit of the
/// header can change unnoticed.
pub(crate) fn decode(bytes: &[u8]) -> Result<Frame, Damage> {
    if bytes.is_empty() {
        return Err(Damage::Corrupt("it is empty"));
    }
    let (first, rest) = line(bytes)?;
    let format = first
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|format| format.parse().ok())
        .filter(|&format| first_line(format) == first)
        .ok_or(Damage::Corrupt("its first line is not a checkpoint's"))?;
    if format != FORMAT {
        return Err(Damage::OtherFormat(format));
    }
    let (header, rest) = line(rest)?;
    let header_bytes = &bytes[..bytes.len() - rest.len()];
    let (checksum, payload) = line(rest)?;
    if checksum != checksum_line(header_bytes, payload) {
        return Err(Damage::Corrupt("its checksum does not match"));
    }
    let Header { identity, .. } =
        serde_json::from_str(header).map_err(|_| Damage::Corrupt("its header cannot be read"))?;
    if header_line(&identity, payload).is_ok_and(|written| written == header) {
        let payload = payload.to_vec();
        return Ok(Frame { identity, payload });
    }
    Err(Damage::Corrupt("its header or its length does not match"))
}

fn header_line(identity: &Identity, payload: &[u8]) -> serde_json::Result<String> {
    serde_json::to_string(&Header {
        identity,
        payload_bytes: payload.len(),
    })
}

/// The line by which a file tells its format in every version: it carries its own checksum, so
/// that a flipped bit in the number is damage and not another version.
fn first_line(format: u32) -> String {
    let line = format!("{MAGIC}{format}");
    format!("{line} check {:08x}", crc32fast::hash(line.as_bytes()))
}

fn checksum_line(header: &[u8], payload: &[u8]) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    format!("crc32 {:08x}", hasher.finalize())
}

/// Writes a file with this text as its header, up to the first line feed, and the rest as payload.
#[cfg(any(test, fuzzing))]
pub(crate) fn with_checksums(header_and_payload: &[u8]) -> Vec<u8> {
    let mut parts = header_and_payload.splitn(2, |&byte| byte == b'\n');
    let (header, payload) = (parts.next().unwrap_or_default(), parts.next());
    let payload = payload.unwrap_or_default();
    let mut bytes = [first_line(FORMAT).as_bytes(), b"\n", header, b"\n"].concat();
    let checksum = checksum_line(&bytes, payload);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(payload);
    bytes
}

/// Splits the first line off, without its line feed.
fn line(bytes: &[u8]) -> Result<(&str, &[u8]), Damage> {
    let end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .ok_or(Damage::Corrupt("it is cut off"))?;
    let line = std::str::from_utf8(&bytes[..end])
        .map_err(|_| Damage::Corrupt("its header is not text"))?;
    Ok((line, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity() -> Identity {
        Identity::new([("source", "archive\n\"1\""), ("range", "[0, 100)")])
    }

    fn encoded(payload: &[u8]) -> Vec<u8> {
        encode(&identity(), payload).unwrap()
    }

    #[test]
    fn the_readme_shows_a_file_as_it_is() {
        let job = Identity::new([("source", "archive-1"), ("range", "[0, 100)")]);
        let file = String::from_utf8(encode(&job, b"done up to 42").unwrap()).unwrap();
        assert!(include_str!("../README.md").contains(&file), "{file}");
    }

    #[test]
    fn no_prefix_is_a_frame() {
        let bytes = encoded(b"twelve bytes");
        for end in 0..bytes.len() {
            assert!(
                matches!(decode(&bytes[..end]), Err(Damage::Corrupt(_))),
                "{end}"
            );
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let bytes = encoded(b"twelve bytes");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                matches!(decode(&flipped), Err(Damage::Corrupt(_))),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn bytes_behind_the_payload_are_damage() {
        let mut bytes = encoded(b"payload");
        bytes.push(0);
        assert!(matches!(decode(&bytes), Err(Damage::Corrupt(_))));
    }

    #[test]
    fn a_header_that_would_be_written_otherwise_is_damage_whatever_its_checksum() {
        assert!(decode(&with_checksums(b"{\"identity\":[],\"payload_bytes\":1}\nx")).is_ok());
        for header in [
            "{\"identity\":[],\"payload_bytes\":1 }",
            "{\"payload_bytes\":1,\"identity\":[]}",
            "{\"identity\":[],\"payload_bytes\":1,\"more\":1}",
        ] {
            let bytes = with_checksums(format!("{header}\nx").as_bytes());
            assert!(
                matches!(decode(&bytes), Err(Damage::Corrupt(_))),
                "{header}"
            );
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        let text = format!("{}\nwhatever it holds\n", first_line(2));
        assert_eq!(decode(text.as_bytes()), Err(Damage::OtherFormat(2)));
    }

    proptest! {
        #[test]
        fn any_payload_survives(payload: Vec<u8>, fields: Vec<(String, String)>) {
            let identity = Identity::new(fields);
            let frame = decode(&encode(&identity, &payload).unwrap());
            prop_assert_eq!(frame, Ok(Frame { identity, payload }));
        }

        #[test]
        fn garbage_is_damage(bytes: Vec<u8>) {
            prop_assert!(matches!(decode(&bytes), Err(Damage::Corrupt(_))));
        }
    }
}
