use crate::principal::Principal;
use crate::target::{older_sessions, role};
use crate::{contain, contained, recorded_before, refuse_records, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::Value;

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
    assert_eq!((receipt.status, aws.changes()), (Status::Contained, vec!["iam:PutRolePolicy".to_owned()]));
    assert!(recorded_before(&aws, "PutRolePolicy"));
    let name = format!("FirebreakRevoke-{}", room::incident("one"));
    let now = iam.now();
    let document: Value = serde_json::from_str(&now.inline[&name]).expect("JSON");
    let statement = &document["Statement"][0];
    for (field, word) in [("Effect", "Deny"), ("Action", "*"), ("Resource", "*")] {
        assert_eq!(statement[field], word);
    }
    let time = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str().expect("a time");
    assert!(begun.as_str() <= time && time <= ended.as_str(), "a time to come would end refreshed credentials, too: {time}");
    let but_for_it = now.but(|role| {
        role.inline.remove(&name);
    });
    assert_eq!(but_for_it, Principal::role());
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

/// The session of the same role is contained by the same approval, which labels the role.
#[tokio::test]
async fn a_role_that_is_not_labelled_yet_is_tried_again() {
    let (aws, _) = stage(Principal::role()).await;
    aws.always("iam:PutRolePolicy", error(403, "AccessDenied"));
    let fault = contain(&aws, "one", &older_sessions()).await.expect_err("a passing fault");
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    let labelled = Principal::role().but(|role| {
        role.tags.insert("firebreak-state".to_owned(), "quarantined".to_owned());
    });
    let (aws, _) = stage(labelled).await;
    aws.always("iam:PutRolePolicy", error(403, "AccessDenied"));
    assert_eq!(contain(&aws, "one", &older_sessions()).await.expect("a receipt").status, Status::Failed);
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
