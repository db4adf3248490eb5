//! Whether findings come at all, and soon.

use super::deployment::{Deployment, unread};
use super::regions;
use aws_sdk_guardduty::types::{DetectorStatus, FindingPublishingFrequency};
use firebreak::diagnosis::Observation;
use firebreak::fault::Fault;
use firebreak_aws::classify::{OrFault, code, fault};

const GUARDDUTY: &str = "guardduty";
const SECURITY_HUB: &str = "security-hub";

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let regions = Box::pin(regions::look(deployment));
    let (guardduty, hub, regions) = futures::join!(guardduty(deployment), security_hub(deployment), regions);
    guardduty.into_iter().chain([hub]).chain(regions).collect()
}

async fn guardduty(deployment: &Deployment) -> Vec<Observation> {
    let (client, region) = (aws_sdk_guardduty::Client::new(&deployment.config), &deployment.region);
    let detectors = client.list_detectors().send().await.or_fault("guardduty:ListDetectors");
    let id = match detectors.map(|answer| answer.detector_ids.unwrap_or_default().into_iter().next()) {
        Ok(Some(id)) => id,
        Ok(None) => {
            let fix = "aws guardduty create-detector --enable --finding-publishing-frequency FIFTEEN_MINUTES";
            return vec![Observation::broken(GUARDDUTY, format!("detector in {region}"), "none: no finding ever comes", fix)];
        }
        Err(fault) => return vec![unread(GUARDDUTY, format!("detector in {region}"), &fault)],
    };
    match client.get_detector().detector_id(&id).send().await.or_fault("guardduty:GetDetector") {
        Ok(detector) => {
            let status = (detector.status == Some(DetectorStatus::Enabled)).then_some(());
            vec![enabled(&id, status), frequency(&id, detector.finding_publishing_frequency.as_ref())]
        }
        Err(fault) => vec![unread(GUARDDUTY, format!("detector {id}"), &fault)],
    }
}

fn enabled(id: &str, status: Option<()>) -> Observation {
    let subject = format!("detector {id}");
    match status {
        Some(()) => Observation::sound(GUARDDUTY, subject, "enabled"),
        None => {
            let fix = format!("aws guardduty update-detector --detector-id {id} --enable");
            Observation::broken(GUARDDUTY, subject, "suspended: no finding comes", fix)
        }
    }
}

/// New findings come within minutes whatever the frequency; it delays what an attacker does after the first one (GuardDuty user
/// guide, "EventBridge notification frequency").
fn frequency(id: &str, frequency: Option<&FindingPublishingFrequency>) -> Observation {
    let subject = format!("detector {id} publishing frequency");
    match frequency {
        Some(FindingPublishingFrequency::FifteenMinutes) => Observation::sound(GUARDDUTY, subject, "15 minutes"),
        other => {
            let found = other.map_or("not known", FindingPublishingFrequency::as_str);
            let fix = format!("aws guardduty update-detector --detector-id {id} --finding-publishing-frequency FIFTEEN_MINUTES");
            Observation::broken(GUARDDUTY, subject, format!("{found}: updates of a finding come late"), fix)
        }
    }
}

async fn security_hub(deployment: &Deployment) -> Observation {
    let subject = format!("hub in {}", deployment.region);
    let answer = aws_sdk_securityhub::Client::new(&deployment.config).describe_hub().send().await;
    match &answer {
        Ok(_) => Observation::sound(SECURITY_HUB, subject, "enabled"),
        Err(error) => match code(error) {
            // "InvalidAccessException: Account is not subscribed to AWS Security Hub"; a hub that is not there is a 404.
            Some("InvalidAccessException" | "ResourceNotFoundException") => {
                let fix = "aws securityhub enable-security-hub";
                Observation::broken(SECURITY_HUB, subject, "not enabled: only GuardDuty's own findings come", fix)
            }
            _ => {
                let fault: Fault = fault("securityhub:DescribeHub", error);
                unread(SECURITY_HUB, subject, &fault)
            }
        },
    }
}
