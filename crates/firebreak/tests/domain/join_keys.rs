//! Which findings meet in one incident.

use crate::joining::{AT, KEY, alice, event, planned};
use crate::traps::{fixture, policy, request, under};
use firebreak::plan::{AtSource, Circumstances, Plan, plan};
use firebreak::policy::Policy;
use firebreak::target::Scope;
use serde_json::json;

fn keys(plan: &Plan) -> Vec<&str> {
    plan.join_keys.iter().map(String::as_str).collect()
}

#[test]
fn findings_about_one_principal_have_one_key_in_five_regions_and_in_any_case() {
    let regions = ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-southeast-2"];
    for region in regions {
        let bare = planned(&event("", KEY, region, "one"));
        assert_eq!(keys(&bare), [format!("guardduty/111122223333/access-key/{KEY}")], "{region}: {:?}", bare.decisions);
        for user in ["alice", "Alice", "ALICE"] {
            assert_eq!(keys(&planned(&event(user, KEY, region, "one"))), ["guardduty/111122223333/iam-user/alice"], "{region}");
        }
    }
}

#[test]
fn all_sessions_of_a_role_have_the_role_s_key_and_an_instance_has_its_region() {
    let role = planned(&fixture("guardduty/exfiltration-assumed-role.json"));
    assert!(role.decisions.iter().any(|decision| decision.target.scope == Scope::Session));
    assert!(keys(&role).iter().all(|key| key.starts_with("guardduty/111122223333/iam-role/") && key.matches('/').count() == 3));
    let miner = planned(&fixture("guardduty/bitcoin-tool.json"));
    let kind = firebreak::target::TargetKind::Ec2Instance;
    let target = &miner.decisions.iter().find(|decision| decision.target.kind == kind).expect("an instance").target;
    let key = format!("guardduty/{}/{}/ec2-instance/{}", target.account, target.region, target.id);
    assert!(miner.join_keys.contains(&key), "{key}: {:?}", miner.join_keys);
}

#[test]
fn only_one_class_meets() {
    let event = event("alice", KEY, "eu-central-1", "one");
    let unrestricted = Policy::unrestricted();
    let unknown = plan(&event, &Circumstances { at_source: AtSource::Unknown, ..Circumstances::new(&unrestricted, AT) });
    assert_eq!(keys(&unknown), ["other/111122223333/iam-user/alice"], "GuardDuty does not know it");
    let rehearsed = under(&Policy::parse("default_mode = \"dry-run\"\nauto_from = \"low\"").expect("a policy"), &event);
    assert_eq!(keys(&rehearsed), ["rehearsed-guardduty/111122223333/iam-user/alice"]);
    let gated = under(&Policy::parse("default_mode = \"gate-first\"\nauto_from = \"low\"").expect("a policy"), &event);
    assert_eq!(gated.join_keys, alice().join_keys, "what waits meets what acts");
}

#[test]
fn a_request_an_observed_account_and_what_is_only_told_or_ignored_have_no_keys() {
    let asked = planned(&request(&json!({"kind": "iam-user", "id": "alice", "account": "111122223333"})));
    assert!(!asked.decisions.is_empty() && asked.join_keys.is_empty(), "{asked:?}");
    let event = event("alice", KEY, "eu-central-1", "one");
    let observed = under(&Policy::parse("").expect("a policy"), &event);
    assert!(!observed.decisions.is_empty() && observed.join_keys.is_empty(), "{observed:?}");
    let protected = under(&policy("[protected]\nprincipals = [\"alice\"]"), &event);
    assert!(!protected.decisions.is_empty() && protected.join_keys.is_empty(), "{protected:?}");
    let unrestricted = Policy::unrestricted();
    let settled = plan(&event, &Circumstances { at_source: AtSource::Settled, ..Circumstances::new(&unrestricted, AT) });
    assert!(settled.join_keys.is_empty());
    assert!(planned(&json!({})).join_keys.is_empty());
}

#[test]
fn keys_are_no_part_of_a_plan_that_travels() {
    let json = serde_json::to_value(alice()).expect("JSON");
    assert!(json.get("join_keys").is_none() && json.get("asks").is_none());
    let read: Plan = serde_json::from_value(json).expect("a plan");
    assert_eq!(read, Plan { join_keys: std::collections::BTreeSet::new(), asks: vec![], ..alice() });
}
