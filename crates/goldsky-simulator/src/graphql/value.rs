//! Query values with variables filled in.

use std::collections::BTreeMap;

use graphql_parser::query as ast;

/// An integer as graph-node shows it in its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) i64);

/// A value. Its `Debug` form is part of graph-node's messages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(Number),
    Float(f64),
    String(String),
    Boolean(bool),
    Null,
    Enum(String),
    List(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// The variables of a request by name.
pub(crate) type Variables = BTreeMap<String, Value>;

impl Value {
    /// Fills in variables; one without a value is null.
    pub(crate) fn resolve(value: &ast::Value<'static, String>, variables: &Variables) -> Self {
        match value {
            ast::Value::Variable(name) => variables.get(name).cloned().unwrap_or(Self::Null),
            ast::Value::Int(number) => match number.as_i64() {
                Some(number) => Self::Int(Number(number)),
                None => Self::Null,
            },
            ast::Value::Float(number) => Self::Float(*number),
            ast::Value::String(text) => Self::String(text.clone()),
            ast::Value::Boolean(boolean) => Self::Boolean(*boolean),
            ast::Value::Null => Self::Null,
            ast::Value::Enum(name) => Self::Enum(name.clone()),
            ast::Value::List(values) => Self::List(
                values
                    .iter()
                    .map(|value| Self::resolve(value, variables))
                    .collect(),
            ),
            ast::Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::resolve(value, variables)))
                    .collect(),
            ),
        }
    }

    /// Takes a variable's JSON value. A text is an enum's name where the variable's type says so.
    pub(crate) fn from_json(json: serde_json::Value, is_enum: bool) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(boolean) => Self::Boolean(boolean),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(Number(number)),
                None => Self::Float(number.as_f64().unwrap_or(0.0)),
            },
            Json::String(text) if is_enum => Self::Enum(text),
            Json::String(text) => Self::String(text),
            Json::Array(values) => Self::List(
                values
                    .into_iter()
                    .map(|value| Self::from_json(value, is_enum))
                    .collect(),
            ),
            Json::Object(fields) => Self::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name, Self::from_json(value, false)))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_show_as_graph_node_shows_them() {
        let value = Value::from_json(serde_json::json!({"makerAssetId_in": [1, "2"]}), false);
        assert_eq!(
            format!("{value:?}"),
            r#"Object({"makerAssetId_in": List([Int(Number(1)), String("2")])})"#
        );
    }
}
