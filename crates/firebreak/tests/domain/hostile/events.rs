//! The events of the cases: a fixture as it is, or with one field changed.

use super::repository;
use serde_json::Value;
use std::path::PathBuf;

pub(super) fn bytes(case: &str) -> Vec<u8> {
    let folder = std::fs::read_dir(repository().join("fixtures/findings/hostile")).expect("the folder exists");
    let mut files = folder.map(|entry| entry.expect("readable").path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{case}_")));
    std::fs::read(files.find(is_it).unwrap_or_else(|| panic!("{case} has no fixture"))).expect("readable")
}

pub(super) fn event(case: &str) -> Value {
    serde_json::from_slice(&bytes(case)).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// The fixture with one field set to something else.
pub(super) fn with(case: &str, path: &str, value: Value) -> Value {
    set(event(case), path, value)
}

pub(super) fn set(mut event: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    match event.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Object(fields) => fields.insert(name.to_owned(), value),
        parent => panic!("{parent} has no fields"),
    };
    event
}

pub(super) fn without(case: &str, path: &str) -> Value {
    let (mut event, (parent, name)) = (event(case), path.rsplit_once('/').expect("a path"));
    let fields = event.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    fields.remove(name).unwrap_or_else(|| panic!("{case} has no {path}"));
    event
}
