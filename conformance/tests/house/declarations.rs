//! What a function declares in its `function.toml`, and what Rust knows by name, are the same.

use firebreak::containment::Containment;
use firebreak_functions::{Contains, FUNCTIONS, Function, MemberRole};
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn the_containments_of_the_domain_are_the_functions_that_contain() {
    let declared: BTreeMap<&str, bool> =
        FUNCTIONS.iter().filter_map(|function| Some((function.name, function.contains? == Contains::Automatic))).collect();
    let known: BTreeMap<&str, bool> =
        Containment::ALL.iter().map(|containment| (containment.name(), containment.declaration().is_ever_automatic())).collect();
    assert_eq!(known, declared, "automatic or not. Left: declarations of the domain; right: `contains` of function.toml");
}

/// The functions of the workspace that declare a role.
fn with(role: MemberRole) -> Vec<&'static str> {
    let has = |function: &&Function| function.member_roles.contains(&role);
    FUNCTIONS.iter().filter(has).map(|function| function.name).collect()
}

#[test]
fn a_level_is_carried_out_by_the_function_that_has_its_role_and_looked_at_by_the_containments_own() {
    for containment in Containment::ALL {
        for level in containment.declaration().levels {
            assert_eq!(with(level.role), [containment.name()], "{containment}: {level:?}");
            assert_eq!(with(level.contains_as()), [containment.function(level.scope)], "{containment}: {level:?}");
            let Some(apart) = level.apart else { continue };
            let function = FUNCTIONS.iter().find(|function| function.name == apart.function).expect("a folder of functions/");
            assert_eq!(function.contains, None, "{}: the containment is {containment}", apart.function);
            let toml = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions").join(apart.function).join("function.toml");
            let text = std::fs::read_to_string(toml).expect("readable");
            assert!(
                text.contains(&format!("carries_out = \"{containment}\"\n")),
                "{}: the state machine may not call it",
                apart.function
            );
        }
    }
}
