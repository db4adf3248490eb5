//! Names that change hands in the midst of a containment or a look: whoever was hit is free in the end, and the suspect is not.

use crate::iam::Iam;
use crate::principal::{KEY, NAMESAKE_ID, OLD_KEY, Principal, TAGS_AT_MOST, USER, USER_ID, arn};
use crate::renamed::{RENAMED, replace, replaced, suspect, unidentified, victim};
use crate::rows::put_back;
use crate::target::{identified, key, seen_with, user};
use crate::{base, contain, contained, held, kept, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::holders::Holder;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
use quarantine_iam::DENY_ALL;

fn denied(principal: Principal) -> Principal {
    principal.but(|denied| denied.attached.extend([arn(DENY_ALL)]))
}

/// The next run ends with the suspect contained and the victim free.
async fn the_next_run_ends_it(aws: &ScriptedAws, iam: &Iam) {
    let receipt = contain(aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.others()), (Status::Contained, vec![victim()]), "{:?}", receipt.steps);
    assert_eq!(iam.now().untimed(), suspect().denied_by(DENY_ALL, "one"));
}

/// The read falls into the gap between two renames.
#[tokio::test]
async fn a_deny_on_somebody_whom_nobody_saw_is_looked_for_by_the_next_run() {
    let (aws, iam) = replaced().await;
    aws.next("iam:GetUser", error(404, "NoSuchEntity"));
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    assert!(iam.now().attached.contains(&arn(DENY_ALL)), "the suspect is denied meanwhile");
    the_next_run_ends_it(&aws, &iam).await;
}

fn seen_as_the_suspect() -> Answer {
    let named = format!("<Path>/</Path><UserName>{USER}</UserName><UserId>{USER_ID}</UserId>");
    let arn = format!("<Arn>arn:aws:iam::{}:user/{USER}</Arn><CreateDate>2024-05-06T07:08:09Z</CreateDate>", room::ACCOUNT);
    ok(format!("<User>{named}{arn}</User>"))
}

/// An early read shows the suspect, and the writes reach the victim.
#[tokio::test]
async fn nothing_but_the_deny_reaches_whom_one_read_took_for_the_suspect() {
    let (aws, iam) = replaced().await;
    aws.next("iam:GetUser", seen_as_the_suspect());
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    assert_eq!(iam.others(), [denied(victim())], "neither a label nor a key");
    assert_ne!(kept(&aws, "one", &user()).expect("a receipt").status, Status::Contained);
    the_next_run_ends_it(&aws, &iam).await;
}

/// No run comes after the one that was killed.
#[tokio::test]
async fn whoever_a_killed_run_hit_is_told_by_a_look_and_freed_by_a_release() {
    let (aws, iam) = replaced().await;
    let killed = aws.kill_at("iam:AttachUserPolicy", 1, true, contain(&aws, "one", &user())).await;
    assert!(killed.is_none());
    // The write of a process that was killed can still arrive.
    iam.change_others(|others| others[0] = denied(victim()));
    let check = verify(&aws, "one", &user()).await.expect("a look");
    let line = format!("IAM user alice ({NAMESAKE_ID}) has Firebreak's deny, and no incident contains that user");
    assert!(!check.holds && check.problems.contains(&line), "{check:?}");
    put_back(&aws, "one", &user()).await;
    assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]));
}

/// The names swap back before the deny is taken off.
#[tokio::test]
async fn a_deny_that_is_not_where_it_was_seen_is_not_called_taken_off() {
    let (aws, iam) = replaced().await;
    aws.next("iam:DetachUserPolicy", error(404, "NoSuchEntity"));
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    the_next_run_ends_it(&aws, &iam).await;
}

/// Two incidents about one suspect, neither of which has recorded anything.
#[tokio::test]
async fn marks_of_another_incident_about_the_suspect_do_not_keep_the_victim_denied() {
    let (aws, iam) = replaced().await;
    let two = Holder::Own(room::incident("two"));
    room::ledger(&aws).mark_held(held(&user()), &two, clock::now()).await.expect("the ledger takes it");
    the_next_run_ends_it(&aws, &iam).await;

    // A mark by name can be about anybody, until its incident says about whom.
    let (aws, iam) = replaced().await;
    let by_name = unidentified(user());
    room::ledger(&aws).mark_held(held(&by_name), &two, clock::now()).await.expect("the ledger takes it");
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    let off = kept(&aws, "one", &user()).and_then(|receipt| outcome(&receipt.steps, "take-off-deny"));
    assert_eq!(off, Some(Outcome::Failed), "people are told");
    room::ledger(&aws).leave(held(&by_name), &two).await.expect("the ledger takes it");
    the_next_run_ends_it(&aws, &iam).await;
}

