//! What a look does, and of what it tells people.

use crate::stage::{Stage, bucket, decision, failed, found, reverted, user};
use firebreak::answer::{Answer, Decided, Settled, Targets};
use firebreak::containment::Containment;
use firebreak::coverage::decision_key;
use firebreak::decision::{Mode, ReasonCode, Waits};
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::target::TargetKind;
use firebreak::watch::NextLook;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ok;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// The next look of a watch in which nothing is new.
fn quiet(look: u32) -> NextLook {
    NextLook { over: false, ..NextLook::over(look) }
}

#[tokio::test]
async fn everything_in_force_is_read_back_and_then_cloudtrail_is_asked() {
    let stage = Stage::start().await;
    stage.answered(Answer::Approve, None, Duration::from_secs(10)).await;
    stage.aws.forget();
    let answer = stage.look(1, 10).await.expect("a look");
    let mut called = stage.called();
    assert_eq!(called.pop().as_deref(), Some("sweep look"));
    called.sort();
    assert_eq!(called, ["lockdown-s3 verify", "quarantine-iam verify"]);
    let (asked, approved) = (&stage.payloads("quarantine-iam verify")[0], &stage.payloads("lockdown-s3 verify")[0]);
    assert_eq!((&asked["target"]["id"], &asked["approved"]), (&json!("alice"), &json!(true)));
    assert_eq!(approved["approved"], true, "what was contained after an approval is approved");
    let swept = &stage.payloads("sweep look")[0];
    assert_eq!((&swept["stage"], &swept["carry"]), (&json!("watch"), &json!("facts")));
    assert_eq!(swept["incident"]["decisions"], json!([]), "as the state machine carries it");
    assert_eq!(swept["report"]["sweep"]["decided"], 2, "what was decided before is no news");
    assert_eq!(swept["report"]["verification"].as_array().map(Vec::len), Some(2));
    assert!((1..=10).contains(&answer.watch.seconds), "{:?}", answer.watch);
    assert_eq!(NextLook { seconds: 0, ..answer.watch }, quiet(2));
    assert!(answer.report.is_some() && answer.incident.is_some());
}

/// A run that was killed while an interface was open leaves no steps: the base says what is open, and a look reads that.
#[tokio::test]
async fn an_isolation_that_was_killed_is_looked_at() {
    let stage = Stage::start().await;
    let target = room::target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
    let killed = |error: &str| Receipt {
        fault: Some(error.to_owned().into()),
        finished_at: Some(clock::now()),
        ..Receipt::of(target.clone(), Containment::IsolateEc2, Status::Failed)
    };
    for (error, is_asked) in [("Sandbox.Timedout", true), ("Firebreak.Gone", false)] {
        stage.ledger().keep_receipt(&stage.incident.id, &killed(error)).await.expect("the ledger takes it");
        stage.aws.forget();
        stage.look(1, 10).await.expect("a look");
        assert_eq!(stage.called().contains(&"isolate-ec2 verify".to_owned()), is_asked, "{error}");
    }
}

/// A look writes again what is not there: it would isolate an instance that a person left open.
#[tokio::test]
async fn an_isolation_that_failed_and_was_answered_is_not_looked_at() {
    let id = "i-0123456789abcdef0";
    let approval = || Decided::new(Answer::Approve, "ann", "because", clock::now());
    let except = |name: &str| Targets { only: vec![], except: vec![name.to_owned()] };
    for (said, settled, is_asked) in [
        (None, false, true),
        (None, true, false),
        (Some(Decided { accept_open: vec![id.to_owned()], ..approval() }), false, false),
        (Some(Decided { targets: except(id), ..approval() }), false, false),
        (Some(Decided { targets: except("alice"), ..approval() }), false, true),
    ] {
        let stage = Stage::start().await;
        let target = room::target(TargetKind::Ec2Instance, id);
        let isolation = decision(&target, Containment::IsolateEc2, Mode::Auto);
        let known = stage.ledger().amend(&stage.incident.id, |known| known.decisions.push(isolation.clone())).await;
        let known = known.expect("the ledger takes it").expect("an incident");
        if settled {
            let (decision, since) = (decision_key(&isolation), known.revision);
            let kept = Settled { decision, since, answer: Answer::Keep, by: "ann".to_owned(), at: clock::now() };
            let amended = stage.ledger().amend(&stage.incident.id, |known| known.settled.push(kept.clone())).await;
            amended.expect("the ledger takes it").expect("an incident");
        }
        let failed = Receipt::of(target, Containment::IsolateEc2, Status::Failed);
        let failed = Receipt { fault: Some("Firebreak.Transient".to_owned().into()), finished_at: Some(clock::now()), ..failed };
        stage.ledger().keep_receipt(&stage.incident.id, &failed).await.expect("the ledger takes it");
        if let Some(said) = &said {
            stage.says(said).await;
        }
        stage.aws.forget();
        stage.look(1, 10).await.expect("a look");
        assert_eq!(stage.called().contains(&"isolate-ec2 verify".to_owned()), is_asked, "settled: {settled}, {said:?}");
    }
}

