//! Every message, word for word: what people read at night must not change by accident.

use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::decision::{Mode, ReasonCode, Waits};
use firebreak::fault::{Fault, FaultKind};
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice, ticket};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Receipt, Status, Step, Verification};
use firebreak::report::{Branch, Report};
use firebreak::step::StepKind;
use std::path::{Path, PathBuf};

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn incident(fixture: &str) -> Incident {
    let event = std::fs::read(fixtures().join("findings").join(fixture)).expect("readable");
    let policy = Policy::unrestricted();
    let plan = plan_json(&event, &Circumstances::new(&policy, NOW)).expect("JSON");
    Incident::new(plan, &policy, "arn".to_owned(), NOW)
}

fn step(kind: StepKind, outcome: Outcome) -> Step {
    let failed = outcome == Outcome::Failed || kind == StepKind::NeedsWholeRole;
    let error = failed.then(|| Fault::new(FaultKind::Denied, "iam:SomeCall: AccessDenied: www.evil.example says no"));
    Step { name: kind.into(), outcome, error, digest: None, started_at: NOW, ms: 7 }
}

/// Something of everything: contained, partial, failed, skipped, waiting; reverted; found; left out; not seen.
fn eventful(incident: &Incident) -> Report {
    let target = incident.decisions[0].target.clone();
    let receipt = |id: &str, status, steps: Vec<Step>| {
        let mut target = target.clone();
        id.clone_into(&mut target.id);
        Receipt { steps, finished_at: Some(NOW), ..Receipt::of(target, Containment::QuarantineIam, status) }
    };
    let done = vec![step(StepKind::AttachDeny, Outcome::Applied), step(StepKind::NeedsWholeRole, Outcome::Skipped)];
    let partly = vec![step(StepKind::AttachDeny, Outcome::Applied), step(StepKind::DeactivateKey, Outcome::Failed)];
    let not = vec![step(StepKind::AttachDeny, Outcome::Failed)];
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop two others".to_owned() };
    let mut report = Report::default();
    report.containment.status = "ok".to_owned();
    report.containment.receipts = vec![
        receipt("alice", Status::Contained, done.clone()),
        receipt("bob", Status::Partial, partly),
        receipt("carol", Status::Failed, not),
        Receipt {
            error: Some("Firebreak.Denied said https://evil.example".to_owned()),
            ..receipt("dave", Status::Failed, vec![])
        },
        receipt("erin", Status::Contained, vec![step(StepKind::AttachDeny, Outcome::Already)]),
        Receipt::waiting(target.clone(), Containment::QuarantineIam, waits, NOW),
    ];
    let (holds, reverted) = (false, vec!["the quarantine policy is not attached; written again".to_owned()]);
    let problems = vec!["key AKIA is active".to_owned()];
    let containment = Some(Containment::QuarantineIam);
    let check = Verification { target: target.clone(), containment, holds, problems, reverted, notes: vec![] };
    report.verification = vec![check.clone()];
    report.sweep.found = vec!["CreateUser ghost.evil.example by alice".to_owned()];
    report.sweep.left_out = vec!["one more".to_owned()];
    report.sweep.missing = vec!["eu-west-1".to_owned()];
    report.seal = Branch { status: "ok".to_owned(), count: Some(12), missing: vec!["user data".to_owned()], ..Branch::default() };
    report.gated = vec![receipt("frank", Status::Contained, done), receipt("grace", Status::Skipped, vec![])];
    report.gated_verification = vec![check];
    report.release.receipts = vec![receipt("alice", Status::Contained, vec![step(StepKind::DetachDeny, Outcome::Applied)])];
    report
}

fn all(incident: &Incident, report: &Report) -> String {
    let decided = |answer| Decided::new(answer, "an analyst", "because of www.evil.example", NOW);
    let kinds = [NoticeKind::Noticed, NoticeKind::Opened, NoticeKind::Outcome, NoticeKind::Alarm, NoticeKind::ReviewOverdue];
    let told = kinds.map(|kind| (format!("{kind:?}"), mail(&notice(kind, incident, report, None, 3))));
    let closed = [Answer::Approve, Answer::Release].map(|answer| {
        (format!("Closed, {}", answer.word()), mail(&notice(NoticeKind::Closed, incident, report, Some(&decided(answer)), 1)))
    });
    let asked = [1, 2].map(|round| (format!("Ticket, round {round}"), mail(&ticket(incident, report, round))));
    let shown = |(name, Message { subject, body }): (String, Message)| format!("===== {name}\nSubject: {subject}\n{body}");
    told.into_iter().chain(closed).chain(asked).map(shown).collect()
}

