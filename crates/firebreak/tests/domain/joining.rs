//! One attack, one incident: what a second one adds to what the first one decided.

use crate::traps::{fixture, under};
use firebreak::decision::{Decision, Mode, ReasonCode, Whom};
use firebreak::ids::{AccessKeyId, IncidentId};
use firebreak::incident::Incident;
use firebreak::joining::{Adds, Joiner, LISTED_PER_TYPE, MAX_FINDINGS, Merge, Merged, is_answered};
use firebreak::plan::{FindingSummary, Plan};
use firebreak::policy::Policy;
use firebreak::target::Scope;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const AT: Timestamp = Timestamp::constant(1_795_000_000, 0);
pub(crate) const KEY: &str = "AKIA8EAD6FD1811981E9";
pub(crate) const OTHER_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A finding about a user, as GuardDuty of one Region sends it.
pub(crate) fn event(user: &str, key: &str, region: &str, id: &str) -> Value {
    let mut event = fixture("guardduty/exfiltration-iam-user.json");
    let principal = if user.is_empty() { "" } else { "AIDAA5E9285DC9025F327" };
    event["region"] = json!(region);
    event["detail"]["region"] = json!(region);
    event["detail"]["id"] = json!(id);
    event["detail"]["arn"] = json!(format!("arn:aws:guardduty:{region}:111122223333:detector/d/finding/{id}"));
    event["detail"]["resource"]["accessKeyDetails"] =
        json!({ "accessKeyId": key, "principalId": principal, "userType": "IAMUser", "userName": user });
    event
}

pub(crate) fn planned(event: &Value) -> Plan {
    under(&Policy::unrestricted(), event)
}

pub(crate) fn opened(plan: Plan) -> Incident {
    Incident::new(plan, &Policy::unrestricted(), "arn".to_owned(), AT)
}

pub(crate) fn alice() -> Plan {
    planned(&event("alice", KEY, "eu-central-1", "one"))
}

/// A finding of the same type and Region about alice. Its decision is the first one's, changed.
fn second(change: impl FnOnce(&mut Decision)) -> Plan {
    let mut plan = planned(&event("alice", KEY, "eu-central-1", "two"));
    change(&mut plan.decisions[0]);
    plan
}

pub(crate) fn joiner<'a>(id: &'a IncidentId, plan: &'a Plan) -> Joiner<'a> {
    Joiner { id, finding: &plan.finding, decisions: &plan.decisions, receipts: &[], releases: &[], checks: &[], at: AT }
}

fn merge(open: &Incident, plan: &Plan) -> Merge {
    joiner(&IncidentId::of(&plan.dedupe_key), plan).merge(open)
}

#[track_caller]
fn joined(open: &Incident, plan: &Plan) -> Merged {
    match merge(open, plan) {
        Merge::Joins(merged) => *merged,
        Merge::Apart(why) => panic!("it stays apart: {why}"),
    }
}

fn stays_apart(open: &Incident, plan: &Plan) -> bool {
    matches!(merge(open, plan), Merge::Apart(_))
}

fn about(user: &str, plan: &Plan) -> Decision {
    let mut decision = plan.decisions[0].clone();
    user.clone_into(&mut decision.target.id);
    decision
}

fn key(id: &str) -> AccessKeyId {
    AccessKeyId::parse(id).expect("a key")
}

