use fills::{Filter, TokenId};
use goldsky_simulator::{Data, Host, Node, Seeded};
use serde_json::{Value, json};

use super::*;
use crate::reader::Reader;

fn query(limit: u16) -> PageQuery {
    PageQuery {
        filter: Filter::All,
        from: 0,
        after: None,
        until: u64::from(u32::MAX),
        limit,
    }
}

/// A source's answer to queries.
fn answer(queries: &[PageQuery]) -> Vec<u8> {
    let node = Node::make(&Data::Seeded(Seeded::default()), Host::default()).unwrap();
    node.answer(&query::pages(queries), 0)
}

#[test]
fn an_answer_as_the_source_writes_it_is_read_in_one_pass() {
    let queries = [query(1000), query(7)];
    let body = answer(&queries);
    let (meta, pages) = read(&body, 0, &queries).unwrap();
    assert!(meta.deployment.is_some());
    assert_eq!([pages[0].len(), pages[1].len()], [1000, 7]);
    assert_eq!(pages[0].fills[..7], pages[1].fills[..]);
    let behind = PageQuery {
        after: pages[1].last.clone(),
        ..query(3)
    };
    let body = answer(std::slice::from_ref(&behind));
    let (_, next) = read(&body, 0, &[behind]).unwrap();
    assert_eq!(next[0].fills[..], pages[0].fills[7..10]);
}

#[test]
fn a_page_without_rows_is_sound() {
    let body = br#"{"data":{"_meta":{"block":{"number":7},"hasIndexingErrors":false},"p0":[]}}"#;
    let (_, pages) = read(body, 7, &[query(9)]).unwrap();
    assert_eq!(pages, [Page::default()]);
}

#[test]
fn an_answer_that_is_not_sound_is_left_to_the_reader_that_says_why() {
    let check = |spoil: &dyn Fn(&mut Value)| {
        let mut body = serde_json::from_slice(&answer(&[query(3)])).unwrap();
        spoil(&mut body);
        let body = body.to_string();
        assert!(read(body.as_bytes(), 1, &[query(3)]).is_none(), "{body}");
    };
    let row = |body: &mut Value, row: usize| body["data"]["p0"][row].take();
    check(&|body| body["errors"] = json!([]));
    check(&|body| body["data"] = Value::Null);
    check(&|body| body["data"]["p0"] = Value::Null);
    check(&|body| body["data"]["p0"] = json!({}));
    check(&|body| body["data"]["_meta"] = Value::Null);
    check(&|body| body["data"]["_meta"] = json!([]));
    check(&|body| body["data"]["_meta"]["block"]["number"] = json!(0));
    check(&|body| body["data"]["_meta"]["hasIndexingErrors"] = json!(true));
    check(&|body| body["data"]["p0"][1]["fee"] = json!(0));
    check(&|body| body["data"]["p0"][1]["fee"] = json!("-1"));
    check(&|body| drop(row(body, 1)));
    check(&|body| {
        let first = row(body, 0);
        body["data"]["p0"][1] = first.clone();
        body["data"]["p0"][0] = first;
    });
    check(&|body| {
        let (first, second) = (row(body, 0), row(body, 1));
        body["data"]["p0"][0] = second;
        body["data"]["p0"][1] = first;
    });
}

#[test]
fn a_page_that_was_not_asked_for_is_left_to_the_reader_that_says_why() {
    let body = answer(&[query(3)]);
    let fills = read(&body, 0, &[query(3)]).unwrap().1.remove(0).fills;
    let check = |asked: PageQuery| {
        assert!(
            read(&body, 0, std::slice::from_ref(&asked)).is_none(),
            "{asked:?}"
        );
        assert!(Reader::new().pages(&body, &[asked]).is_err());
    };
    check(query(2));
    check(PageQuery {
        from: u64::from(fills[0].timestamp) + 1,
        ..query(3)
    });
    check(PageQuery {
        until: fills[2].timestamp.into(),
        ..query(3)
    });
    check(PageQuery {
        after: Some(cursor(&fills[0])),
        ..query(3)
    });
    check(PageQuery {
        filter: Filter::TakerAssetIn([TokenId::from(7)].into()),
        ..query(3)
    });
    assert!(read(&body, 0, &[query(3), query(3)]).is_none());
}

#[test]
fn bytes_that_are_no_text_are_not_sound_wherever_they_are() {
    let meta = br#""_meta":{"block":{"number":7},"hasIndexingErrors":false,"x":"?"}"#;
    let mut body = [br#"{"data":{"p0":[],"#, &meta[..], b"}}"].concat();
    assert!(read(&body, 0, &[query(3)]).is_some());
    let place = body.iter().position(|&byte| byte == b'?').unwrap();
    body[place] = 0xff;
    assert!(read(&body, 0, &[query(3)]).is_none());
}
