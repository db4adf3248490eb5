//! Several rows about one principal, and several principals under one name: every order of releases puts each of them back.

use crate::principal::{KEY, NAMESAKE_ID, Principal, USER_ID, arn};
use crate::release::{is_done, release};
use crate::renamed::{RENAMED, replace, replaced, suspect, unidentified, victim};
use crate::target::{identified, seen_with, session, user};
use crate::{base, contain, contained, held, outcome, stage, verify};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::FaultKind;
use firebreak::holders::{Holder, Holders};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Outcome, Status};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::{RawEvent, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{BaseState, DENY_ALL};

/// Ends what an incident holds, as the function `release` does once the target is back.
pub(crate) async fn end(aws: &ScriptedAws, incident: &str, target: &Target) {
    let (ledger, id) = (room::ledger(aws), room::incident(incident));
    // The rows of the ids that were seen are marked, too.
    let known = [USER_ID, NAMESAKE_ID].map(|id| Target { by_identity: true, ..identified(target.clone(), id) });
    for row in [target].into_iter().chain(known.iter().filter(|_| target.kind == TargetKind::IamUser)) {
        let claim = ledger.begin_release::<BaseState>(held(row), &Holders::of(&id), clock::now()).await.expect("a claim");
        if let ReleaseClaim::Ours { lease, .. } = claim {
            ledger.end_release(held(row), &lease, clock::now()).await.expect("the ledger answers");
        }
    }
}

/// Releases a target and ends the hold.
pub(crate) async fn put_back(aws: &ScriptedAws, incident: &str, target: &Target) {
    let steps = release(aws, incident, target).await.expect("a release");
    assert!(is_done(&steps), "{incident}: {steps:?}");
    end(aws, incident, target).await;
}

/// One incident about the suspect who gave the name away, one about whoever has the name.
#[tokio::test]
async fn two_principals_of_one_name_are_put_back_in_every_order() {
    let target = |incident: &str| if incident == "one" { user() } else { identified(user(), NAMESAKE_ID) };
    let orders = [["one", "two"], ["two", "one"]];
    for contained in orders {
        for released in orders {
            let (aws, iam) = replaced().await;
            for incident in contained {
                let receipt = contain(&aws, incident, &target(incident)).await.expect("a receipt");
                assert_eq!(receipt.status, Status::Contained, "{incident}: {:?}", receipt.steps);
            }
            let [first, last] = released;
            put_back(&aws, first, &target(first)).await;
            let stays = if first == "one" { iam.others()[0].clone() } else { iam.now() };
            assert!(stays.attached.contains(&arn(DENY_ALL)) && stays.active().is_empty(), "{contained:?} {released:?}");
            put_back(&aws, last, &target(last)).await;
            assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]), "{contained:?} {released:?}");
        }
    }
}

/// A later finding knows the suspect under the new name.
#[tokio::test]
async fn two_names_of_one_principal_are_one_row() {
    let later = Target { id: RENAMED.to_owned(), ..user() };
    let (aws, iam) = contained(Principal::user(), &user()).await;
    iam.change(|alice| alice.name = RENAMED.to_owned());
    assert_eq!(contain(&aws, "two", &later).await.expect("a receipt").status, Status::Contained);
    let one = room::incident("one");
    let claim = room::ledger(&aws).begin_release::<BaseState>(held(&user()), &Holders::of(&one), clock::now()).await;
    assert!(matches!(claim, Ok(ReleaseClaim::StillHeld { .. })), "{claim:?}");
    put_back(&aws, "two", &later).await;
    assert_eq!(iam.now(), suspect());
}

/// An incident of an earlier version has its row by the name, as its finding spelled it.
#[tokio::test]
async fn a_row_by_name_and_one_by_id_hand_the_base_over_until_nobody_holds_the_principal() {
    let before = Principal::user().but(|alice| alice.name = "Alice".to_owned());
    let new = identified(room::target(TargetKind::IamUser, "Alice"), &before.id);
    let old = new.as_spelled();
    for released in [[("one", &old), ("two", &new)], [("two", &new), ("one", &old)]] {
        let (aws, iam) = contained(before.clone(), &old).await;
        contain(&aws, "two", &new).await.expect("a receipt");
        let (quarantined, [(first, its), (last, left)]) = (iam.now(), released);
        let steps = release(&aws, first, its).await.expect("a release");
        assert!(steps.is_empty(), "{first}: {steps:?}");
        assert_eq!(iam.now(), quarantined, "{first}");
        end(&aws, first, its).await;
        assert_eq!(base(&aws, left).await.expect("a base").deactivated, before.active(), "{first}");
        put_back(&aws, last, left).await;
        assert_eq!(iam.now(), before, "{first}");
    }
}

