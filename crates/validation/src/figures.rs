use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a check counted, in the order in which people read it; a JSON object in reports.
///
/// Amounts of USDC or shares are whole base units, as text where they may pass 2^53.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(Vec<(String, Value)>);

impl Figures {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a figure behind the others.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a figure behind the others.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// Returns a figure by its name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let named = self.0.iter().find(|(figure, _)| figure == name);
        named.map(|(_, value)| value)
    }

    /// Returns the figures in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
