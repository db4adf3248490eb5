//! A customer key that somebody disables, or whose deletion somebody schedules, holds what it encrypted to ransom.

use super::*;

const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// Named later than the other one, and gone sooner.
const LATER: &str = "5678abcd-12ab-34cd-56ef-1234567890ab";
const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

fn calls(name: &str, key: &str) -> Value {
    by_alice("kms", name, &json!({"keyId": key}), &Value::Null)
}

/// What a person reads about each decision: the target and the advice.
fn advice(trail: &[Value]) -> Vec<(String, String)> {
    let (_, derived) = sweep(trail, &[alice()], &generous());
    assert!(derived.decisions.iter().all(|d| d.containment.is_none() && d.mode == Mode::Gate), "{:#?}", derived.decisions);
    derived.decisions.into_iter().map(|d| (d.target.id, d.by_hand.unwrap_or_default())).collect()
}

#[test]
fn the_commands_that_bring_a_key_back_are_named() {
    for (name, key) in [("ScheduleKeyDeletion", KEY), ("DisableKey", KEY), ("DisableKey", MULTI_REGION)] {
        let arn = format!("arn:aws:kms:us-east-1:{HOME}:key/{key}");
        let of = format!("--key-id {key} --region us-east-1");
        for named in [key, &arn] {
            let [(id, advice)]: [(String, String); 1] = advice(&[calls(name, named)]).try_into().expect("one decision");
            assert_eq!(id, key);
            let (cancel, enable) = (format!("aws kms cancel-key-deletion {of} "), format!("aws kms enable-key {of};"));
            assert!(advice.contains(&cancel) && advice.contains(&enable), "{advice}");
            assert!(!advice.ends_with('\u{2026}'), "nothing is cut off: {advice}");
        }
    }
}

#[test]
fn what_came_first_does_not_hide_the_commands() {
    for (first, then, needed) in [
        ("PutKeyPolicy", "ScheduleKeyDeletion", "cancel-key-deletion"),
        ("CreateGrant", "DeleteImportedKeyMaterial", "import deleted key material again"),
    ] {
        let found = advice(&[calls(first, KEY), calls(then, KEY)]);
        assert_eq!(found.len(), 1, "one key is one decision: {found:?}");
        assert!(found[0].1.contains(needed), "{found:?}");
    }
}

#[test]
fn the_day_on_which_a_key_is_deleted_is_named_whatever_else_was_done_to_it() {
    let ends = json!({"keyId": KEY, "keyState": "PendingDeletion", "deletionDate": "Nov 27, 2026 02:00:00 AM"});
    let scheduled = by_alice("kms", "ScheduleKeyDeletion", &json!({"keyId": KEY, "pendingWindowInDays": 7}), &ends);
    for trail in [vec![calls("PutKeyPolicy", KEY), scheduled.clone()], vec![scheduled, calls("DisableKey", KEY)]] {
        let (_, derived) = sweep(&trail, &[alice()], &generous());
        let [decision] = derived.decisions.as_slice() else { panic!("one key is one decision: {derived:#?}") };
        let advice = decision.by_hand.as_deref().expect("advice");
        assert!(advice.contains(" (before 2026-11-27), then aws kms enable-key"), "{advice}");
        assert!(decision.reason.contains("deleted on 2026-11-27"), "{}", decision.reason);
    }
    let advice = advice(&[calls("ScheduleKeyDeletion", KEY)]);
    assert!(advice[0].1.contains(" (fails if none is scheduled), then"), "{advice:?}");
}

#[test]
fn what_is_deleted_sooner_is_decided_about_first() {
    let scheduled =
        |key: &str, ends: &str| by_alice("kms", "ScheduleKeyDeletion", &json!({"keyId": key}), &json!({"deletionDate": ends}));
    let trail = [
        calls("DisableKey", MULTI_REGION),
        scheduled(KEY, "Dec 20, 2026 02:00:00 AM"),
        scheduled(LATER, "Nov 27, 2026 02:00:00 AM"),
    ];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    let order: Vec<&str> = derived.decisions.iter().map(|decision| decision.target.id.as_str()).collect();
    assert_eq!(order, [LATER, KEY, MULTI_REGION]);
}

#[test]
fn only_an_id_of_the_documented_form_is_in_a_command() {
    let foreign = format!("arn:aws:kms:us-east-1:999988887777:key/{KEY}");
    let (long, spaced) = (format!("{KEY}0"), format!("{} ", &KEY[..35]));
    for odd in ["$(reboot)", "alias/prod", "; rm -rf /", "--profile", &foreign, &long, &spaced, &"-".repeat(36), "mrk-$(a)"] {
        let [(_, advice)]: [(String, String); 1] = advice(&[calls("DisableKey", odd)]).try_into().expect("one decision");
        assert!(advice.starts_with("kms:CancelKeyDeletion, then EnableKey"), "{odd}: {advice}");
    }
}
