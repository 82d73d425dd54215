//! A request's body as JSON.

use serde_json::{Map, Value};

/// A query's text and the variables sent with it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) query: String,
    pub(crate) variables: Map<String, Value>,
}

impl Request {
    /// Reads a body, or returns what graph-node says with HTTP 400.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let wrong = |reason: &str| format!("GraphQL server error (client error): {reason}");
        if body.is_empty() {
            return Err("Body is required".to_owned());
        }
        let json: Value =
            serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
        let Value::Object(mut object) = json else {
            return Err(wrong("Request data is not an object"));
        };
        let query = match object.remove("query") {
            Some(Value::String(query)) => query,
            Some(_) => return Err(wrong("The \"query\" field is not a string")),
            None => return Err(wrong("The \"query\" field is missing in request data")),
        };
        let variables = match object.remove("variables") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(variables)) => variables,
            Some(_) => return Err(wrong("Invalid query variables provided")),
        };
        Ok(Self { query, variables })
    }
}
