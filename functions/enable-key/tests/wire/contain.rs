use crate::{COMMANDS, ID, approved, base, contain, function, outcomes, stage, target, told};
use enable_key::BaseState;
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::{Target, TargetKind};
use firebreak::task::Phase;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_key_that_is_to_be_deleted_is_enabled_and_how_it_was_is_recorded_before() {
    for state in ["PendingDeletion", "PendingReplicaDeletion"] {
        let (aws, key) = stage(state).await;
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, key.now()), (Status::Contained, Some("Enabled")), "{receipt:?}");
        let expected = [("cancel-key-deletion", Outcome::Applied), ("enable-key", Outcome::Applied)];
        assert_eq!(outcomes(&receipt.steps), expected);
        assert_eq!(aws.changes(), ["kms:CancelKeyDeletion", "kms:EnableKey"]);
        let calls = aws.calls();
        let recorded =
            calls.iter().position(|call| call.params["Key"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("base")));
        let changed = calls.iter().position(|call| call.operation == "CancelKeyDeletion");
        assert!(recorded.expect("a base") < changed.expect("a change"), "{:?}", aws.changes());
        let BaseState { state: was, deleted_at, origin, multi_region, manager } = base(&aws).await.expect("a base");
        let day = deleted_at.map(|at| at.strftime("%Y-%m-%d").to_string());
        assert_eq!((was.as_str(), multi_region), (state, false));
        assert_eq!(day.as_deref(), (state == "PendingDeletion").then_some("2026-11-27"));
        assert_eq!((origin.as_deref(), manager.as_deref()), (Some("AWS_KMS"), Some("CUSTOMER")));
    }
}

#[tokio::test]
async fn a_key_that_is_only_disabled_is_enabled_with_one_call() {
    let (aws, key) = stage("Disabled").await;
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, key.now()), (Status::Contained, Some("Enabled")));
    assert_eq!(outcomes(&receipt.steps), [("enable-key", Outcome::Applied)]);
    assert_eq!(aws.changes(), ["kms:EnableKey"]);
}

#[tokio::test]
async fn a_key_that_is_enabled_already_is_not_touched_and_a_second_run_changes_nothing() {
    let (aws, _) = stage("Enabled").await;
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, outcomes(&receipt.steps)), (Status::Contained, vec![("enable-key", Outcome::Already)]));
    assert_eq!(aws.changes(), [""; 0]);

    let (aws, _) = stage("PendingDeletion").await;
    contain(&aws, "one").await.expect("a receipt");
    let first = base(&aws).await;
    aws.forget();
    let again = contain(&aws, "one").await.expect("a receipt");
    let expected = vec![("cancel-key-deletion", Outcome::Already), ("enable-key", Outcome::Already)];
    assert_eq!((again.status, outcomes(&again.steps), aws.changes()), (Status::Contained, expected, vec![]));
    assert_eq!(base(&aws).await, first, "what Firebreak gave back is no base");
}

#[tokio::test]
async fn without_an_approval_nothing_is_called() {
    let (aws, key) = stage("PendingDeletion").await;
    let request = room::request(Phase::Contain, "one", target());
    let refused = Box::pin(function(&aws).handle(request)).await.expect_err("it needs an approval");
    assert_eq!((refused.kind, key.now()), (FaultKind::Bug, Some("PendingDeletion")));
    assert_eq!((aws.changes(), base(&aws).await), (vec![], None));
}

#[tokio::test]
async fn what_is_no_id_of_a_key_is_refused_before_kms_is_asked() {
    let (aws, _) = stage("Disabled").await;
    for id in ["alias/prod", "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab", ""] {
        let odd = room::target(TargetKind::KmsKey, id);
        let refused = Box::pin(function(&aws).handle(approved("one", odd))).await.expect_err("no key");
        assert_eq!(refused.kind, FaultKind::Malformed, "{id}");
    }
    let bucket = Target { kind: TargetKind::S3Bucket, ..target() };
    assert!(Box::pin(function(&aws).handle(approved("one", bucket))).await.is_err());
    assert!(aws.calls().iter().all(|call| call.service != "kms"));
}

#[tokio::test]
async fn a_key_policy_that_leaves_nothing_to_iam_refuses_and_its_administrators_have_the_commands() {
    for (action, state, deleted) in [
        ("kms:DescribeKey", "PendingDeletion", Some("PendingDeletion")),
        ("kms:CancelKeyDeletion", "PendingDeletion", Some("PendingDeletion")),
        ("kms:EnableKey", "PendingDeletion", Some("Disabled")),
        ("kms:EnableKey", "Disabled", Some("Disabled")),
    ] {
        let (aws, key) = stage(state).await;
        aws.always(action, error(400, "AccessDeniedException"));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert!(matches!(receipt.status, Status::Failed | Status::Partial), "{action}: {receipt:?}");
        let says = told(&receipt.steps);
        assert!(COMMANDS.iter().all(|command| says.contains(command)), "{action}: {says}");
        assert_eq!(key.now(), deleted, "{action}");
        let enabled = receipt.steps.iter().find(|step| step.name.as_str() == "enable-key").expect("a step");
        let why = enabled.error.as_ref().expect("a reason");
        assert_eq!((enabled.outcome, why.kind), (Outcome::Failed, FaultKind::Denied), "{action}");
    }
}