/// What was made between the two containments is exposed, whichever row is released first.
#[tokio::test]
async fn a_key_that_was_made_between_two_rows_is_never_made_active() {
    let (old, made) = (user().as_spelled(), "AKIAEXAMPLEEXAMPLE03");
    let before = unidentified(old);
    let (aws, iam) = contained(Principal::user(), &before).await;
    let replace = |alice: &mut Principal, active| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, active);
    };
    iam.change(|alice| replace(alice, true));
    contain(&aws, "two", &user()).await.expect("a receipt");
    put_back(&aws, "one", &before).await;
    put_back(&aws, "two", &user()).await;
    assert_eq!(iam.now(), Principal::user().but(|alice| replace(alice, false)));
}

/// Two releases at once must not each leave the principal to the other one.
#[tokio::test]
async fn a_row_that_is_being_released_is_waited_for() {
    let by_name = unidentified(user());
    let (aws, iam) = contained(Principal::user(), &by_name).await;
    contain(&aws, "two", &user()).await.expect("a receipt");
    let (quarantined, one, two) = (iam.now(), room::incident("one"), room::incident("two"));
    // An earlier version set no mark by the id.
    let let_go = room::ledger(&aws).begin_release::<BaseState>(held(&user()), &Holders::of(&one), clock::now()).await;
    assert!(matches!(let_go, Ok(ReleaseClaim::StillHeld { .. })), "{let_go:?}");
    let claim = room::ledger(&aws).begin_release::<BaseState>(held(&user()), &Holders::of(&two), clock::now()).await;
    assert!(matches!(claim, Ok(ReleaseClaim::Ours { .. })), "{claim:?}");
    assert_eq!(release(&aws, "one", &by_name).await.expect_err("another try").kind, FaultKind::Transient);
    assert_eq!(iam.now(), quarantined);
}

/// The receipt of the previous version says nothing of whom the deny hit.
#[tokio::test]
async fn whoever_an_earlier_version_hit_is_freed_whatever_its_receipt_says() {
    let (aws, iam) = stage(suspect()).await;
    iam.add(victim().but(|victim| victim.attached.extend([arn(DENY_ALL)])));
    let (old, one) = (user().as_spelled(), Holder::Own(room::incident("one")));
    room::ledger(&aws).mark_held(held(&old), &one, clock::now()).await.expect("the ledger takes it");
    put_back(&aws, "one", &old).await;
    assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]));
}

/// Nobody is gone because of a rename, or because nobody may say so.
#[tokio::test]
async fn a_user_who_is_renamed_during_a_release_is_not_gone() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    replace(&iam);
    let names = iam.clone();
    aws.on("iam:GetUser", move |call| {
        if call.param("UserName") == RENAMED {
            names.change(|alice| alice.name = "alice-3".to_owned());
        }
        None
    });
    assert_eq!(release(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    put_back(&aws, "one", &user()).await;
    assert_eq!(iam.now(), Principal::user().but(|alice| alice.name = "alice-3".to_owned()));

    let (aws, _) = stage(suspect()).await;
    let (target, one) = (unidentified(seen_with(KEY, user())), Holder::Own(room::incident("one")));
    room::ledger(&aws).mark_held(held(&target), &one, clock::now()).await.expect("the ledger takes it");
    aws.always("iam:GetAccessKeyLastUsed", error(403, "AccessDenied"));
    assert_eq!(release(&aws, "one", &target).await.expect_err("nobody can tell").kind, FaultKind::Denied);
}

/// Somebody labels the victim before the suspect gives the name away.
#[tokio::test]
async fn a_label_that_somebody_set_in_advance_goes_with_the_deny() {
    let (aws, iam) = stage(suspect()).await;
    iam.add(victim().but(|victim| {
        victim.tags.insert("firebreak-state".to_owned(), "quarantined".to_owned());
    }));
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Partial);
    put_back(&aws, "one", &user()).await;
    assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]));
}

/// The role was deleted and made anew, and a session of the new one is denied.
#[tokio::test]
async fn the_release_of_a_session_of_a_deleted_role_lets_nobody_of_the_new_one_in() {
    let (aws, iam) = stage(Principal::role()).await;
    let gone = identified(session("first"), "AROAEXAMPLEEXAMPLE77");
    contain(&aws, "one", &gone).await.expect("a receipt");
    assert_eq!(contain(&aws, "two", &session("second")).await.expect("a receipt").status, Status::Contained);
    let denied = iam.now();
    put_back(&aws, "one", &gone).await;
    assert_eq!(iam.now(), denied);
}