/// What the others do not show: kept while something waits, a target that others use, and a closed incident that was put back.
fn later(incident: &Incident) -> String {
    let decided = |answer| Decided::new(answer, "an analyst", "because of www.evil.example", NOW);
    let mut contained = Report::default();
    contained.containment.status = "ok".to_owned();
    let (target, applied) = (incident.decisions[0].target.clone(), vec![step(StepKind::AttachDeny, Outcome::Applied)]);
    let held = Receipt { finished_at: Some(NOW), ..Receipt::of(target, Containment::QuarantineIam, Status::Contained) };
    contained.containment.receipts = vec![Receipt { steps: applied, ..held.clone() }];
    let mut shared = incident.clone();
    shared.decisions[1].only_by_name = true;
    let (workloads, services) = (vec!["ec2.amazonaws.com".to_owned()], vec!["s3".to_owned(), "kms".to_owned()]);
    shared.decisions[1].impact = Some(Impact { sessions: Some(2), workloads, services, ..Impact::default() });
    let mut closed = incident.clone();
    closed.settle(&decided(Answer::Approve), |_| true);
    let mut back = contained.clone();
    back.release.receipts = vec![Receipt { steps: vec![step(StepKind::DetachDeny, Outcome::Applied)], ..held }];
    let (keep, release) = (decided(Answer::Keep), decided(Answer::Release));
    [
        ("Closed, keep", mail(&notice(NoticeKind::Closed, incident, &contained, Some(&keep), 1))),
        ("Ticket, others use it", mail(&ticket(&shared, &contained, 1))),
        ("Restored", mail(&notice(NoticeKind::Restored, &closed, &back, Some(&release), 0))),
    ]
    .map(|(name, Message { subject, body })| format!("===== {name}\nSubject: {subject}\n{body}"))
    .concat()
}

