//! A sample finding, made by GuardDuty itself.

use crate::{CommandError, Connection};
use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::types::{Condition, FindingCriteria};
use firebreak::finding::{self, Read};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_aws::wire_answer::WireAnswer;
use jiff::SignedDuration;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// GuardDuty lists a sample some seconds after it was asked for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// Asks GuardDuty for a sample of this type; returns it as an event.
pub(super) async fn sample(connection: &Connection, kind: &str) -> Result<String, CommandError> {
    let guardduty = Client::new(&connection.config);
    let detectors = guardduty.list_detectors().send().await.or_fault("guardduty:ListDetectors")?;
    let none = || CommandError::Bad("GuardDuty is not enabled here: there is nobody to ask for a sample".to_owned());
    let detector = detectors.detector_ids().first().ok_or_else(none)?.clone();
    let asked_at = clock::now() - SignedDuration::from_secs(5);
    let made = guardduty.create_sample_findings().detector_id(&detector).finding_types(kind).send().await;
    made.or_fault("guardduty:CreateSampleFindings")?;
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(id) = newest(&guardduty, &detector, kind, asked_at.as_millisecond()).await? {
            let event = event(&guardduty, &detector, &id).await?;
            // Another account's real finding can be the newest of its type.
            if matches!(finding::read(&event), Read::Findings(found) if found.iter().all(|finding| finding.sample)) {
                return Ok(event.to_string());
            }
        }
        if Instant::now() >= until {
            return Err(CommandError::Bad(format!("GuardDuty made no sample of type {kind} within a minute")));
        }
        sleep(LOOKS_EVERY).await;
    }
}

async fn newest(guardduty: &Client, detector: &str, kind: &str, since: i64) -> Result<Option<String>, CommandError> {
    let of_type = Condition::builder().equals(kind).build();
    let recent = Condition::builder().greater_than_or_equal(since).build();
    let criteria = FindingCriteria::builder().criterion("type", of_type).criterion("updatedAt", recent).build();
    let listed = guardduty.list_findings().detector_id(detector).finding_criteria(criteria).max_results(1).send().await;
    Ok(listed.or_fault("guardduty:ListFindings")?.finding_ids().first().cloned())
}

async fn event(guardduty: &Client, detector: &str, id: &str) -> Result<Value, CommandError> {
    let answer = WireAnswer::default();
    let get = guardduty.get_findings().detector_id(detector).finding_ids(id);
    get.customize().interceptor(answer.clone()).send().await.or_fault("guardduty:GetFindings")?;
    let unread = || CommandError::Bad("GuardDuty's answer is no finding".to_owned());
    // The SDK knows the fields of its version; the finding is what GuardDuty sent.
    let events = finding::events(&answer.take().unwrap_or_default().1).map_err(|_| unread())?;
    events.into_iter().next().and_then(Result::ok).ok_or_else(unread)
}
