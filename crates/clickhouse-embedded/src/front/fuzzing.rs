//! What the fuzzer calls, and the tests that replay its corpora: everything of the front that
//! takes bytes from outside, without an engine behind it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::sync::watch;

use super::decode::{Body, Coding};
use super::statement::Statement;
use super::{Auth, auth, blocks, encode, request, session, text, upload};
use crate::exception::Exception;

/// What a body may decode to here: a few bytes can stand for gigabytes, which are read piece by
/// piece.
const ENOUGH_BYTES: usize = 4 << 20;

/// Reads a request, written as HTTP does: `METHOD query`, headers, an empty line and the body.
pub fn request(input: &[u8]) {
    let mut lines = input.splitn(2, |&byte| byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (method, query) = first.split_once(' ').unwrap_or(("POST", &first));
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
    let (headers, body) = headers(lines.next().unwrap_or_default());
    let credentials = Auth::Credentials {
        user: "ann".to_owned(),
        password: "secret".to_owned(),
    };
    for auth in [Auth::Open, credentials] {
        drop(auth::check(&auth, &headers, query));
    }
    // What is refused is no less than an answer, so there is nothing to hold it against.
    drop(read(&method, query, &headers, body));
}

fn read(method: &Method, query: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Exception> {
    let mut request = request::read(method, query, headers)?;
    let (_closing, mut decoded) = body_of(body, &request.body_codings);
    if let Some(boundary) = request.boundary.take() {
        for (name, value) in text::read_form(&boundary, &mut decoded)? {
            request.take(&name, &value)?;
        }
    }
    session::check_quoting(&request);
    let (text, statement) = text::read_statement(request.query.as_deref(), &mut decoded)?;
    if let Statement::Insert { head, data, .. } = statement {
        assert!(head < data && data <= text.len());
    }
    Ok(())
}

fn headers(text: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = rest[..end].trim_ascii();
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = parts.next().map(HeaderName::from_bytes);
        let value = parts
            .next()
            .map(|value| HeaderValue::from_bytes(value.trim_ascii()));
        if let (Some(Ok(name)), Some(Ok(value))) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, rest)
}

/// Decodes a body whose first byte says how it is coded, also as a block whose checksum is right,
/// which a fuzzer would not find; then codes it and decodes that.
pub fn body(input: &[u8]) {
    let Some((&how, data)) = input.split_first() else {
        return;
    };
    let codings = [
        Coding::Gzip,
        Coding::Deflate,
        Coding::Lz4Frame,
        Coding::Blocks,
    ];
    let outer = codings[usize::from(how % 4)];
    let inner = codings[usize::from(how / 4 % 4)];
    let both = [outer, inner];
    let given = if how & 0x80 == 0 { &both[..1] } else { &both };
    drop(decoded(data, given));
    let block = blocks::with_checksum(data);
    if let Ok(Some((plain, len))) = blocks::decode(&block) {
        assert!(len <= block.len());
        // No block of LZ4 holds more: each byte of a length adds 255.
        assert!(plain.capacity() <= 255 * data.len());
    }
    survives(data, encode::Coding::Gzip, Coding::Gzip);
    survives(data, encode::Coding::Lz4Frame, Coding::Lz4Frame);
    survives(data, encode::Coding::Blocks, Coding::Blocks);
}

fn survives(data: &[u8], coding: encode::Coding, undoing: Coding) {
    let mut encoder = encode::Encoder::new(coding);
    let (front, back) = data.split_at(data.len() / 2);
    let pieces = [front, back].map(|piece| encoder.piece(piece));
    let end = encoder.end();
    let coded: Result<Vec<Bytes>, _> = pieces.into_iter().chain([end]).collect();
    let coded = coded.map(|pieces| pieces.concat());
    let plain = decoded(&coded.unwrap_or_default(), &[undoing]);
    assert_eq!(plain.ok().as_deref(), Some(data), "{coding:?}");
}

fn decoded(bytes: &[u8], codings: &[Coding]) -> Result<Vec<u8>, Exception> {
    let (_closing, mut body) = body_of(bytes, codings);
    let mut plain = Vec::new();
    while let Some(piece) = body.piece()? {
        plain.extend_from_slice(&piece);
        if plain.len() > ENOUGH_BYTES {
            break;
        }
    }
    Ok(plain)
}

/// Makes a whole body; it is torn if the sender is dropped.
fn body_of(bytes: &[u8], codings: &[Coding]) -> (watch::Sender<bool>, Body) {
    let (closing, watch) = watch::channel(false);
    let (sender, upload) = upload::channel(watch);
    futures::executor::block_on(async {
        sender.data(Bytes::copy_from_slice(bytes)).await;
        sender.end().await;
    });
    (closing, Body::new(upload, codings))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let fuzz = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"));
        let corpus = fuzz.join("corpus").join(target);
        if !corpus.exists() {
            println!("skipped: {} is not here, as in a package", corpus.display());
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(&corpus).unwrap() {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{} is empty", corpus.display());
    }

    #[test]
    fn every_request_of_the_corpus_is_read_or_refused() {
        replay("request", super::request);
    }

    #[test]
    fn every_body_of_the_corpus_is_decoded_or_refused() {
        replay("body", super::body);
    }
}
