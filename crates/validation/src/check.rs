use std::borrow::Cow;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Figures, Level};

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckVerdict {
    /// All is as it must be.
    Ok,
    /// It is not; findings say where.
    Differs,
    /// It could not be made, and so says nothing.
    NotRun {
        /// Why.
        why: String,
    },
}

/// One named question, what came of it, and how anyone asks it again.
///
/// As JSON: `{"level","name","ok","verdict":"ok|differs|not run","why"?,"figures":{…},"query"}`;
/// `ok` is false only where something differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The level it belongs to.
    pub level: Level,
    /// What it asks, in a few words, or the wallet that it asks about; unique within its level.
    pub name: Cow<'static, str>,
    /// What came of it.
    pub verdict: CheckVerdict,
    /// What was counted.
    pub figures: Figures,
    /// The statement behind the figures, which runs as it stands; empty where there is none.
    pub query: String,
}

impl Check {
    /// Makes a check that found nothing wrong if `ok`.
    pub fn new(
        level: Level,
        name: impl Into<Cow<'static, str>>,
        ok: bool,
        figures: Figures,
        query: impl Into<String>,
    ) -> Self {
        let verdict = match ok {
            true => CheckVerdict::Ok,
            false => CheckVerdict::Differs,
        };
        Self {
            level,
            name: name.into(),
            verdict,
            figures,
            query: query.into(),
        }
    }

    /// Makes a check that could not be made.
    pub fn not_run(
        level: Level,
        name: impl Into<Cow<'static, str>>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            level,
            name: name.into(),
            verdict: CheckVerdict::NotRun { why: why.into() },
            figures: Figures::new(),
            query: String::new(),
        }
    }

    /// Returns true if it could not be made.
    pub fn is_not_run(&self) -> bool {
        matches!(self.verdict, CheckVerdict::NotRun { .. })
    }

    /// Tells whether it found nothing wrong, also where it was not made.
    pub fn is_ok(&self) -> bool {
        self.verdict != CheckVerdict::Differs
    }
}

impl CheckVerdict {
    /// Returns the name that reports use.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::NotRun { .. } => "not run",
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let why = match &self.verdict {
            CheckVerdict::NotRun { why } => Some(why),
            _ => None,
        };
        let fields = 6 + usize::from(why.is_some());
        let mut object = serializer.serialize_struct("Check", fields)?;
        object.serialize_field("level", &self.level)?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("ok", &self.is_ok())?;
        object.serialize_field("verdict", self.verdict.name())?;
        if let Some(why) = why {
            object.serialize_field("why", why)?;
        }
        object.serialize_field("figures", &self.figures)?;
        object.serialize_field("query", &self.query)?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_check_is_written_with_the_keys_that_scripts_rely_on() {
        let figures = Figures::new().with("rows", 2).with("duplicates", 1);
        let check = Check::new(Level::Counts, "duplicates", false, figures, "SELECT 1");
        assert_eq!(
            serde_json::to_value(&check).unwrap(),
            json!({
                "level": "counts", "name": "duplicates", "ok": false, "verdict": "differs",
                "figures": {"rows": 2, "duplicates": 1}, "query": "SELECT 1",
            })
        );
    }

    #[test]
    fn a_check_that_was_not_made_is_not_wrong_and_says_why() {
        let check = Check::not_run(Level::Source, "totals", "the source has no counters");
        let written = serde_json::to_value(&check).unwrap();
        assert_eq!(written["ok"], true);
        assert_eq!(written["verdict"], "not run");
        assert_eq!(written["why"], "the source has no counters");
    }
}
