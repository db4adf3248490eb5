//! Sweeps over a small CloudTrail: what a suspect did is followed, what namesakes and bystanders did is not.

mod ages;
mod attack;
mod created;
mod hostile;
mod looks;
mod names;
mod others;
mod policy;
mod ransom;
mod renamed;
mod resumed;
mod techniques;
mod tiers;
mod waiting;
mod window;

use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::{AccessKeyId, AccountId, Partition, PrincipalId, Region};
use firebreak::plan::MAX_DECISIONS;
use firebreak::plan::derived::{Derived, Seen, derive};
use firebreak::policy::Policy;
use firebreak::receipt::Verification;
use firebreak::target::{Place, Scope, Target, TargetKind};
use firebreak::trail::{Attribute, Follow, Found, Lookup, Search};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HOME: &str = "111122223333";

/// What is planted: `{account, region, event, resources}`, the form that the local AWS takes, too.
fn attack() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/trail/attack.json");
    serde_json::from_str(&std::fs::read_to_string(file).expect("readable")).expect("JSON")
}

fn target(kind: TargetKind, id: &str) -> Target {
    Target::new(
        kind,
        id,
        Place {
            account: AccountId::parse(HOME).expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        },
    )
}

fn alice() -> Target {
    let principal_id = PrincipalId::parse("AIDAZ49AHUAJ9EXAMPLE1").ok();
    Target {
        principal_id,
        access_key_id: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").ok(),
        ..target(TargetKind::IamUser, "alice")
    }
}

fn decided(target: Target, mode: Mode) -> Decision {
    Decision::new(target, Some(Containment::QuarantineIam), mode, "a finding")
}

/// `LookupEvents`, as far as a search can tell.
fn answer(trail: &[Value], lookup: &Lookup) -> (Vec<String>, Option<String>) {
    let is = |value: Option<&Value>| value.and_then(Value::as_str) == Some(lookup.value.as_str());
    let identity = |event: &Value, path: &str| event.pointer(path).cloned();
    let matches = |entry: &&Value| {
        let event = &entry["event"];
        let session =
            identity(event, "/userIdentity/principalId").and_then(|id| Some(id.as_str()?.split_once(':')?.1.to_owned()));
        let name = identity(event, "/userIdentity/userName").or(session.map(Value::from));
        let here = entry["region"] == lookup.region.as_str() && entry["account"] == lookup.suspect.target.account.as_str();
        here && match lookup.attribute {
            Attribute::Username => is(name.as_ref()),
            Attribute::AccessKeyId => is(event.pointer("/userIdentity/accessKeyId")),
            Attribute::EventName => is(event.get("eventName")),
            Attribute::ResourceName => entry["resources"].as_array().into_iter().flatten().any(|r| is(r.get("ResourceName"))),
        }
    };
    let mut found: Vec<&Value> = trail.iter().filter(matches).map(|entry| &entry["event"]).collect();
    found.sort_by_key(|event| std::cmp::Reverse(event["eventTime"].as_str().unwrap_or_default().to_owned()));
    let first = lookup.token.as_deref().map_or(0, |token| token.parse::<usize>().expect("our token"));
    let page: Vec<String> = found.iter().skip(first).take(50).map(ToString::to_string).collect();
    let next = first + page.len();
    (page, (next < found.len()).then(|| next.to_string()))
}

fn look(trail: &[Value], suspects: &[Target], policy: &Policy) -> (Found, Vec<Lookup>) {
    let mut search = Search::new(suspects, policy);
    let mut asked = Vec::new();
    while let Some(lookup) = search.next_page() {
        asked.push(lookup.clone());
        let (events, token) = answer(trail, &lookup);
        search.page(lookup, &events, token);
    }
    (search.finish(), asked)
}

#[test]
fn each_region_that_reports_a_principal_is_asked_about_it() {
    let policy = generous();
    let alice = alice();
    let region = Region::parse("ap-southeast-2").expect("a Region");
    let mut search = Search::also_in(BTreeSet::from([region.clone()]), [&alice], &policy);
    let mut asked = BTreeSet::new();
    while let Some(lookup) = search.next_page() {
        asked.insert(lookup.region.clone());
        search.page::<&str>(lookup, &[], None);
    }
    assert_eq!(asked, BTreeSet::from([alice.region.clone(), region, Region::parse("us-east-1").expect("a Region")]));
}

fn sweep(trail: &[Value], suspects: &[Target], policy: &Policy) -> (Found, Derived) {
    let (found, _) = look(trail, suspects, policy);
    let known: Vec<Decision> = suspects.iter().map(|suspect| decided(suspect.clone(), Mode::Auto)).collect();
    let derived = derive(traced(&found), &known, policy);
    (found, derived)
}

fn traced(found: &Found) -> Seen<'_> {
    Seen { traced: &found.traced, ..Seen::default() }
}

fn generous() -> Policy {
    let mut policy = Policy::unrestricted();
    policy.sweep.pages = 100;
    policy
}

fn shown(decisions: &[Decision], mode: Mode) -> Vec<String> {
    let all = decisions.iter().filter(|decision| decision.mode == mode);
    all.map(|d| format!("{} {}", d.containment.map_or("by hand", Containment::name), d.target)).collect()
}

/// One record of alice, in the account's trail.
fn by_alice(source: &str, name: &str, request: &Value, response: &Value) -> Value {
    json!({"account": HOME, "region": "us-east-1", "event": {"eventName": name, "eventSource": format!("{source}.amazonaws.com"),
        "eventTime": "2026-11-20T02:00:00Z", "awsRegion": "us-east-1", "recipientAccountId": HOME,
        "userIdentity": {"type": "IAMUser", "userName": "alice", "principalId": "AIDAZ49AHUAJ9EXAMPLE1", "accountId": HOME,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "requestParameters": request, "responseElements": response}})
}

/// A record, signed with another key.
fn signed(key: &str, mut record: Value) -> Value {
    record["event"]["userIdentity"]["accessKeyId"] = json!(key);
    record
}

/// A record of a session of the role `deploy`.
fn by_session(session: &str, key: &str, mut record: Value) -> Value {
    record["event"]["userIdentity"] = json!({"type": "AssumedRole", "principalId": format!("AROADEPLOYDEPEXAMPLE4:{session}"),
        "accountId": HOME, "accessKeyId": key, "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}}});
    record
}

/// The session of the role `deploy` that a finding names.
fn session(name: &str, key: Option<&str>) -> Target {
    Target {
        principal_id: PrincipalId::parse("AROADEPLOYDEPEXAMPLE4").ok(),
        access_key_id: key.and_then(|key| AccessKeyId::parse(key).ok()),
        session: Some(name.to_owned()),
        scope: Scope::Session,
        ..target(TargetKind::IamRole, "deploy")
    }
}

fn creates_user(name: &str) -> Value {
    by_alice("iam", "CreateUser", &json!({"userName": name}), &Value::Null)
}

fn assumed(arn: &str, id: &str, session: &str) -> Value {
    let request = json!({"roleArn": arn, "roleSessionName": session});
    by_alice("sts", "AssumeRole", &request, &json!({"assumedRoleUser": {"assumedRoleId": format!("{id}:{session}")}}))
}
