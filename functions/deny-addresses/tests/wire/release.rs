use crate::vpc::{Vpc, World, rule};
use crate::{attacker, contain, outcomes, responder, stage};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::clients::MemberRole;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

/// Releases from the recorded base, as the function `release` does. An analyst has seen the changes with these digests.
pub(crate) async fn release(aws: &ScriptedAws, seen_drift: Vec<String>) -> Result<Vec<Step>, Fault> {
    let (target, incident) = (attacker(), room::incident("one"));
    let mut call = responder(aws).call(&target, Containment::IsolateEc2, MemberRole::Release, &incident).await?;
    call.seen_drift = seen_drift;
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(deny_addresses::release(&call, base.as_ref())).await
}

pub(crate) fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

/// Addresses that are denied, and how everything was before.
pub(crate) async fn contained() -> (ScriptedAws, Vpc, World) {
    let (aws, vpc) = stage().await;
    let before = vpc.now();
    contain(&aws, &attacker()).await.expect("a receipt");
    assert!(vpc.denies(&["203.0.113.7/32"]));
    (aws, vpc, before)
}

#[tokio::test]
async fn the_network_acls_are_as_they_were_and_a_second_release_finds_nothing_to_do() {
    let (aws, vpc, before) = contained().await;
    // The instance may be gone by then.
    vpc.change(|world| world.subnets.clear());
    let steps = release(&aws, vec![]).await.expect("a release");
    assert_eq!(outcomes(&steps, "lift-deny-of-addresses"), [Outcome::Applied, Outcome::Applied]);
    assert_eq!(vpc.now().acls, before.acls);
    aws.forget();
    let again = release(&aws, vec![]).await.expect("a release");
    assert_eq!(outcomes(&again, "lift-deny-of-addresses"), [Outcome::Already, Outcome::Already]);
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn an_entry_that_somebody_changed_is_shown_once_and_left() {
    let (aws, vpc, _) = contained().await;
    let theirs = rule(false, 1, "198.51.100.0/24", true);
    vpc.change(|world| {
        let ours = world.acls[0].rules.iter_mut().find(|rule| (rule.egress, rule.number) == (false, 1));
        *ours.expect("Firebreak's entry") = theirs.clone();
        // And one whole network ACL is gone.
        world.acls.retain(|acl| acl.id == "acl-1");
    });
    let steps = release(&aws, vec![]).await.expect("a release");
    let shown: Vec<&Step> = steps.iter().filter(|step| step.is(StepKind::CheckDrift)).collect();
    assert!(shown.len() == 1 && shown[0].outcome == Outcome::Failed, "{steps:?}");
    assert_eq!(outcomes(&steps, "lift-deny-of-addresses"), [Outcome::Applied, Outcome::Skipped]);
    let digests = steps.iter().filter_map(|step| step.digest.clone()).collect();
    assert!(is_done(&release(&aws, digests).await.expect("a release")), "the second release ends");
    let now = vpc.now();
    assert!(now.acls[0].rules.contains(&theirs) && now.acls[0].denied().is_empty(), "{now:?}");
}

#[tokio::test]
async fn without_a_base_nothing_was_changed() {
    let (aws, vpc) = stage().await;
    let before = vpc.now();
    assert_eq!((release(&aws, vec![]).await.expect("a release"), vpc.now()), (vec![], before));
}
