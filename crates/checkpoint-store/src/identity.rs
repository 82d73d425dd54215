//! Whose progress a checkpoint is.

use serde::{Deserialize, Serialize};

/// What tells one job from another: named texts, in order.
///
/// A checkpoint is only good for the job that wrote it, so everything that changes what a payload
/// means belongs in here: the source, the range, the table, the way of working.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity {
    fields: Vec<(String, String)>,
}

/// The first field in which two identities differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) field: String,
    pub(crate) stored: Option<String>,
    pub(crate) asked: Option<String>,
}

impl Identity {
    /// Makes an identity of `(name, value)` pairs, each name once.
    pub fn new<N: Into<String>, V: Into<String>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        Self {
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Returns the pairs in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the value of a field, or nothing if the identity has no such field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find_map(|(field, value)| (field == name).then_some(value))
    }

    /// Compares the stored identity with the one asked for. Order does not tell jobs apart.
    pub(crate) fn difference(&self, asked: &Self) -> Option<Difference> {
        let names = asked.fields().chain(self.fields()).map(|(name, _)| name);
        names
            .map(|name| Difference {
                field: name.to_owned(),
                stored: self.get(name).map(str::to_owned),
                asked: asked.get(name).map(str::to_owned),
            })
            .find(|difference| difference.stored != difference.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_field_is_named() {
        let stored = Identity::new([("source", "a"), ("table", "t")]);
        let check = |asked: Identity, field: &str, was: Option<&str>, is: Option<&str>| {
            let difference = stored.difference(&asked).unwrap();
            assert_eq!(difference.field, field);
            assert_eq!(difference.stored.as_deref(), was);
            assert_eq!(difference.asked.as_deref(), is);
        };
        check(
            Identity::new([("source", "b"), ("table", "u")]),
            "source",
            Some("a"),
            Some("b"),
        );
        check(Identity::new([("source", "a")]), "table", Some("t"), None);
        check(
            Identity::new([("source", "a"), ("range", "r"), ("table", "t")]),
            "range",
            None,
            Some("r"),
        );
    }

    #[test]
    fn order_does_not_tell_jobs_apart() {
        let stored = Identity::new([("source", "a"), ("table", "t")]);
        let asked = Identity::new([("table", "t"), ("source", "a")]);
        assert_eq!(stored.difference(&asked), None);
    }
}
