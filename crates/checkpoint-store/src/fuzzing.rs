//! What the fuzzer calls, and the test that replays its corpus.

use crate::frame::{self, Frame};

/// Reads a file as it is, and then as the header and the payload of a file whose checksums are
/// right, which a fuzzer would not find. Returns the payload that was read.
pub fn file(input: &[u8]) -> Option<Vec<u8>> {
    check(input).or_else(|| check(&frame::with_checksums(input)))
}

/// Whatever reads is what would have been written, byte for byte.
fn check(bytes: &[u8]) -> Option<Vec<u8>> {
    let Frame { identity, payload } = frame::decode(bytes).ok()?;
    let written = frame::encode(&identity, &payload).ok()?;
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(bytes)
    );
    Some(payload)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_file_of_the_corpus_is_read_right() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/checkpoint");
        if !Path::new(corpus).exists() {
            println!("skipped: {corpus} is not here, as in a package");
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::file(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{corpus} is empty");
    }
}