fn all_keys(decision: &Decision) -> Vec<&str> {
    let mut keys: Vec<&str> = decision.target.keys().map(AccessKeyId::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn what_a_finding_accuses_need_not_be_named_any_more() {
    let mut open = opened(alice());
    (open.decisions[0].mode, open.decisions[0].only_by_name) = (Mode::Gate, true);
    let merged = joined(&open, &second(|decision| decision.mode = Mode::Gate));
    let decision = &merged.incident.decisions[0];
    assert!(!decision.only_by_name && merged.adds == Adds::Decisions);
    assert!(decision.since > open.revision, "an answer to the older ticket is not about it");
}

#[test]
fn whom_a_finding_accuses_without_a_doubt_is_no_namesake() {
    let mut open = opened(alice());
    (open.decisions[0].mode, open.decisions[0].whom) = (Mode::Gate, Whom::InDoubt);
    let merged = joined(&open, &second(|decision| decision.mode = Mode::Gate));
    assert_eq!((merged.incident.decisions[0].whom, merged.adds), (Whom::Named, Adds::Decisions));
    let doubted = joined(&open, &second(|decision| (decision.mode, decision.whom) = (Mode::Gate, Whom::InDoubt)));
    assert_eq!(doubted.incident.decisions[0].whom, Whom::InDoubt);
}

#[test]
fn every_pair_of_modes_leaves_the_stronger_one_with_its_reason() {
    use Mode::{Auto, Gate, Notify};
    let rank = |mode| [Notify, Gate, Auto].iter().position(|known| *known == mode);
    for first in [Auto, Gate, Notify] {
        for other in [Auto, Gate, Notify] {
            let mut open = opened(alice());
            open.decisions[0].mode = first;
            let plan = second(|decision| {
                decision.mode = other;
                decision.reason = "the second one's reason".to_owned();
                decision.code = ReasonCode::Doubt;
            });
            let merged = joined(&open, &plan);
            let decision = &merged.incident.decisions[0];
            let raised = rank(other) > rank(first);
            assert_eq!(merged.incident.decisions.len(), 1, "{first:?} {other:?}");
            assert_eq!(decision.mode, if raised { other } else { first }, "{first:?} {other:?}");
            assert_eq!(decision.reason == "the second one's reason", raised, "{first:?} {other:?}");
            assert_eq!(decision.code == ReasonCode::Doubt, raised, "{first:?} {other:?}");
            assert_eq!(merged.adds, if raised { Adds::Decisions } else { Adds::Finding }, "{first:?} {other:?}");
            assert_eq!(
                (merged.incident.revision, decision.since),
                (1, u32::from(raised || first == Auto && other != Notify)),
                "{first:?} {other:?}: what it accuses is asked again"
            );
            assert_eq!(is_answered(&open, &plan.decisions[0]), !raised, "{first:?} {other:?}");
        }
    }
}

#[test]
fn suppressed_decisions_change_nothing_and_are_raised_by_what_is_not_suppressed() {
    let suppress = |decision: &mut Decision| {
        decision.mode = Mode::Notify;
        decision.suppressed = true;
        decision.code = ReasonCode::Suppressed;
    };
    let open = opened(alice());
    let mut plan = second(suppress);
    plan.decisions.push(Decision { target: about("bob", &plan).target, ..plan.decisions[0].clone() });
    let merged = joined(&open, &plan);
    assert_eq!((&merged.incident.decisions, merged.adds), (&open.decisions, Adds::Finding));
    let mut suppressed = open.clone();
    suppress(&mut suppressed.decisions[0]);
    let raised = joined(&suppressed, &second(|_| {})).incident;
    assert!(raised.decisions[0].mode == Mode::Auto && !raised.decisions[0].suppressed);
    let told = joined(&suppressed, &second(|decision| decision.mode = Mode::Notify));
    assert!(!told.incident.decisions[0].suppressed && told.adds == Adds::Decisions, "people are told after all");
}

#[test]
fn keys_are_united_and_one_that_would_wait_is_neither_lost_nor_taken_away() {
    let open = opened(alice());
    let with_key = |mode| {
        second(|decision| {
            decision.mode = mode;
            decision.target.access_key_id = Some(key(OTHER_KEY));
        })
    };
    let merged = joined(&open, &with_key(Mode::Auto));
    assert_eq!((all_keys(&merged.incident.decisions[0]), merged.adds), (vec![KEY, OTHER_KEY], Adds::Decisions));
    assert_eq!((merged.incident.revision, merged.incident.decisions[0].since), (1, 1));
    assert!(stays_apart(&open, &with_key(Mode::Gate)), "a person decides about that key");
    let told = joined(&open, &with_key(Mode::Notify));
    assert_eq!(all_keys(&told.incident.decisions[0]), [KEY]);
    let mut gated = open;
    gated.decisions[0].mode = Mode::Gate;
    let raised = joined(&gated, &with_key(Mode::Auto)).incident;
    assert_eq!((raised.decisions[0].mode, all_keys(&raised.decisions[0])), (Mode::Auto, vec![KEY, OTHER_KEY]));
}

#[test]
fn what_acts_fits_whole_or_stays_apart_and_what_is_told_can_be_left_out() {
    let (open, one) = (opened(alice()), alice());
    let filled = |count: usize| {
        let more = (1..count).map(|n| about(&format!("user-{n}"), &one));
        Incident { decisions: open.decisions.iter().cloned().chain(more).collect(), ..open.clone() }
    };
    let adding = |mode| {
        let mut plan = second(|_| {});
        let new = Decision { mode, ..about("bob", &plan) };
        plan.decisions.push(new);
        plan
    };
    assert_eq!(joined(&filled(19), &adding(Mode::Auto)).incident.decisions.len(), 20);
    assert!(stays_apart(&filled(20), &adding(Mode::Auto)));
    assert_eq!(joined(&filled(11), &adding(Mode::Gate)).incident.decisions.len(), 12);
    assert!(stays_apart(&filled(12), &adding(Mode::Gate)), "the last places are for what is contained at once");
    let told = joined(&filled(12), &adding(Mode::Notify));
    assert_eq!((told.incident.decisions.len(), told.adds), (12, Adds::Finding));
    let mut large = filled(19);
    large.decisions.iter_mut().for_each(|decision| decision.by_hand = Some("x".repeat(1100)));
    assert!(stays_apart(&large, &adding(Mode::Auto)), "20 KiB are full");
}

#[test]
fn the_sixth_session_of_a_role_stays_apart() {
    let session = |n: usize| {
        let mut decision = alice().decisions[0].clone();
        decision.target.kind = firebreak::target::TargetKind::IamRole;
        (decision.target.scope, decision.target.session) = (Scope::Session, Some(format!("session-{n}")));
        decision
    };
    let of = |count| Incident { decisions: (0..count).map(session).collect(), ..opened(alice()) };
    let plan = second(|decision| *decision = session(9));
    assert_eq!(joined(&of(4), &plan).incident.decisions.len(), 5);
    assert!(stays_apart(&of(5), &plan));
    let known = second(|decision| *decision = session(2));
    assert_eq!(joined(&of(5), &known).incident.decisions.len(), 5, "one that is denied already");
}

#[test]
fn a_copy_from_another_region_adds_nothing_and_is_listed() {
    let open = opened(alice());
    let copy = planned(&event("alice", KEY, "us-east-1", "two"));
    let merged = joined(&open, &copy);
    assert_eq!((merged.adds, merged.is_listed, merged.incident.shown()), (Adds::Nothing, true, open.shown()));
    let entry = merged.incident.findings[1].joined.clone().expect("it joined");
    assert_eq!((entry.id, entry.at, entry.revision), (IncidentId::of(&copy.dedupe_key), AT, None));
    let again = planned(&event("alice", KEY, "us-east-1", "three"));
    assert_eq!(joined(&merged.incident, &again).adds, Adds::Finding, "two findings of one Region are no copies");
    let bare = |region, id| planned(&event("", KEY, region, id));
    let by_hand = joined(&opened(bare("eu-central-1", "one")), &bare("us-east-1", "two"));
    assert_eq!((by_hand.adds, by_hand.incident.decisions.len()), (Adds::Nothing, 1), "one key is one thing to do by hand");
}

#[test]
fn a_copy_that_is_more_severe_or_of_another_type_or_not_about_a_principal_is_a_finding() {
    let open = opened(alice());
    let copy = planned(&event("alice", KEY, "us-east-1", "two"));
    let changed = |change: fn(&mut FindingSummary)| {
        let mut plan = copy.clone();
        change(&mut plan.finding);
        joined(&open, &plan).adds
    };
    assert_eq!(changed(|_| {}), Adds::Nothing);
    assert_eq!(changed(|finding| finding.severity = Some(8.1)), Adds::Finding);
    assert_eq!(changed(|finding| finding.severity = None), Adds::Nothing);
    assert_eq!(changed(|finding| finding.finding_type = Some("Recon:IAMUser/TorIPCaller".to_owned())), Adds::Finding);
    assert_eq!(changed(|finding| finding.finding_type = None), Adds::Finding);
    let mut miner = planned(&fixture("guardduty/bitcoin-tool.json"));
    let of_instance = opened(miner.clone());
    miner.dedupe_key = "another finding".to_owned();
    miner.finding.region = copy.finding.region.clone();
    assert_eq!(joined(&of_instance, &miner).adds, Adds::Finding);
}

#[test]
fn the_sixth_of_one_type_is_only_counted_unless_it_adds_something() {
    let nth = |n: usize| planned(&event("alice", KEY, "eu-central-1", &format!("finding-{n}")));
    let mut open = opened(nth(0));
    for n in 1..LISTED_PER_TYPE {
        let merged = joined(&open, &nth(n));
        assert_eq!((merged.adds, merged.is_listed), (Adds::Finding, true), "{n}");
        assert_eq!(merged.incident.revision, open.revision + 1, "an older answer does not cover it");
        open = merged.incident;
    }
    let sixth = joined(&open, &nth(5));
    assert_eq!((sixth.adds, sixth.is_listed, &sixth.incident), (Adds::Nothing, false, &open));
    let mut worse = nth(5);
    worse.finding.severity = Some(9.0);
    let worse = joined(&open, &worse);
    assert_eq!((worse.adds, worse.is_listed), (Adds::Finding, true));
    let mut adding = nth(5);
    adding.decisions.push(about("bob", &adding));
    let adding = joined(&open, &adding);
    assert_eq!((adding.adds, adding.is_listed, adding.incident.findings.len()), (Adds::Decisions, true, 6));
}

#[test]
fn a_finding_that_can_hold_a_target_has_a_place_in_the_list_or_stays_apart() {
    let mut open = opened(alice());
    let other =
        |n: usize| FindingSummary { finding_type: Some(format!("Type-{n}")), title: None, part_of: None, ..open.finding.clone() };
    let most: Vec<FindingSummary> = (0..MAX_FINDINGS).map(other).collect();
    open.findings = most[1..].to_vec();
    let listed = joined(&open, &second(|_| {}));
    assert_eq!((listed.incident.findings.len(), listed.adds), (MAX_FINDINGS, Adds::Finding));
    open.findings = most;
    assert!(stays_apart(&open, &second(|_| {})));
    let copy = joined(&open, &planned(&event("alice", KEY, "us-east-1", "two")));
    assert_eq!((copy.adds, copy.is_listed), (Adds::Nothing, false), "what holds nothing need not be listed");
    let large = FindingSummary { title: Some("x".repeat(9000)), ..open.finding.clone() };
    open.findings = vec![large.clone(), large];
    assert!(stays_apart(&open, &second(|_| {})), "10 KiB are full");
}

#[test]
fn sessions_of_a_role_that_differ_in_temporary_keys_alone_change_no_decision() {
    let session = |key: &str, id: &str| {
        let mut event = fixture("guardduty/exfiltration-assumed-role.json");
        event["detail"]["arn"] = json!(format!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/{id}"));
        event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = json!(key);
        planned(&event)
    };
    let open = opened(session("ASIAIOSFODNN7EXAMPLE", "one"));
    let merged = joined(&open, &session("ASIAIOSFODNN7EXAMPL2", "two"));
    assert_eq!(merged.adds, Adds::Finding, "who can make sessions must not make tickets");
    assert_eq!(merged.incident.decisions[0].target, open.decisions[0].target);
}

#[test]
fn people_get_the_advice_of_both_findings_and_what_is_only_told_goes_on_being_told() {
    let by_hand = |advice: &str, id: &str| {
        let mut plan = planned(&event("alice", KEY, "eu-central-1", id));
        (plan.decisions[0].containment, plan.decisions[0].mode) = (None, Mode::Gate);
        plan.decisions[0].by_hand = Some(advice.to_owned());
        plan
    };
    let open = opened(by_hand("change the password", "one"));
    let mut plan = by_hand("find who called sts:AssumeRoot", "two");
    plan.decisions.push(Decision { mode: Mode::Notify, ..about("bob", &plan) });
    let merged = joined(&open, &plan);
    let advice = merged.incident.decisions[0].by_hand.as_deref();
    assert_eq!((merged.adds, advice), (Adds::Decisions, Some("change the password; find who called sts:AssumeRoot")));
    let id = IncidentId::of(&plan.dedupe_key);
    let mut without = merged.incident;
    without.decisions.truncate(1);
    let carried = joiner(&id, &plan).carried(&without);
    assert!(carried.iter().any(|decision| decision.target.id == "bob"), "its own mail tells of it: {carried:?}");
    assert_eq!(joined(&open, &by_hand("change the password", "three")).adds, Adds::Finding, "nothing new");
}

#[test]
fn a_finding_that_is_listed_changes_nothing_when_it_tries_again() {
    let mut open = opened(alice());
    let mut plan = second(|_| {});
    plan.decisions.push(about("bob", &plan));
    for plan in [plan, planned(&event("alice", KEY, "us-east-1", "three")), second(|d| d.mode = Mode::Notify)] {
        let first = joined(&open, &plan);
        let again = joined(&first.incident, &plan);
        // The last of the three has the first one's id: it is listed, whatever it says now.
        assert_eq!(again, first);
        open = first.incident;
    }
    assert_eq!((open.revision, open.findings.len()), (1, 3));
}

#[test]
fn what_waits_over_budget_is_counted_and_what_is_raised_is_counted_no_more() {
    let over = |decision: &mut Decision| {
        decision.mode = Mode::Gate;
        decision.code = ReasonCode::OverBudget;
    };
    let open = opened(alice());
    let mut plan = second(over);
    plan.decisions[0].target.id = "bob".to_owned();
    let waits = joined(&open, &plan).incident;
    assert_eq!(waits.over_budget, 1);
    let mut later = planned(&event("bob", KEY, "eu-central-1", "three"));
    later.decisions[0].code = ReasonCode::Row;
    let raised = joined(&waits, &later).incident;
    assert_eq!((raised.over_budget, raised.decisions[1].mode), (0, Mode::Auto));
}

#[test]
fn a_rehearsal_shows_what_the_stronger_finding_would_have_done() {
    let dry = Policy::parse("default_mode = \"dry-run\"\nauto_from = \"low\"").expect("a policy");
    let rehearsed = |id: &str, would| {
        let mut plan = under(&dry, &event("alice", KEY, "eu-central-1", id));
        plan.decisions[0].would = Some(would);
        plan
    };
    let open = opened(rehearsed("one", Mode::Gate));
    let raised = joined(&open, &rehearsed("two", Mode::Auto));
    let decision = &raised.incident.decisions[0];
    assert_eq!((decision.mode, decision.would, raised.adds), (Mode::Notify, Some(Mode::Auto), Adds::Decisions));
}

#[test]
fn an_incident_of_an_earlier_version_lists_its_own_finding_first() {
    let open = Incident { findings: vec![], ..opened(alice()) };
    let merged = joined(&open, &second(|_| {})).incident;
    assert_eq!((merged.findings.len(), &merged.findings[0]), (2, &open.finding));
}
