//! What AWS says about a resource, field by field.

use std::collections::{BTreeMap, BTreeSet};

/// Field → value, both readable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

/// One field that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What it was; empty when it did not exist.
    pub before: String,
    /// What it is; empty when it does not exist.
    pub after: String,
}

impl State {
    /// Adds a field.
    pub fn set(&mut self, field: impl Into<String>, value: impl ToString) {
        self.0.insert(field.into(), value.to_string());
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// Every field and its value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value.as_str()))
    }

    /// How many fields were compared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that differ.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let fields: BTreeSet<&String> = self.0.keys().chain(after.0.keys()).collect();
        let value = |state: &Self, field: &String| state.0.get(field).cloned().unwrap_or_default();
        fields
            .into_iter()
            .filter(|field| self.0.get(*field) != after.0.get(*field))
            .map(|field| Difference { field: field.clone(), before: value(self, field), after: value(after, field) })
            .collect()
    }
}
