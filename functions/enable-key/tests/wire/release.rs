use crate::key::Key;
use crate::{COMMANDS, contain, held, responder, stage, target};
use enable_key::BaseState;
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Step};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Lease, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

/// Begins a release in the ledger.
pub(crate) async fn begin(aws: &ScriptedAws, incident: &str) -> Lease {
    let (id, target) = (room::incident(incident), target());
    let claim = room::ledger(aws).begin_release::<BaseState>(held(&target), &Holders::of(&id), clock::now()).await;
    let ReleaseClaim::Ours { lease, .. } = claim.expect("a claim") else { panic!("somebody else holds it") };
    lease
}

/// Releases from the recorded base, as the function `release` does.
pub(crate) async fn try_release(aws: &ScriptedAws, incident: &str) -> Result<Vec<Step>, Fault> {
    let incident = room::incident(incident);
    let call = responder(aws).call(&target(), Containment::EnableKey, MemberRole::Release, &incident).await?;
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(enable_key::release(&call, base.as_ref())).await
}

/// What the one step of a release says.
async fn said(aws: &ScriptedAws) -> String {
    let steps = try_release(aws, "one").await.expect("a release");
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!((step.name.as_str(), step.outcome), ("leave-enabled", Outcome::Skipped));
    let says = step.says().expect("a line");
    assert!(!says.ends_with('\u{2026}'), "a command must not be cut off: {says}");
    says
}

/// A key that was given back.
pub(crate) async fn given_back(state: &'static str) -> (ScriptedAws, Key) {
    let (aws, key) = stage(state).await;
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(key.now(), Some("Enabled"));
    aws.forget();
    (aws, key)
}

#[tokio::test]
async fn a_released_key_is_left_enabled_and_a_person_has_the_command_that_disables_it() {
    for state in ["PendingDeletion", "Disabled", "Enabled"] {
        let (aws, key) = given_back(state).await;
        let says = said(&aws).await;
        assert!(says.starts_with("left enabled"), "{says}");
        assert!(says.contains("aws kms disable-key --key-id") && says.contains("--region eu-central-1"), "{says}");
        assert_eq!(says.contains("is not known"), state != "Enabled", "{says}");
        assert_eq!((aws.changes(), key.now()), (vec![], Some("Enabled")), "{state}");
    }
}

#[tokio::test]
async fn a_key_that_somebody_took_away_since_is_not_given_back_by_a_release_and_is_said() {
    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.state = Some("PendingDeletion"));
    let says = said(&aws).await;
    assert!(says.starts_with("left scheduled for deletion on 2026-11-27"), "{says}");
    assert!(COMMANDS.iter().all(|command| says.contains(command)), "{says}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn where_nobody_lets_firebreak_look_it_does_not_say_how_the_key_is() {
    let (aws, _) = given_back("Disabled").await;
    aws.always("kms:DescribeKey", error(400, "AccessDeniedException"));
    let says = said(&aws).await;
    assert!(says.contains("is not known") && !says.contains("left enabled"), "{says}");
}

#[tokio::test]
async fn a_key_that_is_gone_ends_a_release_as_gone() {
    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.state = None);
    assert_eq!(try_release(&aws, "one").await.expect_err("no key").kind, FaultKind::Gone);
}

#[tokio::test]
async fn without_a_base_nothing_was_changed() {
    let (aws, _) = stage("Disabled").await;
    assert_eq!((try_release(&aws, "one").await.expect("a release"), aws.changes()), (vec![], vec![]));
}
