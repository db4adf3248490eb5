//! When a copy is more than a copy: the target is not contained, or is not any more.

use crate::joining::{AT, KEY, OTHER_KEY, alice, event, joiner, opened, planned};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::ids::{AccessKeyId, IncidentId, PrincipalId};
use firebreak::joining::{Adds, Joiner, Merge, is_answered};
use firebreak::plan::FindingSummary;
use firebreak::receipt::{Receipt, Status, Verification};
use jiff::SignedDuration;

#[test]
fn where_a_containment_failed_each_copy_is_one_more_try() {
    let open = opened(alice());
    let copy = planned(&event("alice", KEY, "us-east-1", "two"));
    let id = IncidentId::of(&copy.dedupe_key);
    let target = open.decisions[0].target.clone();
    let containment = open.decisions[0].containment.expect("a containment");
    let receipt = |status| [Receipt::of(target.clone(), containment, status)];
    let adds = |receipts: &[Receipt], minutes: i64| {
        let at = AT + SignedDuration::from_mins(minutes);
        match (Joiner { receipts, at, ..joiner(&id, &copy) }).merge(&open) {
            Merge::Joins(merged) => merged.adds,
            Merge::Apart(why) => panic!("it stays apart: {why}"),
        }
    };
    assert_eq!(adds(&[], 2), Adds::Nothing, "it is about to be contained");
    assert_eq!(adds(&[], 3), Adds::Finding);
    assert_eq!(adds(&receipt(Status::Failed), 3), Adds::Finding);
    assert_eq!(adds(&receipt(Status::Partial), 3), Adds::Nothing);
    assert_eq!(adds(&receipt(Status::Contained), 3), Adds::Nothing);
}

#[test]
fn another_user_of_the_same_name_has_another_incident() {
    let mut open = opened(alice());
    open.decisions[0].mode = Mode::Gate;
    open.decisions[0].target.principal_id = PrincipalId::parse("AIDAEXAMPLENAMESAKE01").ok();
    let mut plan = planned(&event("alice", KEY, "eu-central-1", "two"));
    let id = IncidentId::of(&plan.dedupe_key);
    assert_eq!(plan.decisions[0].mode, Mode::Auto);
    assert!(matches!(joiner(&id, &plan).merge(&open), Merge::Apart(_)), "a namesake would be contained by a look");
    assert!(!is_answered(&open, &plan.decisions[0]));
    // What is only told is told by itself.
    plan.decisions[0].mode = Mode::Notify;
    let Merge::Joins(merged) = joiner(&id, &plan).merge(&open) else { panic!("it stays apart") };
    assert_eq!(merged.incident.decisions, open.decisions);
    assert_eq!(joiner(&id, &plan).carried(&merged.incident), plan.decisions);
}

#[test]
fn what_a_later_finding_did_not_see_lifts_no_gate() {
    let other_key = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key");
    let mut plan = planned(&event("alice", other_key.as_str(), "eu-central-1", "two"));
    plan.decisions[0].code = ReasonCode::Row;
    let id = IncidentId::of(&plan.dedupe_key);
    for (code, mode) in [
        (ReasonCode::LastAdministrator, Mode::Gate),
        (ReasonCode::ChosenName, Mode::Gate),
        (ReasonCode::Doubt, Mode::Auto),
        (ReasonCode::OverBudget, Mode::Auto),
    ] {
        let mut open = opened(alice());
        (open.decisions[0].mode, open.decisions[0].code) = (Mode::Gate, code);
        let stays = mode == Mode::Gate;
        assert_eq!(is_answered(&open, &plan.decisions[0]), stays, "{code:?}");
        let Merge::Joins(merged) = joiner(&id, &plan).merge(&open) else { panic!("{code:?} stays apart") };
        let decision = &merged.incident.decisions[0];
        assert_eq!((decision.mode, decision.code == code, merged.adds), (mode, stays, Adds::Decisions), "{code:?}");
        assert!(decision.target.keys().any(|key| *key == other_key), "{code:?}: the key is exposed all the same");
        assert_eq!(joiner(&id, &plan).carried(&merged.incident)[0].mode, mode, "{code:?}: its execution contains no more");
    }
}

