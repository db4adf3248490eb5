//! What mode `auto` would do, counted over incidents of accounts that only observe or rehearse.

use crate::traps::{fixture, under};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::{AccountId, IncidentId, Partition, Region};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::{Budget, Policy};
use firebreak::rollout::{Answers, Entry, Rollout, held_by_mode, rollout, targets};
use firebreak::target::{Place, Target, TargetKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const HOUR: Timestamp = Timestamp::constant(1_795_003_200, 0);
const AT_ONCE: Option<Mode> = Some(Mode::Auto);

fn user(name: &str) -> Target {
    let place = Place {
        account: AccountId::parse("111122223333").expect("an account"),
        region: Region::parse("eu-central-1").expect("a Region"),
        partition: Partition::parse("aws").expect("a partition"),
    };
    Target::new(TargetKind::IamUser, name, place)
}

fn decision(name: &str, code: ReasonCode, would: Option<Mode>) -> Decision {
    Decision { code, would, ..Decision::new(user(name), Some(Containment::QuarantineIam), Mode::Notify, "why") }
}

fn incident(name: &str, decisions: Vec<Decision>) -> Incident {
    let policy = Policy::unrestricted();
    let plan = under(&policy, &fixture("guardduty/exfiltration-iam-user.json"));
    Incident { id: IncidentId::of(name), decisions, ..Incident::new(plan, &policy, "execution".to_owned(), HOUR) }
}

/// An incident about a user of an observed account.
fn observed(name: &str, user: &str, would: Option<Mode>) -> Incident {
    incident(name, vec![decision(user, ReasonCode::Observed, would)])
}

fn counted(incidents: &[Incident]) -> Rollout {
    counted_with(&incidents.iter().map(|incident| (incident.clone(), IncidentStatus::Notified)).collect::<Vec<_>>())
}

fn counted_with(incidents: &[(Incident, IncidentStatus)]) -> Rollout {
    let entries = incidents.iter().flat_map(|(incident, status)| Entry::all_of(incident, *status));
    rollout(entries, &Budget::default())
}

fn names(targets: &[Target]) -> Vec<&str> {
    targets.iter().map(|target| target.id.as_str()).collect()
}

#[test]
fn what_is_only_observed_or_rehearsed_is_counted_by_what_auto_would_do() {
    let mut miner = fixture("guardduty/bitcoin-tool.json");
    miner["detail"]["severity"] = json!(8.0);
    for mode in ["observe", "dry-run"] {
        for (row, at_once, gated) in [("auto", 1, 0), ("gate", 0, 1)] {
            let row = format!("contain = {{ isolate-ec2 = \"{row}\" }}\nwhy = \"mining\"");
            let text = format!("default_mode = \"{mode}\"\n[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\n{row}");
            let policy = Policy::parse(&text).expect("a policy");
            let incident = Incident::new(under(&policy, &miner), &policy, "execution".to_owned(), HOUR);
            assert!(incident.decisions.iter().all(held_by_mode), "{incident:?}");
            let counted = counted(&[incident]);
            assert_eq!((targets(&counted.at_once), targets(&counted.gated)), (at_once, gated), "{text}");
            let line = counted.at_once.iter().chain(&counted.gated).next().expect("a line");
            assert_eq!((line.kind.as_str(), line.findings), ("CryptoCurrency:EC2/BitcoinTool.B", 1));
            assert_eq!((counted.incidents, counted.earlier), (1, 0));
        }
    }
}

#[test]
fn what_is_only_offered_beside_a_freeze_would_wait_for_nobody() {
    let policy = Policy::parse("default_mode = \"observe\"").expect("a policy");
    let frozen = Incident::new(under(&policy, &fixture("guardduty/exfiltration-s3.json")), &policy, "execution".to_owned(), HOUR);
    let offered = frozen.decisions.iter().filter(|decision| decision.is_offered()).count();
    let counted = counted(&[frozen]);
    assert_eq!((offered, targets(&counted.at_once), targets(&counted.gated)), (2, 2, 0));
}

#[test]
fn a_target_and_a_finding_count_once_whatever_comes_again() {
    let first = observed("first", "alice", AT_ONCE);
    let update = Incident { follows: Some(first.id.clone()), ..observed("update", "bob", AT_ONCE) };
    let other = observed("other", "alice", AT_ONCE);
    let counted = counted(&[first, update, other]);
    let line = &counted.at_once[0];
    assert_eq!((counted.at_once.len(), line.findings, counted.incidents), (1, 2, 3), "an update is no other finding");
    assert_eq!(names(&line.targets), ["alice", "bob"]);
    assert_eq!(counted.hours[0].targets, 2, "a target costs nothing more in the same hour");
}

#[test]
fn work_for_people_comes_after_what_waits_for_an_approval() {
    let by_hand = Decision { containment: None, ..decision("root", ReasonCode::Observed, Some(Mode::Gate)) };
    let told = decision("carol", ReasonCode::Observed, Some(Mode::Notify));
    let waits = decision("alice", ReasonCode::Observed, Some(Mode::Gate));
    let counted = counted(&[incident("one", vec![by_hand, told, waits])]);
    let lines: Vec<_> = counted.gated.iter().map(|line| (line.containment, names(&line.targets))).collect();
    assert_eq!(lines, [(Some(Containment::QuarantineIam), vec!["alice"]), (None, vec!["root"])]);
    assert_eq!((counted.at_once.len(), counted.told), (0, 1));
}

#[test]
fn an_hour_that_exceeds_the_budget_is_named_and_the_list_of_hours_stays_short() {
    let later = |hours| HOUR + SignedDuration::from_hours(hours) + SignedDuration::from_mins(59);
    let flood = (0..22).map(|n| observed(&format!("flood {n}"), &format!("user-{n}"), AT_ONCE));
    let quiet = (1..=12).map(|n| Incident { opened_at: later(n), ..observed(&format!("quiet {n}"), "alice", AT_ONCE) });
    let counted = counted(&flood.chain(quiet).collect::<Vec<_>>());
    let fullest = &counted.hours[0];
    assert_eq!(
        (fullest.hour, fullest.targets, fullest.over_budget),
        (Some(HOUR), 22, 12),
        "10 users unless policy says otherwise"
    );
    assert_eq!(counted.hours.len(), 10);
    assert!(counted.hours[1..].iter().all(|hour| hour.targets == 1 && hour.over_budget == 0));
}

#[test]
fn without_a_time_no_budget_is_counted() {
    let incidents: Vec<_> = (0..25).map(|n| observed(&format!("{n}"), &format!("user-{n}"), AT_ONCE)).collect();
    let entries = incidents.iter().flat_map(|incident| Entry::all_of(incident, IncidentStatus::Notified));
    let counted = rollout(entries.map(|entry| Entry { at: None, ..entry }), &Budget::default());
    assert_eq!((counted.hours[0].hour, counted.hours[0].targets, counted.hours[0].over_budget), (None, 25, 0));
}

#[test]
fn a_rehearsal_is_answered_once_however_much_it_decided() {
    use IncidentStatus::{AwaitingReview, Closed, Containing, Failed, Notified, Released, Triaged};
    let rehearsal = |name: &str| {
        let both = ["alice", "bob"].map(|user| decision(user, ReasonCode::DryRun, AT_ONCE));
        incident(name, both.into())
    };
    let ends = [Closed, Closed, Released, AwaitingReview, Triaged, Containing, Failed, Notified];
    let mut incidents: Vec<_> =
        ends.into_iter().enumerate().map(|(n, status)| (rehearsal(&format!("rehearsal {n}")), status)).collect();
    incidents.push((observed("observed", "carol", AT_ONCE), Closed));
    let answers = counted_with(&incidents).answers;
    assert_eq!(answers, Answers { approved: 2, released: 1, waiting: 1, under_way: 2, failed: 1 });
}

#[test]
fn what_an_earlier_version_decided_is_counted_as_unknown() {
    let without = |field: &str, decision: &Decision| -> Decision {
        let mut json = serde_json::to_value(decision).expect("JSON");
        json.as_object_mut().expect("an object").remove(field);
        serde_json::from_value(json).expect("the shape of an earlier version")
    };
    let known = decision("alice", ReasonCode::Observed, AT_ONCE);
    let before_would = without("would", &known);
    let before_codes = without("code", &before_would);
    let counted = counted(&[incident("one", vec![before_would.clone()]), incident("two", vec![before_codes.clone()])]);
    assert_eq!((counted.earlier, counted.incidents, counted.at_once.len()), (2, 0, 0));
    assert!([known, before_would, before_codes].iter().all(held_by_mode));
    let protected = decision("admin", ReasonCode::Protected, None);
    let announced = Decision { containment: None, ..decision("root", ReasonCode::Row, None) };
    assert!(![protected, announced].iter().any(held_by_mode), "no mode changes what is only told anyway");
}

#[test]
fn a_suppression_is_named_with_what_it_covered() {
    let suppressed = |name: &str, why: &str| {
        let reason = format!("suppressed until 2026-12-31 by network: {why}");
        let decision = Decision { suppressed: true, reason, ..decision(name, ReasonCode::Suppressed, None) };
        incident(name, vec![decision])
    };
    let counted = counted(&[suppressed("a", "backup"), suppressed("b", "our scanner"), suppressed("c", "our scanner")]);
    let all: Vec<_> = counted.suppressed.iter().map(|s| (s.reason.rsplit(": ").next(), s.decisions)).collect();
    assert_eq!(all, [(Some("our scanner"), 2), (Some("backup"), 1)]);
    assert_eq!(counted.incidents, 0, "a suppression is asked before the mode");
    let json: Value = serde_json::to_value(&counted).expect("JSON");
    assert_eq!(json["suppressed"][0]["accounts"], json!(["111122223333"]));
}
