//! One precondition, as it was found.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use startup::{ExitCode, Failure};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// A run starts, and somebody should know.
    Warning,
    /// A run does not start or does not end well.
    Failed,
}

impl State {
    /// Returns its name as reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One precondition, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, which stays the same.
    pub code: &'static str,
    /// How it came out.
    pub state: State,
    /// What was seen, a line.
    pub seen: String,
    /// The command or setting that mends it; always there unless it is ok.
    pub mend: Option<String>,
    /// What a program ends with that stops for it.
    exit: ExitCode,
}

impl Check {
    /// Notes that all is well.
    pub fn ok(code: &'static str, seen: impl Into<String>) -> Self {
        Self {
            code,
            state: State::Ok,
            seen: seen.into(),
            mend: None,
            exit: ExitCode::Done,
        }
    }

    /// Notes what somebody should know, and what to do about it.
    pub fn warning(code: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            mend: Some(mend.into()),
            ..Self::ok(code, seen)
        }
    }

    /// Notes what keeps a run from starting as a matter of configuration, and what mends it.
    pub fn failed(code: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            exit: ExitCode::Usage,
            ..Self::warning(code, seen, mend)
        }
    }

    /// Notes what a run would end with.
    pub fn refused(code: &'static str, failure: &Failure) -> Self {
        let mut words = failure.error.to_string();
        let mut source = failure.error.source();
        while let Some(error) = source {
            let more = error.to_string();
            if !words.contains(&more) {
                words = format!("{words}: {more}");
            }
            source = error.source();
        }
        let mend = failure.hint.as_deref().unwrap_or("mend what it names");
        Self {
            exit: failure.code,
            ..Self::failed(code, words, mend)
        }
    }

    /// Ends a program that stops for this with another code.
    #[must_use]
    pub fn ending_with(mut self, exit: ExitCode) -> Self {
        self.exit = exit;
        self
    }

    /// Tells whether it does not stand in the way.
    pub fn is_passed(&self) -> bool {
        self.state != State::Failed
    }

    /// Returns what a run ends with that stops for this.
    pub fn failure(&self) -> Failure {
        let message = format!("the check {} failed: {}", self.code, self.seen);
        let failure = Failure::new(self.exit, message);
        match &self.mend {
            Some(mend) => failure.with_hint(mend.as_str()),
            None => failure,
        }
    }

    /// Returns what a program ends with that stops for this.
    pub fn exit(&self) -> ExitCode {
        self.exit
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut check = serializer.serialize_struct("Check", 5)?;
        check.serialize_field("code", self.code)?;
        check.serialize_field("ok", &self.is_passed())?;
        check.serialize_field("state", self.state.as_str())?;
        check.serialize_field("seen", &self.seen)?;
        check.serialize_field("mend", &self.mend)?;
        check.end()
    }
}
