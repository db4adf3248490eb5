//! A customer key that somebody disables, or whose deletion somebody schedules, holds what it encrypted to ransom.

use super::*;

const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// Named later than the other one, and gone sooner.
const LATER: &str = "5678abcd-12ab-34cd-56ef-1234567890ab";
const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

fn calls(name: &str, key: &str) -> Value {
    by_alice("kms", name, &json!({"keyId": key}), &Value::Null)
}

/// What a sweep decides. All of it waits for a person.
fn waiting(trail: &[Value]) -> Vec<Decision> {
    let (_, derived) = sweep(trail, &[alice()], &generous());
    assert!(derived.decisions.iter().all(|d| d.mode == Mode::Gate), "{:#?}", derived.decisions);
    derived.decisions
}

/// What a person reads about each decision: the target and the advice.
fn advice(trail: &[Value]) -> Vec<(String, String)> {
    waiting(trail).into_iter().map(|d| (d.target.id, d.by_hand.unwrap_or_default())).collect()
}

/// Whether an approval gives the key back.
fn gives_back(decision: &Decision) -> bool {
    decision.containment == Some(Containment::EnableKey) && decision.target.kind == TargetKind::KmsKey
}

#[test]
fn an_approval_gives_back_a_key_that_a_suspect_took_away_and_says_what_that_means() {
    let arn = format!("arn:aws:kms:us-east-1:{HOME}:key/{KEY}");
    for (name, named) in
        [("ScheduleKeyDeletion", KEY), ("DisableKey", KEY), ("DisableKey", arn.as_str()), ("DisableKey", MULTI_REGION)]
    {
        let [decision]: [Decision; 1] = waiting(&[calls(name, named)]).try_into().expect("one decision");
        assert!(gives_back(&decision), "{name} {named}: {decision:#?}");
        assert_eq!((decision.code, decision.only_by_name), (ReasonCode::Traced, false), "a bare approval carries it out");
        assert_eq!((decision.target.account.as_str(), decision.target.region.as_str()), (HOME, "us-east-1"));
        let hits = decision.says_hits().expect("what it means");
        assert!(hits.contains("until EnableKey") && hits.contains("may use it again"), "{hits}");
        assert!(decision.does().contains("enable") && decision.reason.contains("taken away"), "{decision:#?}");
    }
}

#[test]
fn what_else_is_done_to_a_key_is_still_a_person_s() {
    for name in ["PutKeyPolicy", "CreateGrant", "DeleteImportedKeyMaterial"] {
        let [decision]: [Decision; 1] = waiting(&[calls(name, KEY)]).try_into().expect("one decision");
        assert_eq!((decision.containment, decision.target.kind), (None, TargetKind::Other), "{name}");
    }
}

#[test]
fn a_key_of_another_account_or_region_is_nobody_s_to_enable_here() {
    let other_region = format!("arn:aws:kms:eu-central-1:{HOME}:key/{KEY}");
    let other_account = format!("arn:aws:kms:us-east-1:999988887777:key/{KEY}");
    for named in [&other_region, &other_account] {
        let [decision]: [Decision; 1] = waiting(&[calls("DisableKey", named)]).try_into().expect("one decision");
        assert_eq!((decision.containment, decision.target.kind), (None, TargetKind::Other), "{named}");
    }
    // Nobody knows in whose trail the call stands, or where.
    for lost in ["recipientAccountId", "awsRegion"] {
        let mut unplaced = calls("DisableKey", KEY);
        unplaced["event"].as_object_mut().expect("an event").remove(lost);
        assert!(waiting(&[unplaced]).iter().all(|decision| !gives_back(decision)), "{lost}");
    }
}

#[test]
fn a_listed_key_and_an_observed_account_are_only_told() {
    for (text, code) in [
        (format!("default_mode = \"auto\"\n[protected]\nkeys = [\"{KEY}\"]"), ReasonCode::Protected),
        ("default_mode = \"observe\"".to_owned(), ReasonCode::Observed),
    ] {
        let (_, derived) = sweep(&[calls("DisableKey", KEY)], &[alice()], &Policy::parse(&text).expect("a policy"));
        let [decision] = derived.decisions.as_slice() else { panic!("{derived:#?}") };
        assert_eq!((decision.mode, decision.code), (Mode::Notify, code), "{text}");
        let by_hand = decision.by_hand.as_deref().expect("the other way");
        assert!(by_hand.contains("aws kms enable-key"), "{by_hand}");
    }
}

#[test]
fn many_keys_push_out_nothing_else_and_what_has_no_decision_is_counted() {
    let key = |at: usize| format!("{at:08x}-12ab-34cd-56ef-1234567890ab");
    let trail: Vec<Value> = (0..40).map(|at| calls("DisableKey", &key(at))).chain([creates_user("mallory")]).collect();
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    assert_eq!(derived.decisions.iter().filter(|decision| gives_back(decision)).count(), 5);
    assert!(derived.left_out.iter().any(|line| line.starts_with("35 more KMS key(s)")), "{:#?}", derived.left_out);
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
    let found = advice(&[calls("CreateGrant", KEY), calls("DeleteImportedKeyMaterial", KEY)]);
    assert_eq!(found.len(), 1, "one key is one thing to do by hand: {found:?}");
    assert!(found[0].1.contains("import deleted key material again"), "{found:?}");
    // An approval enables the key, and nobody but a person compares its policy.
    let found = waiting(&[calls("PutKeyPolicy", KEY), calls("ScheduleKeyDeletion", KEY), calls("DisableKey", KEY)]);
    assert_eq!(found.iter().filter(|decision| gives_back(decision)).count(), 1, "{found:#?}");
    let by_hand: Vec<&Decision> = found.iter().filter(|decision| decision.containment.is_none()).collect();
    assert_eq!((found.len(), by_hand.len()), (2, 1), "{found:#?}");
    assert!(
        found.iter().all(|decision| decision.by_hand.as_deref().is_some_and(|advice| advice.contains("cancel-key-deletion")))
    );
}

#[test]
fn the_day_on_which_a_key_is_deleted_is_named_whatever_else_was_done_to_it() {
    let ends = json!({"keyId": KEY, "keyState": "PendingDeletion", "deletionDate": "Nov 27, 2026 02:00:00 AM"});
    let scheduled = by_alice("kms", "ScheduleKeyDeletion", &json!({"keyId": KEY, "pendingWindowInDays": 7}), &ends);
    for trail in [vec![calls("PutKeyPolicy", KEY), scheduled.clone()], vec![scheduled, calls("DisableKey", KEY)]] {
        let (_, derived) = sweep(&trail, &[alice()], &generous());
        let enabled: Vec<&Decision> = derived.decisions.iter().filter(|decision| gives_back(decision)).collect();
        let [decision] = enabled.as_slice() else { panic!("one key is given back once: {derived:#?}") };
        assert!(decision.says_hits().is_some_and(|hits| hits.contains("deletes the key on 2026-11-27")), "{decision:#?}");
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
        let [decision]: [Decision; 1] = waiting(&[calls("DisableKey", odd)]).try_into().expect("one decision");
        let advice = decision.by_hand.as_deref().expect("advice");
        assert!(advice.starts_with("kms:CancelKeyDeletion, then EnableKey"), "{odd}: {advice}");
        assert_eq!((decision.containment, decision.target.kind), (None, TargetKind::Other), "{odd}: no call is made with it");
    }
}
