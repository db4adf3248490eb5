//! Whether anything flows, by flow logs, on a clock that the test sets. The records are planted in moto's log group: moto delivers none.
//!
//! Flow logs in a bucket, and records that prove nothing, are shown at the scripted server (`functions/isolate-ec2/tests/wire/flows.rs`).

use super::hosts::{Host, finding_about, isolation};
use super::triage::stage_with_policy;
use super::watch::watch_of;
use super::watch_time::{next_look, waits};
use super::{TestResult, send};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_ec2::types::{FlowLogsResourceType, TrafficType};
use firebreak::containment::Containment;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak_drill::{Result, Stage};
use firebreak_testkit::SECURITY_ACCOUNT;
use jiff::Timestamp;

/// No gate of this test is overdue.
const POLICY: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\n[review]\ntimeout_seconds = 86400\n";
const LOGS: &str = "flows";

/// What the last look said of flows.
async fn said(stage: &Stage, id: &IncidentId) -> Result<String> {
    let view = stage.ledger.incident(id).await?.ok_or("no incident")?;
    let looks = view.verifications.into_iter().filter(|check| check.containment == Some(Containment::IsolateEc2));
    let lines: Vec<String> = looks.flat_map(|check| check.notes.into_iter().chain(check.problems)).collect();
    Ok(lines.join("\n"))
}

async fn plant_flow_log(stage: &Stage, host: &Host) -> TestResult {
    let logs = Client::new(stage.config());
    logs.create_log_group().log_group_name(LOGS).send().await?;
    for interface in host.interfaces().await? {
        let stream = format!("{}-all", interface.network_interface_id().unwrap_or_default());
        logs.create_log_stream().log_group_name(LOGS).log_stream_name(stream).send().await?;
    }
    let role = format!("arn:aws:iam::{SECURITY_ACCOUNT}:role/flow-logs");
    let made = aws_sdk_ec2::Client::new(stage.config()).create_flow_logs().resource_ids(&host.network.vpc);
    let made = made.resource_type(FlowLogsResourceType::Vpc).traffic_type(TrafficType::All).log_group_name(LOGS);
    made.deliver_logs_permission_arn(role).send().await?;
    Ok(())
}

/// A window of each interface that begins `after` seconds from the isolation. `what`: from addresses to action.
async fn deliver(stage: &Stage, host: &Host, since: Timestamp, after: i64, what: (&str, &str)) -> TestResult {
    let logs = Client::new(stage.config());
    let start = since.as_second() + after;
    for interface in host.interfaces().await? {
        let id = interface.network_interface_id().unwrap_or_default();
        let record = format!("2 {SECURITY_ACCOUNT} {id} {} {start} {} {}", what.0, start + 60, what.1);
        let event = InputLogEvent::builder().timestamp(start * 1000).message(record).build()?;
        let put = logs.put_log_events().log_group_name(LOGS).log_stream_name(format!("{id}-all"));
        put.log_events(event).send().await?;
    }
    Ok(())
}

#[tokio::test]
async fn later_looks_say_whether_anything_flows_as_far_as_flow_logs_show_it() -> TestResult {
    let stage = stage_with_policy(POLICY).await;
    let host = Box::pin(Host::plant(stage.config(), None, false)).await?;
    let (_, id) = send(&stage, &finding_about(&host.id, None, "flows")?).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let since = isolation(&view).finished_at.ok_or("not isolated")?;
    let watch = watch_of(&id);
    assert!(!said(&stage, &id).await?.contains("flow log"), "it is too early");

    // The look of the first 15 minutes.
    let (event, _) = waits(&stage, &watch, 0).await?;
    let wait = next_look(&stage, &watch, (event, 900)).await?;
    let lines = said(&stage, &id).await?;
    assert!(lines.contains("no flow log, so that nobody can say whether anything flows"), "{lines}");

    plant_flow_log(&stage, &host).await?;
    let wait = next_look(&stage, &watch, wait).await?;
    let lines = said(&stage, &id).await?;
    assert!(lines.contains("not known whether anything flows"), "nothing was delivered: {lines}");

    deliver(&stage, &host, since, 60, ("- - - - - - -", "- NODATA")).await?;
    let wait = next_look(&stage, &watch, wait).await?;
    let lines = said(&stage, &id).await?;
    assert!(lines.contains("no accepted flow since") && !lines.contains("not known whether anything flows"), "{lines}");

    deliver(&stage, &host, since, 120, ("10.20.1.4 203.0.113.9 51000 443 6 10 840", "ACCEPT OK")).await?;
    next_look(&stage, &watch, wait).await?;
    let lines = said(&stage, &id).await?;
    let flow = "a flow was accepted after the isolation between 10.20.1.4 and 203.0.113.9, port 443, 840 bytes";
    assert!(lines.contains(flow) && !lines.contains("no accepted flow since"), "{lines}");
    Ok(())
}
