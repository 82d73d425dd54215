//! The variables of a request, checked against their declarations.

use graphql_parser::query as ast;
use graphql_parser::schema::Type;

use super::failure::{Failure, QueryError};
use super::value::{Value, Variables};

/// Gives each declared variable its value.
pub(crate) fn coerce(
    definitions: &[ast::VariableDefinition<'static, String>],
    given: &serde_json::Map<String, serde_json::Value>,
) -> Result<Variables, Failure> {
    let mut variables = Variables::new();
    for definition in definitions {
        let base = base_type(&definition.var_type);
        let value = match (given.get(&definition.name), &definition.default_value) {
            (Some(json), _) => Value::from_json(json.clone(), is_enum(base)),
            (None, Some(default)) => Value::resolve(default, &Variables::new()),
            (None, None) => {
                if matches!(definition.var_type, Type::NonNullType(_)) {
                    return Err(Failure::preparing(QueryError::at(
                        definition.position,
                        format!(
                            "No value provided for required variable `{}`",
                            definition.name
                        ),
                    )));
                }
                continue;
            }
        };
        let fits = match (&definition.var_type, &value) {
            (Type::NonNullType(_), Value::Null) => false,
            _ => fits(base, &value),
        };
        if !fits {
            return Err(Failure::preparing(QueryError::at(
                definition.position,
                format!(
                    "Invalid value provided for argument `{}`: {value:?}",
                    definition.name
                ),
            )));
        }
        variables.insert(definition.name.clone(), value);
    }
    Ok(variables)
}

pub(crate) fn base_type<'a>(variable_type: &'a Type<'static, String>) -> &'a str {
    match variable_type {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => base_type(inner),
    }
}

fn is_enum(base: &str) -> bool {
    base.ends_with("_orderBy") || base == "OrderDirection" || base == "_SubgraphErrorPolicy_"
}

/// Tells whether a variable's value can be of its declared type, lists aside.
fn fits(base: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(values) => values.iter().all(|value| fits(base, value)),
        Value::Int(_) => matches!(base, "Int" | "BigInt" | "BigDecimal" | "ID" | "Float"),
        Value::String(_) => !matches!(base, "Int" | "Boolean" | "Float"),
        Value::Float(_) => matches!(base, "Float" | "BigDecimal"),
        Value::Boolean(_) => base == "Boolean",
        Value::Enum(_) => is_enum(base),
        Value::Object(_) => base.ends_with("_filter") || base == "Block_height",
    }
}