#[test]
fn where_the_target_is_free_again_or_the_attack_went_on_no_copy_adds_nothing() {
    let open = opened(alice());
    let mut copy = planned(&event("alice", KEY, "us-east-1", "two"));
    copy.finding.first_seen = Some(AT);
    let id = IncidentId::of(&copy.dedupe_key);
    let (target, containment) = (open.decisions[0].target.clone(), open.decisions[0].containment.expect("a containment"));
    let done = AT + SignedDuration::from_mins(1);
    let receipt = |status| Receipt { finished_at: Some(done), ..Receipt::of(target.clone(), containment, status) };
    let adds = |joiner: Joiner<'_>| match joiner.merge(&open) {
        Merge::Joins(merged) => merged.adds,
        Merge::Apart(why) => panic!("it stays apart: {why}"),
    };
    let contained = [receipt(Status::Contained)];
    let known = Joiner { receipts: &contained, at: AT + SignedDuration::from_hours(1), ..joiner(&id, &copy) };
    assert_eq!(adds(known), Adds::Nothing);
    let released = [Receipt { finished_at: Some(done + SignedDuration::from_mins(1)), ..receipt(Status::Contained) }];
    assert_eq!(adds(Joiner { releases: &released, ..known }), Adds::Finding, "a release put it back");
    let (containment, problems) = (Some(containment), vec!["the deny is gone".to_owned()]);
    let broken = [Verification { target: target.clone(), containment, holds: false, problems, reverted: vec![], notes: vec![] }];
    assert_eq!(adds(Joiner { checks: &broken, ..known }), Adds::Finding, "somebody took it off");
    let later = FindingSummary { first_seen: Some(done + SignedDuration::from_secs(1)), ..copy.finding.clone() };
    assert_eq!(adds(Joiner { finding: &later, ..known }), Adds::Finding, "it began after the containment");
}

/// Hold, base and receipt must be where the incident's release looks.
#[test]
fn the_execution_of_a_finding_that_joined_works_on_the_incident_s_own_target() {
    let mut open = opened(alice());
    let copy = planned(&event("alice", OTHER_KEY, "us-east-1", "two"));
    let id = IncidentId::of(&copy.dedupe_key);
    let known = open.decisions[0].target.clone();
    for earlier in [known.as_spelled(), known] {
        open.decisions[0].target = earlier.clone();
        let Merge::Joins(merged) = joiner(&id, &copy).merge(&open) else { panic!("it stays apart") };
        let carried = joiner(&id, &copy).carried(&merged.incident);
        for target in [&carried[0].target, &merged.incident.decisions[0].target] {
            assert_eq!((target.ledger_key(), &target.principal_id), (earlier.ledger_key(), &earlier.principal_id));
        }
        assert!(carried[0].target.keys().any(|key| key.as_str() == OTHER_KEY), "its own key is what it makes inactive first");
    }
}

/// The name can be somebody else's by now: one of the two would be contained under the other one's record.
#[test]
fn a_finding_with_an_id_joins_no_containment_that_goes_by_a_name() {
    let mut open = opened(alice());
    open.decisions[0].target = open.decisions[0].target.by_name();
    let mut known = planned(&event("alice", OTHER_KEY, "us-east-1", "two"));
    let id = IncidentId::of(&known.dedupe_key);
    for mode in [Mode::Auto, Mode::Gate] {
        known.decisions[0].mode = mode;
        assert!(matches!(joiner(&id, &known).merge(&open), Merge::Apart(_)), "{mode:?}");
        assert!(!is_answered(&open, &known.decisions[0]), "{mode:?}: it counts against the budget");
    }
    // What is only told has no record, and learns the id.
    open.decisions[0].mode = Mode::Notify;
    known.decisions[0].mode = Mode::Auto;
    let Merge::Joins(merged) = joiner(&id, &known).merge(&open) else { panic!("it stays apart") };
    let carried = joiner(&id, &known).carried(&merged.incident);
    for decision in [&merged.incident.decisions[0], &carried[0]] {
        assert_eq!((decision.mode, &decision.target.principal_id), (Mode::Auto, &known.decisions[0].target.principal_id));
    }
    // A finding that knows no more than the incident joins.
    open = opened(alice());
    open.decisions[0].target = open.decisions[0].target.by_name();
    known.decisions[0].target = known.decisions[0].target.by_name();
    assert!(matches!(joiner(&id, &known).merge(&open), Merge::Joins(_)));
}

#[test]
fn a_finding_about_whoever_has_the_name_by_now_has_an_incident_of_its_own() {
    let open = opened(alice());
    let mut other = planned(&event("alice", OTHER_KEY, "eu-central-1", "two"));
    other.decisions[0].target.principal_id = PrincipalId::parse("AIDAEXAMPLESOMEBODY01").ok();
    assert!(matches!(joiner(&IncidentId::of(&other.dedupe_key), &other).merge(&open), Merge::Apart(_)));
    assert!(!is_answered(&open, &other.decisions[0]), "it counts against the budget");
}
