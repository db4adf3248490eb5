use crate::principal::Principal;
use crate::target::{older_sessions, role, session, user};
use crate::{contain, contained, kept, recorded_before, refuse_records, responder, stage};
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::receipt::Status;
use firebreak::target::Target;
use firebreak::task::{Phase, TaskInput};
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::Value;

/// The tag that opens a role to the policy.
const OPEN: &str = "firebreak-revoke";
/// What receipts, holds and releases call it, whichever function carries it out.
const IAM: Option<Containment> = Some(Containment::QuarantineIam);

fn second() -> String {
    clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The roles that were assumed, by name.
fn assumed(aws: &ScriptedAws) -> Vec<String> {
    let calls = aws.calls_of("sts:AssumeRole");
    calls.iter().map(|call| call.param("RoleArn").rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn older_sessions_end_at_the_time_of_the_containment_and_later_ones_do_not() {
    let (aws, iam) = stage(Principal::role()).await;
    let (begun, receipt, ended) = (second(), contain(&aws, "one", &older_sessions()).await.expect("a receipt"), second());
    assert_eq!(receipt.status, Status::Contained);
    assert_eq!(aws.changes(), ["iam:TagRole", "iam:PutRolePolicy"], "the role is opened first");
    assert!(recorded_before(&aws, "TagRole"));
    let name = format!("FirebreakRevoke-{}", room::incident("one"));
    let now = iam.now();
    let document: Value = serde_json::from_str(&now.inline[&name]).expect("JSON");
    let statement = &document["Statement"][0];
    for (field, word) in [("Effect", "Deny"), ("Action", "*"), ("Resource", "*")] {
        assert_eq!(statement[field], word);
    }
    let time = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str().expect("a time");
    assert!(begun.as_str() <= time && time <= ended.as_str(), "a time to come would end refreshed credentials, too: {time}");
    assert_eq!(now.tags[OPEN], room::incident("one").to_string());
    let but_for_it = now.but(|role| {
        role.inline.remove(&name);
        role.tags.remove(OPEN);
    });
    assert_eq!(but_for_it, Principal::role());
    assert_eq!(kept(&aws, "one", &older_sessions()).and_then(|receipt| receipt.containment), IAM);
}

#[tokio::test]
async fn a_second_try_does_not_move_the_time() {
    let (aws, iam) = contained(Principal::role(), &older_sessions()).await;
    let name = format!("FirebreakRevoke-{}", room::incident("one"));
    // As if it had been written long ago.
    iam.change(|role| role.inline.extend([(name, r#"{"Statement":[]}"#.to_owned())]));
    let first = iam.now();
    assert_eq!(contain(&aws, "one", &older_sessions()).await.expect("a receipt").status, Status::Contained);
    assert_eq!((aws.changes(), iam.now()), (vec![], first));
}

fn tagged(tags: &[(&str, &str)]) -> Principal {
    Principal::role().but(|role| role.tags.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))))
}

/// The session of the same role is contained by the same approval, which labels the role; and a tag of a moment ago may not count yet.
#[tokio::test]
async fn a_role_that_is_not_labelled_or_opened_yet_is_tried_again() {
    let one = room::incident("one").to_string();
    let (label, open) = (("firebreak-state", "quarantined"), (OPEN, one.as_str()));
    for (refused, principal) in [
        ("iam:TagRole", tagged(&[])),
        ("iam:TagRole", tagged(&[label])),
        ("iam:PutRolePolicy", tagged(&[label])),
        // The tag is there, and IAM may not decide by it yet.
        ("iam:PutRolePolicy", tagged(&[label, open])),
    ] {
        let (aws, iam) = stage(principal).await;
        aws.always(refused, error(403, "AccessDenied"));
        let contained = contain(&aws, "one", &older_sessions()).await;
        let passing = matches!(&contained, Err(fault) if fault.kind == FaultKind::Transient);
        assert!(passing, "{refused}: {contained:?}");
        assert!(iam.now().inline.keys().all(|name| !name.starts_with("FirebreakRevoke-")), "{refused}");
    }
}

#[tokio::test]
async fn a_role_that_was_opened_is_not_opened_twice() {
    let one = room::incident("one").to_string();
    let (aws, _) = stage(tagged(&[("firebreak-state", "quarantined"), (OPEN, one.as_str())])).await;
    assert_eq!(contain(&aws, "one", &older_sessions()).await.expect("a receipt").status, Status::Contained);
    assert_eq!(aws.changes(), ["iam:PutRolePolicy"]);
}

/// Neither function does the other's work: each would need the other's role.
#[tokio::test]
async fn older_sessions_and_nothing_else_are_for_revoke_sessions() {
    let approved = |target: Target| TaskInput { approved: true, ..room::request(Phase::Contain, "one", target) };
    let (aws, _) = stage(Principal::role()).await;
    let own = Box::pin(quarantine_iam::Function::new(responder(&aws)).handle(approved(older_sessions()))).await;
    assert_eq!(own.expect_err("another function ends them").kind, FaultKind::Bug);
    let looked = room::request(Phase::Verify, "one", older_sessions());
    for request in [looked, approved(role()), approved(session("suspect")), approved(user())] {
        let target = request.target.to_string();
        let apart = Box::pin(revoke_sessions::Function::new(responder(&aws)).handle(request)).await;
        assert_eq!(apart.expect_err("quarantine-iam does it").kind, FaultKind::Bug, "{target}");
    }
    let unasked = room::request(Phase::Contain, "one", older_sessions());
    let unasked = Box::pin(revoke_sessions::Function::new(responder(&aws)).handle(unasked)).await;
    assert_eq!(unasked.expect_err("nobody approved it").kind, FaultKind::Bug);
    assert!(aws.calls().is_empty(), "{:?}", aws.calls());
}

#[tokio::test]
async fn only_older_sessions_are_ended_with_the_role_that_can_write_inline_policies() {
    let (aws, _) = stage(Principal::role()).await;
    contain(&aws, "one", &older_sessions()).await.expect("a receipt");
    assert_eq!(assumed(&aws), ["FirebreakMemberRevokeSessions"]);
    aws.forget();
    contain(&aws, "one", &role()).await.expect("a receipt");
    assert_eq!(assumed(&aws), ["FirebreakMemberQuarantineIam"]);
}

#[tokio::test]
async fn without_a_record_no_session_is_ended() {
    let (aws, iam) = stage(Principal::role()).await;
    refuse_records(&aws);
    assert_eq!(contain(&aws, "one", &older_sessions()).await.expect("a receipt").status, Status::Failed);
    assert_eq!((aws.changes(), iam.now()), (vec![], Principal::role()));
}
