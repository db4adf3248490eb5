use crate::key::State;
use crate::release::{begin, given_back};
use crate::{COMMANDS, contain, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::Verification;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

async fn look(aws: &ScriptedAws) -> Verification {
    verify(aws, "one").await.expect("a look")
}

fn any(lines: &[String], what: &str) -> bool {
    lines.iter().any(|line| line.contains(what))
}

/// What somebody does to the key.
type Revert = fn(&mut State);

#[tokio::test]
async fn a_key_that_is_enabled_is_only_looked_at() {
    let (aws, _) = given_back("PendingDeletion").await;
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && check.notes.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_key_that_somebody_takes_away_again_is_given_back_again_and_told_once() {
    let reverts: [(Revert, &str); 2] = [
        (|key| key.state = Some("Disabled"), "the key is disabled; enabled again"),
        (|key| key.state = Some("PendingDeletion"), "the key is scheduled for deletion on 2026-11-27; enabled again"),
    ];
    for (revert, line) in reverts {
        let (aws, key) = given_back("Disabled").await;
        key.change(revert);
        let check = look(&aws).await;
        assert!(check.holds && check.reverted.len() == 1 && any(&check.reverted, line), "{line}: {check:?}");
        assert_eq!(key.now(), Some("Enabled"), "{line}");
        assert_eq!(look(&aws).await.reverted.len(), 1, "{line}: told once");
    }
}

#[tokio::test]
async fn one_old_read_is_no_revert() {
    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.lag = 1);
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_or_given_back_is_a_problem_and_nothing_is_called() {
    let (aws, _) = given_back("Disabled").await;
    aws.always("kms:DescribeKey", error(400, "AccessDeniedException"));
    let check = look(&aws).await;
    assert!(!check.holds && check.reverted.is_empty() && any(&check.problems, COMMANDS[1]), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);

    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.state = Some("Updating"));
    assert_eq!(verify(&aws, "one").await.expect_err("it passes").kind, FaultKind::Transient);

    let states: [(Option<&'static str>, &str); 3] = [
        (Some("PendingImport"), "KEY MATERIAL GONE"),
        (Some("Unavailable"), "KEY STORE DISCONNECTED"),
        (None, "KMS has deleted it"),
    ];
    for (state, words) in states {
        let (aws, key) = given_back("Disabled").await;
        key.change(|key| key.state = state);
        let check = look(&aws).await;
        assert!(!check.holds && any(&check.problems, words), "{words}: {check:?}");
        assert_eq!(aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_enabled_again_is_told() {
    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.state = Some("Disabled"));
    aws.always("kms:EnableKey", error(400, "AccessDeniedException"));
    let check = look(&aws).await;
    assert!(!check.holds && any(&check.reverted, "could not be enabled again"), "{check:?}");
    assert!(any(&check.problems, COMMANDS[1]), "{check:?}");
}

#[tokio::test]
async fn what_a_killed_containment_did_not_come_to_is_made_up_for_and_nobody_reverted_it() {
    let (aws, key) = stage("PendingDeletion").await;
    let killed = aws.kill_at("kms:EnableKey", 1, false, Box::pin(contain(&aws, "one"))).await;
    assert!(killed.is_none() && key.now() == Some("Disabled"));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && key.now() == Some("Enabled"), "{check:?}");
    // From then on it is a revert.
    key.change(|key| key.state = Some("Disabled"));
    let check = look(&aws).await;
    assert!(check.holds && any(&check.reverted, "enabled again") && key.now() == Some("Enabled"), "{check:?}");
}

#[tokio::test]
async fn nothing_is_given_back_while_a_release_is_under_way() {
    let (aws, key) = given_back("Disabled").await;
    let _lease = begin(&aws, "one").await;
    key.change(|key| key.state = Some("Disabled"));
    let check = look(&aws).await;
    assert!(!check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_pause_keeps_a_look_from_enabling_and_people_read_that() {
    let (aws, key) = given_back("Disabled").await;
    room::pause(&aws, None, clock::now()).await;
    key.change(|key| key.state = Some("Disabled"));
    let check = look(&aws).await;
    assert!(!check.holds && any(&check.reverted, "the key is disabled"), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}
