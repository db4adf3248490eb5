//! Looks of an execution whose finding joined an incident: it begins later, and works beside the execution that opened the incident.

use crate::{ONE_PAGE, Stage, receipt};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::SweepBranch;
use firebreak_aws::clock;
use firebreak_testkit::room;
use jiff::SignedDuration;
use sweep::Phase;

fn finding() -> IncidentId {
    room::incident("the finding that joined")
}

/// The incident was opened thirty hours ago, and its suspect contained. The finding joined now, and its execution carries no receipt.
async fn joined() -> Stage {
    let opened = clock::now() - SignedDuration::from_hours(30);
    let mut stage = Stage::opened_at(opened).await;
    let finished_at = Some(opened + SignedDuration::from_mins(1));
    let contained = Receipt { finished_at, ..receipt(&stage.incident.decisions[0].target, Status::Contained) };
    stage.ledger().keep_receipt(&stage.incident.id, &contained).await.expect("the ledger takes it");
    (stage.incident.joining, stage.incident.opened_at) = (Some(finding()), clock::now());
    stage.report.containment.receipts.clear();
    stage
}

fn found(line: &str) -> SweepBranch {
    SweepBranch { status: "ok".to_owned(), found: vec![line.to_owned()], ..SweepBranch::default() }
}

#[tokio::test]
async fn what_the_incident_contained_is_not_contained_again_and_is_looked_at_from_its_beginning() {
    let stage = joined().await;
    let opened = stage.view().await.record.incident.opened_at;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(answer.watch.contain.is_empty(), "{:?}", answer.watch.contain);
    assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 1, "what is contained is a suspect");
    let since = answer.report.sweep.asked.expect("it was asked").since;
    assert_eq!(since, opened - SignedDuration::from_hours(24));
    assert_eq!((answer.incident.joining, answer.incident.opened_at), (Some(finding()), stage.incident.opened_at));
}

#[tokio::test]
async fn its_looks_have_a_row_of_their_own() {
    let stage = joined().await;
    let (ledger, id) = (stage.ledger(), stage.incident.id.clone());
    ledger.keep_sweep(&id, None, &found("1 CreateUser bob")).await.expect("the ledger takes it");
    stage.trail.created_user("mallory");
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    let own = answer.report.sweep.found.clone();
    assert!(own.len() == 1 && own[0].contains("mallory"), "it tells people what it found itself: {own:?}");
    assert!(answer.watch.alarm);
    let table = stage.aws.table();
    let row = |sk: &str| table.item(&format!("incident#{id}"), sk).map(|item| format!("{item:?}")).expect("a row");
    assert!(row("sweep").contains("bob") && !row("sweep").contains("mallory"));
    assert!(row(&format!("sweep#{}", finding())).contains("mallory"));
    assert_eq!(stage.view().await.sweep.expect("looks").found.len(), 2, "people read all of it");
}

#[tokio::test]
async fn what_another_execution_found_goes_into_no_state() {
    let mut stage = Stage::start().await;
    let (ledger, id) = (stage.ledger(), stage.incident.id.clone());
    ledger.keep_sweep(&id, Some(&finding()), &found("1 CreateUser bob")).await.expect("the ledger takes it");
    stage.report.sweep = found("2 CreateRole ci");
    let answer = stage.run(Phase::Gather, ONE_PAGE).await.expect("an answer");
    assert_eq!(answer.report.sweep, stage.report.sweep);
}

/// Its gate is closed: nobody would be asked about what a look contains now, and nobody would release it.
#[tokio::test]
async fn once_the_incident_is_over_its_looks_find_and_contain_nothing_more() {
    for over in [IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Failed] {
        let stage = joined().await;
        stage.ledger().set_status(&stage.incident.id, over, &[]).await.expect("the ledger takes it");
        stage.trail.created_user("mallory");
        let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
        assert!(answer.watch.contain.is_empty() && answer.watch.idle && !answer.watch.alarm, "{over:?}: {:?}", answer.watch);
        assert_eq!(stage.view().await.record.incident.decisions.len(), 1, "{over:?}");
    }
}