/// Whoever is paused writes nothing again without a person.
#[tokio::test]
async fn only_what_was_contained_after_an_approval_of_it_is_approved() {
    let approved = async |stage: &Stage| {
        stage.look(1, 10).await.expect("a look");
        stage.payloads("quarantine-iam verify")[0]["approved"].clone()
    };
    assert_eq!(approved(&Stage::start().await).await, false, "nobody answered");
    for (answer, age, expected) in [(Answer::Approve, 10, true), (Answer::Keep, 10, false), (Answer::Approve, 0, false)] {
        let stage = Stage::start().await;
        stage.answered(answer, Some(stage.incident.revision), Duration::from_secs(age)).await;
        assert_eq!(approved(&stage).await, expected, "{answer:?} {age} seconds ago");
    }
    let stage = Stage::start().await;
    stage.answered(Answer::Approve, Some(stage.incident.revision), Duration::from_secs(10)).await;
    let waits = Waits { code: ReasonCode::Paused, impact: "a pause".to_owned() };
    let lowered = stage.ledger().wait_for_approval(&stage.incident.id, Containment::QuarantineIam, &user(), &waits).await;
    lowered.expect("the ledger takes it");
    assert_eq!(approved(&stage).await, false, "a pause lowered it since");
}

#[tokio::test]
async fn a_control_that_a_release_took_off_during_a_look_rings_nobody() {
    let stage = Stage::start().await;
    let answer = json!({ "target": user(), "containment": "quarantine-iam", "holds": false, "problems": ["gone"] }).to_string();
    stage.answers("quarantine-iam", "verify", ok(answer).after(Duration::from_millis(100)));
    let releases = async {
        while stage.payloads("quarantine-iam verify").is_empty() {
            tokio::task::yield_now().await;
        }
        let gone = Verification { holds: false, problems: vec!["gone".to_owned()], ..reverted("10:00:00Z") };
        stage.ledger().keep_verification(&stage.incident.id, &gone).await.expect("the ledger takes it");
        let released = Receipt::of(user(), Containment::QuarantineIam, Status::Contained);
        let released = Receipt { finished_at: Some(clock::now()), ..released };
        stage.ledger().keep_release(&stage.incident.id, &released).await.expect("the ledger takes it");
    };
    let (answer, ()) = tokio::join!(stage.look(1, 10), releases);
    assert!(!answer.expect("a look").watch.alarm);
}

/// A release can be about another target, and it can fail. What was reverted meanwhile must not be known by then, and told to nobody.
#[tokio::test]
async fn what_a_look_could_not_judge_because_of_a_release_it_tells_after_it() {
    let stage = Stage::start().await;
    let answer = json!({ "target": user(), "containment": "quarantine-iam", "holds": true, "problems": [] }).to_string();
    stage.answers("quarantine-iam", "verify", ok(answer).after(Duration::from_millis(100)));
    let meanwhile = async {
        while stage.payloads("quarantine-iam verify").is_empty() {
            tokio::task::yield_now().await;
        }
        stage.ledger().keep_verification(&stage.incident.id, &reverted("10:00:00Z")).await.expect("the ledger takes it");
        stage.answered(Answer::Release, None, Duration::ZERO).await;
    };
    let (looked, ()) = tokio::join!(stage.look(1, 10), meanwhile);
    let looked = looked.expect("a look").watch;
    assert_eq!(NextLook { seconds: 0, ..looked }, quiet(1), "the same look");
    assert_eq!(stage.look(1, 15).await.expect("an answer").watch.look, 1, "it waits for the release");
    stage.asks_again().await;
    let told = stage.look(1, 20).await.expect("a look").watch;
    assert!(told.alarm && told.look > 1, "{told:?}");
}

#[tokio::test]
async fn what_a_release_let_go_is_not_written_again() {
    let stage = Stage::start().await;
    let released =
        Receipt { finished_at: Some(clock::now()), ..Receipt::of(bucket(), Containment::LockdownS3, Status::Contained) };
    stage.ledger().keep_release(&stage.incident.id, &released).await.expect("the ledger takes it");
    stage.look(1, 10).await.expect("a look");
    assert_eq!(stage.called(), ["quarantine-iam verify", "sweep look"]);
}

/// Runs a look while a containment's look leaves something in the ledger.
async fn look_that_finds(stage: &Stage, look: u32, check: &Verification) -> NextLook {
    stage.aws.forget();
    let answer = json!({ "target": user(), "containment": "quarantine-iam", "holds": true, "problems": [] }).to_string();
    stage.answers("quarantine-iam", "verify", ok(answer).after(Duration::from_millis(100)));
    let leaves = async {
        while stage.payloads("quarantine-iam verify").is_empty() {
            tokio::task::yield_now().await;
        }
        stage.ledger().keep_verification(&stage.incident.id, check).await.expect("the ledger takes it");
    };
    let due = [10, 20, 60][look as usize - 1];
    let (answer, ()) = tokio::join!(stage.look(look, due), leaves);
    answer.expect("a look").watch
}

