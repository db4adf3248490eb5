//! Every active GuardDuty type has a fixture, and one table says what is decided about each.
//!
//! After a change that is meant, review the differences with `cargo insta review`, or accept them with `INSTA_UPDATE=always`.

use firebreak::decision::{Decision, Mode};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak::target::TargetKind;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Plans depend on the time; snapshots must not.
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
/// Active types of the GuardDuty user guide, as of 2025-12.
const ACTIVE_TYPES: usize = 199;

fn line(decision: &Decision) -> String {
    let what = decision.containment.map_or("by hand", |containment| containment.name());
    let when = match decision.mode {
        Mode::Auto => "at once",
        Mode::Gate if decision.only_by_name => "only by name",
        Mode::Gate => "after approval",
        Mode::Notify => "told only",
    };
    let (kind, scope) = (decision.target.kind, decision.target.scope);
    let level = if kind == TargetKind::S3Bucket && !scope.is_whole() { format!(", {}", scope.name()) } else { String::new() };
    format!("{what}, {when}: {}{level}", kind.name())
}

#[test]
fn every_type_is_decided_as_the_table_says() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let folder = std::fs::read_dir(fixtures.join("findings/types")).expect("the folder exists");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let policy = Policy::unrestricted();
    let (mut table, mut types) = (String::new(), BTreeSet::new());
    for file in files {
        let event = std::fs::read(&file).expect("readable");
        let plan = plan_json(&event, &Circumstances::new(&policy, NOW)).expect("every fixture is JSON");
        let kind = plan.finding.finding_type.expect("every fixture has a type");
        let variant = file.file_stem().and_then(|name| name.to_str()).and_then(|name| name.split_once("__"));
        let variant = variant.map_or_else(String::new, |(_, variant)| format!(" ({variant})"));
        let decisions: Vec<String> = plan.decisions.iter().map(line).collect();
        let verdict = format!("{:?}", plan.verdict).to_lowercase();
        writeln!(table, "{kind}{variant} -> {verdict}; {}", decisions.join("; ")).expect("a string takes everything");
        assert!(!plan.decisions.is_empty(), "{kind}{variant}: silence");
        types.insert(kind);
    }
    assert_eq!(types.len(), ACTIVE_TYPES, "a fixture for every active type");
    for kind in &types {
        assert!(Playbook::shipped().row(kind).is_some(), "{kind} has no row");
    }
    insta::with_settings!({
        snapshot_path => fixtures.join("plans"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("types", table);
    });
}
