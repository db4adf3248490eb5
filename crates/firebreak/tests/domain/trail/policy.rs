//! What policy, other decisions and reverts make of what was found.

use super::*;

#[test]
fn policy_lowers_what_is_derived() {
    let trail = [by_alice("iam", "CreateUser", &json!({"userName": "mallory"}), &Value::Null)];
    for (policy, mode, why) in [
        ("default_mode = \"gate-first\"", Mode::Gate, "created with"),
        ("default_mode = \"observe\"", Mode::Notify, "observe mode in account"),
        ("default_mode = \"dry-run\"", Mode::Notify, "dry run, in mode auto it would be contained at once"),
        ("default_mode = \"auto\"\nprotected.principals = [\"Mallory\"]", Mode::Notify, "protected (listed as protected"),
        (
            "default_mode = \"auto\"\nallow.regions = [\"eu-west-1\", \"us-east-1\"]",
            Mode::Notify,
            "Region eu-central-1 is not one",
        ),
        ("default_mode = \"auto\"", Mode::Auto, "created with"),
    ] {
        let policy = Policy::parse(policy).expect("a policy");
        let (_, derived) = sweep(&trail, &[alice()], &policy);
        let [decision] = derived.decisions.as_slice() else { panic!("{:#?}", derived.decisions) };
        assert_eq!(decision.mode, mode, "{}", decision.reason);
        assert!(decision.reason.starts_with(why), "{}", decision.reason);
    }
}

#[test]
fn a_region_that_policy_does_not_allow_is_not_called() {
    let policy = Policy::parse("default_mode = \"auto\"\nallow.regions = [\"eu-central-1\"]").expect("a policy");
    let (found, asked) = look(&attack(), &[alice()], &policy);
    assert!(asked.iter().all(|lookup| lookup.region.as_str() == "eu-central-1"));
    assert!(
        found
            .missing
            .contains(&"IAM user alice in us-east-1 of account 111122223333: policy does not allow the Region".to_owned())
    );
}

#[test]
fn a_console_of_a_session_in_another_account_waits_as_the_session_does() {
    const ABROAD: &str = "999988887777";
    const KEY: &str = "ASIAOURSOURSOEXAMPLE";
    let text = format!("default_mode = \"auto\"\n[accounts.{ABROAD}]\nmode = \"auto\"\n[sweep]\npages = 100");
    let policy = Policy::parse(&text).expect("a policy");
    let opens = |account: &str| {
        let mut record = assumed(&format!("arn:aws:iam::{account}:role/deploy"), "AROADEPLOYDEPEXAMPLE4", "nightly");
        record["event"]["responseElements"]["credentials"] = json!({"accessKeyId": KEY});
        let answer = json!({"credentials": {"accessKeyId": "ASIACONSOLECOEXAMPLE"}, "GetSigninToken": "Success"});
        let mut console = by_session("nightly", KEY, by_alice("signin", "GetSigninToken", &Value::Null, &answer));
        console["account"] = json!(account);
        console["event"]["recipientAccountId"] = json!(account);
        console["event"]["userIdentity"]["accountId"] = json!(account);
        [record, console]
    };
    for (account, mode) in [(HOME, Mode::Auto), (ABROAD, Mode::Gate)] {
        let (found, derived) = sweep(&opens(account), &[alice()], &policy);
        assert_eq!(found.traced.len(), 2, "the console was seen: {:#?}", found.traced);
        let modes: Vec<Mode> = derived.decisions.iter().map(|decision| decision.mode).collect();
        assert_eq!(modes, [mode], "{:#?}", derived.decisions);
    }
}

#[test]
fn a_whole_decision_that_waits_does_not_hide_a_session_that_must_not() {
    let policy = generous();
    let (found, _) = look(&attack(), &[alice()], &policy);
    let waiting = decided(target(TargetKind::IamRole, "deploy"), Mode::Gate);
    let derived = derive(traced(&found), &[decided(alice(), Mode::Auto), waiting], &policy);
    assert!(shown(&derived.decisions, Mode::Auto).contains(&"quarantine-iam session alice-cli of IAM role deploy".to_owned()));
    let at_once = decided(target(TargetKind::IamRole, "deploy"), Mode::Auto);
    let derived = derive(traced(&found), &[decided(alice(), Mode::Auto), at_once], &policy);
    assert!(!shown(&derived.decisions, Mode::Auto).iter().any(|line| line.contains("deploy")));
}

#[test]
fn a_reverted_quarantine_asks_for_the_organization() {
    let check = |target: Target, reverted: &[&str]| Verification {
        target,
        containment: Some(Containment::QuarantineIam),
        holds: true,
        problems: vec![],
        reverted: reverted.iter().map(|line| (*line).to_owned()).collect(),
        notes: vec![],
    };
    let checks = [
        check(alice(), &["the quarantine policy was detached", "key AKIA… was active"]),
        check(alice(), &["again"]),
        check(target(TargetKind::IamRole, "deploy"), &[]),
        check(target(TargetKind::S3Bucket, "acme-exports"), &["the public access block was off"]),
    ];
    let derived = derive(Seen { checks: &checks, ..Seen::default() }, &[decided(alice(), Mode::Auto)], &generous());
    let [decision] = derived.decisions.as_slice() else { panic!("{:#?}", derived.decisions) };
    assert_eq!((decision.mode, decision.containment), (Mode::Gate, None));
    assert!(decision.reason.starts_with("somebody other than Firebreak reverted its quarantine: the quarantine policy"));
    assert!(decision.by_hand.as_ref().is_some_and(|advice| advice.contains("arn:aws:iam::111122223333:user/alice")));
    let policy = Policy::parse("default_mode = \"auto\"\norganization.quarantine_scp = true").expect("a policy");
    let derived = derive(Seen { checks: &checks, ..Seen::default() }, &[decided(alice(), Mode::Auto)], &policy);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-scp IAM user alice"]);
}