#[tokio::test]
async fn a_revert_is_told_once_and_the_next_one_again() {
    let stage = Stage::start().await;
    assert!(look_that_finds(&stage, 1, &reverted("10:00:00Z")).await.alarm);
    assert!(!look_that_finds(&stage, 2, &reverted("10:00:00Z")).await.alarm, "people know");
    assert!(look_that_finds(&stage, 3, &reverted("11:00:00Z")).await.alarm, "somebody did it again");
}

#[tokio::test]
async fn what_cannot_be_verified_or_searched_is_told_once_and_the_schedule_goes_on() {
    let stage = Stage::start().await;
    stage.answers("quarantine-iam", "verify", failed("Firebreak.Denied"));
    stage.answers("sweep", "look", failed("Sandbox.Timedout"));
    let first = stage.look(1, 10).await.expect("a look");
    assert!(first.watch.alarm);
    let report = first.report.expect("a report");
    assert_eq!(report.sweep.error.as_deref(), Some("Sandbox.Timedout"));
    let lines = report.problems().join("\n");
    assert!(lines.contains("could not be verified: Firebreak.Denied"), "{lines}");
    assert_eq!(stage.called().iter().filter(|call| *call == "quarantine-iam verify").count(), 1, "that does not pass");
    assert!(!stage.look(2, 20).await.expect("a look").watch.alarm, "people know");
    stage.answers("sweep", "look", failed("Firebreak.Bug"));
    assert!(stage.look(3, 60).await.expect("a look").watch.alarm, "another error is news");
}

#[tokio::test]
async fn a_passing_fault_is_asked_again() {
    let stage = Stage::start().await;
    stage.answers("lockdown-s3", "verify", failed("Firebreak.Transient"));
    stage.look(1, 10).await.expect("a look");
    assert_eq!(stage.payloads("lockdown-s3 verify").len(), 2);
}

#[tokio::test]
async fn what_the_sweep_decided_for_at_once_is_contained_and_gathered() {
    let stage = Stage::start().await;
    let backdoor = firebreak::target::Target { id: "backdoor".to_owned(), ..user() };
    stage.decides(&backdoor).await;
    let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }, { "target": backdoor, "containment": "release" }]);
    stage.answers("sweep", "look", found(&stage.incident, next));
    let answer = stage.look(1, 10).await.expect("a look");
    assert!(answer.watch.alarm);
    let contained = stage.payloads("quarantine-iam contain");
    assert_eq!((contained.len(), &contained[0]["target"]["id"]), (1, &json!("backdoor")));
    assert!(!stage.called().iter().any(|call| call.starts_with("release")), "no name but a containment's is called");
    let gathered = &stage.payloads("sweep gather")[0];
    assert_eq!(gathered["report"]["derived"][0]["target"]["id"], "backdoor");
}

#[tokio::test]
async fn a_containment_that_fails_as_a_whole_leaves_a_receipt() {
    let stage = Stage::start().await;
    let backdoor = firebreak::target::Target { id: "backdoor".to_owned(), ..user() };
    stage.decides(&backdoor).await;
    stage.answers("sweep", "look", found(&stage.incident, json!([{ "target": backdoor, "containment": "quarantine-iam" }])));
    stage.answers("quarantine-iam", "contain", failed("Runtime.ExitError"));
    assert!(stage.look(1, 10).await.expect("a look").watch.alarm);
    let receipts = stage.view().await.receipts;
    let receipt = receipts.iter().find(|receipt| receipt.target.id == "backdoor").expect("a receipt");
    let fault = receipt.fault.as_ref().map(|fault| fault.as_str().to_owned());
    assert_eq!((receipt.status, fault.as_deref()), (Status::Failed, Some("Runtime.ExitError")));
    assert!(receipt.finished_at.is_some(), "the ticket shows it");
}

#[tokio::test]
async fn what_waits_for_an_answer_since_is_asked() {
    let stage = Stage::start().await;
    // A try that was killed after it had looked: what it appended is still news.
    stage.aws.kill_at("dynamodb:PutItem", 1, true, stage.look(1, 10)).await;
    let eve = decision(&firebreak::target::Target { id: "eve".to_owned(), ..user() }, Containment::QuarantineIam, Mode::Gate);
    let amended = stage.ledger().amend(&stage.incident.id, |incident| incident.decisions.push(eve.clone())).await;
    amended.expect("the ledger takes it");
    assert!(stage.look(1, 12).await.expect("a look").watch.asks_again);
    assert!(!stage.look(2, 20).await.expect("a look").watch.asks_again, "people were asked");
}

/// One more containment needs a line of the policy.
#[test]
fn the_role_calls_the_containments_and_the_sweep_and_nothing_else() {
    let policy: serde_json::Value = serde_json::from_str(include_str!("../../policy.json")).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements");
    let calls = statements.iter().find(|one| one["Action"] == "lambda:InvokeFunction").expect("a statement");
    let named = calls["Resource"].as_array().expect("a list").iter().filter_map(|arn| arn.as_str()?.rsplit("firebreak-").next());
    let levels = Containment::ALL.iter().flat_map(|containment| {
        let apart = containment.declaration().levels.iter().filter_map(|level| level.apart).map(|apart| apart.function);
        apart.chain([containment.name()])
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), levels.chain(["sweep"]).collect::<BTreeSet<_>>());
}
