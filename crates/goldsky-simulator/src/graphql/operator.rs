//! How filters compare.

use super::schema::{Entity, Scalar};

/// How a column's filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Not,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    In,
    NotIn,
    Like {
        pattern: Pattern,
        any_case: bool,
        negated: bool,
    },
}

/// Where a text must occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Contains,
    StartsWith,
    EndsWith,
}

/// Splits a filter's key into column and operator.
pub(crate) fn parse_key(entity: Entity, key: &str) -> Option<(usize, Operator)> {
    let (name, suffix) = match key.split_once('_') {
        Some((name, suffix)) => (name, suffix),
        None => (key, ""),
    };
    let column = entity.column(name)?;
    let scalar = entity.columns()[column].1;
    let operator = match suffix {
        "" => Operator::Equal,
        "not" => Operator::Not,
        "gt" => Operator::Greater,
        "lt" => Operator::Less,
        "gte" => Operator::GreaterOrEqual,
        "lte" => Operator::LessOrEqual,
        "in" => Operator::In,
        "not_in" => Operator::NotIn,
        suffix => like(scalar, suffix)?,
    };
    Some((column, operator))
}

fn like(scalar: Scalar, suffix: &str) -> Option<Operator> {
    let (negated, rest) = match suffix.strip_prefix("not_") {
        Some(rest) => (true, rest),
        None => (false, suffix),
    };
    let (any_case, rest) = match rest.strip_suffix("_nocase") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let pattern = match rest {
        "contains" => Pattern::Contains,
        "starts_with" => Pattern::StartsWith,
        "ends_with" => Pattern::EndsWith,
        _ => return None,
    };
    let known = match scalar {
        Scalar::String => true,
        Scalar::Bytes => pattern == Pattern::Contains && !any_case,
        _ => false,
    };
    known.then_some(Operator::Like {
        pattern,
        any_case,
        negated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_split_into_column_and_operator() {
        let key = |key| parse_key(Entity::OrderFilledEvent, key).map(|(_, operator)| operator);
        assert_eq!(key("id"), Some(Operator::Equal));
        assert_eq!(key("makerAssetId_not_in"), Some(Operator::NotIn));
        assert_eq!(
            key("maker_not_starts_with_nocase"),
            Some(Operator::Like {
                pattern: Pattern::StartsWith,
                any_case: true,
                negated: true
            })
        );
        assert_eq!(key("timestamp_contains"), None);
        assert_eq!(key("nosuch"), None);
    }
}
