//! Every fixture has its expected plan, at full strength of the shipped playbook.
//!
//! After a change that is meant, review the differences with `cargo insta review`, or accept them with `INSTA_UPDATE=always`.

use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use std::path::{Path, PathBuf};

/// Plans depend on the time; snapshots must not.
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
/// Bytes that are no UTF-8 are no JSON: there is no event, so there is no plan.
const NOT_JSON: [&str; 1] = ["H67_invalid_utf8"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

#[test]
fn every_fixture_has_its_plan() {
    let mut files: Vec<PathBuf> = ["guardduty", "security-hub", "hostile"]
        .iter()
        .flat_map(|source| std::fs::read_dir(fixtures().join("findings").join(source)).expect("the folder exists"))
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let policy = Policy::unrestricted();
    assert!(files.len() > 40, "only {} fixtures found", files.len());
    for file in files {
        let source = file.parent().and_then(Path::file_name).and_then(|s| s.to_str()).expect("a source folder");
        let name = file.file_stem().and_then(|s| s.to_str()).expect("a name");
        let event = std::fs::read(&file).expect("readable");
        let plan = plan_json(&event, &Circumstances::new(&policy, NOW));
        if NOT_JSON.contains(&name) {
            assert!(plan.is_err(), "{name} is JSON and needs a plan");
            continue;
        }
        let plan = plan.expect("every other fixture is JSON");
        insta::with_settings!({
            snapshot_path => fixtures().join("plans"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_json_snapshot!(format!("{source}.{name}"), plan);
        });
    }
}
