//! The way back of a closed incident: who may ask, what is recorded, and what begins.

use crate::stage::caller;
use decide_review::{Approvers, Function};
use firebreak::decision::Decision;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::TwoPersons;
use firebreak::restore::{Restore, RestoreEnd, RestoreOutcome, RestoreRequest};
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_ledger::RawEvent;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:firebreak-restore";

/// The state machine that puts closed incidents back, as Step Functions shows it: each execution by name, with its input and status.
#[derive(Clone, Default)]
struct Machine(Arc<Mutex<BTreeMap<String, (String, &'static str)>>>);

impl Machine {
    fn start(aws: &ScriptedAws) -> Self {
        let machine = Self::default();
        let served = machine.clone();
        aws.on("states:*", move |call| served.serve(call));
        machine
    }

    fn executions(&self) -> MutexGuard<'_, BTreeMap<String, (String, &'static str)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of what was started.
    fn names(&self) -> Vec<String> {
        self.executions().keys().cloned().collect()
    }

    /// What the first execution began with.
    fn input(&self) -> Value {
        let executions = self.executions();
        let (input, _) = executions.values().next().expect("an execution");
        serde_json::from_str(input).expect("JSON")
    }

    /// Every execution breaks down.
    fn fails(&self) {
        self.executions().values_mut().for_each(|(_, status)| *status = "FAILED");
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        let mut executions = self.executions();
        match call.operation.as_str() {
            "StartExecution" => {
                assert_eq!(call.param("stateMachineArn"), MACHINE);
                let (name, input) = (call.param("name").to_owned(), call.param("input").to_owned());
                if executions.get(&name).is_some_and(|(known, status)| *status != "RUNNING" || *known != input) {
                    return Some(error(400, "ExecutionAlreadyExists"));
                }
                let arn = format!("{}:{name}", MACHINE.replace(":stateMachine:", ":execution:"));
                executions.insert(name, (input, "RUNNING"));
                Some(ok(json!({ "executionArn": arn, "startDate": 1.5e9 }).to_string()))
            }
            "DescribeExecution" => {
                let arn = call.param("executionArn");
                let name = arn.rsplit(':').next().unwrap_or_default();
                Some(executions.get(name).map_or_else(
                    || error(400, "ExecutionDoesNotExist"),
                    |(_, status)| {
                        let shown =
                            json!({ "executionArn": arn, "stateMachineArn": MACHINE, "status": status, "startDate": 1.5e9 });
                        ok(shown.to_string())
                    },
                ))
            }
            _ => None,
        }
    }
}

/// An incident of this status, and the state machine.
async fn stage(incident: Incident, status: IncidentStatus) -> (ScriptedAws, Machine) {
    let aws = ScriptedAws::start().await.expect("a port");
    let machine = Machine::start(&aws);
    let ledger = room::ledger(&aws);
    let opened = Box::pin(ledger.open_incident(&incident, status, &RawEvent::Inline("{}"))).await;
    opened.expect("the ledger takes it");
    aws.forget();
    (aws, machine)
}

async fn closed() -> (ScriptedAws, Machine) {
    stage(room::opened("one"), IncidentStatus::Closed).await
}

/// Somebody asks, under these terms.
async fn ask_under(aws: &ScriptedAws, terms: TwoPersons, by: &str) -> Result<RestoreOutcome, Fault> {
    let function = Function::new(&aws.aws(), room::ledger(aws), Approvers::default()).with(terms, MACHINE);
    let request = RestoreRequest::new(room::incident("one"), "the user was rotated");
    Box::pin(function.restore(&caller("FirebreakAnalyst", by), &request)).await
}

async fn ask(aws: &ScriptedAws, by: &str) -> Result<RestoreOutcome, Fault> {
    ask_under(aws, TwoPersons::default(), by).await
}

/// One person is enough.
async fn ask_alone(aws: &ScriptedAws, by: &str) -> Result<RestoreOutcome, Fault> {
    ask_under(aws, TwoPersons::of([]), by).await
}

async fn restores(aws: &ScriptedAws) -> Vec<Restore> {
    Box::pin(room::ledger(aws).restores(&room::incident("one"))).await.expect("the ledger answers")
}

async fn end(aws: &ScriptedAws, number: u32, is_back: bool) {
    let (ledger, id, end) = (room::ledger(aws), room::incident("one"), RestoreEnd { is_back, at: clock::now() });
    Box::pin(ledger.end_restore(&id, number, end)).await.expect("the ledger takes it");
}

fn arn(by: &str) -> String {
    caller("FirebreakAnalyst", by).arn
}

#[tokio::test]
async fn the_second_person_starts_it_and_both_are_recorded() {
    let (aws, machine) = closed().await;
    let waits = ask(&aws, "ann").await.expect("an outcome");
    assert!(matches!(&waits, RestoreOutcome::NeedsSecond { asked, first_by, first_comment: Some(_), .. }
            if asked == "restore" && *first_by == arn("ann")));
    let again = ask(&aws, "ann").await.expect("an outcome");
    assert_eq!((again, machine.names().len(), restores(&aws).await.len()), (waits, 0, 0), "one person is one person");
    let started = ask(&aws, "bob").await.expect("an outcome");
    let known = restores(&aws).await;
    assert_eq!(started, RestoreOutcome::Started { restore: known[0].clone() });
    assert_eq!((known[0].by.clone(), known[0].first_by.clone()), (arn("bob"), Some(arn("ann"))));
    let id = room::incident("one");
    assert_eq!(machine.names(), [format!("{id}-restore-1")]);
    let input = machine.input();
    assert_eq!(
        (&input["incident"]["id"], &input["answer"]["answer"], &input["restore"]),
        (&json!(id), &json!("release"), &json!(1))
    );
    assert_eq!((&input["answer"]["by"], &input["answer"]["comment"]), (&json!(arn("bob")), &json!("the user was rotated")));
    let carol = ask(&aws, "carol").await.expect("an outcome");
    assert_eq!(carol, RestoreOutcome::Running { restore: known[0].clone() }, "it is under way");
    let view = Box::pin(room::ledger(&aws).incident(&id)).await.expect("the ledger answers").expect("an incident");
    assert!(view.timeline.iter().any(|event| event.what.starts_with("restore by ")), "{:?}", view.timeline);
}

#[tokio::test]
async fn what_was_not_all_put_back_is_asked_for_again_by_two_persons() {
    let (aws, machine) = closed().await;
    for by in ["ann", "bob"] {
        ask(&aws, by).await.expect("an outcome");
    }
    end(&aws, 1, false).await;
    let waits = ask(&aws, "bob").await.expect("an outcome");
    assert!(matches!(waits, RestoreOutcome::NeedsSecond { .. }), "what ann said is spent: {waits:?}");
    ask(&aws, "ann").await.expect("an outcome");
    assert_eq!((machine.names().len(), restores(&aws).await.len()), (2, 2));
}

#[tokio::test]
async fn one_that_broke_down_is_begun_anew_and_one_that_never_began_is_begun() {
    let (aws, machine) = closed().await;
    aws.always("states:StartExecution", error(400, "AccessDeniedException"));
    ask_alone(&aws, "ann").await.expect_err("it cannot begin");
    aws.mend();
    let begun = ask_alone(&aws, "bob").await.expect("an outcome");
    assert!(matches!(&begun, RestoreOutcome::Started { restore } if restore.by == arn("ann")), "{begun:?}");
    machine.fails();
    let anew = ask_alone(&aws, "bob").await.expect("an outcome");
    assert!(matches!(&anew, RestoreOutcome::Started { restore } if restore.number == 2 && restore.by == arn("bob")), "{anew:?}");
}

#[tokio::test]
async fn only_a_closed_incident_is_put_back_so() {
    for status in [IncidentStatus::AwaitingReview, IncidentStatus::Released, IncidentStatus::Failed, IncidentStatus::Containing] {
        let (aws, machine) = stage(room::opened("one"), status).await;
        assert_eq!(ask_alone(&aws, "ann").await.expect("an outcome"), RestoreOutcome::NotClosed { status });
        assert_eq!((machine.names().len(), restores(&aws).await.len()), (0, 0), "{status:?}");
    }
    let aws = ScriptedAws::start().await.expect("a port");
    assert_eq!(ask_alone(&aws, "ann").await.expect("an outcome"), RestoreOutcome::NotKnown);
}

#[tokio::test]
async fn a_suspect_and_who_asked_for_the_isolation_cannot_put_it_back() {
    let mut incident = room::opened("one");
    let target =
        json!({ "kind": "iam-user", "id": "mallory", "account": "123456789012", "region": "eu-central-1", "partition": "aws" });
    let decision = json!({ "target": target, "containment": "quarantine-iam", "mode": "auto", "reason": "why" });
    incident.decisions = vec![serde_json::from_value(decision).expect("a decision")];
    incident.finding.requested_by = Some("ann@example.com".to_owned());
    assert_eq!(incident.decisions[0].target.kind, TargetKind::IamUser);
    let (aws, machine) = stage(incident, IncidentStatus::Closed).await;
    for by in ["mallory", "ann"] {
        let refused = ask_alone(&aws, by).await.expect_err(by);
        assert_eq!((refused.kind, machine.names().len()), (FaultKind::Denied, 0), "{by}: {refused:?}");
    }
    ask_alone(&aws, "bob").await.expect("an outcome");
}

#[tokio::test]
async fn a_restore_that_a_suspect_asked_for_first_waits_for_another_person() {
    let (aws, machine) = closed().await;
    ask(&aws, "mallory").await.expect("nobody suspects mallory yet");
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let target =
        json!({ "kind": "iam-user", "id": "mallory", "account": "123456789012", "region": "eu-central-1", "partition": "aws" });
    let mallory = json!({ "target": target, "containment": "quarantine-iam", "mode": "auto", "reason": "why" });
    let mallory: Decision = serde_json::from_value(mallory).expect("a decision");
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(mallory.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
    let waits = ask(&aws, "bob").await.expect("an outcome");
    assert!(matches!(&waits, RestoreOutcome::NeedsSecond { first_by, .. } if *first_by == arn("bob")), "{waits:?}");
    assert!(machine.names().is_empty());
    ask(&aws, "ann").await.expect("an outcome");
    assert_eq!(restores(&aws).await[0].first_by, Some(arn("bob")));
}

#[tokio::test]
async fn however_a_call_breaks_one_restore_begins() {
    let calls = {
        let (aws, _) = closed().await;
        ask(&aws, "ann").await.expect("an outcome");
        aws.forget();
        ask(&aws, "bob").await.expect("an outcome");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, machine) = closed().await;
        ask(&aws, "ann").await.expect("an outcome");
        let broken = how.run(&aws, point, ask(&aws, "bob")).await;
        if let Some(Ok(RestoreOutcome::Started { .. })) = &broken {
            assert_eq!(machine.names().len(), 1, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        ask(&aws, "bob").await.expect("an outcome");
        let known = restores(&aws).await;
        assert_eq!((machine.names().len(), known.len()), (1, 1), "{point:?} {how:?}");
        assert_eq!(known[0].first_by, Some(arn("ann")), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("restore: {tried} broken calls");
}
