//! A storm of imported findings beside true ones: the true ones are contained as always, and one notice tells of the storm.

use crate::end_to_end::triage::{attached, stage_with_policy};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use firebreak_aws::clock;
use firebreak_drill::{PlantedUser, Result, Stage};
use firebreak_testkit::eventually;
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);
/// How many of an account's are told in a minute.
const TOLD: usize = 5;

/// How many findings are imported: `STORM`, by default 500.
fn findings() -> usize {
    std::env::var("STORM").ok().and_then(|storm| storm.parse().ok()).unwrap_or(500)
}

/// One finding that somebody in a member account imports. Every fifth is a posture control.
fn imported(n: usize) -> Value {
    let account = "111122223333";
    let mut finding = json!({
        "SchemaVersion": "2018-10-08", "Id": format!("storm-{n}"), "AwsAccountId": account, "Region": "eu-central-1",
        "ProductArn": format!("arn:aws:securityhub:eu-central-1:{account}:product/{account}/default"),
        "Types": ["Software and Configuration Checks/Odd"], "Title": format!("Odd thing {n}"), "Severity": { "Label": "CRITICAL" },
        "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE", "CreatedAt": "2026-11-20T02:00:00Z",
        "UpdatedAt": "2026-11-20T02:00:00Z",
        "Resources": [{ "Type": "AwsIamUser", "Id": format!("arn:aws:iam::{account}:user/victim"), "Region": "eu-central-1" }],
    });
    if n.is_multiple_of(5) {
        finding["Compliance"] = json!({ "Status": "FAILED" });
    }
    json!({ "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "detail": { "findings": [finding] } })
}

/// Puts events on the bus, ten in a call.
async fn put(stage: &Stage, events: &[Value]) -> Result<()> {
    let client = aws_sdk_eventbridge::Client::new(stage.config());
    for ten in events.chunks(10) {
        let entry = |event: &Value| {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            let entry = PutEventsRequestEntry::builder().source(text("source")).detail_type(text("detail-type"));
            entry.detail(event["detail"].to_string()).time(DateTime::from_secs(clock::now().as_second())).build()
        };
        client.put_events().set_entries(Some(ten.iter().map(entry).collect())).send().await?;
    }
    Ok(())
}

/// A true finding about a user, and how long it takes until the user is denied everything.
async fn contained(stage: &Stage, user: &PlantedUser, serial: &str) -> Result<Duration> {
    let mut event = fixture::load("guardduty/exfiltration-iam-user")?;
    user.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    let began = Instant::now();
    put(stage, &[event]).await?;
    eventually(&format!("{serial} is denied"), PATIENCE, async || {
        attached(user).await.ok().flatten().filter(|policies| policies.contains("FirebreakQuarantineDenyAll"))
    })
    .await?;
    Ok(began.elapsed())
}

/// The names of all executions.
async fn executions(stage: &Stage) -> Result<Vec<String>> {
    let mut pages = stage.sfn.list_executions().state_machine_arn(stage.state_machine_arn()).into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(execution) = pages.next().await {
        names.push(execution?.name);
    }
    Ok(names)
}

#[tokio::test]
async fn a_storm_of_imported_findings_holds_up_no_true_one_and_is_one_notice() -> Result<()> {
    let storm = findings();
    // Longer than the storm lasts, so that there is one notice.
    let wait = 20 + storm / 20;
    let stage = stage_with_policy(&format!(
        "verify_after_seconds = 1\n[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\ntest = true\n[flood]\nannounced_per_minute = {TOLD}\n\
         summary_after_seconds = {wait}\n"
    ))
    .await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let calm = contained(&stage, &alice, "calm").await?;
    let began = Instant::now();
    let events: Vec<Value> = (0..storm).map(imported).collect();
    let (first, rest) = events.split_at(storm / 4);
    put(&stage, first).await?;
    let streams = try_join_all(rest.chunks(rest.len().div_ceil(4)).map(|part| put(&stage, part)));
    let (streams, stormy) = futures::join!(streams, contained(&stage, &bob, "stormy"));
    let (_, stormy) = (streams?, stormy?);
    let lasted = began.elapsed();

    let notice = stage.told_within("Many findings at once, only counted", PATIENCE).await?;
    let counted = notice.body.split(" more deliveries of findings").next().and_then(|text| text.rsplit([' ', '\n']).next());
    let counted: usize = counted.and_then(|number| number.parse().ok()).ok_or_else(|| format!("no number: {}", notice.body))?;
    let names = executions(&stage).await?;
    let (summaries, others): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.starts_with("excess-"));
    let arrived = storm - storm.div_ceil(5);
    println!(
        "{storm} imported in {:.1} s: {} controls did not arrive, {} told, {counted} counted, {} notice(s); a true finding: {:.2} times as \
         long as before",
        lasted.as_secs_f64(),
        storm - arrived,
        others.len() - 2,
        summaries.len(),
        stormy.as_secs_f64() / calm.as_secs_f64()
    );
    assert_eq!(others.len() - 2 + counted, arrived, "a finding was lost");
    assert_eq!(summaries.len(), 1, "{summaries:?}");
    let minutes = usize::try_from(lasted.as_secs() / 60)? + 2;
    assert!(others.len() - 2 <= TOLD * minutes, "{} executions", others.len());
    // The machine's processors are shared with the storm here.
    assert!(stormy < calm * 4 + Duration::from_secs(5), "{stormy:?}, before {calm:?}");
    Ok(())
}
