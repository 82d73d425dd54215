//! How a program ends: with a code, and with a message that says what to do.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::Termination;

use serde::Serialize;

use crate::error::Error;
use crate::settings::Output;

/// How a program ended, as other programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All that was asked for is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The data is not right: differences were found, or rows were kept as dead letters.
    BadData = 65,
    /// A service cannot be reached.
    Unreachable = 69,
    /// Stopped with work left: run again to go on.
    WorkLeft = 75,
    /// Interrupted and drained.
    Interrupted = 130,
}

impl ExitCode {
    /// Returns the number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Termination for ExitCode {
    fn report(self) -> std::process::ExitCode {
        self.number().into()
    }
}

/// An error on its way out of a program: what happened, what mends it, and the code to end with.
#[derive(Debug)]
pub struct Failure {
    /// The code to end with.
    pub code: ExitCode,
    /// What happened.
    pub error: Box<dyn StdError + Send + Sync>,
    /// What a person can do about it, as an instruction.
    pub hint: Option<String>,
}

impl Failure {
    /// Makes a failure that nobody knows how to mend.
    pub fn new(code: ExitCode, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            code,
            error: error.into(),
            hint: None,
        }
    }

    /// Adds the line that mends it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes the error, each of its causes once, and the line that mends it.
    ///
    /// For people these are lines, for programs one JSON line
    /// `{"error":"…","causes":["…"],"mend":"…","exit_code":N}`.
    ///
    /// # Errors
    /// What `out` says.
    pub fn report(&self, out: &mut impl Write, output: Output) -> io::Result<()> {
        let mut chain = chain(&*self.error).into_iter();
        let error = chain.next().unwrap_or_default();
        let causes: Vec<String> = chain.collect();
        match output {
            Output::Human => {
                writeln!(out, "error: {error}")?;
                for cause in causes {
                    writeln!(out, "  because: {cause}")?;
                }
                if let Some(hint) = &self.hint {
                    writeln!(out, "  mend: {hint}")?;
                }
            }
            Output::Json => {
                let line = ReportLine {
                    error,
                    causes,
                    mend: self.hint.as_deref(),
                    exit_code: self.code.number(),
                };
                serde_json::to_writer(&mut *out, &line)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.exit_code(),
            hint: error.hint(),
            error: Box::new(error),
        }
    }
}

#[derive(Serialize)]
struct ReportLine<'a> {
    error: String,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'a str>,
    exit_code: u8,
}

/// Returns the messages of an error and its sources, outermost first, leaving out a source that
/// the message above it already quotes.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !messages.iter().any(|above| above.contains(&message)) {
            messages.push(message);
        }
        source = error.source();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("cannot load")]
        Load(#[source] Box<Self>),
        #[error("quotes its source: disk full")]
        Quotes(#[source] io::Error),
    }

    fn sample() -> Failure {
        let quotes = Sample::Quotes(io::Error::other("disk full"));
        Failure::new(ExitCode::Failed, Sample::Load(Box::new(quotes)))
    }

    fn reported(failure: &Failure, output: Output) -> String {
        let mut out = Vec::new();
        failure.report(&mut out, output).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_read_each_cause_once_and_then_what_mends_it() {
        let failure = sample().with_hint("make room");
        assert_eq!(
            reported(&failure, Output::Human),
            "error: cannot load\n  because: quotes its source: disk full\n  mend: make room\n"
        );
    }

    #[test]
    fn programs_read_one_line() {
        let text = reported(&sample(), Output::Json);
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            line,
            serde_json::json!({
                "error": "cannot load",
                "causes": ["quotes its source: disk full"],
                "exit_code": 1,
            })
        );
    }

    #[test]
    fn codes_are_those_that_scripts_rely_on() {
        let codes = [
            ExitCode::Done,
            ExitCode::Failed,
            ExitCode::Usage,
            ExitCode::BadData,
            ExitCode::Unreachable,
            ExitCode::WorkLeft,
            ExitCode::Interrupted,
        ];
        assert_eq!(codes.map(ExitCode::number), [0, 1, 2, 65, 69, 75, 130]);
    }
}