#[test]
fn every_message_is_as_reviewed() {
    let mut user = incident("guardduty/exfiltration-iam-user.json");
    let mut gated = user.decisions[0].clone();
    (gated.mode, gated.target.id) = (Mode::Gate, "frank".to_owned());
    let by_hand =
        firebreak::decision::Decision { containment: None, by_hand: Some("see www.evil.example".to_owned()), ..gated.clone() };
    user.decisions.extend([gated, by_hand]);
    let quiet = Report::default();
    let instance = incident("guardduty/bitcoin-tool.json");
    let text = [all(&user, &eventful(&user)), all(&user, &quiet), all(&instance, &quiet), later(&user)].join("\n##########\n");
    insta::with_settings!({
        snapshot_path => fixtures().join("notices"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("messages", text);
    });
}

#[test]
fn a_ticket_says_what_an_isolation_that_waits_would_hit() {
    let mut instance = incident("guardduty/bitcoin-tool.json");
    let isolates = instance.decisions.iter_mut().find(|d| d.containment == Some(Containment::IsolateEc2)).expect("an isolation");
    isolates.impact = Some(Impact::of_instance(&["Auto Scaling group www.evil.example: 3 of 4 hosts are healthy".to_owned()]));
    let said = |incident: &Incident| {
        let body = mail(&ticket(incident, &Report::default(), 1)).body;
        body.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(!said(&instance).contains("3 of 4 hosts"), "it waits for nobody");
    instance.decisions.iter_mut().for_each(|decision| decision.mode = Mode::Gate);
    let body = said(&instance);
    assert!(body.contains("It hits") && body.contains("3 of 4 hosts are healthy") && !body.contains("www.evil"), "{body}");
}

#[test]
fn what_is_left_to_a_person_is_said_once_with_its_command_and_is_no_problem() {
    let user = incident("guardduty/exfiltration-iam-user.json");
    let note = "an MFA device was added; Firebreak leaves it to you: aws iam deactivate-mfa-device --user-name alice".to_owned();
    let (target, containment) = (user.decisions[0].target.clone(), Some(Containment::QuarantineIam));
    let (problems, reverted, notes) = (vec![], vec![], vec![note.clone(), "a\u{1b}[2Jb".to_owned()]);
    let check = Verification { target, containment, holds: true, problems, reverted, notes };
    let report = Report { verification: vec![check.clone()], gated_verification: vec![check], ..Report::default() };
    assert_eq!(report.problems(), [""; 0]);
    let decided = Decided::new(Answer::Approve, "an analyst", "why", NOW);
    let closed = notice(NoticeKind::Closed, &user, &report, Some(&decided), 1);
    for message in [ticket(&user, &report, 1), notice(NoticeKind::Outcome, &user, &report, None, 1), closed] {
        let Message { body, .. } = mail(&message);
        assert_eq!(body.matches(&note).count(), 1, "{body}");
        assert!(!body.contains('\u{1b}'), "a serial number is text of whoever made the device");
    }
}

#[test]
fn a_finding_that_joined_says_how_it_stands_and_claims_no_containment() {
    let mut joined = incident("guardduty/exfiltration-iam-user.json");
    joined.joining = Some(firebreak::ids::IncidentId::of("another finding"));
    let subject = |incident: &Incident| {
        let message = mail(&notice(NoticeKind::Opened, incident, &Report::default(), None, 1));
        assert!(message.body.contains("a new ticket asks about all of it"), "{}", message.body);
        message.subject
    };
    assert!(subject(&joined).contains("One more finding: Responding"), "{}", subject(&joined));
    joined.decisions[0].mode = Mode::Gate;
    assert!(subject(&joined).contains("One more finding: Needs your approval"), "{}", subject(&joined));
    (joined.decisions[0].mode, joined.decisions[0].code) = (Mode::Notify, ReasonCode::DryRun);
    joined.decisions[0].would = Some(Mode::Auto);
    assert!(subject(&joined).contains("DRY RUN: One more finding: nothing is changed"), "{}", subject(&joined));
}

#[test]
fn a_ticket_lists_each_finding_and_is_named_after_the_most_severe_one() {
    let mut open = incident("guardduty/exfiltration-iam-user.json");
    let at = |name: &str, revision| {
        let id = firebreak::ids::IncidentId::of(name);
        Some(firebreak::plan::JoinedAs { id, at: NOW, revision })
    };
    let mut grave = open.finding.clone();
    (grave.finding_type, grave.severity, grave.joined) =
        (Some("Impact:IAMUser/AnomalousBehavior".to_owned()), Some(9.0), at("two", Some(1)));
    let mut copy = open.finding.clone();
    (copy.region, copy.joined) = (firebreak::ids::Region::parse("us-east-1").ok(), at("three", None));
    open.findings.extend([grave, copy]);
    open.more_findings = 40;
    let message = mail(&ticket(&open, &Report::default(), 1));
    assert!(message.subject.contains("Impact:IAMUser"), "{}", message.subject);
    for line in [
        "Findings of this incident:",
        "Exfiltration:IAMUser/AnomalousBehavior: HIGH (8), eu-central-1, 2026-11-18 11:06:40 UTC; the same from us-east-1",
        "Impact:IAMUser/AnomalousBehavior: HIGH (9), eu-central-1",
        "40 more like these, which add nothing",
    ] {
        assert!(message.body.contains(line), "{line:?} in {}", message.body);
    }
}

#[test]
fn people_are_told_at_once_that_the_last_administrator_waits() {
    let mut last = incident("guardduty/exfiltration-iam-user.json");
    let at_once = last.decisions[0].clone();
    last.decisions[0].code = ReasonCode::LastAdministrator;
    last.decisions[0].mode = Mode::Gate;
    // Something else is contained meanwhile.
    last.decisions.push(at_once);
    let told = mail(&notice(NoticeKind::Opened, &last, &Report::default(), None, 1));
    assert!(told.subject.contains("LAST ADMINISTRATOR, decide now"), "{}", told.subject);
    assert!(told.body.contains("NEEDS A PERSON NOW") && told.body.contains("is NOT contained"), "{}", told.body);
}
