//! Reading when fills were, and nothing else of them.

use api_client::Failure;
use fills::Span;
use serde::Deserialize;

use crate::salvage;
use crate::wire::Data;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    timestamp: std::borrow::Cow<'a, str>,
}

/// Reads the times of one page of at most `limit` fills of a span, in order of time.
pub(crate) fn read(
    data: &Data<'_>,
    alias: &str,
    span: Span,
    limit: u16,
) -> Result<Vec<u64>, Failure> {
    let wrong = |found: &str| Failure::misshapen(format!("the page of times {alias} {found}"));
    let rows: Vec<Row<'_>> = serde_json::from_str(data.field(alias)?.get())
        .map_err(|error| wrong(&format!("does not read: {error}")))?;
    if rows.len() > usize::from(limit) {
        return Err(wrong("has more rows than were asked for"));
    }
    let seconds = rows.iter().map(|row| salvage::seconds(&row.timestamp));
    let times: Option<Vec<u64>> = seconds.collect();
    let times = times.ok_or_else(|| wrong("has a fill without a time"))?;
    if !times.is_sorted()
        || !times
            .iter()
            .all(|second| (span.from..span.to).contains(second))
    {
        return Err(wrong("has a fill out of order or out of its span"));
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: &str) -> Result<Vec<u64>, Failure> {
        let body = format!(
            r#"{{"data":{{"_meta":{{"block":{{"number":7}},"deployment":"Qm","hasIndexingErrors":false}},"p0":{rows}}}}}"#
        );
        read(&Data::open(body.as_bytes(), 0)?, "p0", Span::new(10, 20), 2)
    }

    #[test]
    fn times_are_read_in_their_order() {
        let rows = r#"[{"timestamp":"10"},{"timestamp":"19"}]"#;
        assert_eq!(answer(rows).unwrap(), [10, 19]);
        assert!(answer("[]").unwrap().is_empty());
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let check = |rows, expected| {
            let failure = answer(rows).unwrap_err();
            assert!(failure.message.contains(expected), "{}", failure.message);
        };
        check(r#"[{"timestamp":"9"}]"#, "out of its span");
        check(r#"[{"timestamp":"20"}]"#, "out of its span");
        check(r#"[{"timestamp":"12"},{"timestamp":"11"}]"#, "out of order");
        check(r#"[{"timestamp":"x"}]"#, "without a time");
        check(r#"[{"id":"x"}]"#, "does not read");
        let three = r#"[{"timestamp":"12"},{"timestamp":"12"},{"timestamp":"12"}]"#;
        check(three, "more rows");
    }
}