/// The names swap between the two reads of a look.
#[tokio::test]
async fn a_look_whose_second_read_shows_somebody_else_writes_on_the_suspect() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let quarantined = iam.now().untimed();
    iam.change(|alice| {
        alice.attached.remove(&arn(DENY_ALL));
    });
    let (names, mut reads) = (iam.clone(), 0);
    aws.on("iam:GetUser", move |_| {
        reads += 1;
        if reads == 2 {
            replace(&names);
        }
        None
    });
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((check.reverted.len(), iam.others()), (1, vec![victim()]), "{check:?}");
    assert_eq!(iam.now().untimed(), quarantined.but(|alice| alice.name = RENAMED.to_owned()));
    let recorded = base(&aws, &user()).await.expect("a base");
    assert_eq!(recorded.deactivated, Principal::user().active(), "no key of the victim's is in the record");
}

/// The user is away for the moment in which the writes arrive.
#[tokio::test]
async fn a_write_that_did_not_find_whom_the_read_showed_is_made_again() {
    let (aws, iam) = stage(Principal::user()).await;
    aws.next("iam:AttachUserPolicy", error(404, "NoSuchEntity"));
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Contained);
    assert_eq!(iam.now().untimed(), Principal::user().denied_by(DENY_ALL, "one"));

    // Without a policy to attach, the user is not tried again for ever: people are told.
    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:AttachUserPolicy", error(404, "NoSuchEntity"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let denied = receipt.steps.iter().find(|step| step.name.as_str() == "attach-deny").and_then(|step| step.error.as_ref());
    assert_eq!(denied.map(|fault| fault.kind), Some(FaultKind::Gone));
    assert!(receipt.status != Status::Contained && iam.now().active().is_empty(), "{receipt:?}");

    for target in [seen_with(KEY, user()), key(KEY)] {
        let (aws, iam) = stage(Principal::user()).await;
        aws.next("iam:UpdateAccessKey", error(404, "NoSuchEntity"));
        let receipt = contain(&aws, "one", &target).await.expect("a receipt");
        let step = outcome(&receipt.steps, &format!("deactivate-key {KEY}"));
        assert_eq!((receipt.status, step), (Status::Contained, Some(Outcome::Applied)), "{target}");
        assert!(!iam.now().active().contains(KEY), "{target}");
    }

    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:UpdateAccessKey", error(404, "NoSuchEntity"));
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect_err("another try").kind, FaultKind::Transient);
    assert!(iam.now().active().contains(KEY));
}

/// A suspect without room for a label takes the name of a second suspect.
#[tokio::test]
async fn whoever_is_contained_without_a_label_keeps_the_deny_under_another_name() {
    let full = Principal::user().but(|alice| {
        alice.tags = (0..TAGS_AT_MOST).map(|n| (format!("theirs-{n}"), "x".to_owned())).collect();
    });
    let (aws, iam) = contained(full, &user()).await;
    iam.change(|alice| alice.name = "bait".to_owned());
    iam.add(victim().but(|second| second.name = "z".to_owned()));
    let contained = iam.now();
    let bait = identified(room::target(TargetKind::IamUser, "bait"), NAMESAKE_ID);
    let receipt = contain(&aws, "two", &bait).await.expect("a receipt");
    let off = outcome(&receipt.steps, "take-off-deny");
    assert_eq!((receipt.status, off, iam.now()), (Status::Contained, Some(Outcome::Skipped), contained));
    assert!(iam.others()[0].active().is_empty() && iam.others()[0].attached.contains(&arn(DENY_ALL)));
}

/// The look that follows a suspect records under the suspect's id.
#[tokio::test]
async fn a_look_at_a_renamed_suspect_leaves_the_record_of_whoever_has_the_name() {
    let (aws, iam) = replaced().await;
    let theirs = identified(user(), NAMESAKE_ID);
    contain(&aws, "two", &theirs).await.expect("a receipt");
    contain(&aws, "one", &user()).await.expect("a receipt");
    iam.change(|alice| alice.set_active(OLD_KEY, true));
    verify(&aws, "one", &user()).await.expect("a look");
    assert!(iam.now().active().is_empty(), "{:?}", iam.now());
    put_back(&aws, "two", &theirs).await;
    assert_eq!(iam.others(), [victim()], "the release knows how the victim was");
    assert!(iam.now().attached.contains(&arn(DENY_ALL)), "and the suspect stays denied");
}
