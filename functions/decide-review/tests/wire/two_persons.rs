//! Answers that two persons must give.

use crate::parts::waiting;
use crate::stage::{TOKEN, arn, caller, decision, gate, stage};
use decide_review::{Approvers, Function};
use firebreak::answer::{Answer, Targets};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::policy::{Back, Needs, TwoPersons};
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak::target::TargetKind;
use firebreak::two_persons::Asked;
use firebreak_aws::clock;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::{ScriptedAws, TABLE};
use serde_json::json;

/// Two persons for approvals that quarantine, and for releases.
fn terms() -> TwoPersons {
    TwoPersons::of([Needs::Approval(Containment::QuarantineIam), Needs::Back(Back::Release)])
}

/// A decision that waits for an approval.
async fn waits(aws: &ScriptedAws, containment: &str, kind: TargetKind, id: &str) {
    let target = room::target(kind, id);
    let decided = json!({ "target": target, "containment": containment, "mode": Mode::Gate, "reason": "found" });
    let decided: Decision = serde_json::from_value(decided).expect("a decision");
    let (ledger, incident) = (room::ledger(aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&incident, |incident| incident.decisions.push(decided.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
}

async fn answer(aws: &ScriptedAws, by: &str, answer: Answer) -> Result<DecideOutcome, Fault> {
    let function = Function::new(&aws.aws(), room::ledger(aws), Approvers::default()).with(terms(), "");
    let request = DecideRequest::new(room::incident("one"), answer, "it was looked into");
    Box::pin(function.handle(&caller("FirebreakApprover", by), request)).await
}

#[tokio::test]
async fn the_same_answer_of_another_person_counts_and_names_both() {
    let (aws, execution) = stage().await;
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
    let first = answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
    assert!(matches!(&first, DecideOutcome::NeedsSecond { asked, first_by, first_comment: Some(_), .. }
            if asked == "approve" && *first_by == arn("ann")));
    let again = answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
    assert_eq!((&again, execution.taken().len(), gate(&aws).await.decision), (&first, 0, None), "nothing is handed over");
    let taken = answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
    let said = decision(&taken);
    assert_eq!((said.by.clone(), said.first_by.clone()), (arn("carol"), Some(arn("ann"))));
    assert_eq!(execution.taken(), std::slice::from_ref(said));
}

#[tokio::test]
async fn one_person_under_two_roles_is_one_and_another_answer_waits_beside() {
    let (aws, execution) = stage().await;
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
    let first = answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
    let function = Function::new(&aws.aws(), room::ledger(&aws), Approvers::parse("*")).with(terms(), "");
    let request = DecideRequest::new(room::incident("one"), Answer::Approve, "it was looked into");
    let same = Box::pin(function.handle(&caller("AWSReservedSSO_Admin_0123456789abcdef", "ann"), request)).await;
    assert_eq!(same.expect("an outcome"), first, "another role makes no other person");
    let other = answer(&aws, "carol", Answer::Release).await.expect("an outcome");
    assert!(
        matches!(&other, DecideOutcome::NeedsSecond { asked, first_by, .. } if asked == "release" && *first_by == arn("carol")),
        "{other:?}"
    );
    assert!(execution.taken().is_empty() && gate(&aws).await.task_token == TOKEN);
    let taken = answer(&aws, "dave", Answer::Approve).await.expect("an outcome");
    assert_eq!(decision(&taken).first_by, Some(arn("ann")), "another wish keeps nobody from it");
}

#[tokio::test]
async fn who_asks_for_something_else_takes_the_first_wish_back() {
    let (aws, execution) = stage().await;
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
    for said in [Answer::Approve, Answer::Release] {
        answer(&aws, "ann", said).await.expect("an outcome");
    }
    let waits = answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
    assert!(matches!(&waits, DecideOutcome::NeedsSecond { first_by, .. } if *first_by == arn("carol")), "{waits:?}");
    assert!(execution.taken().is_empty());
    let taken = answer(&aws, "dave", Answer::Release).await.expect("an outcome");
    assert_eq!(decision(&taken).first_by, Some(arn("ann")));
}

#[tokio::test]
async fn a_wish_of_an_earlier_version_counts_and_one_of_a_suspect_does_not() {
    let asked = |by: &str| Asked::new("approve", &arn(by), "it was looked into", clock::now());
    for (by, first_by) in [("ann", Some(arn("ann"))), ("mallory", None)] {
        let (aws, _execution) = stage().await;
        waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
        // Its row has this name, whatever was asked for.
        let item = json!({ "pk": { "S": format!("incident#{}", room::incident("one")) }, "sk": { "S": "second#review" },
            "doc": { "S": serde_json::to_string(&asked(by)).expect("JSON") } });
        let mut table = aws.table();
        assert!(table.call("PutItem", &json!({ "TableName": TABLE, "Item": item })).is_ok());
        aws.replace_table(table);
        suspects(&aws, "mallory").await;
        let said = answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
        let taken = matches!(said, DecideOutcome::Accepted { .. }).then(|| decision(&said).first_by.clone()).flatten();
        assert_eq!(taken, first_by, "{said:?}");
    }
}

#[tokio::test]
async fn a_wish_of_one_who_is_a_suspect_by_now_does_not_count() {
    let (aws, execution) = stage().await;
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
    answer(&aws, "mallory", Answer::Approve).await.expect("nobody suspects mallory yet");
    suspects(&aws, "mallory").await;
    let waits = answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
    assert!(matches!(&waits, DecideOutcome::NeedsSecond { first_by, .. } if *first_by == arn("carol")), "{waits:?}");
    assert!(execution.taken().is_empty());
    let taken = answer(&aws, "dave", Answer::Approve).await.expect("an outcome");
    assert_eq!(decision(&taken).first_by, Some(arn("carol")));
}

/// A finding names a user of the account of those who answer.
async fn suspects(aws: &ScriptedAws, user: &str) {
    let target =
        json!({ "kind": "iam-user", "id": user, "account": "123456789012", "region": "eu-central-1", "partition": "aws" });
    let decided = json!({ "target": target, "containment": "isolate-ec2", "mode": "gate", "reason": "why" });
    let decided: Decision = serde_json::from_value(decided).expect("a decision");
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(decided.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
}

/// A suspect can make namesakes, and each makes the name longer that the second person is offered.
#[tokio::test]
async fn the_second_person_can_call_the_same_target_by_another_name() {
    let (aws, execution) = waiting(&[room::target(TargetKind::IamRole, "ci"), room::target(TargetKind::IamUser, "web")]).await;
    let approve = async |by: &str, name: &str| {
        let function = Function::new(&aws.aws(), room::ledger(&aws), Approvers::default()).with(terms(), "");
        let targets = Targets { only: vec![name.to_owned()], ..Targets::default() };
        let request = DecideRequest::new(room::incident("one"), Answer::Approve, "it was looked into");
        Box::pin(function.handle(&caller("FirebreakApprover", by), DecideRequest { targets, ..request })).await
    };
    let waits_for = |said: Result<DecideOutcome, Fault>| match said.expect("an outcome") {
        DecideOutcome::NeedsSecond { asked, first_by, .. } => (asked, first_by),
        other => panic!("{other:?}"),
    };
    let first = ("approve --only ci".to_owned(), arn("ann"));
    assert_eq!(waits_for(approve("ann", "IAM role ci").await), first);
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "ci").await;
    assert_eq!(approve("carol", "ci").await.expect_err("two have this name").kind, FaultKind::Malformed);
    assert_eq!(waits_for(approve("ann", "IAM role ci").await), first, "it is the wish that waits");
    let other = waits_for(approve("dave", "web").await);
    assert_eq!((other.1, execution.taken().len()), (arn("dave"), 0), "another target is another wish");
    let taken = approve("carol", "IAM role ci").await.expect("an outcome");
    let said = decision(&taken);
    assert_eq!((said.first_by.clone(), said.targets.only.clone()), (Some(arn("ann")), vec!["IAM role ci".to_owned()]));
}

#[tokio::test]
async fn what_no_policy_names_needs_one_person() {
    let (aws, execution) = stage().await;
    waits(&aws, "isolate-ec2", TargetKind::Ec2Instance, "i-0123456789abcdef0").await;
    let taken = answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
    assert_eq!((decision(&taken).first_by.clone(), execution.taken().len()), (None, 1));
}

#[tokio::test]
async fn both_persons_answer_for_what_both_were_shown() {
    let (aws, execution) = stage().await;
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
    let shown = |revision| firebreak::revision::Shown { digest: None, revision };
    let ticket = async |revision| {
        let (ledger, message) = (room::ledger(&aws), crate::stage::message());
        let out = Box::pin(ledger.ticket_is_out(&message, &shown(revision), message.entered_at)).await;
        out.expect("the ledger takes it");
    };
    ticket(1).await;
    answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
    waits(&aws, "quarantine-iam", TargetKind::IamUser, "dave").await;
    ticket(2).await;
    answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
    assert_eq!(execution.taken()[0].covers, Some(1), "ann has not seen dave");
}

#[tokio::test]
async fn a_suspect_answers_nothing_and_who_asked_for_it_only_takes_it_back() {
    let (aws, execution) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let target =
        json!({ "kind": "iam-user", "id": "mallory", "account": "123456789012", "region": "eu-central-1", "partition": "aws" });
    let mallory = json!({ "target": target, "containment": "isolate-ec2", "mode": "gate", "reason": "why" });
    let mallory: Decision = serde_json::from_value(mallory).expect("a decision");
    let amended = Box::pin(ledger.amend(&id, |incident| {
        incident.decisions.push(mallory.clone());
        incident.finding.requested_by = Some("ann".to_owned());
    }))
    .await;
    amended.expect("the ledger takes it").expect("an incident");
    let function = Function::new(&aws.aws(), room::ledger(&aws), Approvers::default());
    let ask = async |by: &str, answer| {
        let request = DecideRequest::new(room::incident("one"), answer, "it was looked into");
        Box::pin(function.handle(&caller("FirebreakApprover", by), request)).await
    };
    for (by, answer) in [("mallory", Answer::Approve), ("mallory", Answer::Release), ("ann", Answer::Approve)] {
        let refused = ask(by, answer).await.expect_err(by);
        assert_eq!((refused.kind, execution.taken().len()), (FaultKind::Denied, 0), "{by}: {refused:?}");
    }
    assert_eq!(decision(&ask("ann", Answer::Release).await.expect("an outcome")).answer, Answer::Release);
}

#[tokio::test]
async fn however_a_call_breaks_the_answer_of_two_is_taken_once_and_names_both() {
    let half = async || {
        let (aws, execution) = stage().await;
        waits(&aws, "quarantine-iam", TargetKind::IamUser, "bob").await;
        answer(&aws, "ann", Answer::Approve).await.expect("an outcome");
        aws.forget();
        (aws, execution)
    };
    let calls = {
        let (aws, _execution) = half().await;
        answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, execution) = Box::pin(half()).await;
        how.run(&aws, point, answer(&aws, "carol", Answer::Approve)).await;
        aws.mend();
        answer(&aws, "carol", Answer::Approve).await.expect("an outcome");
        let recorded = gate(&aws).await.decision.expect("a recorded answer");
        assert_eq!(recorded.first_by, Some(arn("ann")), "{point:?} {how:?}");
        assert_eq!(execution.taken(), [recorded], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("decide-review, two persons: {tried} broken calls");
}
