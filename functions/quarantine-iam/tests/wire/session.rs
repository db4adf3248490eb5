use crate::principal::{NAMESAKE_ID, Principal, arn};
use crate::release::{is_done, release};
use crate::target::{identified, role, session};
use crate::{contain, contained, held, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::holders::Holders;
use firebreak::ids::SessionName;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::{ReleaseClaim, SESSION_SLOTS};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use quarantine_iam::{BaseState, DENY_TAGGED_SESSION, DENY_TAGGED_SESSION_BOUNDARY};
use serde_json::json;

/// The sessions that the ledger knows as denied.
async fn named(aws: &ScriptedAws) -> Vec<String> {
    room::ledger(aws).named_sessions(&role()).await.expect("the ledger answers")
}

fn tagged(principal: Principal, slot: usize, name: &str) -> Principal {
    principal.but(|role| {
        role.tags.insert(format!("firebreak-session-{slot}"), name.to_owned());
    })
}

#[tokio::test]
async fn one_session_is_denied_by_its_name_and_its_siblings_are_untouched() {
    let (aws, iam) = stage(Principal::role()).await;
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    let denied = tagged(Principal::role().denied_by(DENY_TAGGED_SESSION, "one"), 1, "suspect");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, denied.clone()));
    assert_eq!(outcome(&receipt.steps, "needs-whole-role"), None);
    let again = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    assert_eq!((again.status, iam.now().untimed()), (Status::Contained, denied), "it finds its own slot");
    assert_eq!((named(&aws).await, aws.unknown()), (vec!["suspect".to_owned()], vec![]));
}

#[tokio::test]
async fn a_name_that_iam_refuses_because_of_the_policy_beside_it_is_written_again_in_the_same_call() {
    let (aws, iam) = stage(Principal::role()).await;
    for _ in 0..2 {
        aws.next("iam:TagRole", error(409, "ConcurrentModification"));
    }
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    let denied = tagged(Principal::role().denied_by(DENY_TAGGED_SESSION, "one"), 1, "suspect");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, denied));
    let named = |call: &&Call| call.body.contains("firebreak-session-1");
    assert_eq!(aws.calls_of("iam:TagRole").iter().filter(named).count(), 3, "it is no attempt of the state machine");
    assert_eq!(aws.calls_of("iam:AttachRolePolicy").len(), 1, "nothing else is repeated");
}

#[tokio::test]
async fn five_sessions_have_a_slot_each_and_a_sixth_waits_for_one_that_is_given_back() {
    let (aws, iam) = stage(Principal::role()).await;
    let name = |slot: usize| format!("worker-{slot}");
    let mut denied = Principal::role().denied_by(DENY_TAGGED_SESSION, "one");
    for slot in 1..=SESSION_SLOTS {
        let receipt = contain(&aws, "one", &session(&name(slot))).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{slot}");
        denied = tagged(denied, slot, &name(slot));
    }
    assert_eq!(iam.now().untimed(), denied);
    let refused = contain(&aws, "one", &session("worker-6")).await.expect("a receipt");
    assert_eq!((refused.status, outcome(&refused.steps, "deny-session")), (Status::Failed, Some(Outcome::Failed)));
    assert_eq!(iam.now().untimed(), denied, "nobody loses a slot to it");
    release(&aws, "one", &session("worker-3")).await.expect("a release");
    let taken = contain(&aws, "one", &session("worker-6")).await.expect("a receipt");
    assert_eq!((taken.status, iam.now().untimed()), (Status::Contained, tagged(denied, 3, "worker-6")));
}

/// Sets an attribute of a slot in the ledger.
fn rewrite(aws: &ScriptedAws, expression: &str, value: &str) {
    let mut table = aws.table();
    let key = json!({ "pk": { "S": "target#111122223333/iam-role/deployer" }, "sk": { "S": "sessions" } });
    let update = json!({ "Key": key, "UpdateExpression": expression, "ExpressionAttributeNames": { "#until": "until" },
                         "ExpressionAttributeValues": { ":v": { "S": value } } });
    table.call("UpdateItem", &update).expect("written");
    aws.replace_table(table);
}

