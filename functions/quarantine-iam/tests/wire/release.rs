use crate::principal::{KEY, NAMESAKE_ID, Principal, arn};
use crate::target::{key, older_sessions, role, seen_with, session, user};
use crate::{contain, contained, held, kept, outcome, refuse_records, responder, stage, verify};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::Target;
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::ReleaseClaim;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{BaseState, DENY_ALL, Released};

/// Releases a target as the function `release` does, which does nothing while another incident holds the row, and then ends the hold; not done here, as if it had been killed before.
pub(crate) async fn release(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Vec<Step>, Fault> {
    Box::pin(release_past(aws, incident, target, vec![])).await
}

/// As [`release`], and an analyst has seen the changes with these digests.
pub(crate) async fn release_past(
    aws: &ScriptedAws,
    incident: &str,
    target: &Target,
    seen_drift: Vec<String>,
) -> Result<Vec<Step>, Fault> {
    let (ledger, id, hold) = (room::ledger(aws), room::incident(incident), held(target));
    let claim = ledger.begin_release::<BaseState>(hold, &Holders::of(&id), clock::now()).await?;
    let ReleaseClaim::Ours { base, resumed, exposed, lease } = claim else { return Ok(vec![]) };
    let failed_steps = kept(aws, incident, target).as_ref().map(Receipt::failed_steps).unwrap_or_default();
    let call = responder(aws).call(target, Containment::QuarantineIam, MemberRole::Release, &id).await?;
    let call = Call { failed_steps, seen_drift, resumed, exposed, ..call };
    let released = Box::pin(quarantine_iam::release(&call, base.as_ref())).await?;
    let (Released::Steps(steps) | Released::StillHeld { steps, .. }) = released;
    if !is_done(&steps) {
        let untouched = !resumed && steps.iter().all(|step| step.is(StepKind::CheckDrift));
        ledger.abandon_release(hold, &lease, untouched).await?;
    }
    Ok(steps)
}

pub(crate) fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

pub(crate) fn digests(steps: &[Step]) -> Vec<String> {
    steps.iter().filter_map(|step| step.digest.clone()).collect()
}

#[tokio::test]
async fn a_principal_is_exactly_as_it_was_and_a_second_run_changes_nothing() {
    let (alice, deployer) = (Principal::user, Principal::role);
    let users = [alice(), alice().bounded(), alice().full(), alice().full().bounded()].map(|before| (before, user()));
    let roles = [deployer(), deployer().full(), deployer().full().bounded()].map(|before| (before, role()));
    let parts =
        [(deployer(), session("suspect")), (deployer().full(), session("suspect")), (deployer().bounded(), older_sessions())];
    for (before, target) in users.into_iter().chain(roles).chain(parts) {
        let (aws, iam) = contained(before.clone(), &target).await;
        assert_ne!(iam.now(), before);
        let steps = release(&aws, "one", &target).await.expect("a release");
        assert!(is_done(&steps), "{target}: {steps:?}");
        assert_eq!(iam.now(), before);
        aws.forget();
        let again = release(&aws, "one", &target).await.expect("a release");
        assert!(is_done(&again), "{target}: {again:?}");
        assert_eq!((aws.changes(), iam.now()), (vec![], before), "{target}");
        assert_eq!(aws.unknown(), [""; 0]);
    }
}

#[tokio::test]
async fn an_exposed_key_stays_inactive_even_when_somebody_made_it_active_again() {
    let target = seen_with(KEY, user());
    let left = Principal::user().but(|alice| alice.set_active(KEY, false));
    let (aws, iam) = contained(Principal::user(), &target).await;
    let steps = release(&aws, "one", &target).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("keep-inactive {KEY}")), Some(Outcome::Skipped));
    assert_eq!(iam.now(), left);

    let (aws, iam) = contained(Principal::user(), &target).await;
    iam.change(|alice| alice.set_active(KEY, true));
    let shown = release(&aws, "one", &target).await.expect("a release");
    let steps = release_past(&aws, "one", &target, digests(&shown)).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("keep-inactive {KEY}")), Some(Outcome::Applied));
    assert_eq!(iam.now(), left);
}

/// Another finding named it later, and the containment for that finding never ran.
#[tokio::test]
async fn a_key_that_only_the_decision_names_stays_inactive() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let steps = release(&aws, "one", &seen_with(KEY, user())).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(iam.now(), Principal::user().but(|alice| alice.set_active(KEY, false)));
}

#[tokio::test]
async fn a_key_that_appeared_during_the_containment_is_never_made_active() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let made = "AKIAEXAMPLEEXAMPLE03";
    let replace = |alice: &mut Principal, active| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, active);
    };
    iam.change(|alice| replace(alice, true));
    verify(&aws, "one", &user()).await.expect("a look");
    let steps = release(&aws, "one", &user()).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(iam.now(), Principal::user().but(|alice| replace(alice, false)));
}

