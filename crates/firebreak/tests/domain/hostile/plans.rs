//! The plan of a hostile event: held to what no input may break, and compared with what must come of it.

use super::events::bytes;
use crate::buckets::is_wider;
use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice, ticket};
use firebreak::plan::{AtSource, Circumstances, Plan, Verdict, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::report::Report;
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use serde_json::Value;

/// 2026-11-20T03:00:00Z, an hour after the fixtures' events.
pub(super) const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_143_600, 0);
pub(super) const EXECUTION: &str = "arn:aws:states:eu-central-1:999988887777:execution:firebreak-incident-response:x";
const MAX_INCIDENT_BYTES: usize = 32 * 1024;

/// What the fixtures about a user, an instance and a bucket lead to when nothing is odd about them.
pub(super) const USER: &str = "quarantine-iam auto iam-user svc-659353";
pub(super) const INSTANCE: &str = "isolate-ec2 auto ec2-instance i-0e9c8d0711dd6803b";
pub(super) const CALLER: &str = "quarantine-iam auto iam-user svc-dba75f";
pub(super) const BUCKET: &str = "lockdown-s3 auto s3-bucket acme-f941c89c";
/// What the Security Hub fixture leads to.
/// The same, where the caller chose the name of the session.
pub(super) const CHOSEN: &str = "quarantine-iam gate iam-role app-role";
pub(super) const ROLE: &str = "quarantine-iam auto iam-role app-role";
pub(super) const LEAKED_BY: &str = "isolate-ec2 auto ec2-instance i-0123456789abcdef0";

/// The plan of a fixture, byte for byte, at full strength.
pub(super) fn raw(case: &str) -> Plan {
    of_bytes(&bytes(case), &Policy::unrestricted(), AtSource::NotAsked)
}

pub(super) fn of(event: &Value) -> Plan {
    under(event, &Policy::unrestricted())
}

pub(super) fn under(event: &Value, policy: &Policy) -> Plan {
    of_bytes(event.to_string().as_bytes(), policy, AtSource::NotAsked)
}

pub(super) fn policy(text: &str) -> Policy {
    Policy::parse(&format!("default_mode = \"auto\"\nauto_from = \"low\"\n{text}")).expect("a valid policy")
}

/// Plans, and holds every plan to what no input may break.
pub(super) fn of_bytes(event: &[u8], policy: &Policy, at_source: AtSource) -> Plan {
    let circumstances = Circumstances { at_source, ..Circumstances::new(policy, NOW) };
    let plan = plan_json(event, &circumstances).expect("JSON");
    assert!(plan.verdict == Verdict::Respond || plan.reason.as_ref().is_some_and(|why| !why.is_empty()), "silence: {plan:?}");
    for Decision { target, containment, .. } in &plan.decisions {
        let fits = containment.is_none_or(|containment| containment.declaration().targets.contains(&target.kind));
        assert!(fits, "{:?}", decided(&plan));
    }
    let incident = incident(&plan);
    let json = serde_json::to_string(&incident).expect("serialisable");
    assert!(json.len() < MAX_INCIDENT_BYTES, "an incident of {} bytes", json.len());
    assert!(!json.contains(active), "{json:?}");
    for notice in notices(&incident) {
        is_inert(&notice);
    }
    plan
}

pub(super) fn incident(plan: &Plan) -> Incident {
    Incident::new(plan.clone(), &Policy::unrestricted(), EXECUTION.to_owned(), NOW)
}

/// One line per decision: containment, mode, kind, id. Without the wider levels that stand beside a freeze.
pub(super) fn decided(plan: &Plan) -> Vec<String> {
    let what = |d: &Decision| d.containment.map_or("by-hand", Containment::name);
    let called_for = plan.decisions.iter().filter(|decision| !is_wider(decision));
    called_for.map(|d| format!("{} {} {} {}", what(d), d.mode.name(), d.target.kind.name(), d.target.id)).collect()
}

