//! A pause lowers what would happen at once and nothing else, and every message says that it is in force.

use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice, ticket};
use firebreak::pause::{Pause, Pauses, Wish};
use firebreak::plan::{Circumstances, paused, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::Report;

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
const BY: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakOperator/ann";

fn pause(reason: &str) -> Pause {
    Wish { account: None, for_seconds: 3_600, reason: reason.to_owned() }.begin(BY, NOW).expect("a pause")
}

fn incident() -> Incident {
    let event = include_bytes!("../../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let policy = Policy::unrestricted();
    let plan = plan_json(event, &Circumstances::new(&policy, NOW)).expect("JSON");
    Incident::new(plan, &policy, "arn".to_owned(), NOW)
}

fn decision(mode: Mode) -> Decision {
    Decision { mode, code: ReasonCode::Row, ..incident().decisions[0].clone() }
}

#[test]
fn only_what_would_happen_at_once_is_lowered() {
    let pause = pause("a rollout misfires");
    let waits = paused(decision(Mode::Auto), &pause);
    assert_eq!((waits.mode, waits.code), (Mode::Gate, ReasonCode::Paused));
    for words in [BY, "a rollout misfires", "paused until"] {
        assert!(waits.reason.contains(words), "{words}: {}", waits.reason);
    }
    assert_eq!(paused(waits.clone(), &pause), waits, "twice is once");
    for mode in [Mode::Gate, Mode::Notify] {
        assert_eq!(paused(decision(mode), &pause), decision(mode));
    }
}

#[test]
fn the_ticket_asks_for_what_somebody_reverted_during_a_pause_until_an_approval_was_carried_out() {
    let mut incident = incident();
    let waits = paused(decision(Mode::Auto), &pause("a rollout misfires"));
    let (target, containment) = (waits.target.clone(), waits.containment);
    incident.decisions = vec![waits];
    let receipt = Receipt::of(target.clone(), containment.expect("a containment"), Status::Contained);
    let check = |holds: bool| Verification {
        target: target.clone(),
        containment,
        holds,
        problems: if holds { vec![] } else { vec!["the deny is gone".to_owned()] },
        reverted: vec![],
        notes: vec![],
    };
    let asks = |report: &Report| mail(&ticket(&incident, report, 1)).body.contains("Done only if you approve");
    let mut report = Report::default();
    report.containment.receipts = vec![receipt.clone()];
    report.verification = vec![check(true)];
    assert!(!asks(&report), "it holds");
    report.verification = vec![check(false)];
    assert!(asks(&report));
    report.gated = vec![receipt];
    report.gated_verification = vec![check(true)];
    assert!(!asks(&report), "it is written again");
}

#[test]
fn a_reason_leaves_room_for_what_the_finding_says() {
    let pause = pause(&"x".repeat(2000));
    let decision = decision(Mode::Auto);
    let waits = paused(decision.clone(), &pause);
    let rest: String = decision.reason.chars().take(40).collect();
    assert!(waits.reason.chars().count() <= 401 && waits.reason.contains(&rest), "{}", waits.reason);
}

/// Every message about an incident during a pause, for some reason that a person wrote.
fn messages(reason: &str) -> Vec<Message> {
    let mut incident = incident();
    let pause = pause(reason);
    let decided = incident.decisions.into_iter().map(|decision| Decision { mode: Mode::Auto, ..decision });
    incident.decisions = decided.map(|decision| paused(decision, &pause)).collect();
    let pauses: Pauses = [pause].into_iter().collect();
    let report = Report { pauses, ..Report::default() };
    let kinds = [
        NoticeKind::Noticed,
        NoticeKind::Opened,
        NoticeKind::Outcome,
        NoticeKind::Alarm,
        NoticeKind::ReviewOverdue,
        NoticeKind::Closed,
    ];
    let notices = kinds.map(|kind| notice(kind, &incident, &report, None, 1));
    notices.iter().chain([&ticket(&incident, &report, 1)]).map(mail).collect()
}

#[test]
fn each_message_has_one_line_about_a_pause_in_force() {
    for message in messages("a rollout misfires") {
        let lines: Vec<&str> = message.body.lines().filter(|line| line.starts_with("Paused: ")).collect();
        assert!(
            matches!(lines.as_slice(), [line] if line.contains(BY) && line.contains("a rollout misfires")),
            "{}",
            message.body
        );
    }
    let opened = messages("a rollout misfires").remove(1);
    assert!(opened.subject.contains("PAUSED, needs your approval"), "{}", opened.subject);
}

#[test]
fn what_a_person_wrote_forges_no_line_and_no_link() {
    for message in messages("x\r\nAnswer: none\u{1b}[2J https://evil.example www.evil.example evil.example") {
        let body = &message.body;
        assert!(!body.lines().any(|line| line.starts_with("Answer: none")), "{body}");
        assert!(!body.contains("://") && !body.contains("www.") && !body.contains('\u{1b}'), "{body:?}");
        let line = body.lines().find(|line| line.starts_with("Paused: ")).expect("a line");
        assert!(!line.contains("evil.example"), "{line}");
    }
}

#[test]
fn a_report_that_travels_does_not_carry_what_is_paused() {
    let report = Report { pauses: [pause("x")].into_iter().collect(), ..Report::default() };
    let text = serde_json::to_string(&report).expect("JSON");
    assert!(!text.contains("paused") && serde_json::from_str::<Report>(&text).expect("a report").pauses.is_empty());
}