#[tokio::test]
async fn a_key_that_is_held_by_itself_stays_inactive() {
    let left = Principal::user().but(|alice| alice.set_active(KEY, false));
    let (aws, iam) = contained(Principal::user(), &user()).await;
    contain(&aws, "two", &key(KEY)).await.expect("a receipt");
    let user = release(&aws, "one", &user()).await.expect("a release");
    assert!(is_done(&user), "{user:?}");
    assert_eq!(iam.now(), left);
    // The second base was read while the user was contained: what the first release made active counts as changed since.
    let shown = release(&aws, "two", &key(KEY)).await.expect("a release");
    let alone = release_past(&aws, "two", &key(KEY), digests(&shown)).await.expect("a release");
    assert!(is_done(&alone), "{alone:?}");
    assert_eq!(iam.now(), left, "a key that was contained for itself is to be replaced");
}

#[tokio::test]
async fn what_somebody_changed_is_shown_first_and_passed_over_once_it_was_seen() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let theirs = |alice: &mut Principal| alice.attached.extend(["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()]);
    iam.change(theirs);
    iam.change(|alice| alice.set_active(KEY, true));
    let quarantined = iam.now();
    let first = release(&aws, "one", &user()).await.expect("a release");
    let is_shown = |step: &Step| step.is(StepKind::CheckDrift) && step.outcome == Outcome::Failed && step.digest.is_some();
    assert!(first.len() == 2 && first.iter().all(is_shown), "{first:?}");
    assert_eq!((aws.changes(), iam.now()), (vec![], quarantined));

    let later = |alice: &mut Principal| alice.groups.extend(["administrators".to_owned()]);
    iam.change(later);
    let second = release_past(&aws, "one", &user(), digests(&first)).await.expect("a release");
    assert!(second.len() == 3 && second.iter().all(is_shown), "what came after is shown first: {second:?}");
    assert_eq!(aws.changes(), [""; 0]);

    let third = release_past(&aws, "one", &user(), digests(&second)).await.expect("a release");
    assert!(is_done(&third), "{third:?}");
    assert_eq!(iam.now(), Principal::user().but(theirs).but(later), "theirs stays, Firebreak's goes");
}

#[tokio::test]
async fn nothing_is_detached_while_a_credential_is_unfinished() {
    let broken = [
        ("iam:UpdateAccessKey", "reactivate-key AKIAEXAMPLEEXAMPLE01"),
        ("iam:ListSSHPublicKeys", "reactivate-ssh-key APKAEXAMPLEEXAMPLE01"),
    ];
    for (action, step) in broken {
        let (aws, iam) = contained(Principal::user(), &user()).await;
        aws.always(action, error(403, "AccessDenied"));
        let steps = release(&aws, "one", &user()).await.expect("a release");
        let failed = [step, "detach-deny"].map(|step| outcome(&steps, step));
        assert_eq!(failed, [Some(Outcome::Failed); 2], "{action}");
        assert!(iam.now().attached.contains(&arn(DENY_ALL)), "{action}");
        aws.mend();
        let steps = release(&aws, "one", &user()).await.expect("a release");
        assert!(is_done(&steps), "{steps:?}");
        assert_eq!(iam.now(), Principal::user(), "{action}");
    }
}

#[tokio::test]
async fn one_session_is_released_while_another_one_stays_denied() {
    let (aws, iam) = contained(Principal::role(), &session("first")).await;
    contain(&aws, "two", &session("second")).await.expect("a receipt");
    let both = iam.now();
    let steps = release(&aws, "one", &session("first")).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    let one = both.but(|role| {
        role.tags.remove("firebreak-session-1");
    });
    assert_eq!(iam.now(), one, "policy and labels are the other one's, too");
    let steps = release(&aws, "two", &session("second")).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(iam.now(), Principal::role(), "they go with the last");
}

#[tokio::test]
async fn a_principal_that_was_created_anew_is_left_as_it_is() {
    for target in [user(), role()] {
        let before = if target == role() { Principal::role() } else { Principal::user() };
        let (aws, iam) = contained(before.clone(), &target).await;
        let anew = Principal { id: NAMESAKE_ID.to_owned(), ..before };
        iam.change(|principal| *principal = anew.clone());
        let gone = release(&aws, "one", &target).await.expect_err("nothing to put back");
        assert_eq!((gone.kind, aws.changes(), iam.now()), (FaultKind::Gone, vec![], anew));
    }
}

#[tokio::test]
async fn without_a_base_only_deny_and_labels_are_taken_away() {
    let (aws, iam) = stage(Principal::user()).await;
    refuse_records(&aws);
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Partial);
    aws.forget();
    let steps = release(&aws, "one", &user()).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    let undone = ["iam:DetachUserPolicy", "iam:UntagUser"].map(str::to_owned);
    assert_eq!((aws.changes(), iam.now()), (undone.to_vec(), Principal::user()));
}

#[tokio::test]
async fn what_firebreak_could_not_make_inactive_is_not_its_to_make_active() {
    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:UpdateAccessKey", error(403, "AccessDenied"));
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Partial);
    aws.mend();
    // The owner does it instead.
    iam.change(|alice| alice.set_active(KEY, false));
    let steps = release(&aws, "one", &user()).await.expect("a release");
    assert_eq!((is_done(&steps), outcome(&steps, &format!("reactivate-key {KEY}"))), (true, Some(Outcome::Skipped)));
    assert_eq!(iam.now(), Principal::user().but(|alice| alice.set_active(KEY, false)));
}
