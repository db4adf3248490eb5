//! Twelve kinds of findings that were decided wrongly, each by the example that showed it and by others of its kind.
//!
//! The examples are `fixtures/findings/cases/*.json`; `cases.csv` beside them says what is right about each, and what was decided
//! before. The tests make others of each kind: in other readers, in other fields, and what must not change.

mod arguable;
mod beside;
mod events;
mod evidence;
mod fields;
mod keys;
mod names;
mod places;
mod plans;
mod principals;
mod readers;
mod sessions;
mod spellings;
mod tags;
mod types;
mod words;

use std::path::{Path, PathBuf};

/// An example, and the test that shows it.
const HANDLED: [(&str, &str); 21] = [
    ("01-two-keys-one-user", "two_keys_of_one_user_are_both_exposed"),
    ("03-ocsf-akia-no-user", "a_key_without_a_name_waits_and_its_owner_is_contained_once_known"),
    ("07-asff-no-principaltype", "ids_say_what_the_word_leaves_out"),
    ("08-usertype-samluser", "who_came_in_from_outside_waits_for_a_person"),
    ("12-usertype-unknown", "a_principal_that_nobody_knows_waits_for_a_person"),
    ("15-usertype-root", "somebody_must_answer_for_root"),
    ("21-sso-session-comma", "an_identity_center_session_is_a_persons_whatever_it_is_called"),
    ("23-shared-session-github", "a_session_that_its_caller_named_waits"),
    ("26-rce-ecs-task", "what_runs_as_the_role_is_left_to_a_person_beside_its_session"),
    ("30-ocsf-iam-user", "a_resource_is_the_same_in_every_readers_words"),
    ("31-health-arn-other-region", "an_arn_says_in_which_region_its_resource_is"),
    ("33-health-global-no-eventregion", "a_region_without_form_is_an_arns"),
    ("34-health-lastupdated-rfc2822", "a_time_is_the_first_that_has_a_form"),
    ("36-health-unknown-abuse", "a_report_of_aws_health_under_a_new_code_waits_for_a_person"),
    ("37-crowdstrike-plain-id", "a_plain_instance_id_is_an_instance_in_a_listed_products_finding"),
    ("40-asff-dot-type", "a_type_is_one_row_in_every_spelling"),
    ("54-new-type-sensitivefile", "the_types_that_were_missing_have_rows"),
    ("57-legacy-bucket-upper", "a_bucket_that_lockdown_cannot_take_is_left_to_a_person_who_is_told_why"),
    ("59-bucket-s3alias", "an_alias_is_no_bucket"),
    ("63-no-instance-id", "an_instance_without_an_id_is_asked_about_by_its_address"),
    ("75-china-no-partition", "a_region_tells_the_partition_that_nobody_states"),
];

/// The tests as text.
const TESTS: [&str; 11] = [
    include_str!("cases/arguable.rs"),
    include_str!("cases/beside.rs"),
    include_str!("cases/fields.rs"),
    include_str!("cases/keys.rs"),
    include_str!("cases/names.rs"),
    include_str!("cases/places.rs"),
    include_str!("cases/principals.rs"),
    include_str!("cases/sessions.rs"),
    include_str!("cases/spellings.rs"),
    include_str!("cases/types.rs"),
    include_str!("cases/words.rs"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings/cases")
}

/// The body of a test, up to the brace that ends it.
fn body(test: &str) -> Option<&'static str> {
    let after = TESTS.iter().find_map(|text| text.split_once(&format!("\nfn {test}() {{\n")))?.1;
    after.split_once("\n}\n").map(|(body, _)| body)
}

#[test]
fn every_example_of_the_table_has_a_test() {
    let table = std::fs::read_to_string(folder().join("cases.csv")).expect("the table");
    let listed: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split_once(".json,")).map(|(name, _)| name).collect();
    assert_eq!(listed, HANDLED.map(|(name, _)| name), "cases.csv and HANDLED name the same examples");
    for (name, test) in HANDLED {
        let body = body(test).unwrap_or_else(|| panic!("{name}: no test is called {test}"));
        assert!(body.contains(&format!("case(\"{name}\")")), "{test} does not read {name}");
    }
}

#[test]
fn every_file_of_the_folder_is_in_the_table() {
    let files = std::fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("readable").file_name());
    for name in files.filter_map(|name| name.to_str()?.strip_suffix(".json").map(str::to_owned)) {
        assert!(HANDLED.iter().any(|(handled, _)| *handled == name), "{name} has no test");
    }
}
