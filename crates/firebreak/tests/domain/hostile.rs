//! Every hostile input of the catalogue, by id: what must come of it, and what must never happen.
//!
//! Inputs are `fixtures/findings/hostile/<id>_<name>.json`; variants and the large ones are made in the tests. [`CASES`] says where
//! each id is shown.

mod events;
mod health;
mod identities;
mod plans;
mod repeats;
mod shapes;
mod sizes;
mod states;
mod texts;

use std::path::{Path, PathBuf};

/// Where a case is shown.
enum Proof {
    /// In one of the [`TESTS`].
    Here,
    /// A file and a test in it.
    Elsewhere(&'static str, &'static str),
    /// Nowhere in full; what is missing. What can be shown of it is shown here.
    Open(&'static str),
}
use Proof::{Elsewhere, Here, Open};

const CASES: &[(&str, Proof)] = &[
    ("H01", Here),
    ("H02", Here),
    ("H03", Here),
    ("H04", Here),
    ("H05", Here),
    ("H06", Here),
    ("H07", Here),
    ("H08", Here),
    ("H09", Here),
    ("H10", Here),
    ("H11", Here),
    ("H12", Here),
    ("H13", Here),
    ("H14", Here),
    ("H15", Here),
    ("H16", Here),
    ("H17", Here),
    ("H18", Here),
    ("H19", Here),
    ("H20", Here),
    ("H21", Here),
    ("H22", Here),
    ("H23", Here),
    ("H24", Here),
    ("H25", Here),
    ("H26", Here),
    ("H27", Here),
    ("H28", Here),
    (
        "H29",
        Elsewhere("drill/tests/whole/end_to_end/triage.rs", "targets_that_are_gone_are_named_and_the_review_opens_all_the_same"),
    ),
    ("H30", Here),
    ("H31", Here),
    ("H32", Here),
    ("H33", Here),
    ("H34", Here),
    ("H35", Here),
    ("H36", Here),
    ("H37", Here),
    ("H38", Here),
    ("H39", Here),
    ("H40", Here),
    ("H41", Here),
    ("H42", Here),
    ("H43", Here),
    ("H44", Here),
    ("H45", Here),
    ("H46", Here),
    ("H47", Here),
    ("H48", Here),
    ("H49", Open("a bucket that is gone is shown end to end; one in another Region or of another account is not")),
    ("H50", Here),
    ("H51", Open("an instance that is gone is shown end to end; nobody looks for the volumes it left")),
    ("H52", Here),
    ("H53", Elsewhere("drill/tests/whole/end_to_end/targets.rs", "an_isolation_group_that_somebody_filled_is_emptied")),
    ("H54", Here),
    ("H55", Here),
    ("H56", Here),
    ("H57", Here),
    ("H58", Here),
    ("H59", Here),
    ("H60", Here),
    ("H61", Here),
    ("H62", Here),
    ("H63", Here),
    ("H64", Here),
    ("H65", Here),
    ("H66", Here),
    ("H67", Here),
    ("H68", Here),
    ("H69", Here),
    ("H70", Elsewhere("crates/firebreak/tests/domain/principals.rs", "an_owner_who_contradicts_the_finding_waits_for_a_person")),
    (
        "H71",
        Elsewhere("drill/tests/whole/end_to_end/safety.rs", "hostile_text_reaches_people_inert_and_the_token_reaches_nobody"),
    ),
    ("H72", Here),
    ("H73", Here),
    ("H74", Here),
    ("H75", Here),
    ("H76", Here),
    ("H77", Elsewhere("functions/triage/tests/wire/joins_in_trouble.rs", "two_hundred_findings_about_one_user_are_one_incident")),
    ("H78", Here),
    ("H79", Here),
    ("H80", Here),
];

/// The tests as text.
const TESTS: [&str; 7] = [
    include_str!("hostile/health.rs"),
    include_str!("hostile/identities.rs"),
    include_str!("hostile/repeats.rs"),
    include_str!("hostile/shapes.rs"),
    include_str!("hostile/sizes.rs"),
    include_str!("hostile/states.rs"),
    include_str!("hostile/texts.rs"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_case_is_handled() {
    let expected: Vec<String> = (1..=80).map(|n| format!("H{n:02}")).collect();
    assert_eq!(CASES.iter().map(|(case, _)| *case).collect::<Vec<_>>(), expected);
    for (case, proof) in CASES {
        match proof {
            Here => assert!(TESTS.iter().any(|tests| tests.contains(&format!("\"{case}"))), "no test names {case}"),
            Elsewhere(file, test) => {
                let text = std::fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
                assert!(text.contains(&format!("fn {test}(")), "{case}: {file} has no test {test}");
            }
            Open(missing) => println!("{case} is open: {missing}"),
        }
    }
    let folder = std::fs::read_dir(repository().join("fixtures/findings/hostile")).expect("the folder exists");
    for name in folder.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()) {
        let known = CASES.iter().any(|(case, _)| name.starts_with(&format!("{case}_")));
        assert!(known || !name.starts_with('H'), "{name} is no case");
    }
}
