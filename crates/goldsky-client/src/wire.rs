//! The envelope of a GraphQL answer: bytes in, fields by alias out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use api_client::{Class, Failure, text};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::classify::{self, GraphError};

/// The fields of a sound answer, unread and borrowed from its body.
#[derive(Debug)]
pub(crate) struct Data<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
    pub(crate) meta: Meta,
}

/// What every request asks beside its own fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) block: Block,
    #[serde(default)]
    pub(crate) deployment: Option<String>,
    pub(crate) has_indexing_errors: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Block {
    pub(crate) number: u64,
    #[serde(default)]
    pub(crate) timestamp: Option<u64>,
}

impl Meta {
    /// Checks that the source is sound, and not from before block `head`.
    pub(crate) fn check(&self, head: u64) -> Result<(), Failure> {
        if self.has_indexing_errors {
            return Err(Failure::new(
                Class::Broken,
                "the deployment has indexing errors (_self.hasIndexingErrors)",
            ));
        }
        if self.block.number < head {
            return Err(Failure::passing(format!(
                "the answer is from block {}, before block {head} that was seen already",
                self.block.number
            )));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    locations: Option<Vec<IgnoredAny>>,
}

impl<'a> Data<'a> {
    /// Opens an answer that was given with a status of success.
    ///
    /// `head` is the newest block that a survey has seen: an answer from before it comes from a
    /// source that lags behind and may lack fills.
    pub(crate) fn open(body: &'a [u8], head: u64) -> Result<Self, Failure> {
        let envelope = open(body)?;
        if let Some(errors) = envelope.errors {
            let errors = graph_errors(errors);
            if !errors.is_empty() {
                return Err(classify::graph_errors(&errors));
            }
        }
        let Some(fields) = envelope.data else {
            let words = envelope.message.or(envelope.error).map(RawValue::get);
            return Err(classify::no_data(words.unwrap_or_default()));
        };
        let Some(meta) = fields.get("_meta") else {
            return Err(Failure::misshapen("the answer lacks _meta"));
        };
        let meta: Meta = serde_json::from_str(meta.get())
            .map_err(|error| Failure::misshapen(format!("_meta does not read: {error}")))?;
        meta.check(head)?;
        Ok(Self { fields, meta })
    }

    /// Returns a field of the answer.
    pub(crate) fn field(&self, alias: &str) -> Result<&'a RawValue, Failure> {
        self.fields
            .get(alias)
            .copied()
            .ok_or_else(|| Failure::misshapen(format!("the answer lacks {alias}")))
    }
}

fn open(body: &[u8]) -> Result<Envelope<'_>, Failure> {
    let begin = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match begin {
        None => return Err(Failure::passing("the answer is empty")),
        Some(b'<') => {
            let words = text::excerpt(body);
            return Err(Failure::passing(format!("the answer is HTML: {words}")));
        }
        Some(_) => {}
    }
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            Failure::misshapen(format!("the answer is no GraphQL answer: {error}"))
        } else {
            Failure::passing(format!("the answer is not JSON or cut off: {error}"))
        }
    })
}

fn graph_errors(raw: &RawValue) -> Vec<GraphError> {
    let read: Result<Vec<WireError>, _> = serde_json::from_str(raw.get());
    match read {
        Ok(errors) => errors
            .into_iter()
            .map(|error| GraphError {
                message: error.message,
                located: error.locations.is_some_and(|places| !places.is_empty()),
            })
            .collect(),
        // Errors in another shape are errors all the same.
        Err(_) => vec![GraphError {
            message: raw.get().to_owned(),
            located: false,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(body: &str) -> Failure {
        Data::open(body.as_bytes(), 100).unwrap_err()
    }

    #[test]
    fn fields_are_borrowed_by_alias() {
        let body =
            br#"{"data":{"_meta":{"block":{"number":100},"hasIndexingErrors":false},"p0":[1]}}"#;
        let data = Data::open(body, 100).unwrap();
        assert_eq!(data.field("p0").unwrap().get(), "[1]");
        assert_eq!(data.meta.block.number, 100);
        let lacking = data.field("p1").unwrap_err();
        assert_eq!(lacking.class, Class::Misshapen);
    }

    #[test]
    fn what_is_no_answer_at_all_passes() {
        for body in [
            "",
            " \n",
            "<html>502</html>",
            "{\"data\":{\"p0\":[",
            "upstream error",
            "{}",
            "[]",
            "{\"data\":null}",
            "{\"data\":nu",
        ] {
            assert_eq!(failure(body).class, Class::Passing, "{body}");
        }
    }

    #[test]
    fn json_of_another_shape_is_misshapen() {
        for body in [
            "[3]",
            "3",
            "{\"data\":[]}",
            "{\"data\":{}}",
            "{\"data\":{\"_meta\":null}}",
        ] {
            assert_eq!(failure(body).class, Class::Misshapen, "{body}");
        }
    }

    #[test]
    fn an_answer_from_before_the_known_head_passes() {
        let older =
            failure(r#"{"data":{"_meta":{"block":{"number":99},"hasIndexingErrors":false}}}"#);
        assert_eq!(older.class, Class::Passing);
        assert!(older.message.contains("99"), "{}", older.message);
    }

    #[test]
    fn indexing_errors_break() {
        let broken = failure(
            r#"{"data":{"_meta":{"block":{"number":100},"hasIndexingErrors":true},"p0":[]}}"#,
        );
        assert_eq!(broken.class, Class::Broken);
    }

    #[test]
    fn errors_beside_data_are_errors() {
        let body = r#"{"data":{"_meta":{"block":{"number":100},"hasIndexingErrors":false},"p0":[]},"errors":[{"message":"Query timed out"}]}"#;
        assert_eq!(failure(body).class, Class::TooHeavy);
    }

    #[test]
    fn errors_of_another_shape_are_errors() {
        for body in [
            r#"{"errors":"Query timed out"}"#,
            r#"{"errors":["Query timed out"]}"#,
            r#"{"errors":{"message":"Query timed out"}}"#,
        ] {
            assert_eq!(failure(body).class, Class::TooHeavy, "{body}");
        }
    }

    #[test]
    fn an_empty_list_of_errors_is_none() {
        let body =
            br#"{"errors":[],"data":{"_meta":{"block":{"number":100},"hasIndexingErrors":false}}}"#;
        assert!(Data::open(body, 100).is_ok());
    }
}
