//! The suspect composes the list of what it touched: the list must not push out anything, nor make a short answer dangerous.

use super::*;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::notice::{mail, ticket};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::report::Report;

fn changes_role(name: &str) -> Value {
    by_alice("iam", "AttachRolePolicy", &json!({"roleName": name}), &Value::Null)
}

fn opens_bucket(at: usize) -> Value {
    by_alice("s3", "PutBucketPolicy", &json!({"bucketName": format!("acme-{at:02}")}), &Value::Null)
}

fn launches(count: usize) -> Value {
    let items: Vec<Value> = (0..count).map(|at| json!({"instanceId": format!("i-{at:017x}")})).collect();
    by_alice("ec2", "RunInstances", &Value::Null, &json!({"instancesSet": {"items": items}}))
}

fn named(decisions: &[Decision]) -> Vec<&str> {
    decisions.iter().filter(|decision| decision.only_by_name).map(|decision| decision.target.id.as_str()).collect()
}

#[test]
fn a_hundred_roles_are_five_questions_and_one_line() {
    let roles = (0..100).map(|at| changes_role(&format!("prod-{at:02}")));
    let rest = [launches(20), creates_user("break-glass-2"), opens_bucket(0)];
    let trail: Vec<Value> = roles.chain(rest).collect();
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(named(&derived.decisions).len(), 5, "{:#?}", shown(&derived.decisions, Mode::Gate));
    let of = |containment| derived.decisions.iter().filter(|decision| decision.containment == containment).count();
    let user = derived.decisions.iter().find(|decision| decision.target.id == "break-glass-2").expect("what it made has a place");
    assert!(user.mode == Mode::Gate && !user.only_by_name);
    assert_eq!((of(Some(Containment::IsolateEc2)), of(None)), (4, 1), "eleven places, and each kind has some");
    let line = "95 more principal(s) that others use were changed by suspects; look at each: IAM role prod-";
    assert_eq!(derived.left_out.iter().filter(|left| left.starts_with(line)).count(), 1, "{:#?}", derived.left_out);
    let known: Vec<Decision> = [decided(alice(), Mode::Auto)].into_iter().chain(derived.decisions).collect();
    let again = derive(traced(&found), &known, &generous());
    assert_eq!((again.decisions, again.left_out), (vec![], derived.left_out), "the next look says the same");
}

#[test]
fn instances_beyond_five_are_a_line() {
    let (_, derived) = sweep(&[launches(20)], &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate).len(), 5);
    let line = "15 more instance(s) were launched by suspects; isolate or stop each: EC2 instance i-";
    assert!(derived.left_out.len() == 1 && derived.left_out[0].starts_with(line), "{:#?}", derived.left_out);
}

#[test]
fn the_same_work_by_hand_is_one_decision_and_what_comes_later_is_another() {
    let trail: Vec<Value> = (0..15).map(opens_bucket).collect();
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(derived.decisions.iter().map(|decision| decision.also.len()).collect::<Vec<_>>(), [9, 4]);
    let mut known = vec![decided(alice(), Mode::Auto)];
    known.extend(derived.decisions);
    assert_eq!(derive(traced(&found), &known, &generous()), Derived::default(), "nothing is decided twice");
    let later: Vec<Value> = (0..16).map(opens_bucket).collect();
    let (found, _) = look(&later, &[alice()], &generous());
    let derived = derive(traced(&found), &known, &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["by hand S3 bucket acme-15"]);
}

#[test]
fn what_a_suspect_made_is_never_somebody_else_s() {
    let role = by_alice("iam", "CreateRole", &json!({"roleName": "batch"}), &json!({"role": {"roleName": "batch", "path": "/"}}));
    let key = json!({"accessKey": {"userName": "bob", "accessKeyId": "AKIABOBBOBBOBEXAMPLE"}});
    let key = by_alice("iam", "CreateAccessKey", &json!({"userName": "bob"}), &key);
    let session = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", "nightly");
    let trail = [creates_user("mallory"), role, changes_role("batch"), key, session, launches(1)];
    let policy = Policy::parse("default_mode = \"gate-first\"\n[sweep]\npages = 100").expect("a policy");
    let (_, derived) = sweep(&trail, &[alice()], &policy);
    assert_eq!((derived.decisions.len(), named(&derived.decisions)), (5, vec![]), "{derived:#?}");
}

/// A session of `deploy` that could not be denied alone.
fn too_narrow() -> Receipt {
    let error = Some(Fault::new(FaultKind::Malformed, "5 sessions of this role are denied already"));
    let name = "deny-session".to_owned().into();
    let step = Step { name, outcome: Outcome::Failed, error, digest: None, started_at: jiff::Timestamp::UNIX_EPOCH, ms: 1 };
    Receipt { steps: vec![step], ..Receipt::of(session("nightly", None), Containment::QuarantineIam, Status::Partial) }
}

#[test]
fn a_role_is_approved_where_a_finding_accuses_its_session_and_named_where_a_suspect_assumed_it() {
    let receipts = [too_narrow()];
    let by_finding = decided(session("nightly", None), Mode::Auto);
    let by_suspect = Decision { code: ReasonCode::Traced, ..by_finding.clone() };
    for (known, must_be_named) in [(by_finding, false), (by_suspect, true)] {
        let derived = derive(Seen { receipts: &receipts, ..Seen::default() }, &[known], &generous());
        assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM role deploy"]);
        assert_eq!(derived.decisions[0].only_by_name, must_be_named);
    }
}

#[test]
fn a_ticket_says_what_approve_leaves_alone_and_how_to_contain_it() {
    let event =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/findings/guardduty/exfiltration-iam-user.json"));
    let policy = Policy::unrestricted();
    let plan = plan_json(&event.expect("readable"), &Circumstances::new(&policy, jiff::Timestamp::UNIX_EPOCH)).expect("JSON");
    let mut incident = Incident::new(plan, &policy, "arn".to_owned(), jiff::Timestamp::UNIX_EPOCH);
    let (_, derived) = sweep(&[changes_role("deploy"), creates_user("break-glass-2")], &[alice()], &policy);
    incident.decisions.extend(derived.decisions);
    let body = mail(&ticket(&incident, &Report::default(), 1)).body;
    let (before, after) = body.split_once("Not part of approve, because others use it:").expect("a section");
    assert!(before.contains("Done only if you approve:\n  - IAM user break-glass-2"), "{body}");
    assert!(!before.contains("IAM role deploy: deny"), "{body}");
    let code = firebreak::revision::code(&incident.shown());
    let command = format!("To contain it: firebreak review approve {} --shown {code} --only=\"deploy\" --comment", incident.id);
    assert!(after.contains(&command), "{body}");
    assert!(after.contains("Who else: not known"), "{body}");
    assert!(after.contains("for the first time it contains 1: IAM user break-glass-2; not 1 that others use: name it (--only)"));
    assert!(after.contains("2 things that wait stay undone:\n    firebreak review keep"), "{body}");
}
