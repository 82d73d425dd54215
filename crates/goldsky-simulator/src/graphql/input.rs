//! The types that arguments and filters have.

use graphql_parser::schema::Type;

use super::operator::{Operator, parse_key};
use super::schema::Entity;

/// A type as queries declare it.
pub(crate) type ValueType = Type<'static, String>;

/// Tells whether every value of one type is one of the other.
pub(crate) fn is_subtype(declared: &ValueType, expected: &ValueType) -> bool {
    match (declared, expected) {
        (Type::NonNullType(declared), Type::NonNullType(expected)) => {
            is_subtype(declared, expected)
        }
        (Type::NonNullType(declared), expected) => is_subtype(declared, expected),
        (_, Type::NonNullType(_)) => false,
        (Type::ListType(declared), Type::ListType(expected)) => is_subtype(declared, expected),
        (Type::NamedType(declared), Type::NamedType(expected)) => declared == expected,
        _ => false,
    }
}

pub(crate) fn named(name: impl Into<String>) -> ValueType {
    Type::NamedType(name.into())
}

pub(crate) fn list_of(inner: ValueType) -> ValueType {
    Type::ListType(Box::new(inner))
}

pub(crate) fn non_null(inner: ValueType) -> ValueType {
    Type::NonNullType(Box::new(inner))
}

/// Returns the type of a root field's argument.
pub(crate) fn argument_type(name: &str, entity: Option<Entity>) -> Option<ValueType> {
    let entity_name = || entity.map(Entity::type_name);
    Some(match name {
        "block" => named("Block_height"),
        "first" | "skip" => named("Int"),
        "orderBy" => named(format!("{}_orderBy", entity_name()?)),
        "orderDirection" => named("OrderDirection"),
        "where" => named(format!("{}_filter", entity_name()?)),
        "id" => non_null(named("ID")),
        "subgraphError" => non_null(named("_SubgraphErrorPolicy_")),
        // Of the introspection alone.
        "name" => named("String"),
        _ => return None,
    })
}

/// Returns the type of a field of an input object.
pub(crate) fn input_type(type_name: &str, key: &str) -> Option<ValueType> {
    match (type_name, key) {
        ("Block_height", "hash") => return Some(named("Bytes")),
        ("Block_height", "number" | "number_gte") => return Some(named("Int")),
        ("BlockChangedFilter", "number_gte") => return Some(non_null(named("Int"))),
        _ => {}
    }
    let entity = [
        Entity::OrderFilledEvent,
        Entity::Orderbook,
        Entity::MarketData,
    ]
    .into_iter()
    .find(|entity| type_name.strip_suffix("_filter") == Some(entity.type_name()))?;
    Some(match key {
        "and" | "or" => list_of(named(type_name)),
        "_change_block" => named("BlockChangedFilter"),
        key => {
            let (column, operator) = parse_key(entity, key)?;
            let scalar = named(entity.columns()[column].1.name());
            match operator {
                Operator::In | Operator::NotIn => list_of(non_null(scalar)),
                _ => scalar,
            }
        }
    })
}
