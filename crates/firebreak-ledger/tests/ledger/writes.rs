//! What is written about an incident: through one place, several answers, findings that joined, an incident of an earlier version.

use super::{at, incident, user};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode, Waits};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::{Report, SweepBranch};
use firebreak::review::GateMessage;
use firebreak::revision::Shown;
use firebreak_ledger::{Ledger, RawEvent};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

fn decision(name: &str) -> Decision {
    Decision::new(user(name), Some(Containment::QuarantineIam), Mode::Auto, "a finding")
}

fn opened() -> Incident {
    Incident { decisions: vec![decision("alice"), decision("bob")], ..room::opened("one") }
}

async fn open(ledger: &Ledger) {
    ledger.open_incident(&opened(), IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
}

fn gate(round: u32) -> GateMessage {
    GateMessage {
        task_token: format!("token {round}"),
        execution_arn: "execution".to_owned(),
        entered_at: at(i64::from(round)),
        retry: 0,
        round,
        after_answer: round > 1,
        takes: firebreak::review::Takes::default(),
        incident: opened(),
        report: Report::default(),
    }
}

#[tokio::test]
async fn every_row_about_an_incident_carries_the_running_number() {
    let (aws, ledger) = stage().await;
    let ledger = ledger.numbered(7);
    let (id, target, containment) = (incident("one"), user("alice"), Containment::QuarantineIam);
    open(&ledger).await;
    ledger.claim(&id, "execution", at(0), &firebreak::coverage::Coverage::default()).await.expect("written");
    ledger.count_delivery(&id, at(1)).await.expect("written");
    let owner = firebreak::coverage::Responsible { incident: id.clone(), told_only: false };
    ledger.reserve(&id, "a decision", &owner).await.expect("written");
    ledger.set_status(&id, IncidentStatus::Containing, &[]).await.expect("written");
    let receipt = Receipt::of(target.clone(), containment, Status::Contained);
    ledger.keep_receipt(&id, &receipt).await.expect("written");
    ledger.keep_release(&id, &receipt).await.expect("written");
    let (holds, problems, reverted) = (true, vec![], vec![]);
    let check = Verification { target, containment: Some(containment), holds, problems, reverted, notes: vec![] };
    ledger.keep_verification(&id, &check).await.expect("written");
    ledger.keep_sweep(&id, None, &SweepBranch::default()).await.expect("written");
    ledger.note(&id, at(2), "a line").await.expect("written");
    ledger.open_gate(&gate(1)).await.expect("written");
    ledger.ticket_is_out(&gate(1), &Shown::of(&opened()), at(2)).await.expect("written");
    ledger.gate_announced(&gate(1)).await.expect("written");
    ledger.decide(&id, &Decided::new(Answer::Approve, "an analyst", "because", at(3))).await.expect("written");
    ledger.answer_delivered(&id, "token 1").await.expect("written");
    ledger.amend(&id, |incident| incident.over_budget = 1).await.expect("written");
    assert!(ledger.broke_down(&id, &opened().execution_arn, at(4)).await.expect("written"));
    let table = aws.table();
    let rows: Vec<_> = table.items().collect();
    assert!(rows.len() >= 10, "{} rows", rows.len());
    for ((_, sk), item) in rows {
        assert_eq!(item.get("running_number"), Some(&Value::N("7".to_owned())), "{sk}");
    }
}

#[tokio::test]
async fn an_incident_keeps_every_answer_with_whom_where_and_what_was_shown() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    open(&ledger).await;
    let targets = Targets { only: vec!["alice".to_owned()], except: vec![] };
    let (from, shown) = (Some("chat".to_owned()), Some("9f86d081".to_owned()));
    let first = Decided { targets, from, shown, ..Decided::new(Answer::Approve, "one", "because", at(1)) };
    let second = Decided::new(Answer::Release, "other", "no", at(2));
    for (round, answer) in [(1, &first), (2, &second)] {
        ledger.open_gate(&gate(round)).await.expect("written");
        assert!(ledger.decide(&id, answer).await.expect("written"), "the gate was opened anew for it");
        let late = Decided::new(Answer::Approve, "late", "too late", at(9));
        assert!(!ledger.decide(&id, &late).await.expect("asked"), "one answer for each gate");
        ledger.answer_delivered(&id, &format!("token {round}")).await.expect("written");
    }
    let view = ledger.incident(&id).await.expect("read").expect("an incident");
    assert_eq!(view.review.expect("a gate").answers, [first.clone(), second.clone()]);
    assert_eq!(ledger.answers(&id).await.expect("read"), [first, second]);
}