#[tokio::test]
async fn a_session_that_has_ended_gives_its_slot_to_the_next_one_and_people_hear_that_nothing_denies_it() {
    let (aws, iam) = stage(Principal::role()).await;
    for slot in 1..=SESSION_SLOTS {
        contain(&aws, "one", &session(&format!("worker-{slot}"))).await.expect("a receipt");
    }
    rewrite(&aws, "SET s2.#until = :v", "2020-01-01T00:00:00.000000Z");
    let held = verify(&aws, "one", &session("worker-2")).await.expect("a look");
    assert!(held.holds, "its tag is still there: {held:?}");
    let receipt = contain(&aws, "two", &session("next")).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().tags["firebreak-session-2"].as_str()), (Status::Contained, "next"));
    let replaced = verify(&aws, "one", &session("worker-2")).await.expect("a look");
    assert!(!replaced.holds && replaced.reverted.is_empty(), "it may come back, and nobody reverted anything: {replaced:?}");
    assert!(replaced.problems[0].contains("contain the whole role"), "{replaced:?}");
    assert_eq!(iam.now().tags["firebreak-session-2"], "next");
    // Somebody's doing is somebody's doing.
    iam.change(|role| {
        role.tags.remove("firebreak-session-2");
    });
    let reverted = verify(&aws, "two", &session("next")).await.expect("a look");
    assert_eq!((reverted.reverted.len(), iam.now().tags["firebreak-session-2"].as_str()), (1, "next"), "{reverted:?}");
}

#[tokio::test]
async fn a_session_that_is_being_released_gets_neither_slot_nor_tag() {
    let target = session("suspect");
    let (aws, iam) = stage(Principal::role()).await;
    contain(&aws, "one", &target).await.expect("a receipt");
    release(&aws, "one", &target).await.expect("a release");
    let before = iam.now();
    let one = room::incident("one");
    let claim = room::ledger(&aws).begin_release::<BaseState>(held(&target), &Holders::of(&one), clock::now()).await;
    assert!(matches!(claim, Ok(ReleaseClaim::Ours { .. })), "{claim:?}");
    let refused = contain(&aws, "two", &target).await.expect_err("it is being released");
    assert_eq!((refused.kind, named(&aws).await), (FaultKind::Transient, vec![]));
    assert_eq!(iam.now().tags, before.tags, "no tag names it");
}

/// Whoever is released while another release goes on: what both need is taken away by the later look.
#[tokio::test]
async fn of_two_sessions_that_are_released_at_once_nothing_is_left() {
    let (first, second) = (session("first"), session("second"));
    let (aws, iam) = contained(Principal::role(), &first).await;
    contain(&aws, "two", &second).await.expect("a receipt");
    room::ledger(&aws).leave_session(&second, "second", clock::now()).await.expect("its release has begun");
    let steps = release(&aws, "one", &first).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert!(!iam.now().attached.contains(&arn(DENY_TAGGED_SESSION)), "nobody else needs it");
    let steps = release(&aws, "two", &second).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!((iam.now(), named(&aws).await), (Principal::role(), vec![]));
}

#[tokio::test]
async fn a_release_that_fails_leaves_the_session_its_slot() {
    let (aws, iam) = contained(Principal::role(), &session("suspect")).await;
    aws.always("iam:DetachRolePolicy", error(403, "AccessDenied"));
    let steps = release(&aws, "one", &session("suspect")).await.expect("a release");
    assert_eq!((outcome(&steps, "detach-deny"), outcome(&steps, "free-slot")), (Some(Outcome::Failed), None));
    aws.mend();
    contain(&aws, "two", &session("next")).await.expect("a receipt");
    let tags = iam.now().tags;
    assert_eq!([&tags["firebreak-session-1"], &tags["firebreak-session-2"]], ["suspect", "next"]);
    let steps = release(&aws, "two", &session("next")).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert!(iam.now().attached.contains(&arn(DENY_TAGGED_SESSION)), "the first one is held");
    let steps = release(&aws, "one", &session("suspect")).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!((iam.now(), named(&aws).await), (Principal::role(), vec![]));
}

