//! Which slots of a role end when an instance of the role is isolated.

use crate::{INSTANCE, function, stage};
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::holders::Holder;
use firebreak::ids::SessionName;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::Phase;
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use isolate_ec2::BaseState;
use serde_json::json;
use std::time::Duration;

/// It is there, and terminated.
const TERMINATED: &str = "i-000000000000000a1";
/// EC2 has forgotten it, and Firebreak had isolated it here.
const FORGOTTEN: &str = "i-000000000000000a2";
/// EC2 does not know it here, and nobody isolated it here.
const ELSEWHERE: &str = "i-000000000000000a3";
/// It runs.
const RUNNING: &str = "i-000000000000000a4";

fn role() -> Target {
    room::target(TargetKind::IamRole, "fleet")
}

fn instance(id: &str) -> Target {
    room::target(TargetKind::Ec2Instance, id)
}

/// Denies sessions of the role.
async fn deny(aws: &ScriptedAws, names: &[&str]) {
    let role = role();
    for name in names {
        let session = SessionName::parse(name).expect("a name");
        room::ledger(aws).name_session(&role, &session).await.expect("a slot");
    }
}

/// EC2 shows the running one, and the terminated one for a while.
fn show_others(aws: &ScriptedAws) {
    aws.on("ec2:DescribeInstances", |call| {
        (call.param("Filter.1.Name") == "instance-id").then(|| {
            let shown = |id: &str, state: &str| {
                format!("<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState></item>")
            };
            let instances = shown(RUNNING, "running") + &shown(TERMINATED, "terminated");
            ok(format!("<reservationSet><item><instancesSet>{instances}</instancesSet></item></reservationSet>"))
        })
    });
}

/// The incident isolates the instance, and denies its session.
async fn isolate(aws: &ScriptedAws) {
    let session = Target { scope: Scope::Session, session: Some(INSTANCE.to_owned()), ..role() };
    let mut request = room::request(Phase::Contain, "one", instance(INSTANCE));
    request.incident.decisions = vec![decision(Containment::QuarantineIam, session)];
    Box::pin(function(aws).handle(request)).await.expect("an answer");
}

fn decision(containment: Containment, target: Target) -> Decision {
    let decision = json!({ "target": target, "containment": containment, "mode": "auto", "reason": "a test" });
    serde_json::from_value(decision).expect("a decision")
}

/// The sessions whose slots have an end: not before stolen credentials have one.
async fn ended(aws: &ScriptedAws) -> Vec<String> {
    let slots = room::ledger(aws).session_slots(&role()).await.expect("the ledger answers");
    let ends: Vec<(String, String)> = slots.into_iter().filter_map(|slot| Some((slot.session, slot.until?))).collect();
    let soonest = (clock::now() + Duration::from_secs(12 * 3_600)).to_string();
    assert!(ends.iter().all(|(_, end)| *end > soonest), "a session lives 12 hours, whoever has it: {ends:?}");
    ends.into_iter().map(|(session, _)| session).collect()
}

#[tokio::test]
async fn of_a_role_without_a_free_slot_those_of_instances_that_are_gone_for_sure_end() {
    let (aws, ec2) = stage().await;
    show_others(&aws);
    deny(&aws, &[TERMINATED, FORGOTTEN, ELSEWHERE, RUNNING]).await;
    let (forgotten, holder) = (instance(FORGOTTEN), Holder::Own(room::incident("before")));
    let state = BaseState::default();
    let held = Held { target: &forgotten, containment: Containment::IsolateEc2 };
    room::ledger(&aws).hold(held, &holder, FORGOTTEN, &state, clock::now()).await.expect("a base");
    isolate(&aws).await;
    assert_eq!(ended(&aws).await, [""; 0], "a slot is free: nobody needs another one");
    deny(&aws, &["i-000000000000000a5"]).await;
    isolate(&aws).await;
    assert_eq!(ended(&aws).await, [TERMINATED, FORGOTTEN]);
    assert!(ec2.now().is_cut_off());
}

#[tokio::test]
async fn what_an_earlier_version_listed_is_looked_after_too() {
    let (aws, _ec2) = stage().await;
    show_others(&aws);
    let list = [TERMINATED, FORGOTTEN, ELSEWHERE, RUNNING, "i-000000000000000a5"].map(|id| json!({ "S": id }));
    let key = format!("target#{}/iam-role/fleet", room::ACCOUNT);
    let item = json!({ "pk": { "S": key }, "sk": { "S": "sessions" }, "slots": { "L": list } });
    let mut table = aws.table();
    table.call("PutItem", &json!({ "Item": item })).expect("a row");
    aws.replace_table(table);
    isolate(&aws).await;
    assert_eq!(ended(&aws).await, [TERMINATED]);
}

#[tokio::test]
async fn whatever_cannot_be_learned_ends_no_slot_and_isolates_all_the_same() {
    let (aws, ec2) = stage().await;
    deny(&aws, &[TERMINATED, FORGOTTEN, ELSEWHERE, RUNNING, "i-000000000000000a5"]).await;
    aws.on("ec2:DescribeInstances", |call| {
        (call.param("Filter.1.Name") == "instance-id").then(|| error(403, "UnauthorizedOperation"))
    });
    isolate(&aws).await;
    assert_eq!((ended(&aws).await, ec2.now().is_cut_off()), (vec![], true));
}