#[tokio::test]
async fn a_finding_that_joins_is_shown_with_the_incident() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    open(&ledger).await;
    let mut joined = opened().finding;
    joined.title = Some("another copy of it".to_owned());
    ledger.amend(&id, |incident| incident.findings.push(joined.clone())).await.expect("written");
    let view = ledger.incident(&id).await.expect("read").expect("an incident");
    let json = serde_json::to_value(view).expect("JSON");
    assert_eq!(json["findings"].as_array().expect("a list").len(), 2, "the one that opened it, and the one that joined");
    assert_eq!(json["findings"][1]["title"], "another copy of it");
}

#[tokio::test]
async fn an_incident_that_an_earlier_version_wrote_is_read_and_amended() {
    let (aws, ledger) = stage().await;
    let id = incident("one");
    open(&ledger).await;
    // Without the fields that came since, in another order, with other spaces.
    let mut before = serde_json::to_value(opened()).expect("JSON");
    let fields = before.as_object_mut().expect("an object");
    fields.remove("findings");
    let text = serde_json::to_string_pretty(&before).expect("JSON");
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws.config());
    let put = dynamodb.update_item().table_name("firebreak-ledger").update_expression("SET doc = :doc");
    let key = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let put = put.key("pk", key(format!("incident#{id}"))).key("sk", key("incident".to_owned()));
    put.expression_attribute_values(":doc", key(text)).send().await.expect("written");
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop two others".to_owned() };
    ledger.wait_for_approval(&id, Containment::QuarantineIam, &user("bob"), &waits).await.expect("amended");
    let now = ledger.record(&id).await.expect("read").expect("an incident").incident;
    let modes: Vec<Mode> = now.decisions.iter().map(|decision| decision.mode).collect();
    assert_eq!(modes, [Mode::Auto, Mode::Gate]);
    assert_eq!(now.decisions[1].code, ReasonCode::Impact);
}

#[tokio::test]
async fn decisions_that_wait_at_the_same_time_all_wait() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    open(&ledger).await;
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop two others".to_owned() };
    let (alice, bob) = (user("alice"), user("bob"));
    let both = [&alice, &bob].map(|target| ledger.wait_for_approval(&id, Containment::QuarantineIam, target, &waits));
    for waiting in futures::future::join_all(both).await {
        waiting.expect("amended");
    }
    let now = ledger.record(&id).await.expect("read").expect("an incident").incident;
    assert!(now.decisions.iter().all(|decision| decision.mode == Mode::Gate), "{:?}", now.decisions);
}

#[tokio::test]
async fn an_incident_fails_with_its_own_execution_and_with_no_other() {
    use IncidentStatus::{AwaitingReview, Closed, Containing, Failed, Ignored, Notified, Released, Triaged};
    let (id, own) = (incident("one"), opened().execution_arn);
    for status in [Triaged, Containing, AwaitingReview, Closed, Released, Failed, Notified, Ignored] {
        let (aws, ledger) = stage().await;
        open(&ledger).await;
        ledger.set_status(&id, status, &[]).await.expect("written");
        assert!(!ledger.broke_down(&id, "an earlier execution", at(1)).await.expect("read"), "{status:?}");
        let over = matches!(status, Closed | Released | Failed);
        assert_eq!(ledger.broke_down(&id, &own, at(2)).await.expect("asked"), !over, "{status:?}");
        let now = ledger.record(&id).await.expect("read").expect("an incident").status;
        assert_eq!(now, if over { status } else { Failed });
        let row = aws.table().item(&format!("incident#{id}"), "incident").cloned().expect("a row");
        assert_eq!(row.contains_key("finished_at"), !over, "{status:?}");
    }
    let (_aws, ledger) = stage().await;
    assert!(!ledger.broke_down(&id, &own, at(3)).await.expect("read"), "nobody wrote it");
}
