//! The environment variables of the functions. `docs/environment.md` lists them; a test holds the two together.

use firebreak::fault::Fault;
use firebreak::policy::Policy;
use firebreak_aws::Aws;
use firebreak_ledger::Ledger;

/// The ledger's table.
pub const TABLE: &str = "FIREBREAK_TABLE";
/// The bucket evidence is written to.
pub const EVIDENCE_BUCKET: &str = "FIREBREAK_EVIDENCE_BUCKET";
/// The topic for people.
pub const NOTICES_TOPIC_ARN: &str = "FIREBREAK_NOTICES_TOPIC_ARN";
/// Topic of last resort.
pub const FAILURES_TOPIC_ARN: &str = "FIREBREAK_FAILURES_TOPIC_ARN";
/// Topic that tickets are sent to.
pub const TICKETS_TOPIC_ARN: &str = "FIREBREAK_TICKETS_TOPIC_ARN";
/// The response policy, a file beside the binary.
pub const POLICY_FILE: &str = "FIREBREAK_POLICY_FILE";
/// The external id that member roles require.
pub const EXTERNAL_ID: &str = "FIREBREAK_EXTERNAL_ID";

/// The state machine that events are handed to.
pub const STATE_MACHINE_ARN: &str = "FIREBREAK_STATE_MACHINE_ARN";
/// The state machine that puts closed incidents back.
pub const RESTORE_MACHINE_ARN: &str = "FIREBREAK_RESTORE_MACHINE_ARN";
/// The quarantine service control policy.
pub const QUARANTINE_SCP: &str = "FIREBREAK_QUARANTINE_SCP";
/// The organization's management account.
pub const MANAGEMENT_ACCOUNT: &str = "FIREBREAK_MANAGEMENT_ACCOUNT";
/// The organization's id.
pub const ORGANIZATION_ID: &str = "FIREBREAK_ORGANIZATION_ID";

/// Who may approve besides `FirebreakApprover`.
pub const APPROVERS: &str = "FIREBREAK_APPROVERS";

/// Milliseconds from one question to CloudTrail to the next. Only the local AWS sets it, where nobody else asks.
pub const LOOKUP_PAUSE_MS: &str = "FIREBREAK_LOOKUP_PAUSE_MS";

/// All that a deployment sets.
pub const ALL: [&str; 13] = [
    TABLE,
    EVIDENCE_BUCKET,
    NOTICES_TOPIC_ARN,
    TICKETS_TOPIC_ARN,
    FAILURES_TOPIC_ARN,
    POLICY_FILE,
    EXTERNAL_ID,
    STATE_MACHINE_ARN,
    RESTORE_MACHINE_ARN,
    QUARANTINE_SCP,
    MANAGEMENT_ACCOUNT,
    ORGANIZATION_ID,
    APPROVERS,
];

/// Reads a required variable.
///
/// # Errors
/// A fault that names the variable when it is missing or empty.
pub fn required(name: &'static str) -> Result<String, Fault> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Fault::bug(format!("the environment variable {name} is not set (docs/environment.md)"))),
    }
}

/// Reads a variable that may be missing: then it is empty.
#[must_use]
pub fn optional(name: &'static str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// AWS as the security account sees it, able to assume member roles.
///
/// # Errors
/// A fault that names the variable when there is no external id.
pub async fn members() -> Result<Aws, Fault> {
    let external_id = required(EXTERNAL_ID)?;
    Ok(Aws::load().await.with_external_id(external_id))
}

/// The ledger of the deployment.
///
/// # Errors
/// A fault that names the variable when there is no table.
pub fn ledger(aws: &Aws) -> Result<Ledger, Fault> {
    Ok(Ledger::new(aws.own(), required(TABLE)?))
}

/// The response policy.
///
/// # Errors
/// A fault that names the variable, or the file and the line that is wrong.
pub fn response_policy() -> Result<Policy, Fault> {
    let file = required(POLICY_FILE)?;
    let text = std::fs::read_to_string(&file).map_err(|error| Fault::bug(format!("cannot read the policy {file}: {error}")))?;
    Policy::parse(&text).map_err(|error| Fault::bug(format!("{file}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_documented() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/environment.md");
        let text = std::fs::read_to_string(file).expect("docs/environment.md exists");
        for name in ALL {
            assert!(text.contains(&format!("`{name}`")), "docs/environment.md does not mention {name}");
        }
    }
}
