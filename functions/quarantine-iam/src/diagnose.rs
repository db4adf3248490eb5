//! For `firebreak doctor`: whether the member role lets this function in, and whether the quarantine policies are as shipped.

use crate::document::{current, shipped};
use crate::policies;
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use firebreak::diagnosis::{Observation, Places};
use firebreak::digest::sha256_hex;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use firebreak_aws::Aws;
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_accounts;
use futures::future::join_all;

/// The name of the check.
const QUARANTINE_POLICY: &str = "quarantine-policy";
const FIX: &str =
    "make deploy ENV=<env> STACK=member-account; if that was done: docs/runbooks.md, \"A resource was changed by hand\"";

pub(crate) async fn diagnose(aws: &Aws, places: &Places) -> Result<Vec<Observation>, Fault> {
    let calls = ["iam:GetPolicy", "iam:GetPolicyVersion"];
    let partition = &places.partition;
    let policies = async |account: &AccountId, session: SdkConfig| {
        let iam = &Client::new(&session);
        let policies = [policies::DENY_ALL, policies::DENY_TAGGED_SESSION, policies::DENY_TAGGED_SESSION_BOUNDARY];
        join_all(policies.map(|name| async move {
            let arn = format!("arn:{partition}:iam::{account}:policy/{name}");
            policy(iam, name, &arn, account).await
        }))
        .await
    };
    member_accounts(aws, places, MemberRole::QuarantineIam, &calls, policies).await
}

async fn policy(iam: &Client, name: &str, arn: &str, account: &AccountId) -> Observation {
    let subject = format!("{} in {account}", name.rsplit('/').next().unwrap_or(name));
    let shipped = shipped(name);
    match current(iam, arn).await {
        Ok(document) if shipped.is_as(&document) => {
            let digest = sha256_hex(shipped.text().as_bytes());
            Observation::sound(QUARANTINE_POLICY, subject, format!("as shipped (sha256 {})", &digest[..12]))
        }
        Ok(_) => {
            // The guard lets nobody else.
            let fix = format!(
                "with the deploy role or break-glass of {account}: aws iam create-policy-version --policy-arn {arn} --policy-document \
                 file://{} --set-as-default; then find out who changed it",
                shipped.file()
            );
            Observation::broken(QUARANTINE_POLICY, subject, "CHANGED: it does not say what was shipped", fix)
        }
        Err(fault) if fault.kind == FaultKind::Gone => Observation::broken(QUARANTINE_POLICY, subject, "missing", FIX),
        Err(fault) => Observation::unknown(QUARANTINE_POLICY, subject, fault.message, FIX),
    }
}
