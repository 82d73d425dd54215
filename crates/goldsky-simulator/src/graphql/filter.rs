//! `where`, with graph-node's rules for combining.

use super::decimal::Decimal;
use super::failure::Failure;
use super::operator::{Operator, parse_key};
use super::schema::{Entity, Scalar};
use super::value::{Number, Value};

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Null,
    Text(String),
    Number(Decimal),
    Texts(Vec<String>),
    Numbers(Vec<Decimal>),
}

/// A filter as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    All(Vec<Self>),
    /// Without parts nothing passes.
    Any(Vec<Self>),
    Column {
        column: usize,
        operator: Operator,
        operand: Operand,
    },
    /// Changed in a block or later.
    ChangedSince(u64),
}

impl Filter {
    /// Counts the values that it compares with.
    pub(crate) fn values(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::values).sum(),
            Self::Column { operand, .. } => match operand {
                Operand::Null => 0,
                Operand::Text(_) | Operand::Number(_) => 1,
                Operand::Texts(texts) => texts.len(),
                Operand::Numbers(numbers) => numbers.len(),
            },
            Self::ChangedSince(_) => 1,
        }
    }
}

/// Builds the tree of a `where` that fits the schema.
pub(crate) fn build(entity: Entity, value: &Value) -> Result<Filter, Failure> {
    let Value::Object(fields) = value else {
        return Ok(Filter::All(Vec::new()));
    };
    let columns: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|key| !matches!(*key, "and" | "or"))
        .collect();
    let (and, or) = (fields.get("and"), fields.get("or"));
    if or.is_some() && !columns.is_empty() {
        return Err(mixed_with_or(&columns));
    }
    if and.is_some() && !columns.is_empty() {
        return Err(Failure::running("Filter must by an object"));
    }
    match (and, or) {
        // Recorded: silently no rows.
        (Some(_), Some(_)) => Ok(Filter::Any(Vec::new())),
        (Some(parts), None) => Ok(Filter::All(build_each(entity, parts)?)),
        (None, Some(parts)) => Ok(Filter::Any(build_each(entity, parts)?)),
        (None, None) => {
            let parts = fields
                .iter()
                .map(|(key, value)| build_column(entity, key, value));
            Ok(Filter::All(parts.collect::<Result<_, _>>()?))
        }
    }
}

fn mixed_with_or(columns: &[&str]) -> Failure {
    let quoted: Vec<String> = columns.iter().map(|name| format!("'{name}'")).collect();
    let list = quoted.join(", ");
    Failure::running(format!(
        "Cannot mix column filters with 'or' operator at the same level. Found column filter(s) \
         {list} alongside 'or' operator.\n\nInstead of:\nwhere: {{ {list}, or: [...] }}\n\nUse:\n\
         where: {{ or: [{{ {list}, ... }}, {{ {list}, ... }}] }}"
    ))
}

fn build_each(entity: Entity, parts: &Value) -> Result<Vec<Filter>, Failure> {
    match parts {
        Value::List(parts) => parts.iter().map(|part| build(entity, part)).collect(),
        single => Ok(vec![build(entity, single)?]),
    }
}

fn build_column(entity: Entity, key: &str, value: &Value) -> Result<Filter, Failure> {
    if key == "_change_block" {
        let since = match value {
            Value::Object(fields) => match fields.get("number_gte") {
                Some(Value::Int(Number(number))) => u64::try_from(*number).unwrap_or(0),
                _ => 0,
            },
            _ => 0,
        };
        return Ok(Filter::ChangedSince(since));
    }
    let Some((column, operator)) = parse_key(entity, key) else {
        return Err(Failure::running(format!(
            "Entity `{}` has no attribute `{key}`",
            entity.type_name()
        )));
    };
    let scalar = entity.columns()[column].1;
    let operand = match (operator, value) {
        (Operator::Greater, Value::Null) => return Err(unordered(">")),
        (Operator::Less, Value::Null) => return Err(unordered("<")),
        (Operator::GreaterOrEqual, Value::Null) => return Err(unordered(">=")),
        (Operator::LessOrEqual, Value::Null) => return Err(unordered("<=")),
        (Operator::In | Operator::NotIn, Value::List(values)) => list(scalar, values)?,
        (Operator::In | Operator::NotIn, Value::Null) => {
            return Err(Failure::running(format!(
                "Values passed to filter `{key}` must be a list"
            )));
        }
        (Operator::In | Operator::NotIn, single) => list(scalar, std::slice::from_ref(single))?,
        (_, Value::Null) => Operand::Null,
        (_, value) if scalar.is_number() => Operand::Number(number(scalar, value)?),
        (_, value) => Operand::Text(text(scalar, value)?),
    };
    Ok(Filter::Column {
        column,
        operator,
        operand,
    })
}

fn unordered(operator: &str) -> Failure {
    Failure::here(format!(
        "Store error: unsupported filter `{operator}` for value `null`"
    ))
}

fn list(scalar: Scalar, values: &[Value]) -> Result<Operand, Failure> {
    Ok(if scalar.is_number() {
        let numbers = values.iter().map(|value| number(scalar, value));
        Operand::Numbers(numbers.collect::<Result<_, _>>()?)
    } else {
        let texts = values.iter().map(|value| text(scalar, value));
        Operand::Texts(texts.collect::<Result<_, _>>()?)
    })
}

fn number(scalar: Scalar, value: &Value) -> Result<Decimal, Failure> {
    let text = match value {
        Value::Int(Number(number)) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => format!("{other:?}"),
    };
    Decimal::parse(&text, scalar == Scalar::BigDecimal).map_err(|reason| {
        Failure::running(format!(
            "Failed to decode `{}` value: `{reason}`",
            scalar.name()
        ))
    })
}

fn text(scalar: Scalar, value: &Value) -> Result<String, Failure> {
    let text = match value {
        Value::Int(Number(number)) => number.to_string(),
        Value::String(text) => text.clone(),
        other => format!("{other:?}"),
    };
    if scalar != Scalar::Bytes {
        return Ok(text);
    }
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    match const_hex::decode(digits) {
        Ok(bytes) => Ok(format!("0x{}", const_hex::encode(bytes))),
        Err(error) => Err(Failure::running(format!(
            "Failed to decode `Bytes` value: `{error}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(json: serde_json::Value) -> Result<Filter, Failure> {
        build(Entity::OrderFilledEvent, &Value::from_json(json, false))
    }

    #[test]
    fn or_beside_and_passes_nothing() {
        let filter = built(serde_json::json!({"and": [{"id_gt": "1"}], "or": [{"id_gt": "1"}]}));
        assert_eq!(filter, Ok(Filter::Any(Vec::new())));
    }

    #[test]
    fn or_beside_columns_names_them() {
        let failure = built(serde_json::json!({"maker": "1", "id_gt": "1", "or": []})).unwrap_err();
        assert!(
            failure.errors[0]
                .message
                .contains("'id_gt', 'maker' alongside")
        );
    }

    #[test]
    fn bytes_must_be_hex() {
        let failure = built(serde_json::json!({"orderHash": "0xzz"})).unwrap_err();
        assert!(
            failure.errors[0]
                .message
                .starts_with("Failed to decode `Bytes`")
        );
    }
}
