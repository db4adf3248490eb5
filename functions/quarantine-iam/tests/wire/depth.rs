//! How many round trips, one after the other, stand before each change and before the answer.

use crate::principal::{KEY, Principal};
use crate::target::{key, role, seen_with, session, user};
use crate::{contain, stage};
use firebreak::receipt::Status;
use firebreak::target::Target;
use firebreak_testkit::scripted::Call;
use std::time::Duration;

/// Of every call. Longer than calls that go out together are apart, and shorter than a client waits.
const PACE: Duration = Duration::from_millis(150);
/// A busy machine makes calls that go out together look like one after the other. Nothing hides a real wait.
const RUNS: usize = 4;

/// What is looked for: its name, which calls it is, and how deep it may be.
type Limit = (&'static str, fn(&Call) -> bool, usize);

const ANSWER: fn(&Call) -> bool = |_| true;

fn is_key(call: &Call) -> bool {
    call.operation == "UpdateAccessKey" && call.param("AccessKeyId") == KEY
}

async fn holds(principal: &Principal, target: &Target, limits: &[Limit]) {
    let mut seen = Vec::new();
    for _ in 0..RUNS {
        let (aws, _) = stage(principal.clone()).await;
        aws.pace(PACE);
        let receipt = contain(&aws, "one", target).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
        seen = limits.iter().map(|(name, is, most)| (*name, aws.depth(is), *most)).collect();
        if seen.iter().all(|(_, depth, most)| (1..=*most).contains(depth)) {
            return;
        }
    }
    panic!("{target}: name, round trips, and how many at most: {seen:?}");
}

#[tokio::test]
async fn of_a_user() {
    let limits: &[Limit] = &[
        ("deny", |call| call.operation == "AttachUserPolicy", 2),
        ("the finding's key", is_key, 2),
        ("label", |call| call.operation == "TagUser", 4),
        ("other credentials", |call| call.operation == "UpdateSSHPublicKey", 4),
        ("answer", ANSWER, 5),
    ];
    holds(&Principal::user(), &seen_with(KEY, user()), limits).await;
}

#[tokio::test]
async fn of_a_user_with_the_findings_key_alone() {
    let one = Principal::user().but(|alice| alice.credentials.retain(|credential| credential.id == KEY));
    holds(
        &one,
        &seen_with(KEY, user()),
        &[("key", is_key, 2), ("label", |call| call.operation == "TagUser", 4), ("answer", ANSWER, 4)],
    )
    .await;
}

#[tokio::test]
async fn of_one_key() {
    holds(&Principal::user(), &key(KEY), &[("key", is_key, 2), ("answer", ANSWER, 4)]).await;
}

#[tokio::test]
async fn of_a_role() {
    let deny: Limit = ("deny", |call| call.operation == "AttachRolePolicy", 4);
    holds(&Principal::role(), &role(), &[deny, ("answer", ANSWER, 5)]).await;
}

#[tokio::test]
async fn of_a_session() {
    let deny: Limit = ("deny", |call| call.operation == "AttachRolePolicy", 2);
    holds(&Principal::role(), &session("suspect"), &[deny, ("answer", ANSWER, 4)]).await;
}
