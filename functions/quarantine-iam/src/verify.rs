//! Reads back whether the quarantine holds.

use crate::{base, quarantine_policy_arn};
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak_aws::containment::Call;

pub(crate) async fn verify(call: &Call) -> Result<Vec<String>, Fault> {
    let now = base::read(&Client::new(&call.config), &call.target).await?;
    let mut problems = Vec::new();
    match now.has_policy(&quarantine_policy_arn(&call.target)) {
        Some(true) => {}
        Some(false) => problems.push("the quarantine policy is not attached".to_owned()),
        None => problems.push("the attached policies could not be read".to_owned()),
    }
    problems.extend(now.access_keys.iter().filter(|key| key.active).map(|key| format!("access key {} is active", key.id)));
    Ok(problems)
}
