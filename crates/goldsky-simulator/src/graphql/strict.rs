//! What stricter hosts check before they run a query.
//!
//! Only the rules of the specification that a client of this schema can break by accident.

use std::collections::BTreeMap;

use graphql_parser::query as ast;
use graphql_parser::schema::Type;

use super::document::Field;
use super::failure::{Failure, QueryError, Stage};
use super::input::{ValueType, argument_type, input_type, is_subtype};
use super::schema::Root;

type Value = ast::Value<'static, String>;

fn rejected(messages: Vec<String>) -> Failure {
    Failure {
        stage: Stage::Validating,
        errors: messages.into_iter().map(QueryError::new).collect(),
    }
}

/// Checks how deep a query nests.
pub(crate) fn check_depth(fields: &[Field], most: u32) -> Result<(), Failure> {
    fn depth(fields: &[Field]) -> u32 {
        let below = fields.iter().map(|field| depth(&field.selection));
        below.max().map_or(0, |below| below + 1)
    }
    if depth(fields) <= most {
        return Ok(());
    }
    Err(rejected(vec![format!(
        "query has a depth that exceeds the limit of `{most}`"
    )]))
}

/// Checks every operation against the schema.
pub(crate) fn validate(document: &ast::Document<'static, String>) -> Result<(), Failure> {
    let mut messages = Vec::new();
    for definition in &document.definitions {
        let ast::Definition::Operation(operation) = definition else {
            continue;
        };
        let (name, definitions, selection) = match operation {
            ast::OperationDefinition::SelectionSet(selection) => (None, &[][..], selection),
            ast::OperationDefinition::Query(query) => (
                query.name.as_deref(),
                query.variable_definitions.as_slice(),
                &query.selection_set,
            ),
            _ => continue,
        };
        let mut validation = Validation {
            declared: definitions
                .iter()
                .map(|definition| (definition.name.as_str(), (&definition.var_type, false)))
                .collect(),
            messages: Vec::new(),
        };
        validation.selection(selection);
        for (variable, (_, used)) in &validation.declared {
            if !used {
                validation.messages.push(format!(
                    "Variable \"${variable}\" is never used in operation \"{}\".",
                    name.unwrap_or_default()
                ));
            }
        }
        messages.append(&mut validation.messages);
    }
    if messages.is_empty() {
        Ok(())
    } else {
        Err(rejected(messages))
    }
}

struct Validation<'a> {
    /// Types of the declared variables, and whether each is used.
    declared: BTreeMap<&'a str, (&'a ValueType, bool)>,
    messages: Vec<String>,
}

impl Validation<'_> {
    fn selection(&mut self, selection: &ast::SelectionSet<'static, String>) {
        let mut seen: BTreeMap<&str, &ast::Field<'static, String>> = BTreeMap::new();
        for item in &selection.items {
            let ast::Selection::Field(field) = item else {
                continue;
            };
            let key = field.alias.as_ref().unwrap_or(&field.name).as_str();
            if let Some(earlier) = seen.insert(key, field)
                && (&earlier.name, &earlier.arguments) != (&field.name, &field.arguments)
            {
                self.messages.push(format!(
                    "Fields \"{key}\" conflict because they have differing arguments. Use \
                     different aliases on the fields to fetch both if this was intentional."
                ));
            }
            self.root(field);
        }
    }

    fn root(&mut self, field: &ast::Field<'static, String>) {
        let entity = match Root::named(&field.name) {
            Some(Root::List(entity) | Root::Single(entity)) => Some(entity),
            Some(Root::Meta | Root::Typename) => None,
            None if field.name.starts_with("__") => None,
            None => {
                self.unknown_field(&field.name, "Query");
                return;
            }
        };
        for (name, value) in &field.arguments {
            if let Some(expected) = argument_type(name, entity) {
                self.value(value, &expected);
            } else {
                self.messages.push(format!(
                    "Unknown argument \"{name}\" on field \"Query.{}\".",
                    field.name
                ));
            }
        }
        let Some(entity) = entity else {
            return;
        };
        for item in &field.selection_set.items {
            if let ast::Selection::Field(field) = item
                && field.name != "__typename"
                && entity.column(&field.name).is_none()
            {
                self.unknown_field(&field.name, entity.type_name());
            }
        }
    }

    fn unknown_field(&mut self, field: &str, type_name: &str) {
        self.messages.push(format!(
            "Cannot query field \"{field}\" on type \"{type_name}\"."
        ));
    }

    fn value(&mut self, value: &Value, expected: &ValueType) {
        match (value, expected) {
            (ast::Value::Variable(name), expected) => self.variable(name, expected),
            (ast::Value::Null, Type::NonNullType(_)) => self.unexpected(value, expected),
            (ast::Value::Null, _) => {}
            (value, Type::NonNullType(inner)) => self.value(value, inner),
            (ast::Value::List(values), Type::ListType(inner)) => {
                for value in values {
                    self.value(value, inner);
                }
            }
            (value, Type::ListType(inner)) => self.value(value, inner),
            (ast::Value::Object(fields), Type::NamedType(name)) => {
                for (key, value) in fields {
                    match input_type(name, key) {
                        Some(expected) => self.value(value, &expected),
                        None => self.messages.push(format!(
                            "Field \"{key}\" is not defined by type \"{name}\"."
                        )),
                    }
                }
            }
            (value, Type::NamedType(name)) => {
                let fits = match name.as_str() {
                    "Int" => matches!(value, ast::Value::Int(_)),
                    "ID" => matches!(value, ast::Value::Int(_) | ast::Value::String(_)),
                    "String" => matches!(value, ast::Value::String(_)),
                    // Scalars of the host's own take any literal.
                    "BigInt" | "BigDecimal" | "Bytes" => true,
                    _ => matches!(value, ast::Value::Enum(_)),
                };
                if !fits {
                    self.unexpected(value, expected);
                }
            }
        }
    }

    fn unexpected(&mut self, value: &Value, expected: &ValueType) {
        self.messages.push(format!(
            "Expected value of type \"{expected}\", found {value}."
        ));
    }

    fn variable(&mut self, name: &str, expected: &ValueType) {
        match self.declared.get_mut(name) {
            None => self
                .messages
                .push(format!("Variable \"${name}\" is not defined.")),
            Some((declared, used)) => {
                *used = true;
                if !is_subtype(declared, expected) {
                    self.messages.push(format!(
                        "Variable \"${name}\" of type \"{declared}\" used in position expecting \
                         type \"{expected}\"."
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::parse;
    use super::super::input::{list_of, named, non_null};
    use super::super::variables::base_type;
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        match validate(&parse(text).unwrap()) {
            Ok(()) => Vec::new(),
            Err(failure) => failure.errors.into_iter().map(|e| e.message).collect(),
        }
    }

    #[test]
    fn a_stricter_variable_fits_a_looser_place() {
        let text = "query Q($t: [String!]!, $n: BigInt!) { orderFilledEvents(\
                    where: {and: [{makerAssetId_in: $t}, {timestamp_gte: $n}]}) { id } }";
        assert!(messages(text).is_empty());
    }

    #[test]
    fn undeclared_and_unused_variables_are_named() {
        let found = messages("query Q($a: Int) { orderbooks(first: $b) { id } }");
        assert_eq!(
            found,
            [
                "Variable \"$b\" is not defined.",
                "Variable \"$a\" is never used in operation \"Q\"."
            ]
        );
    }

    #[test]
    fn base_types_are_below_lists_and_non_null() {
        assert_eq!(base_type(&non_null(list_of(named("Int")))), "Int");
    }
}
