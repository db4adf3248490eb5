//! What a suspect did between the finding and the moment at which the deny counts, as CloudTrail records it.

use super::*;

/// The records of the attack that are about these calls, bystanders' included.
fn of_attack(calls: &[&str]) -> Vec<Value> {
    let is_meant = |entry: &Value| entry["event"]["eventName"].as_str().is_some_and(|name| calls.contains(&name));
    attack().into_iter().filter(is_meant).collect()
}

/// The decision about what has an id that ends so.
fn about<'a>(derived: &'a Derived, id: &str) -> &'a Decision {
    derived.decisions.iter().find(|decision| decision.target.id.ends_with(id)).expect(id)
}

/// Nobody but a person does anything about it, and the advice names these calls.
fn assert_by_hand(decision: &Decision, calls: &[&str]) {
    assert_eq!((decision.mode, decision.containment), (Mode::Gate, None), "{decision:?}");
    let advice = decision.by_hand.as_deref().expect("advice");
    assert!(calls.iter().all(|call| advice.contains(*call)), "{advice}");
}

/// An approval enables the key, and the advice names the commands all the same.
fn assert_gives_back(decision: &Decision) {
    assert_eq!((decision.mode, decision.containment), (Mode::Gate, Some(Containment::EnableKey)), "{decision:?}");
    let advice = decision.by_hand.as_deref().expect("advice");
    assert!(["cancel-key-deletion", "enable-key"].iter().all(|call| advice.contains(call)), "{advice}");
}

#[test]
fn row_17_what_was_made_in_the_window_is_followed_as_soon_as_cloudtrail_shows_it() {
    let (_, early) = sweep(&[], &[alice()], &generous());
    assert_eq!(early, Derived::default(), "CloudTrail shows a call minutes later");
    let trail = of_attack(&["CreateUser", "CreateRole", "AssumeRole", "CreateOpenIDConnectProvider", "CreateTrustAnchor"]);
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(found.missing, Vec::<String>::new());
    let at_once = shown(&derived.decisions, Mode::Auto);
    for made in ["quarantine-iam IAM user mallory", "quarantine-iam IAM role maintenance"] {
        assert!(at_once.iter().any(|line| line == made), "{made}: {at_once:#?}");
    }
    assert_by_hand(about(&derived, "oidc-provider/oidc.evil.example"), &["trust this provider"]);
    let anchor = "4d07f6a0-1c50-44d3-951b-b68b783daa0a";
    let disabled = format!("aws rolesanywhere disable-trust-anchor --trust-anchor-id {anchor} --region eu-central-1 ");
    assert_by_hand(about(&derived, &format!("trust-anchor/{anchor}")), &[disabled.as_str()]);
    for bystander in ["friend", "pipeline", "dashboards", "refused"] {
        assert!(!derived.decisions.iter().any(|decision| decision.target.id == bystander), "{bystander}");
    }
    let known: Vec<Decision> = [decided(alice(), Mode::Auto)].into_iter().chain(derived.decisions).collect();
    assert_eq!(derive(traced(&found), &known, &generous()).decisions, vec![], "the next look decides nothing twice");
}

#[test]
fn row_37_a_kms_key_that_is_disabled_or_to_be_deleted_waits_for_a_person_who_is_told_what_to_do() {
    let (first, second, third) =
        ("11111111-12ab-34cd-56ef-1234567890ab", "22222222-12ab-34cd-56ef-1234567890ab", "33333333-12ab-34cd-56ef-1234567890ab");
    let key = |id: &str| format!("arn:aws:kms:us-east-1:{HOME}:key/{id}");
    let ends = json!({"keyId": key(first), "keyState": "PendingDeletion", "deletionDate": "Nov 27, 2026 12:00:00 AM",
        "pendingWindowInDays": 7});
    let mut refused = by_alice("kms", "DisableKey", &json!({"keyId": key(third)}), &Value::Null);
    refused["event"]["errorCode"] = json!("AccessDenied");
    let trail = [
        by_alice("kms", "ScheduleKeyDeletion", &json!({"keyId": key(first), "pendingWindowInDays": 7}), &ends),
        by_alice("kms", "DisableKey", &json!({"keyId": key(second)}), &Value::Null),
        refused,
    ];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!((found.refused, derived.decisions.len(), derived.left_out.len()), (1, 2, 0), "{derived:#?}");
    for id in [first, second] {
        assert_gives_back(about(&derived, id));
    }
    // With a role's session, which the suspect assumed before.
    let trail = of_attack(&["AssumeRole", "ScheduleKeyDeletion"]);
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    assert_gives_back(about(&derived, "1234abcd-12ab-34cd-56ef-1234567890ab"));
}
