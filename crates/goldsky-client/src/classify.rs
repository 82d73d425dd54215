//! What the errors within an answer mean: with the statuses, which `api-client` classifies, all that
//! decides what is worth a retry.

use api_client::{Class, Failure, text};

/// What to look at when the source refuses a request as such.
pub(crate) const HINT: &str = "check the endpoint's URL, and that it names an order-book subgraph";

/// Classifies an HTTP status other than success.
#[cfg(any(test, fuzzing))]
pub(crate) fn status(
    status: u16,
    retry_after: Option<std::time::Duration>,
    body: &[u8],
) -> Failure {
    api_client::status(status, retry_after, body, HINT)
}

/// Classifies an answer that is JSON and has neither `data` nor `errors`, by what it says instead.
pub(crate) fn no_data(words: &str) -> Failure {
    let words = text::one_line(words);
    if words.is_empty() {
        return Failure::passing("the answer has neither data nor errors");
    }
    Failure::refused(format!("{words}; {HINT}"))
}

/// One error of a GraphQL answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) message: String,
    /// The error points to a place in the query's text.
    pub(crate) located: bool,
}

/// What graph-node's words mean; the first that an error contains decides. All lower case.
///
/// **Source**: answers recorded from graph-node 0.44, its source's error texts, and reports of
/// Goldsky's users.
const WORDS: &[(&str, Class)] = &[
    ("indexing_error", Class::Broken),
    ("query allowance", RATE),
    ("too many requests", RATE),
    ("chain was reorganized", Class::Passing),
    ("database unavailable", Class::Passing),
    ("connection pool", Class::Passing),
    ("waiting for connection", Class::Passing),
    ("statement timeout", Class::TooHeavy),
    ("query timed out", Class::TooHeavy),
    ("too expensive", Class::TooHeavy),
    ("query potentially returns", Class::TooHeavy),
    ("larger than the allowed limit", Class::TooHeavy),
    ("error encoding message to server", Class::TooHeavy),
    ("service is overloaded", Class::HeavyOrPassing),
    ("unsupported filter", Class::Refused),
    ("store error", Class::HeavyOrPassing),
    ("get entities from store", Class::HeavyOrPassing),
    ("argument must be between", Class::Refused),
    ("cannot mix column filters", Class::Refused),
    ("filter must", Class::Refused),
    ("has no field", Class::Refused),
    ("cannot query field", Class::Refused),
    ("is not defined by type", Class::Refused),
    ("invalid value provided", Class::Refused),
    ("expected value of type", Class::Refused),
    ("expecting type", Class::Refused),
    ("is never used", Class::Refused),
    ("required variable", Class::Refused),
    ("conflict because", Class::Refused),
    ("failed to decode", Class::Refused),
    ("not supported", Class::Refused),
    ("operation name required", Class::Refused),
    ("depth that exceeds", Class::Refused),
    ("does not exist", Class::Refused),
    ("unexpected end of input", Class::Refused),
];

const RATE: Class = Class::RateLimited { retry_after: None };

/// Classifies the errors of an answer with status 200: the one that leaves least to hope decides.
///
/// Words never seen before are taken as passing, since a retry costs little, unless they point to
/// a place in the query.
pub(crate) fn graph_errors(errors: &[GraphError]) -> Failure {
    let worst = errors
        .iter()
        .map(|error| (graph_error(error), error))
        .max_by_key(|(class, _)| severity(*class));
    let Some((class, error)) = worst else {
        return Failure::misshapen("the answer has an empty list of errors");
    };
    let words = text::one_line(&error.message);
    match class {
        Class::Refused => Failure::refused(format!("{words}; {HINT}")),
        class => Failure::new(class, words),
    }
}

fn graph_error(error: &GraphError) -> Class {
    // What matters stands at the beginning; what follows can be megabytes of SQL.
    let beginning: String = error.message.chars().take(1000).collect();
    let beginning = beginning.to_lowercase();
    WORDS
        .iter()
        .find(|(words, _)| beginning.contains(words))
        .map(|&(_, class)| class)
        .unwrap_or(if error.located {
            Class::Refused
        } else {
            Class::Passing
        })
}

fn severity(class: Class) -> u8 {
    match class {
        Class::Passing | Class::TimedOut | Class::Busy { .. } => 0,
        Class::RateLimited { .. } => 1,
        Class::Overloaded => 2,
        Class::HeavyOrPassing => 3,
        Class::TooHeavy => 4,
        Class::Misshapen => 5,
        Class::Refused => 6,
        Class::Broken => 7,
        Class::Gone => 8,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
