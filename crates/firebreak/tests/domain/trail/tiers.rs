//! When the narrow containment does not hold, and when CloudTrail is too busy.

use super::*;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Status, Step};

fn receipt(name: &str, outcome: Outcome, kind: FaultKind) -> Receipt {
    let error = Some(Fault::new(kind, "5 sessions of this role are denied already"));
    let step =
        Step { name: name.to_owned().into(), outcome, error, digest: None, started_at: jiff::Timestamp::UNIX_EPOCH, ms: 1 };
    let containment = Some(Containment::QuarantineIam);
    Receipt {
        target: session("nightly", None),
        containment,
        status: Status::Partial,
        steps: vec![step],
        error: None,
        fault: None,
        waits: None,
        held_by: None,
        restore: None,
        finished_at: None,
    }
}

#[test]
fn a_session_that_cannot_be_denied_alone_asks_for_the_whole_role() {
    let failed = receipt("deny-session", Outcome::Failed, FaultKind::Malformed);
    let evadable = receipt("needs-whole-role", Outcome::Skipped, FaultKind::Malformed);
    let known = [decided(session("nightly", None), Mode::Auto)];
    for receipts in [vec![failed.clone()], vec![evadable.clone()], vec![failed.clone(), evadable]] {
        let derived = derive(Seen { receipts: &receipts, ..Seen::default() }, &known, &generous());
        assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM role deploy"]);
        let decision = &derived.decisions[0];
        assert!(decision.target.session.is_none() && decision.target.principal_id.is_some());
        assert!(decision.reason.contains("5 sessions of this role are denied already"), "{}", decision.reason);
        let twice = derive(Seen { receipts: &receipts, ..Seen::default() }, &derived.decisions, &generous());
        assert_eq!(twice, Derived::default());
    }
    let policy = Policy::parse("default_mode = \"auto\"\nprotected.principals = [\"deploy\"]").expect("a policy");
    let derived = derive(Seen { receipts: &[failed], ..Seen::default() }, &known, &policy);
    assert_eq!(shown(&derived.decisions, Mode::Notify), ["quarantine-iam IAM role deploy"]);
}

#[test]
fn a_session_that_is_denied_or_tried_again_asks_for_nothing() {
    let busy = receipt("deny-session", Outcome::Failed, FaultKind::Transient);
    let denied = receipt("deny-session", Outcome::Applied, FaultKind::Malformed);
    let mut whole = receipt("deny-session", Outcome::Failed, FaultKind::Malformed);
    whole.target.scope = Scope::Principal;
    let derived = derive(Seen { receipts: &[busy, denied, whole], ..Seen::default() }, &[], &generous());
    assert_eq!(derived, Derived::default());
}

#[test]
fn a_reactivated_key_is_no_reason_to_deny_its_owner() {
    let policy = Policy::parse("default_mode = \"auto\"\norganization.quarantine_scp = true").expect("a policy");
    let check = |target: Target| Verification {
        target,
        containment: Some(Containment::QuarantineIam),
        holds: true,
        problems: vec![],
        reverted: vec!["key AKIAIOSFODNN7EXAMPLE was active".to_owned()],
        notes: vec![],
    };
    let key = check(Target { scope: Scope::AccessKey, ..alice() });
    let older = check(Target { scope: Scope::OlderSessions, ..session("nightly", None) });
    let derived = derive(Seen { checks: &[key, older], ..Seen::default() }, &[], &policy);
    assert_eq!(
        shown(&derived.decisions, Mode::Gate),
        ["by hand access key AKIAIOSFODNN7EXAMPLE of IAM user alice", "by hand older sessions of IAM role deploy"]
    );
    let advice = derived.decisions[0].by_hand.as_deref().expect("advice");
    assert!(
        advice.contains("who reactivated AKIAIOSFODNN7EXAMPLE") && advice.ends_with("not of the key's owner alice"),
        "{advice}"
    );
    let derived = derive(Seen { checks: &[check(session("nightly", None))], ..Seen::default() }, &[], &policy);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-scp session nightly of IAM role deploy"]);
}

#[test]
fn a_page_that_cloudtrail_was_too_busy_for_is_asked_for_once_more() {
    let (policy, suspect) = (generous(), alice());
    let trail = attack();
    let mut search = Search::new([&suspect], &policy);
    let first = search.next_page().expect("a question");
    search.busy(first.clone(), "Throttling");
    let mut asked = Vec::new();
    while let Some(lookup) = search.next_page() {
        asked.push((lookup.value.clone(), lookup.region.clone()));
        let (events, token) = answer(&trail, &lookup);
        search.page(lookup, &events, token);
    }
    assert_ne!(asked[0], (first.value.clone(), first.region.clone()), "the others come first");
    assert!(asked.contains(&(first.value, first.region)));
    let found = search.finish();
    assert!(found.missing.is_empty() && found.traced.iter().any(|traced| traced.what.contains("mallory")), "{:?}", found.missing);

    let mut search = Search::new([&suspect], &policy);
    let mut refused = 0;
    while let Some(lookup) = search.next_page() {
        refused += 1;
        search.busy(lookup, "Throttling");
    }
    assert_eq!((refused, search.finish().missing.len()), (4, 2), "twice for each Region, and then it is said");
}