/// The record of a finding without an id goes by name. Whoever had the name before, and is held, keeps that record.
#[tokio::test]
async fn a_finding_without_an_id_does_not_replace_the_record_of_a_renamed_user() {
    let theirs = identified(user(), NAMESAKE_ID);
    let by_name = unidentified(user());
    let (aws, iam) = contained(Principal::user(), &by_name).await;
    replace(&iam);
    let receipt = contain(&aws, "two", &by_name).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "record-base")), (Status::Contained, Some(Outcome::Applied)));
    assert_eq!(base(&aws, &by_name).await.expect("a base").principal_id, Principal::user().id);
    assert_eq!(base(&aws, &theirs).await.expect("a base").principal_id, NAMESAKE_ID, "under its id");
    assert!(verify(&aws, "two", &by_name).await.expect("a look").holds, "a look finds that row");
    put_back(&aws, "two", &theirs).await;
    assert_eq!(iam.others(), [victim()]);
    assert!(iam.now().attached.contains(&arn(DENY_ALL)), "the first one stays contained");
    put_back(&aws, "one", &by_name).await;
    assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]));
}

/// The suspect is contained by name, renamed, and contained under the new name, too.
#[tokio::test]
async fn a_row_under_a_former_name_is_everybody_s_sibling() {
    let (by_name, later) = (unidentified(user()), Target { id: RENAMED.to_owned(), ..user() });
    for [first, last] in [["one", "two"], ["two", "one"]] {
        let (aws, iam) = contained(Principal::user(), &by_name).await;
        iam.change(|alice| alice.name = RENAMED.to_owned());
        contain(&aws, "two", &later).await.expect("a receipt");
        let (quarantined, target) = (iam.now(), |incident: &str| if incident == "one" { &by_name } else { &later });
        put_back(&aws, first, target(first)).await;
        assert_eq!(iam.now(), quarantined, "{first} lets go");
        put_back(&aws, last, target(last)).await;
        assert_eq!(iam.now(), suspect(), "{last} puts it back");
    }
}

/// Whom another incident contains by a former name takes the name that the suspect of this one gave up.
#[tokio::test]
async fn a_release_frees_nobody_whom_another_incident_contains_by_a_former_name() {
    let bob = || victim().but(|bob| bob.name = "bob".to_owned());
    let by_name = room::target(TargetKind::IamUser, "bob");
    for is_marked in [true, false] {
        let (aws, iam) = contained(Principal::user(), &user()).await;
        iam.add(bob());
        contain(&aws, "two", &by_name).await.expect("a receipt");
        if !is_marked {
            // As an earlier version left it: only the label tells.
            let (two, by_id) = (room::incident("two"), identified(by_name.clone(), NAMESAKE_ID));
            let claim = room::ledger(&aws).begin_release::<BaseState>(held(&by_id), &Holders::of(&two), clock::now()).await;
            let Ok(ReleaseClaim::Ours { lease, .. }) = claim else { unreachable!("a mark") };
            room::ledger(&aws).end_release(held(&by_id), &lease, clock::now()).await.expect("the ledger answers");
            open(&aws, "two", &by_name).await;
        }
        iam.change(|alice| alice.name = RENAMED.to_owned());
        iam.change_others(|others| others[0].name = "alice".to_owned());
        let theirs = iam.others();
        put_back(&aws, "one", &user()).await;
        assert_eq!((iam.now(), iam.others()), (suspect(), theirs), "marked: {is_marked}");
    }
}

/// The ledger knows the incident and what it decided.
async fn open(aws: &ScriptedAws, incident: &str, target: &Target) {
    let decision = Decision::new(target.clone(), Some(Containment::QuarantineIam), Mode::Auto, "a finding");
    let opened = Incident { decisions: vec![decision], ..room::opened(incident) };
    let opened = room::ledger(aws).open_incident(&opened, IncidentStatus::AwaitingReview, &RawEvent::Inline("{}")).await;
    opened.expect("the ledger takes it");
}

/// A release of another row that has just ended can have been half way while the state was read.
#[tokio::test]
async fn a_row_that_was_released_a_moment_ago_is_no_base_for_another_one() {
    let (aws, _) = stage(Principal::user()).await;
    let by_name = unidentified(user());
    let (ledger, one) = (room::ledger(&aws), room::incident("one"));
    ledger.mark_held(held(&by_name), &Holder::Own(one.clone()), clock::now()).await.expect("the ledger takes it");
    let claim = ledger.begin_release::<BaseState>(held(&by_name), &Holders::of(&one), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { unreachable!("no other incident holds it") };
    assert_eq!(contain(&aws, "two", &user()).await.expect_err("being released").kind, FaultKind::Transient);
    ledger.end_release(held(&by_name), &lease, clock::now()).await.expect("the ledger takes it");
    assert_eq!(contain(&aws, "two", &user()).await.expect_err("just released").kind, FaultKind::Transient);
    assert_eq!(base(&aws, &user()).await, None, "nothing was recorded");
}
