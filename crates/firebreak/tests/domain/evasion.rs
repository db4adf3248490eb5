//! Every row of the evasion table, by number: ways to escape a containment, or to make it harm the innocent, and the tests that show
//! what comes of them. `docs/semantics.md`, "Rows of the evasion table", says the same in words.

mod buckets;
mod findings;
mod hosts;
mod principals;

use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::target::{Scope, TargetKind};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where a row is shown.
enum Proof {
    /// Cases of the offline evaluator of IAM policies carry the row's number.
    Cases,
    /// A file below the repository, and a test in it.
    Test(&'static str, &'static str),
    /// Nowhere, or not in full; what is missing.
    Open(&'static str),
}
use Proof::{Cases, Open, Test};

/// A row's number, and where it is shown.
type Row = (u8, &'static [Proof]);

const ATTACK: Proof =
    Test("crates/firebreak/tests/domain/trail/attack.rs", "everything_in_the_attacker_s_hands_is_followed_and_nothing_else");
const HOSTILE: &str = "crates/firebreak/tests/domain/trail/hostile.rs";
const WINDOW: &str = "crates/firebreak/tests/domain/trail/window.rs";
const PRINCIPALS: &str = "crates/firebreak/tests/domain/principals.rs";
const USER: &str = "functions/quarantine-iam/tests/wire/user.rs";
const NOT_COVERED: &str = "not covered yet";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The cases of the policies for principals, and of the roles of each function.
fn cases() -> String {
    let entries = |folder: &str| {
        let entries = std::fs::read_dir(repository().join(folder)).expect("the folder exists");
        entries.map(|entry| entry.expect("readable").path()).collect::<Vec<_>>()
    };
    let of_functions = entries("functions").into_iter().map(|folder| folder.join("policy-cases.mjs"));
    let files = entries("policies/tests/cases").into_iter().chain(of_functions.filter(|file| file.exists()));
    files.map(|file| text(&file)).collect()
}

#[test]
fn every_row_has_tests_or_says_what_is_missing() {
    let document = text(&repository().join("docs/semantics.md"));
    let mut rows = [findings::ROWS, principals::ROWS, hosts::ROWS, buckets::ROWS].concat();
    rows.sort_by_key(|(row, _)| *row);
    assert!(rows.iter().map(|(row, _)| *row).eq(1..=40_u8), "each row once");
    let cases = cases();
    let (_, table) = document.split_once("## Rows of the evasion table").expect("the section");
    let (table, left) = table.split_once("\nNot covered yet:").expect("what is not covered");
    let (left, _) = left.split_once("\n\n").expect("a paragraph");
    for (row, proofs) in rows {
        assert!(!proofs.is_empty(), "row {row}");
        let is_left = matches!(proofs, [Open(missing)] if *missing == NOT_COVERED);
        let places = (table.matches(&format!("\n| {row}: ")).count(), left.matches(&format!("({row})")).count());
        assert_eq!(places, if is_left { (0, 1) } else { (1, 0) }, "row {row} in docs/semantics.md");
        for proof in proofs {
            match proof {
                Cases => assert!(cases.contains(&format!("row: {row},")), "no case names row {row}"),
                Test(file, test) => {
                    assert!(text(&repository().join(file)).contains(&format!("fn {test}(")), "row {row}: {file} has no {test}");
                }
                Open(missing) => println!("row {row} is open: {missing}"),
            }
        }
    }
}

/// A presigned URL carries the signature of whoever made it, and CloudTrail and GuardDuty see the signer's key. Blocking public access
/// does not end it; denying the signer does.
#[test]
fn row_34_who_signed_is_denied_and_not_only_the_bucket() {
    let event = text(&repository().join("fixtures/findings/guardduty/exfiltration-s3.json"));
    let seen: Value = serde_json::from_str(&event).expect("JSON");
    let signer = &seen["detail"]["resource"]["accessKeyDetails"];
    let policy = Policy::unrestricted();
    let now = seen["time"].as_str().expect("a time").parse().expect("a time");
    let plan = plan_json(event.as_bytes(), &Circumstances::new(&policy, now)).expect("JSON");
    let denied = plan.decisions.iter().find(|decision| decision.target.kind == TargetKind::IamUser).expect("a decision");
    assert_eq!((denied.containment, denied.mode), (Some(Containment::QuarantineIam), Mode::Auto));
    assert_eq!(denied.target.scope, Scope::Principal, "a session of the user may have signed, too");
    assert_eq!(Some(denied.target.id.as_str()), signer["userName"].as_str());
    assert_eq!(denied.target.access_key_id.as_ref().map(|key| key.as_str()), signer["accessKeyId"].as_str());
}
