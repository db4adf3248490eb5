//! What the state machine carries at the worst, before it asks again after an approval.

use firebreak::decision::Decision;
use firebreak::facts::Carry;
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, FindingSummary, MAX_DECISIONS, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Verification};
use firebreak::report::{Report, SweepBranch};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What a state's input and its result may take (Step Functions quotas).
const LIMIT: usize = 256 * 1024;
/// What is left above is for what the state machine adds itself.
const ENOUGH: usize = 200 * 1024;

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_string(value).expect("JSON").len()
}

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a document")
}

/// One value for each target that an incident holds.
fn each<T: DeserializeOwned>(value: impl Fn(usize) -> Value) -> Vec<T> {
    (0..MAX_DECISIONS).map(|n| of(value(n))).collect()
}

/// One session of a role, with names as long as IAM and STS take them.
fn target(n: usize) -> Value {
    json!({ "kind": "iam-role", "id": format!("role-{n:02}-{}", "x".repeat(56)), "account": "111122223333", "region": "eu-central-1",
        "partition": "aws", "principal_id": "AROAEXAMPLE0000000000", "access_key_id": "ASIAEXAMPLE000000000",
        "session": "s".repeat(64), "scope": "session" })
}

fn incident() -> Incident {
    let policy = Policy::unrestricted();
    let plan = plan_json(b"{}", &Circumstances::new(&policy, Timestamp::UNIX_EPOCH)).expect("a plan");
    let execution = format!("arn:aws:states:eu-central-1:111122223333:execution:firebreak-incident-response:{}", "e".repeat(80));
    let incident = Incident::new(plan, &policy, execution, Timestamp::UNIX_EPOCH);
    let decisions: Vec<Decision> = each(|n| {
        json!({ "target": target(n), "containment": "quarantine-iam", "mode": "auto", "reason": "r".repeat(400), "code": "traced",
            "by_hand": "h".repeat(100), "since": 100 })
    });
    let (id, title) = (Some("i".repeat(200)), Some("t".repeat(120)));
    let finding = FindingSummary { id, title, ..incident.finding.clone() };
    Incident { decisions, findings: vec![finding; 20], ..incident }
}

/// What a containment answers: eight steps that the ledger keeps.
fn receipts() -> Vec<Receipt> {
    let step = json!({ "name": "attach-deny", "outcome": "applied", "started_at": "2026-11-21T02:00:00.123456Z", "ms": 1234 });
    each(|n| {
        json!({ "target": target(n), "containment": "quarantine-iam", "status": "contained", "steps": vec![step.clone(); 8],
            "finished_at": "2026-11-21T02:00:02.123456Z" })
    })
}

/// What a look answers when nothing holds and all of it was reverted.
fn checks() -> Vec<Verification> {
    let lines: Vec<String> = (0..20).map(|n| format!("{n:0>200}")).collect();
    each(|n| {
        json!({ "target": target(n), "containment": "quarantine-iam", "holds": false, "problems": lines, "reverted": lines,
            "notes": lines })
    })
}

fn sweep() -> SweepBranch {
    let lines = firebreak::trail::bounded((0..100).map(|n| format!("{n:0>250}")));
    let list = || lines.clone();
    SweepBranch { found: list(), missing: list(), left_out: list(), reverted: list(), ..SweepBranch::default() }
}

/// The state: with decisions, because the answer of `triage` and an earlier definition have them.
fn state(checks: &[Verification]) -> Value {
    let mut report = Report { verification: checks.to_vec(), sweep: sweep(), ..Report::default() };
    report.containment.receipts = receipts();
    (report.gated, report.gated_verification) = (receipts(), checks.to_vec());
    let contain: Vec<Value> =
        (0..MAX_DECISIONS).map(|n| json!({ "target": target(n), "containment": "quarantine-iam" })).collect();
    json!({ "incident": incident(), "report": Carry::Facts.report(report), "watch": { "round": 3, "contain": contain },
        "gate": { "round": 7, "after_answer": true } })
}

#[test]
fn the_worst_state_fits_and_would_not_if_its_checks_were_not_bounded() {
    let incident = incident();
    let decided: usize = incident.decisions.iter().map(bytes).sum();
    assert!((17 * 1024..=20 * 1024).contains(&decided), "as many bytes as an incident takes, nearly: {decided}");
    assert!(bytes(&incident) < 32 * 1024, "{}", bytes(&incident));

    let whole = checks();
    let bounded: Vec<Verification> = whole.iter().cloned().map(Verification::bounded).collect();
    let (fits, unbounded) = (bytes(&state(&bounded)), bytes(&state(&whole)));
    assert!(fits < ENOUGH, "{fits} bytes");
    assert!(unbounded > LIMIT, "{unbounded} bytes: this shows nothing");
    for check in &bounded {
        assert!(check.problems.len() > 1 && check.problems[0] == whole[0].problems[0], "the first lines are kept: {check:?}");
    }
}
