//! Events that come again: by another route, as an update, out of order.

use super::events::{set, with};
use super::plans::{decided, never, of, raw};
use firebreak::coverage::{Coverage, Update};
use firebreak::ids::IncidentId;
use firebreak::plan::Verdict;
use serde_json::json;

#[test]
fn dedupe_one_finding_is_one_incident_whatever_its_route() {
    let hub = raw("H23");
    let arn = hub.finding.id.clone().expect("an ARN");
    let native = of(&with("H37", "/detail/arn", json!(arn)));
    let v2 = raw("H62");
    assert_eq!((&hub.dedupe_key, &native.dedupe_key, &v2.dedupe_key), (&arn, &arn, &arn), "H23, H62");
    let forged = with("H23", "/detail/findings/0/ProductArn", json!("arn:aws:securityhub:eu-central-1::product/evil/guardduty"));
    assert_ne!(of(&forged).dedupe_key, arn, "H23: a forged copy must not claim the real finding's key");

    let (own, of_admin) = (raw("H70"), raw("H25"));
    assert_eq!(own, of_admin, "H25: the administrator's copy is the same finding, in the finding's account");
    never("H25", &of_admin, |d| d.target.account.as_str() != "111122223333");
}

#[test]
fn dedupe_an_update_is_answered_for_what_is_new() {
    let (first, update) = (raw("H56"), raw("H24"));
    let id = IncidentId::of(&first.dedupe_key);
    assert_eq!(first.dedupe_key, update.dedupe_key, "H24");
    let known = Coverage::of(&first);
    assert!(matches!(known.update(update.clone(), &id), Update::Nothing(_)), "H24: a higher count is nothing new");
    let milder = Coverage::of(&of(&with("H56", "/detail/severity", json!(5))));
    let Update::FollowUp(raised) = milder.update(update.clone(), &id) else { panic!("H24: nobody hears that it got worse") };
    assert_eq!((raised.verdict, raised.decisions.len()), (Verdict::Notify, 0), "H24: no second containment");
    let other = of(&with("H24", "/detail/resource/instanceDetails/instanceId", json!("i-0bec7d11f71e08a4e")));
    let Update::FollowUp(other) = known.update(other, &id) else { panic!("H24: a new target is new") };
    assert_eq!(decided(&other), ["isolate-ec2 auto ec2-instance i-0bec7d11f71e08a4e"], "H24");

    // Out of order and more than once. An older one is nothing, also when it says more; the same version by another route is
    // answered for what the first route left out.
    let ahead = Coverage::of(&update);
    let more = |case| {
        let event = with(case, "/detail/resource/instanceDetails/instanceId", json!("i-0bec7d11f71e08a4e"));
        of(&set(event, "/detail/severity", json!(9.5)))
    };
    assert!(ahead.is_ahead_of(&first), "H78");
    for late in [first, more("H56"), update] {
        assert!(matches!(ahead.update(late, &id), Update::Nothing(_)), "H78");
    }
    assert!(matches!(ahead.update(more("H24"), &id), Update::FollowUp(_)), "H78");
}

#[test]
fn rate_the_same_finding_is_the_same_incident() {
    let first = raw("H70");
    for _ in 0..3 {
        assert_eq!(IncidentId::of(&raw("H70").dedupe_key), IncidentId::of(&first.dedupe_key), "H77, H78");
    }
    // EventBridge's own id and time are no part of it, also when the event names no finding.
    let delivered = |case, time| set(with(case, "/id", json!("another-delivery")), "/time", json!(time));
    for case in ["H70", "H15"] {
        assert_eq!(of(&delivered(case, "2026-11-20T02:09:00Z")).dedupe_key, raw(case).dedupe_key, "H78: {case}");
    }
    // Of an object without a version only the time tells a second scan, of another upload, from a second delivery, which keeps it.
    let scanned = raw("H61").dedupe_key;
    assert_eq!(of(&delivered("H61", "2026-11-20T02:05:00Z")).dedupe_key, scanned, "H78: a second delivery");
    assert_ne!(of(&delivered("H61", "2026-11-20T02:09:00Z")).dedupe_key, scanned, "H61: a second scan");
    let other = of(&with("H70", "/detail/arn", json!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/other")));
    assert_eq!(other.decisions[0].target.ledger_key(), first.decisions[0].target.ledger_key(), "H77: one budget, one base");
}