#[tokio::test]
async fn a_run_that_was_killed_between_both_calls_is_ended_by_the_next_one() {
    for (action, after) in [("kms:CancelKeyDeletion", true), ("kms:EnableKey", false), ("kms:EnableKey", true)] {
        let (aws, key) = stage("PendingDeletion").await;
        let killed = aws.kill_at(action, 1, after, Box::pin(contain(&aws, "one"))).await;
        assert!(killed.is_none() && key.now() != Some("PendingDeletion"), "{action} {after}");
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, key.now()), (Status::Contained, Some("Enabled")), "{action} {after}: {receipt:?}");
        assert_eq!(base(&aws).await.expect("a base").state, "PendingDeletion", "{action} {after}");
    }
}

#[tokio::test]
async fn deleted_key_material_is_said_and_no_call_pretends_to_bring_it_back() {
    let (aws, key) = stage("PendingImport").await;
    key.change(|key| key.origin = "EXTERNAL");
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let says = told(&receipt.steps);
    assert_eq!((receipt.status, aws.changes()), (Status::Failed, vec![]), "{receipt:?}");
    for words in ["KMSInvalidStateException", "PendingImport", "AWS has no copy", "aws kms import-key-material"] {
        assert!(says.contains(words), "{words}: {says}");
    }
    // Scheduled for deletion as well: the day is gained, the key is not.
    let (aws, key) = stage("PendingDeletion").await;
    key.change(|key| (key.origin, key.has_material) = ("EXTERNAL", false));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, key.now()), (Status::Partial, Some("PendingImport")), "{receipt:?}");
    let expected = [("cancel-key-deletion", Outcome::Applied), ("enable-key", Outcome::Failed)];
    assert_eq!(outcomes(&receipt.steps), expected);
    assert!(told(&receipt.steps).contains("KEY MATERIAL GONE"), "{}", told(&receipt.steps));
}

#[tokio::test]
async fn a_key_behind_a_disconnected_store_and_a_state_that_nobody_knows_are_said_and_passing_states_are_tried_again() {
    for (state, words) in [("Unavailable", "connect-custom-key-store"), ("EnabledSoon", "EnabledSoon")] {
        let (aws, _) = stage(state).await;
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, aws.changes()), (Status::Failed, vec![]), "{state}");
        assert!(told(&receipt.steps).contains(words), "{}", told(&receipt.steps));
    }
    for state in ["Creating", "Updating"] {
        let (aws, key) = stage(state).await;
        let passing = contain(&aws, "one").await.expect_err("it passes");
        assert_eq!(passing.kind, FaultKind::Transient, "{state}");
        key.change(|key| key.state = Some("Disabled"));
        assert_eq!(contain(&aws, "one").await.expect("a receipt").status, Status::Contained, "{state}");
    }
}

#[tokio::test]
async fn a_key_that_kms_has_deleted_is_gone_and_one_of_another_account_is_no_answer() {
    let (aws, key) = stage("PendingDeletion").await;
    key.change(|key| key.state = None);
    let gone = contain(&aws, "one").await.expect_err("no key");
    assert!(gone.kind == FaultKind::Gone && gone.message.contains(ID), "{gone:?}");
    assert_eq!((aws.changes(), base(&aws).await), (vec![], None));

    let (aws, key) = stage("PendingDeletion").await;
    key.change(|key| "444455556666".clone_into(&mut key.account));
    let foreign = contain(&aws, "one").await.expect_err("another's key");
    assert_eq!((foreign.kind, aws.changes()), (FaultKind::Malformed, vec![]));
}

#[tokio::test]
async fn a_key_that_aws_administers_is_spared() {
    let (aws, key) = stage("Enabled").await;
    key.change(|key| key.manager = "AWS");
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes(), base(&aws).await), (Status::Skipped, vec![], None), "{receipt:?}");
}

#[tokio::test]
async fn a_kms_that_throttles_is_asked_again_and_never_said_to_have_done_it() {
    for action in ["kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey"] {
        let (aws, key) = stage("PendingDeletion").await;
        aws.always(action, error(400, "ThrottlingException"));
        let passing = contain(&aws, "one").await.expect_err("the state machine tries again");
        assert_eq!(passing.kind, FaultKind::Transient, "{action}");
        aws.mend();
        assert_eq!(contain(&aws, "one").await.expect("a receipt").status, Status::Contained, "{action}");
        assert_eq!(key.now(), Some("Enabled"), "{action}");
    }
}

#[tokio::test]
async fn only_a_read_that_shows_the_key_enabled_is_believed() {
    // KMS shows the old state for a while.
    let (aws, key) = stage("Disabled").await;
    key.change(|key| key.lag = 2);
    assert_eq!(contain(&aws, "one").await.expect("a receipt").status, Status::Contained);
    assert_eq!(key.now(), Some("Enabled"));
    // And for longer than anybody waits.
    let (aws, key) = stage("Disabled").await;
    key.change(|key| key.lag = 100);
    let behind = contain(&aws, "one").await.expect_err("nobody has seen it enabled");
    assert!(behind.kind == FaultKind::Transient && behind.message.contains("disabled"), "{behind:?}");
}

#[tokio::test]
async fn without_a_record_nothing_is_changed() {
    let (aws, key) = stage("PendingDeletion").await;
    aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, key.now(), aws.changes()), (Status::Failed, Some("PendingDeletion"), vec![]), "{receipt:?}");
}
