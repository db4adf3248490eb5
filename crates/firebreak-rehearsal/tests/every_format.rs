//! A finding of any format that Firebreak reads can name other resources.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

use firebreak::decision::Decision;
use firebreak::ids::{AccountId, Region};
use firebreak::plan::{Circumstances, Plan, plan};
use firebreak::policy::{Policy, SampleHandling};
use firebreak::target::TargetKind;
use firebreak_rehearsal::{Found, Kind, Mismatch, Resource, retarget};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const NOW: Timestamp = Timestamp::constant(1_796_000_000, 0);
const ACCOUNT: &str = "444455556666";

fn found(kind: Kind) -> Found {
    let name = match kind {
        Kind::User => "rehearsed",
        Kind::Role => "rehearsed-role",
        Kind::Instance => "i-0fedcba9876543210",
        Kind::Bucket => "rehearsed-bucket",
    };
    let principal_id = match kind {
        Kind::User => Some("AIDAREHEARSEDEXAMPLE0".to_owned()),
        Kind::Role => Some("AROAREHEARSEDEXAMPLE0".to_owned()),
        Kind::Instance | Kind::Bucket => None,
    };
    Found {
        resource: Resource { kind, name: name.to_owned(), session: (kind == Kind::Role).then(|| "build-7".to_owned()) },
        account: AccountId::parse(ACCOUNT).expect("an account"),
        region: Region::parse("us-west-2").expect("a Region"),
        access_key_id: (kind == Kind::User).then(|| "AKIAIOSFODNN7EXAMPLE".to_owned()),
        principal_id,
        tags: vec![("team".to_owned(), "rehearsal".to_owned())],
    }
}

fn kind_of(decision: &Decision) -> Option<Kind> {
    match decision.target.kind {
        TargetKind::IamUser => Some(Kind::User),
        TargetKind::IamRole => Some(Kind::Role),
        TargetKind::Ec2Instance => Some(Kind::Instance),
        TargetKind::S3Bucket => Some(Kind::Bucket),
        _ => None,
    }
}

fn decided(event: &Value, samples: SampleHandling) -> Plan {
    let policy = Policy { samples, ..Policy::unrestricted() };
    plan(event, &Circumstances::new(&policy, NOW))
}

/// Every finding of these folders that something is contained for, and what it is about.
fn findings() -> Vec<(String, Value, Plan)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings");
    let mut all = Vec::new();
    for folder in ["guardduty", "security-hub", "types", "scenarios"] {
        let mut files: Vec<_> =
            std::fs::read_dir(fixtures.join(folder)).expect(folder).map(|file| file.expect("a file").path()).collect();
        files.sort();
        for path in files {
            let event: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
            let plan = decided(&event, SampleHandling::Respond);
            let contains = plan.decisions.iter().any(|decision| decision.containment.is_some());
            if contains && plan.findings.is_empty() {
                all.push((path.display().to_string(), event, plan));
            }
        }
    }
    all
}

#[test]
fn what_is_contained_is_the_given_resource_and_nothing_of_the_old_finding_is_left() {
    let all = findings();
    assert!(all.len() > 100, "{}", all.len());
    let mut tried = BTreeSet::new();
    for (name, event, before) in all {
        let contained = || before.decisions.iter().filter(|decision| decision.containment.is_some());
        let kinds: BTreeSet<Kind> = contained().filter_map(kind_of).collect();
        let given: Vec<Found> = kinds.iter().map(|kind| found(*kind)).collect();
        if contained().any(|decision| kind_of(decision).is_none()) {
            continue;
        }
        let event = retarget(&event, &given, NOW).unwrap_or_else(|mismatch| panic!("{name}: {mismatch}"));
        let after = decided(&event, SampleHandling::Notify);
        for decision in after.decisions.iter().filter(|decision| decision.containment.is_some()) {
            let is_given = given.iter().any(|found| found.resource.name == decision.target.id);
            assert!(is_given && decision.target.account.as_str() == ACCOUNT, "{name}: {}", decision.target);
            assert!(decision.target.keys().all(|key| key.as_str() == "AKIAIOSFODNN7EXAMPLE" || key.as_str().starts_with("ASIA")));
        }
        let count = |plan: &Plan| {
            plan.decisions.iter().filter(|d| d.containment.is_some()).map(|d| d.containment).collect::<BTreeSet<_>>()
        };
        assert_eq!(count(&after), count(&before), "{name}: the same containments");
        assert_ne!(after.dedupe_key, before.dedupe_key, "{name}: no finding that was seen before");
        let text = event.to_string();
        for old in contained() {
            assert!(!text.contains(&format!("\"{}\"", old.target.id)), "{name}: {} is left", old.target.id);
        }
        assert!(!text.contains(&format!("\"{}\"", before.finding.account.as_ref().expect("an account"))), "{name}");
        tried.extend(kinds);
    }
    assert_eq!(tried.len(), 4, "{tried:?}");
}

#[test]
fn a_finding_about_something_else_or_about_more_is_refused() {
    let (_, event, _) =
        findings().into_iter().find(|(name, ..)| name.ends_with("guardduty/bitcoin-tool.json")).expect("a fixture");
    assert!(matches!(retarget(&event, &[found(Kind::User)], NOW), Err(Mismatch::NotAbout(_))));
    let (_, event, _) = findings().into_iter().find(|(name, ..)| name.contains("types/Exfiltration-S3-Anom")).expect("a fixture");
    let only_one = retarget(&event, &[found(Kind::User)], NOW);
    assert!(matches!(&only_one, Err(Mismatch::AlsoAbout(what)) if what.contains("bucket")), "{only_one:?}");
    for nothing in [serde_json::json!({}), serde_json::json!({ "source": "aws.guardduty", "detail": {} })] {
        assert!(retarget(&nothing, &[found(Kind::User)], NOW).is_err());
    }
}
