//! The arguments of a root field, checked against the schema.

use super::document::Field;
use super::failure::{Failure, Location, QueryError};
use super::operator::{Operator, parse_key};
use super::schema::{Entity, Scalar};
use super::value::{Number, Value};

/// Which block a field is asked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    Latest,
    Number(u64),
    /// Any block from this one on, which is then the latest.
    NumberAtLeast(u64),
    Hash(String),
}

/// Arguments with their defaults. Ranges are not checked yet: graph-node does that while running.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) first: i64,
    pub(crate) skip: i64,
    /// A column of the entity.
    pub(crate) order_by: Option<usize>,
    pub(crate) descending: bool,
    pub(crate) filter: Option<Value>,
    pub(crate) id: Option<String>,
    pub(crate) at: At,
    /// `subgraphError: allow`.
    pub(crate) allows_errors: bool,
}

/// Reads a field's arguments. Unknown ones are ignored, as on a host that does not validate.
pub(crate) fn read(field: &Field, entity: Option<Entity>) -> Result<Arguments, Failure> {
    let mut arguments = Arguments {
        first: 100,
        skip: 0,
        order_by: None,
        descending: false,
        filter: None,
        id: None,
        at: At::Latest,
        allows_errors: false,
    };
    for (name, value) in &field.arguments {
        if *value == Value::Null {
            continue;
        }
        let fits = match (name.as_str(), value, entity) {
            ("first", Value::Int(Number(first)), Some(_)) => {
                arguments.first = *first;
                true
            }
            ("skip", Value::Int(Number(skip)), Some(_)) => {
                arguments.skip = *skip;
                true
            }
            ("orderBy", Value::Enum(column), Some(entity)) => {
                arguments.order_by = entity.column(column);
                arguments.order_by.is_some()
            }
            ("orderDirection", Value::Enum(direction), Some(_)) => {
                arguments.descending = direction == "desc";
                matches!(direction.as_str(), "asc" | "desc")
            }
            ("where", Value::Object(_), Some(entity)) => {
                arguments.filter = Some(value.clone());
                filter_fits(entity, value)
            }
            ("id", Value::String(id), Some(_)) => {
                arguments.id = Some(id.clone());
                true
            }
            ("id", Value::Int(Number(id)), Some(_)) => {
                arguments.id = Some(id.to_string());
                true
            }
            ("block", Value::Object(_), _) => match block(value) {
                Some(at) => {
                    arguments.at = at;
                    true
                }
                None => false,
            },
            ("subgraphError", Value::Enum(policy), Some(_)) => {
                arguments.allows_errors = policy == "allow";
                matches!(policy.as_str(), "allow" | "deny")
            }
            ("first" | "skip" | "orderBy" | "orderDirection" | "where" | "id", _, Some(_))
            | ("subgraphError", _, Some(_))
            | ("block", _, _) => false,
            _ => true,
        };
        if !fits {
            return Err(Failure::preparing(QueryError::at(
                Location::LOST,
                format!("Invalid value provided for argument `{name}`: {value:?}"),
            )));
        }
    }
    Ok(arguments)
}

fn block(value: &Value) -> Option<At> {
    let Value::Object(fields) = value else {
        return None;
    };
    // Where several are given, a hash beats a number and a number a lower bound.
    match (
        fields.get("hash"),
        fields.get("number"),
        fields.get("number_gte"),
    ) {
        (Some(Value::String(hash)), _, _) => Some(At::Hash(hash.clone())),
        (None, Some(Value::Int(Number(number))), _) => {
            Some(At::Number(u64::try_from(*number).ok()?))
        }
        (None, None, Some(Value::Int(Number(number)))) => {
            Some(At::NumberAtLeast(u64::try_from(*number).ok()?))
        }
        (None, None, None) => Some(At::Latest),
        _ => None,
    }
}

/// Tells whether a `where` has only columns and values that the schema allows.
fn filter_fits(entity: Entity, value: &Value) -> bool {
    let Value::Object(fields) = value else {
        return *value == Value::Null;
    };
    fields.iter().all(|(key, value)| match key.as_str() {
        "and" | "or" => match value {
            Value::List(parts) => parts.iter().all(|part| filter_fits(entity, part)),
            single => filter_fits(entity, single),
        },
        "_change_block" => matches!(value, Value::Object(_)),
        key => match parse_key(entity, key) {
            Some((column, operator)) => {
                let scalar = entity.columns()[column].1;
                match (operator, value) {
                    (Operator::In | Operator::NotIn, Value::List(values)) => values
                        .iter()
                        .all(|value| *value != Value::Null && scalar_fits(scalar, value)),
                    (_, value) => scalar_fits(scalar, value),
                }
            }
            None => false,
        },
    })
}

fn scalar_fits(scalar: Scalar, value: &Value) -> bool {
    match value {
        Value::Null | Value::String(_) => true,
        Value::Int(_) => matches!(scalar, Scalar::Id | Scalar::BigInt | Scalar::BigDecimal),
        Value::Float(_) => scalar == Scalar::BigDecimal,
        _ => false,
    }
}