/// Another incident took the slot after this one had read the tags.
#[tokio::test]
async fn the_tag_of_a_slot_that_somebody_has_is_left_to_whoever_has_it() {
    let (aws, iam) = stage(tagged(tagged(Principal::role(), 1, "older"), 4, "victim")).await;
    let other = SessionName::parse("other").expect("a name");
    assert_eq!(room::ledger(&aws).name_session(&session("other"), &other).await, Ok(1));
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    let now = iam.now();
    assert_eq!((receipt.status, outcome(&receipt.steps, "clear-foreign-slots")), (Status::Contained, Some(Outcome::Applied)));
    let tags = [1, 2, 4].map(|slot| now.tags[&format!("firebreak-session-{slot}")].as_str());
    assert_eq!(tags, ["older", "suspect", "firebreak-none"]);
}

#[tokio::test]
async fn a_name_that_aws_gave_keeps_its_slot_until_a_release() {
    let (aws, _iam) = stage(Principal::role()).await;
    for target in [Target { session_by_aws: true, ..session("pay") }, session("mallory")] {
        contain(&aws, "one", &target).await.expect("a receipt");
    }
    let slots = room::ledger(&aws).session_slots(&role()).await.expect("the ledger answers");
    assert_eq!(slots.iter().map(|slot| slot.until.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_tag_that_somebody_set_in_advance_names_nobody() {
    let (aws, iam) = stage(tagged(Principal::role(), 3, "victim")).await;
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "clear-foreign-slots")), (Status::Contained, Some(Outcome::Applied)));
    let now = iam.now();
    assert_eq!(
        (now.tags["firebreak-session-1"].as_str(), now.tags["firebreak-session-3"].as_str()),
        ("suspect", "firebreak-none")
    );
}

#[tokio::test]
async fn a_full_role_gets_the_boundary_for_sessions_unless_it_would_lift_a_limit() {
    let free = Principal::role().full();
    let (aws, iam) = stage(free.clone()).await;
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    let now = iam.now();
    assert_eq!((receipt.status, now.boundary), (Status::Contained, Some(arn(DENY_TAGGED_SESSION_BOUNDARY))));
    assert_eq!((now.attached, now.tags["firebreak-session-1"].as_str()), (free.attached, "suspect"));

    let limited = Principal::role().full().bounded();
    let (aws, iam) = stage(limited.clone()).await;
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().boundary), (Status::Failed, limited.boundary), "other sessions keep their limit");
}

#[tokio::test]
async fn a_trust_policy_that_lets_callers_tag_their_sessions_asks_for_the_whole_role() {
    for action in [r#"["sts:AssumeRole","sts:TagSession"]"#, r#""sts:*""#, r#""sts:T?g*""#] {
        let trust = format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":{action}}}]}}"#);
        let (aws, iam) = stage(Principal::role().but(|role| role.trust_policy = trust)).await;
        let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
        assert_eq!(outcome(&receipt.steps, "needs-whole-role"), Some(Outcome::Skipped), "{action}");
        assert_eq!(iam.now().tags["firebreak-session-1"], "suspect", "it is denied all the same");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_a_tag_is_refused_before_any_change() {
    let (aws, iam) = stage(Principal::role()).await;
    for name in ["a,b", "*", "${aws:username}", ""] {
        assert_eq!(contain(&aws, "one", &session(name)).await.expect_err("no such session").kind, FaultKind::Malformed, "{name}");
    }
    assert_eq!((aws.changes(), iam.now(), named(&aws).await), (vec![], Principal::role(), vec![]));
}

#[tokio::test]
async fn a_role_that_was_created_anew_loses_nothing_and_is_reported() {
    let target = identified(session("suspect"), NAMESAKE_ID);
    let (aws, iam) = stage(Principal::role()).await;
    let receipt = contain(&aws, "one", &target).await.expect("a receipt");
    let steps = ["take-off-deny", "check-identity"].map(|step| outcome(&receipt.steps, step));
    assert_eq!((receipt.status, steps), (Status::Failed, [Some(Outcome::Applied), Some(Outcome::Failed)]));
    assert_eq!(iam.now(), tagged(Principal::role(), 1, "firebreak-none"), "no policy, no label, and the tag names nobody");

    // Another session of the new role is denied: the policy is for that one, too.
    let (aws, iam) = stage(Principal::role()).await;
    contain(&aws, "two", &session("other")).await.expect("a receipt");
    let denied = iam.now();
    contain(&aws, "one", &target).await.expect("a receipt");
    assert_eq!(iam.now(), tagged(denied, 2, "firebreak-none"));
}
