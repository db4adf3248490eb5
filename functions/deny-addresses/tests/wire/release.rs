use crate::vpc::{Vpc, World, rule};
use crate::{attacker, contain, outcomes, responder, stage, target, told};
use deny_addresses::BaseState;
use firebreak::addresses;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::Target;
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, ok};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Releases from the recorded base, as the function `release` does. An analyst has seen the changes with these digests.
pub(crate) async fn release(aws: &ScriptedAws, seen_drift: Vec<String>) -> Result<Vec<Step>, Fault> {
    release_of(aws, &attacker(), seen_drift).await
}

async fn release_of(aws: &ScriptedAws, target: &Target, seen_drift: Vec<String>) -> Result<Vec<Step>, Fault> {
    let incident = room::incident("one");
    let mut call = responder(aws).call(target, Containment::IsolateEc2, MemberRole::Release, &incident).await?;
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
    let again = release(&aws, vec![]).await.expect("a release");
    assert_eq!(outcomes(&again, "lift-deny-of-addresses"), [Outcome::Already, Outcome::Already]);
    assert_eq!(vpc.now().acls, before.acls);
}

#[tokio::test]
async fn an_entry_that_ec2_does_not_show_yet_is_taken_out_all_the_same() {
    let (aws, vpc, before) = contained().await;
    let nothing = |id: &str| format!("<item><networkAclId>{id}</networkAclId><vpcId>vpc-1</vpcId></item>");
    aws.on("ec2:DescribeNetworkAcls", move |call| {
        Some(ok(format!("<networkAclSet>{}</networkAclSet>", nothing(call.param("Filter.1.Value.1")))))
    });
    let steps = release(&aws, vec![]).await.expect("a release");
    assert_eq!(outcomes(&steps, "lift-deny-of-addresses"), [Outcome::Applied, Outcome::Applied]);
    assert_eq!(vpc.now().acls, before.acls);
}

/// The number of an entry that was recorded and not made is free: somebody takes it.
#[tokio::test]
async fn an_entry_of_somebody_else_that_ec2_shows_late_is_left() {
    let (aws, vpc, _) = contained().await;
    let theirs = rule(false, 1, "198.51.100.0/24", true);
    vpc.change(|world| {
        let ours = world.acls[0].rules.iter_mut().find(|rule| (rule.egress, rule.number) == (false, 1));
        *ours.expect("Firebreak's entry") = theirs.clone();
    });
    let reads = AtomicUsize::new(0);
    let nothing = |id: &str| format!("<item><networkAclId>{id}</networkAclId><vpcId>vpc-1</vpcId></item>");
    aws.on("ec2:DescribeNetworkAcls", move |call| {
        let is_stale = call.param("Filter.1.Value.1") == "acl-1" && reads.fetch_add(1, Ordering::Relaxed) == 0;
        is_stale.then(|| ok(format!("<networkAclSet>{}</networkAclSet>", nothing("acl-1"))))
    });
    let steps = release(&aws, vec![]).await.expect("a release");
    assert!(steps.iter().any(|step| step.is(StepKind::CheckDrift)), "people are shown it: {steps:?}");
    assert!(vpc.now().acls[0].rules.contains(&theirs), "{:?}", vpc.now());
}

/// A suspect moves on: each set of addresses has entries of its own.
#[tokio::test]
async fn two_sets_of_addresses_of_one_instance_are_denied_and_released_each_on_its_own() {
    let (aws, vpc) = stage().await;
    let before = vpc.now();
    let set = |address: &str| addresses::of_instance(&attacker(), target(&[address]).addresses);
    let (first, second) = (set("203.0.113.7"), set("198.51.100.9"));
    for one in [&first, &second] {
        contain(&aws, one).await.expect("a receipt");
    }
    assert!(vpc.denies(&["203.0.113.7/32", "198.51.100.9/32"]), "{:?}", vpc.now());
    release_of(&aws, &first, vec![]).await.expect("a release");
    assert!(vpc.denies(&["198.51.100.9/32"]) && !vpc.denies(&["203.0.113.7/32"]), "{:?}", vpc.now());
    release_of(&aws, &second, vec![]).await.expect("a release");
    assert_eq!(vpc.now().acls, before.acls);
}

/// One incident denies an address, and another one that address and one more.
#[tokio::test]
async fn an_address_that_two_held_sets_have_in_common_stays_denied_until_the_last_one_is_released() {
    let (aws, vpc) = stage().await;
    let before = vpc.now();
    let set = |addresses: &[&str]| addresses::of_instance(&attacker(), target(addresses).addresses);
    let (first, second) = (set(&["203.0.113.7"]), set(&["203.0.113.7", "198.51.100.9"]));
    for one in [&first, &second] {
        contain(&aws, one).await.expect("a receipt");
    }
    let (ledger, incident) = (room::ledger(&aws), room::incident("one"));
    let containment = Containment::IsolateEc2;
    let held = Held { target: &first, containment };
    let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&incident), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { panic!("{claim:?}") };
    let steps = release_of(&aws, &first, vec![]).await.expect("a release");
    assert!(is_done(&steps) && told(&steps).contains("they stay denied"), "{steps:?}");
    assert!(vpc.denies(&["203.0.113.7/32", "198.51.100.9/32"]), "{:?}", vpc.now());
    ledger.end_release(held, &lease, clock::now()).await.expect("the ledger takes it");
    let steps = release_of(&aws, &second, vec![]).await.expect("a release");
    assert!(is_done(&steps) && told(&steps).is_empty(), "{steps:?}");
    assert_eq!(vpc.now().acls, before.acls);
}

/// Otherwise each would leave it to the other one, and nobody would take it out.
#[tokio::test]
async fn of_two_releases_at_once_one_takes_the_common_entry_out() {
    let (aws, vpc, before) = contained().await;
    let (first, second) = (attacker(), addresses::of_instance(&attacker(), attacker().addresses));
    contain(&aws, &second).await.expect("a receipt");
    let (ledger, incident) = (room::ledger(&aws), room::incident("one"));
    for one in [&first, &second] {
        let held = Held { target: one, containment: Containment::IsolateEc2 };
        let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&incident), clock::now()).await.expect("a claim");
        assert!(matches!(claim, ReleaseClaim::Ours { .. }), "{claim:?}");
    }
    for one in [&first, &second] {
        assert!(is_done(&release_of(&aws, one, vec![]).await.expect("a release")));
    }
    assert_eq!(vpc.now().acls, before.acls);
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
