//! The screen of one incident in every state: each sentence is held against what is true there.

mod frozen;

use crate::layout::PIPE;
use crate::standing::{Facts, State as Whole};
use firebreak::answer::{Answer, Decided};
use firebreak::ids::AccountId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Receipt;
use firebreak_ledger::{IncidentView, ReviewState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The screen in a pipe, without colours, a minute after the gate opened.
fn shown(view: &IncidentView) -> String {
    let now = "2026-11-20T02:04:00Z".parse().expect("a time");
    console::strip_ansi_codes(&super::shown(view, now, PIPE)).into_owned()
}

/// What the screen says of now: without what the answers would do.
fn says_now(view: &IncidentView) -> String {
    let text = shown(view);
    let Some((before, after)) = text.split_once("\nANSWER ") else { return text };
    let details = after.split_once("\nDecisions\n").map_or("", |(_, details)| details);
    format!("{before}\n{details}")
}

pub(crate) const OTHER: &str = "fb-86be0123456789ab";

/// What is true in a state.
#[derive(Default)]
pub(crate) struct Truth {
    contained: bool,
    partly: bool,
    /// Its containment failed.
    failed: bool,
    gone: bool,
    asked: bool,
    waits: bool,
    drift: bool,
    held_by_another: bool,
    put_back: bool,
}

pub(crate) struct State {
    pub(crate) name: &'static str,
    truth: Truth,
    pub(crate) view: IncidentView,
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the ledger keeps")
}

fn target() -> Value {
    json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" })
}

fn step(name: &str, outcome: &str, error: Option<Value>) -> Value {
    json!({ "name": name, "outcome": outcome, "error": error, "started_at": "2026-11-20T02:00:01Z", "ms": 7 })
}

/// A receipt at a minute after the finding.
fn receipt(status: &str, minute: u32, steps: &[Value], more: &Value) -> Receipt {
    let mut receipt = json!({ "target": target(), "containment": "quarantine-iam", "status": status, "steps": steps,
        "finished_at": format!("2026-11-20T02:{minute:02}:00Z") });
    receipt.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    read(receipt)
}

fn contained() -> Receipt {
    receipt("contained", 1, &[step("attach-deny", "applied", None)], &json!({}))
}

/// An incident about one user, in `mode`.
fn view(mode: &str, status: &str, receipts: Vec<Receipt>, releases: Vec<Receipt>) -> IncidentView {
    let reason = match mode {
        "notify" => "dry run, in mode auto it would be contained at once: why",
        _ => "why",
    };
    let suspects = usize::from(receipts.iter().any(Receipt::holds_something));
    let record = json!({
        "status": status, "id": "fb-0123456789abcdef", "verdict": "respond", "reason": null, "dedupe_key": "k",
        "finding": { "id": "x", "type": "Exfiltration:IAMUser/AnomalousBehavior", "severity": 8.0, "severity_band": "high",
            "source": "guardduty", "account": "111122223333", "region": "eu-central-1", "title": null },
        "decisions": [{ "target": target(), "containment": "quarantine-iam", "mode": mode, "reason": reason }],
        "execution_arn": "arn", "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 1, "review_max_rounds": 1 } });
    let gate = ReviewState {
        round: 1,
        opened_at: "2026-11-20T02:03:00Z".to_owned(),
        decision: None,
        delivered: false,
        answers: vec![],
        announced_at: None,
        shown: None,
        shown_revision: None,
    };
    IncidentView {
        record: read(record),
        receipts,
        verifications: vec![],
        releases,
        sweep: Some(read(
            json!({ "status": "ok", "suspects": suspects, "asked": { "places": suspects, "since": "2026-11-19T02:00:00Z" } }),
        )),
        evidence: vec![],
        missing: vec![],
        review: Some(gate),
        timeline: vec![],
    }
}

pub(crate) fn states() -> Vec<State> {
    let none = || json!({});
    let drift = json!({ "kind": "malformed", "message": "changed by somebody since the containment: a policy was added" });
    let denied = json!({ "kind": "denied", "message": "iam:UpdateAccessKey: AccessDenied" });
    let failed = |fault: &str| {
        let error = format!("Firebreak.{fault} {{\"errorMessage\":\"the call\"}}");
        receipt("failed", 1, &[], &json!({ "error": error, "fault": format!("Firebreak.{fault}") }))
    };
    let skipped = |error: &str| receipt("skipped", 1, &[], &json!({ "error": error }));
    let part = [step("attach-deny", "applied", None), step("deactivate-key A", "failed", Some(denied))];
    let shown = receipt("partial", 5, &[step("check-drift", "failed", Some(drift))], &none());
    let back = receipt("contained", 5, &[step("detach-deny", "applied", None)], &none());
    let error = format!("still contained for incident {OTHER}");
    let let_go = receipt("skipped", 5, &[], &json!({ "error": error, "held_by": OTHER }));
    let before = receipt("contained", 1, &[step("record-base", "applied", None), step("attach-deny", "already", None)], &none());
    let asks = "awaiting-review";
    let state = |name, truth, view| State { name, truth, view };
    let waits = || Truth { waits: true, ..Truth::default() };
    let held = || Truth { asked: true, waits: true, ..Truth::default() };
    let dry = "dry run, in mode auto it would be contained at once: why";
    vec![
        state("dry-run", waits(), view("notify", asks, vec![skipped(dry)], vec![])),
        state("gated", waits(), view("gate", asks, vec![skipped("waits for approval")], vec![])),
        state("failed", Truth { failed: true, ..waits() }, view("auto", asks, vec![failed("Denied")], vec![])),
        state("gone", Truth { failed: true, gone: true, ..waits() }, view("auto", asks, vec![failed("Gone")], vec![])),
        state(
            "partial",
            Truth { partly: true, ..held() },
            view("auto", asks, vec![receipt("partial", 1, &part, &none())], vec![]),
        ),
        state("contained", Truth { contained: true, ..held() }, view("auto", asks, vec![contained()], vec![])),
        state("contained before", Truth { contained: true, ..held() }, view("auto", asks, vec![before.clone()], vec![])),
        state("drifted", Truth { drift: true, ..held() }, view("auto", asks, vec![contained()], vec![shown])),
        state("frozen", Truth { contained: true, ..waits() }, frozen::view(asks)),
        state(
            "released by one holder",
            Truth { held_by_another: true, asked: true, ..Truth::default() },
            view("auto", "released", vec![before], vec![let_go]),
        ),
        state(
            "released",
            Truth { put_back: true, asked: true, ..Truth::default() },
            view("auto", "released", vec![contained()], vec![back]),
        ),
        state(
            "abandoned",
            Truth { contained: true, asked: true, ..Truth::default() },
            view("auto", "failed", vec![contained()], vec![]),
        ),
    ]
}

/// Words in which "contained" is no claim that the incident contains the target now.
const NO_CLAIM: [&str; 6] = [
    "NOT contained",
    "PARTLY contained",
    "still contained",
    "would be contained",
    "no principal is contained",
    "since it was contained",
];

/// What the screen says, and where it may and must say so: everywhere but there it would be wrong.
type Rule = (&'static str, fn(&str) -> bool, fn(&Truth) -> bool);

const RULES: [Rule; 10] = [
    (
        "contained",
        |text| NO_CLAIM.iter().fold(text.to_owned(), |text, words| text.replace(words, "")).contains("contained"),
        |t| t.contained,
    ),
    ("in part", |text| text.contains("PARTLY contained"), |t| t.partly),
    ("NOT contained", |text| text.contains("NOT contained"), |t| t.failed),
    ("it does not exist", |text| text.contains("it does not exist"), |t| t.gone),
    ("put back", |text| text.contains("alice: put back"), |t| t.put_back),
    ("held by another incident", |text| text.contains(&format!("still contained, for incident {OTHER}")), |t| t.held_by_another),
    ("somebody changed it", |text| text.contains("changed by somebody"), |t| t.drift),
    ("answer release again", |text| text.contains("answer release again"), |t| t.drift),
    ("CloudTrail shows nothing", |text| text.contains("nothing more was found"), |t| t.asked),
    ("CloudTrail was not asked", |text| text.contains("CloudTrail was not asked"), |t| !t.asked),
];

#[test]
fn every_sentence_of_the_screen_is_true_in_every_state() {
    let states = states();
    for (name, says, is_so) in RULES {
        let mut seen = [false, false];
        for state in &states {
            let text = says_now(&state.view);
            let so = is_so(&state.truth);
            assert_eq!(says(&text), so, "{name}, in {}: {text}", state.name);
            seen[usize::from(so)] = true;
        }
        assert_eq!(seen, [true, true], "{name}: a rule that nothing can break is none");
    }
}

#[test]
fn an_answer_is_asked_for_while_one_is_wanted_and_each_says_what_it_does() {
    for state in states() {
        let text = shown(&state.view);
        for answer in ["approve", "release"] {
            let command = format!("firebreak review {answer} fb-0123456789abcdef --shown ");
            assert_eq!(text.contains(&command), state.truth.waits || state.truth.drift, "{}: {text}", state.name);
        }
        assert!(
            !text.lines().any(|line| line.ends_with("EVIDENCE") || line.ends_with("CLOUDTRAIL")),
            "no heading is empty: {text}"
        );
    }
}

#[test]
fn what_somebody_else_changed_is_no_failure_and_nothing_malformed() {
    let states = states();
    let drifted = states.iter().find(|state| state.truth.drift).expect("a state");
    let text = shown(&drifted.view);
    for told in [
        "CHANGED    IAM user alice: changed by somebody since the containment: a policy was added: left as it is",
        "Firebreak had left it so: denied everything by policy",
        "when: between 2026-11-20 02:01:00 UTC and 2026-11-20 02:00:01 UTC",
        "aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=ResourceName,AttributeValue=alice",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let text = text.to_lowercase();
    assert!(!text.contains("malformed") && !text.contains("failed"), "{text}");
}

#[test]
fn what_is_left_to_a_person_stands_with_its_target_and_takes_nothing_from_the_containment() {
    let mut view = view("auto", "awaiting-review", vec![contained()], vec![]);
    let note = "an MFA device was added; Firebreak leaves it to you: aws iam deactivate-mfa-device --user-name alice";
    let check = json!({ "target": target(), "containment": "quarantine-iam", "holds": true, "notes": [note] });
    view.verifications = vec![read(check)];
    let text = shown(&view);
    assert!(text.contains(&format!("left to you: {note}")), "{text}");
    assert!(!text.contains("NOT in place") && !text.contains("NOT confirmed"), "{text}");
}

#[test]
fn a_containment_that_changed_nothing_says_so() {
    let states = states();
    let before = states.iter().find(|state| state.name == "contained before").expect("a state");
    let text = shown(&before.view);
    assert!(text.contains("it was so before, by Firebreak or by somebody else"), "{text}");
}

/// The same after an answer to all of it that was carried out.
fn answered(mut view: IncidentView, answer: Answer) -> IncidentView {
    let decided = Decided::new(answer, "ann", "it was so", view.record.incident.opened_at);
    view.record.incident.settle(&decided, |_| true);
    view
}

#[test]
fn what_was_kept_waits_for_nobody() {
    let kept = answered(view("gate", "awaiting-review", vec![], vec![]), Answer::Keep);
    let text = says_now(&kept);
    assert!(text.contains("IAM user alice: NOT contained; left so, as answered: keep"), "{text}");
    assert!(!text.contains("waits for your approval") && !text.contains("OPEN"), "{text}");
    assert_eq!(Facts::from(&kept).state(), Whole::Nothing);
    let part = [step("attach-deny", "applied", None)];
    let partly = answered(view("auto", "closed", vec![receipt("partial", 1, &part, &json!({}))], vec![]), Answer::Keep);
    assert!(shown(&partly).contains("IAM user alice: PARTLY contained; left so, as answered: keep"), "{}", shown(&partly));
}

#[test]
fn a_restore_that_met_a_change_names_its_command_and_the_containment_that_is_left() {
    let mut drifted = states().into_iter().find(|state| state.truth.drift).expect("a state").view;
    assert!(shown(&drifted).contains("the containment was not taken away"), "{}", shown(&drifted));
    drifted.record.status = IncidentStatus::Closed;
    let text = shown(&answered(drifted, Answer::Approve));
    assert!(text.contains("firebreak restore fb-0123456789abcdef --comment \"WHY\""), "{text}");
    assert!(text.contains("the containment was not taken away") && !text.contains("answer release again"), "{text}");
}

#[test]
fn targets_of_several_accounts_are_named_with_theirs() {
    let mut view = view("gate", "awaiting-review", vec![], vec![]);
    assert!(!shown(&view).contains("alice in account"));
    let mut other = view.record.incident.decisions[0].clone();
    other.target.account = AccountId::parse("444455556666").expect("an account");
    view.record.incident.decisions.push(other);
    let text = shown(&view);
    for account in ["111122223333", "444455556666"] {
        assert!(text.contains(&format!("IAM user alice in account {account}: waits for your approval")), "{text}");
    }
}

#[test]
fn a_command_can_be_copied_from_a_narrow_screen() {
    let drifted = states().into_iter().find(|state| state.truth.drift).expect("a state").view;
    let now = "2026-11-20T02:04:00Z".parse().expect("a time");
    let text = console::strip_ansi_codes(&super::shown(&drifted, now, 40)).into_owned();
    let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("aws ")).take(4).collect::<Vec<_>>().join("\n");
    let command = "aws cloudtrail lookup-events \\\n--region us-east-1 \\\n--lookup-attributes \\\n";
    assert!(lines.starts_with(command) && lines.ends_with(" \\"), "{lines}");
}
