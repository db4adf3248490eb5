//! What each finding type leads to under a policy that holds Firebreak back, with every word of the reason.
//!
//! `types.rs` shows what the playbook wants. This shows what is left of it in each mode, and when the finding is old, forged, on a
//! protected target or suppressed. After a change that is meant, accept the differences with `INSTA_UPDATE=always`.

use firebreak::decision::Decision;
use firebreak::plan::{AtSource, Circumstances, plan_json};
use firebreak::policy::Policy;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Plans depend on the time; snapshots must not.
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);

/// Names that the fixtures use, protected or suppressed.
const CAREFUL: &str = r#"
default_mode = "auto"
samples = "respond"
confirmation = "required"

[protected]
principals = ["svc-39d4de", "app-role"]
buckets = ["acme-a671a1a1"]

[[suppress]]
findings = ["CryptoCurrency:EC2/BitcoinTool.B", "Recon:EC2/Portscan"]
accounts = ["111122223333"]
target = "i-078f938ed16ec7acf"
owner = "red team"
reason = "an exercise"
expires = "2099-01-01"
"#;

fn line(decision: &Decision) -> String {
    let what = decision.containment.map_or("by hand", |containment| containment.name());
    let suppressed = if decision.suppressed { ", suppressed" } else { "" };
    format!("  {what} {}{suppressed} | {} | {}\n", decision.mode.name(), decision.target, decision.reason)
}

fn table(policy: &Policy, at_source: AtSource) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings/types");
    let folder = std::fs::read_dir(fixtures).expect("the folder exists");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let mut table = String::new();
    for file in files {
        let event = std::fs::read(&file).expect("readable");
        let circumstances = Circumstances { at_source, ..Circumstances::new(policy, NOW) };
        let plan = plan_json(&event, &circumstances).expect("every fixture is JSON");
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        writeln!(table, "{name}: {:?}: {}", plan.verdict, plan.reason.as_deref().unwrap_or("-")).expect("a string");
        plan.decisions.iter().for_each(|decision| table.push_str(&line(decision)));
    }
    table
}

fn is_as_reviewed(name: &str, policy: &str, at_source: AtSource) {
    let policy = Policy::parse(policy).expect("a policy");
    insta::with_settings!({
        snapshot_path => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/plans"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(format!("types-{name}"), table(&policy, at_source));
    });
}

#[test]
fn in_every_mode() {
    is_as_reviewed("auto-from-low", "default_mode = \"auto\"\nauto_from = \"low\"\nsamples = \"respond\"", AtSource::Active);
    is_as_reviewed("auto", "default_mode = \"auto\"\nsamples = \"respond\"", AtSource::Active);
    is_as_reviewed("gate-first", "default_mode = \"gate-first\"\nsamples = \"respond\"", AtSource::Active);
    is_as_reviewed("dry-run", "default_mode = \"dry-run\"\nsamples = \"respond\"", AtSource::Active);
    is_as_reviewed("observe", "default_mode = \"observe\"\nsamples = \"respond\"", AtSource::Active);
}

#[test]
fn under_a_careful_policy_that_nobody_confirms() {
    is_as_reviewed("careful", CAREFUL, AtSource::NotAsked);
}

#[test]
fn when_the_source_does_not_know_the_finding() {
    is_as_reviewed("unknown-at-source", "default_mode = \"auto\"\nsamples = \"respond\"", AtSource::Unknown);
}
