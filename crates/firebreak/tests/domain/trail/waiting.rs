//! Suspects that are contained, beside others that wait and are perhaps innocent: what proves which of them did something.

use super::looks::{contained, decisions, look_from};
use super::*;
use firebreak::receipt::{Receipt, Status};
use firebreak::trail::{Start, Way};

const CAROL: &str = "AIDACAROLCAROLEXAMPL1";

fn carol() -> Target {
    Target { principal_id: PrincipalId::parse(CAROL).ok(), ..target(TargetKind::IamUser, "carol") }
}

/// The same record, by carol, whoever she is called.
fn by_carol(name: &str, mut record: Value) -> Value {
    record["event"]["userIdentity"] = json!({"type": "IAMUser", "userName": name, "principalId": CAROL, "accountId": HOME,
        "accessKeyId": "AKIACAROLCAROEXAMPLE"});
    record
}

fn renames(from: &str, to: &str) -> Value {
    by_alice("iam", "UpdateUser", &json!({"userName": from, "newUserName": to}), &Value::Null)
}

/// Looks from alice, who is contained, and carol, who waits, or the other way round.
fn beside(trail: &[Value], is_alice_contained: bool) -> Derived {
    let (alice, carol, policy) = (Target { access_key_id: None, ..alice() }, carol(), generous());
    let (held, free) = if is_alice_contained { (&alice, &carol) } else { (&carol, &alice) };
    let start = Start { waiting: vec![free], ..contained(std::slice::from_ref(held), Way::Everything) };
    let (found, _) = look_from(trail, start, &policy);
    decisions(&found, &policy)
}

#[test]
fn a_renamed_user_waits_as_before_whoever_renamed_it() {
    let trail = [renames("carol", "carol2"), by_carol("carol2", creates_user("eve"))];
    for (is_alice_contained, mode) in [(true, Mode::Gate), (false, Mode::Auto)] {
        let derived = beside(&trail, is_alice_contained);
        let eve = derived.decisions.iter().find(|decision| decision.target.id == "eve").expect("carol made it");
        assert_eq!(eve.mode, mode, "{derived:#?}");
    }
}

#[test]
fn whoever_waits_proves_nothing_for_a_contained_suspect() {
    let role = json!({"role": {"roleName": "batch", "roleId": "AROABATCHBATCEXAMPLE1", "path": "/",
        "arn": format!("arn:aws:iam::{HOME}:role/batch")}});
    let made = by_alice("iam", "CreateRole", &json!({"roleName": "batch"}), &role);
    let arn = format!("arn:aws:iam::{HOME}:role/batch");
    let mut used = by_carol("carol", assumed(&arn, "AROABATCHBATCEXAMPLE1", "daily"));
    used["resources"] = json!([{"ResourceName": arn}]);
    let derived = beside(&[made.clone(), used.clone()], true);
    assert_eq!(
        shown(&derived.decisions, Mode::Gate),
        ["quarantine-iam IAM role batch"],
        "it answers for the session: {derived:#?}"
    );
    assert_eq!(derived.decisions.len(), 1, "nothing at once: {derived:#?}");
    let policy = generous();
    let both = [Target { access_key_id: None, ..alice() }, carol()];
    let (found, _) = look_from(&[made, used], contained(&both, Way::Everything), &policy);
    assert!(decisions(&found, &policy).decisions.iter().all(|decision| decision.mode == Mode::Auto), "both are contained");
}

#[test]
fn whoever_waits_and_turns_out_to_be_made_by_a_contained_suspect_waits_no_more() {
    let made =
        by_alice("iam", "CreateUser", &json!({"userName": "carol"}), &json!({"user": {"userName": "carol", "userId": CAROL}}));
    let derived = beside(&[made, by_carol("carol", creates_user("eve"))], true);
    let eve = derived.decisions.iter().find(|decision| decision.target.id == "eve").expect("carol made it");
    assert_eq!(eve.mode, Mode::Auto, "{derived:#?}");
}

#[test]
fn what_follows_from_somebody_whom_an_answer_named_waits_and_says_why() {
    let carol = carol();
    let homes = BTreeSet::from([AccountId::parse(HOME).expect("an account")]);
    let start = Start { named: vec![&carol], homes, way: Way::Everything, ..Start::default() };
    let (found, _) = look_from(&[by_carol("carol", creates_user("eve"))], start, &generous());
    let derived = decisions(&found, &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user eve"]);
    let why = "IAM user carol is contained only because an answer named it: waits with it; ";
    assert!(derived.decisions[0].reason.starts_with(why), "{derived:#?}");
}

/// What a look finds of the trail of alice, who waits or is contained.
fn of_alice(trail: &[Value], is_contained: bool) -> Found {
    let (alice, policy) = (alice(), generous());
    let homes = BTreeSet::from([AccountId::parse(HOME).expect("an account")]);
    let (contained, waiting) = if is_contained { (vec![&alice], vec![]) } else { (vec![], vec![&alice]) };
    look_from(trail, Start { contained, waiting, homes, way: Way::Everything, ..Start::default() }, &policy).0
}

#[test]
fn what_waited_only_with_its_suspect_is_raised_when_the_suspect_is_contained() {
    let policy = generous();
    let profile = by_alice("iam", "CreateLoginProfile", &json!({"userName": "bob"}), &Value::Null);
    let trail = [creates_user("mallory"), profile];
    let known = decisions(&of_alice(&trail, false), &policy).decisions;
    let waits: BTreeSet<(&str, bool)> = known.iter().map(|d| (d.target.id.as_str(), d.waits_with_a_suspect())).collect();
    assert_eq!(waits, BTreeSet::from([("mallory", true), ("bob", false)]), "a bystander waits anyway");
    assert!(derive(traced(&of_alice(&trail, false)), &known, &policy).raised.is_empty(), "alice waits as before");
    let found = of_alice(&trail, true);
    let derived = derive(traced(&found), &known, &policy);
    assert_eq!(shown(&derived.raised, Mode::Auto), ["quarantine-iam IAM user mallory"], "{derived:#?}");
    assert!(derived.decisions.is_empty() && derived.raised.len() == 1, "{derived:#?}");
    let tried = [Receipt::of(derived.raised[0].target.clone(), Containment::QuarantineIam, Status::Failed)];
    let seen = Seen { receipts: &tried, ..traced(&found) };
    assert!(derive(seen, &known, &policy).raised.is_empty(), "a containment has been there");
    let mut gate_first = generous();
    gate_first.default_mode = firebreak::policy::ResponseMode::GateFirst;
    assert!(derive(traced(&found), &known, &gate_first).raised.is_empty(), "policy does not say auto");
}
