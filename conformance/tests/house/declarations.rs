//! What a function declares in its `function.toml`, and what Rust knows by name, are the same.

use firebreak::containment::Containment;
use firebreak_functions::{Contains, FUNCTIONS};
use std::collections::BTreeMap;

#[test]
fn the_containments_of_the_domain_are_the_functions_that_contain() {
    let declared: BTreeMap<&str, bool> =
        FUNCTIONS.iter().filter_map(|function| Some((function.name, function.contains? == Contains::Automatic))).collect();
    let known: BTreeMap<&str, bool> =
        Containment::ALL.iter().map(|containment| (containment.name(), containment.declaration().is_ever_automatic())).collect();
    assert_eq!(known, declared, "automatic or not. Left: declarations of the domain; right: `contains` of function.toml");
}
