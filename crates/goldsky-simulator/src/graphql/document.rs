//! From a request's JSON to the fields it asks for.

use std::collections::BTreeMap;

use graphql_parser::query as ast;

use super::failure::{Failure, Location, QueryError};
use super::value::{Value, Variables};
use super::variables;

/// A field with its fragments expanded and its variables filled in.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The key in the answer.
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) arguments: Vec<(String, Value)>,
    pub(crate) location: Location,
    pub(crate) selection: Vec<Self>,
}

/// A query that was read but not yet checked against the schema.
pub(crate) struct Document {
    pub(crate) parsed: ast::Document<'static, String>,
    pub(crate) variables: serde_json::Map<String, serde_json::Value>,
}

/// Parses a query's text.
pub(crate) fn parse(text: &str) -> Result<ast::Document<'static, String>, Failure> {
    match graphql_parser::parse_query::<String>(text) {
        Ok(document) => Ok(document.into_static()),
        Err(error) => {
            let text = error.to_string();
            let error = syntax_error(&text).unwrap_or_else(|| QueryError::new(text));
            Err(Failure::preparing(error))
        }
    }
}

/// Takes the place and the words out of the parser's message, as graph-node does.
fn syntax_error(text: &str) -> Option<QueryError> {
    let rest = text.split_once("Parse error at ")?.1;
    let (place, words) = rest.split_once('\n')?;
    let (line, column) = place.split_once(':')?;
    let location = Location {
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    };
    Some(QueryError::at(location, words.trim_end()))
}

/// Returns the fields of the only operation.
pub(crate) fn fields(document: &Document) -> Result<Vec<Field>, Failure> {
    let mut operations = Vec::new();
    let mut fragments = BTreeMap::new();
    for definition in &document.parsed.definitions {
        match definition {
            ast::Definition::Operation(operation) => operations.push(operation),
            ast::Definition::Fragment(fragment) => {
                fragments.insert(fragment.name.as_str(), fragment);
            }
        }
    }
    // graph-node takes one operation and ignores `operationName`.
    let [operation] = operations.as_slice() else {
        return Err(Failure::preparing(QueryError::new(
            "Operation name required",
        )));
    };
    let (definitions, selection) = match operation {
        ast::OperationDefinition::SelectionSet(selection) => (&[][..], selection),
        ast::OperationDefinition::Query(query) => {
            (query.variable_definitions.as_slice(), &query.selection_set)
        }
        ast::OperationDefinition::Mutation(_) => return Err(unsupported("Mutations")),
        ast::OperationDefinition::Subscription(_) => return Err(unsupported("Subscriptions")),
    };
    let variables = variables::coerce(definitions, &document.variables)?;
    let mut expansion = Expansion {
        fragments: &fragments,
        variables: &variables,
        depth: 0,
    };
    let mut fields = Vec::new();
    expansion.collect(selection, &mut fields)?;
    Ok(fields)
}

fn unsupported(what: &str) -> Failure {
    Failure::preparing(QueryError::new(format!(
        "Not supported: {what} are not supported"
    )))
}

struct Expansion<'a> {
    fragments: &'a BTreeMap<&'a str, &'a ast::FragmentDefinition<'static, String>>,
    variables: &'a Variables,
    depth: usize,
}

impl Expansion<'_> {
    /// Deeper nesting than any query of this schema needs; ends cycles of fragments.
    const MOST_DEPTH: usize = 64;

    /// Appends the fields of a selection. Fields with one key are merged, and the first decides
    /// the arguments, as on a host that does not validate.
    fn collect(
        &mut self,
        selection: &ast::SelectionSet<'static, String>,
        fields: &mut Vec<Field>,
    ) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth > Self::MOST_DEPTH {
            return Err(Failure::preparing(QueryError::new(format!(
                "query has a depth that exceeds the limit of `{}`",
                Self::MOST_DEPTH
            ))));
        }
        for item in &selection.items {
            match item {
                ast::Selection::Field(field) if self.included(&field.directives) => {
                    self.collect_field(field, fields)?;
                }
                ast::Selection::FragmentSpread(spread) if self.included(&spread.directives) => {
                    let fragment = self
                        .fragments
                        .get(spread.fragment_name.as_str())
                        .ok_or_else(|| {
                            Failure::preparing(QueryError::at(
                                spread.position,
                                format!("Fragment `{}` is not defined", spread.fragment_name),
                            ))
                        })?;
                    self.collect(&fragment.selection_set, fields)?;
                }
                ast::Selection::InlineFragment(inline) if self.included(&inline.directives) => {
                    self.collect(&inline.selection_set, fields)?;
                }
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn collect_field(
        &mut self,
        field: &ast::Field<'static, String>,
        fields: &mut Vec<Field>,
    ) -> Result<(), Failure> {
        let alias = field.alias.as_ref().unwrap_or(&field.name);
        let mut selection = Vec::new();
        self.collect(&field.selection_set, &mut selection)?;
        if let Some(earlier) = fields.iter_mut().find(|earlier| earlier.alias == *alias) {
            for inner in selection {
                if !earlier
                    .selection
                    .iter()
                    .any(|known| known.alias == inner.alias)
                {
                    earlier.selection.push(inner);
                }
            }
            return Ok(());
        }
        fields.push(Field {
            alias: alias.clone(),
            name: field.name.clone(),
            arguments: field
                .arguments
                .iter()
                .map(|(name, value)| (name.clone(), Value::resolve(value, self.variables)))
                .collect(),
            location: field.position.into(),
            selection,
        });
        Ok(())
    }

    /// Applies `@skip` and `@include`.
    fn included(&self, directives: &[ast::Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive
                .arguments
                .iter()
                .find(|(name, _)| name == "if")
                .map(|(_, value)| Value::resolve(value, self.variables));
            match directive.name.as_str() {
                "skip" => condition != Some(Value::Boolean(true)),
                "include" => condition != Some(Value::Boolean(false)),
                _ => true,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: serde_json::Value) -> Result<Vec<Field>, Failure> {
        let serde_json::Value::Object(variables) = variables else {
            panic!("variables are an object");
        };
        fields(&Document {
            parsed: parse(text)?,
            variables,
        })
    }

    #[test]
    fn fragments_directives_and_variables_are_gone() {
        let fields = read(
            "query Q($n: Int = 3, $no: Boolean!) { a: orderbooks(first: $n) { ...F x @include(if: $no) } }
             fragment F on Orderbook { id ... on Orderbook { tradesQuantity } }",
            serde_json::json!({"no": false}),
        )
        .unwrap();
        assert_eq!(fields[0].alias, "a");
        let first = Value::Int(crate::graphql::value::Number(3));
        assert_eq!(fields[0].arguments, [("first".to_owned(), first)]);
        let names: Vec<_> = fields[0]
            .selection
            .iter()
            .map(|f| f.name.as_str())
            .collect();
        assert_eq!(names, ["id", "tradesQuantity"]);
    }

    #[test]
    fn a_cycle_of_fragments_fails() {
        let text = "{ orderbooks { ...A } } fragment A on Orderbook { ...B } fragment B on Orderbook { ...A }";
        let failure = read(text, serde_json::json!({})).unwrap_err();
        assert!(failure.errors[0].message.contains("depth"));
    }

    #[test]
    fn a_variable_of_the_wrong_type_is_refused() {
        let text = "query Q($n: Int!) { orderbooks(first: $n) { id } }";
        let failure = read(text, serde_json::json!({"n": "3"})).unwrap_err();
        assert_eq!(
            failure.errors[0].message,
            "Invalid value provided for argument `n`: String(\"3\")"
        );
    }
}