#[track_caller]
pub(super) fn responds(case: &str, plan: &Plan, expected: &[&str]) {
    assert_eq!(plan.verdict, Verdict::Respond, "{case}: {:?}", plan.reason);
    assert_eq!(decided(plan), expected, "{case}");
}

/// A person is told why, and nothing else happens.
#[track_caller]
pub(super) fn only_told(case: &str, plan: &Plan, why: &str) {
    assert_eq!(plan.verdict, Verdict::Notify, "{case}: {:?}", decided(plan));
    assert_eq!(decided(plan), Vec::<String>::new(), "{case}");
    assert!(plan.reason.as_ref().is_some_and(|reason| reason.contains(why)), "{case}: {:?}", plan.reason);
}

#[track_caller]
/// Nothing is contained at once, and a person must answer.
pub(super) fn asked(case: &str, plan: &Plan) {
    assert_eq!(plan.verdict, Verdict::Respond, "{case}: {plan:?}");
    assert!(plan.decisions.iter().all(|d| d.mode != Mode::Auto), "{case}: {:?}", decided(plan));
    assert!(plan.decisions.iter().any(|d| d.mode == Mode::Gate), "{case}: {:?}", decided(plan));
}

pub(super) fn never(case: &str, plan: &Plan, what: impl Fn(&Decision) -> bool) {
    assert!(!plan.decisions.iter().any(what), "{case}: {:?}", decided(plan));
}

pub(super) fn is_user(decision: &Decision) -> bool {
    decision.target.kind == TargetKind::IamUser
}

pub(super) fn is_iam(decision: &Decision) -> bool {
    decision.containment == Some(Containment::QuarantineIam) || is_user(decision) || decision.target.kind == TargetKind::IamRole
}

pub(super) fn isolates(decision: &Decision) -> bool {
    decision.containment == Some(Containment::IsolateEc2)
}

pub(super) fn contains(decision: &Decision) -> bool {
    decision.containment.is_some() && decision.mode != Mode::Notify
}

/// What a terminal, a mail client or a log viewer acts on.
fn active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn is_inert(Message { subject, body }: &Message) {
    assert!(!body.contains(|c| c != '\n' && active(c)) && !subject.contains(active), "{subject:?} {body:?}");
    assert!(subject.is_ascii() && subject.len() < 100, "{subject:?}");
    for link in ["://", "www."] {
        assert!(!body.contains(link), "{body}");
    }
    assert!(body.lines().all(|line| !line.starts_with("ERROR") && !line.starts_with("Bcc")), "{body}");
}

/// A receipt that failed with words that somebody else chose.
pub(super) fn failed(decision: &Decision, words: &str) -> Receipt {
    let error = Some(Fault::new(FaultKind::Denied, words));
    let step = Step { name: StepKind::AttachDeny.into(), outcome: Outcome::Failed, error, digest: None, started_at: NOW, ms: 1 };
    let (target, containment) = (decision.target.clone(), decision.containment);
    Receipt {
        target,
        containment,
        status: Status::Failed,
        steps: vec![step; 4],
        error: None,
        fault: None,
        waits: None,
        held_by: None,
        restore: None,
        finished_at: Some(NOW),
    }
}

/// All that people are sent about an incident, with what AWS and an analyst may add to it.
pub(super) fn notices(incident: &Incident) -> Vec<Message> {
    let words = "\u{1b}[2J\r\nBcc: all \u{202e}https://evil.example www.evil.example";
    let mut report = Report::default();
    report.containment.receipts = incident.decisions.iter().filter(|d| contains(d)).map(|d| failed(d, words)).collect();
    report.release.receipts.clone_from(&report.containment.receipts);
    let answer = Decided::new(Answer::Release, words, words, NOW);
    let kinds =
        [NoticeKind::Noticed, NoticeKind::Opened, NoticeKind::Outcome, NoticeKind::ReviewOverdue, NoticeKind::Closed].into_iter();
    let mut all: Vec<Message> = kinds.map(|kind| mail(&notice(kind, incident, &report, Some(&answer), 2))).collect();
    all.push(mail(&ticket(incident, &report, 2)));
    all
}
