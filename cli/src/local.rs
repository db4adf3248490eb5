//! `firebreak local plant`: throw-away resources in a local AWS, for a replay that contains something.

use crate::{CommandError, Connection};
use aws_config::SdkConfig;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_rehearsal::{bucket, instance, role, user};

pub(crate) async fn plant() -> Result<(), CommandError> {
    let connection = Connection::open().await?;
    let endpoint = connection.config.endpoint_url().unwrap_or_default();
    // Nothing is planted in an account that somebody pays for.
    if !is_loopback(endpoint) {
        return Err(CommandError::Input(
            "firebreak local plant wants a local AWS: AWS_ENDPOINT_URL=http://127.0.0.1:PORT (make local)".to_owned(),
        ));
    }
    let config = &connection.config;
    let at = clock::now().strftime("%H%M%S").to_string();
    let (user_name, role_name, bucket_name) = (format!("alice-{at}"), format!("ci-{at}"), format!("acme-exports-{at}"));
    let iam = aws_sdk_iam::Client::new(config);
    user::plant(&iam, &user_name).await?;
    role::plant(&iam, &role_name).await?;
    let instance = instance::plant(&aws_sdk_ec2::Client::new(config), &format!("web-{at}")).await?.id;
    bucket::plant(&aws_sdk_s3::Client::new(config), &bucket_name).await?;
    enable_guardduty(config).await?;
    let command = std::env::args().next().unwrap_or_else(|| "firebreak".to_owned());
    let replay = |resource: String, finding: &str| {
        format!("  {command} replay --as {resource} --assert --release fixtures/findings/guardduty/{finding}.json")
    };
    println!("Planted. Each command contains one of them, checks that, releases it and checks again:");
    println!("{}", replay(format!("user={user_name}"), "exfiltration-iam-user"));
    println!("{}", replay(format!("instance={instance}"), "bitcoin-tool"));
    println!("{}", replay(format!("bucket={bucket_name}"), "bucket-anonymous-access"));
    println!("A session of a role waits for an approval, as whoever opens it chooses its name:");
    println!("{}", replay(format!("role={role_name}/build-7"), "exfiltration-assumed-role"));
    Ok(())
}

/// Without a detector GuardDuty makes no samples.
async fn enable_guardduty(config: &SdkConfig) -> Result<(), CommandError> {
    let guardduty = aws_sdk_guardduty::Client::new(config);
    let detectors = guardduty.list_detectors().send().await.or_fault("guardduty:ListDetectors")?;
    if detectors.detector_ids().is_empty() {
        guardduty.create_detector().enable(true).send().await.or_fault("guardduty:CreateDetector")?;
    }
    Ok(())
}

/// Whether an endpoint is on this machine.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://").unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_endpoint_on_this_machine_is_local() {
        for local in ["http://127.0.0.1:4566", "http://localhost:4566/", "http://[::1]:1"] {
            assert!(is_loopback(local), "{local}");
        }
        for elsewhere in ["", "https://iam.amazonaws.com", "http://127.0.0.1.evil.example:80", "http://10.0.0.1:4566"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
