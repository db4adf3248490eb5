//! Ends the sessions of a role that were issued before now. Only after approval: it needs a role that can write inline policies.
//!
//! IAM compares the time of issue only with a fixed time in the policy, so it cannot be a static policy with tags (IAM user guide,
//! "Policy elements: variables": not for dates). The time is never in the future: that would stop refreshed credentials, too.

use crate::base;
use crate::policies;
use crate::record::{check_identity, check_path, is_held, record};
use aws_sdk_iam::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_function::step::{step, unrecorded};
use serde_json::json;

pub(crate) async fn contain(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let (current, _) = base::read(iam, &call.target).await?;
    check_path(call, &current)?;
    check_identity(call, &current)?;
    let recorded = record(call, &current, &[]).await;
    let held = is_held(&recorded);
    let is_labelled = current.tags.is_some_and(|tags| tags.get("firebreak-state").is_some_and(|state| state == "quarantined"));
    let revoked = step(StepKind::RevokeOlderSessions, async {
        if !held {
            return Err(unrecorded());
        }
        revoke(call, iam).await.map_err(|fault| if is_labelled { fault } else { not_labelled_yet(fault) })
    })
    .await;
    Ok(vec![recorded, revoked])
}

/// The role that writes inline policies may do so on labelled roles only. Of an approval of both, the session's containment labels
/// the role at the same time: trying again helps.
fn not_labelled_yet(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Denied => {
            let why = format!("the role does not carry firebreak-state=quarantined yet: {}", fault.message);
            Fault::new(FaultKind::Transient, why)
        }
        _ => fault,
    }
}

/// Writes the inline policy of this incident, once: a second try must not move the time.
pub(crate) async fn revoke(call: &Call, iam: &Client) -> Result<Outcome, Fault> {
    if is_revoked(call, iam).await? {
        return Ok(Outcome::Already);
    }
    let before = clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let document = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "FirebreakRevoke", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "DateLessThan": { "aws:TokenIssueTime": before } },
    }] });
    let put = iam.put_role_policy().role_name(&call.target.id).policy_name(policies::revocation(&call.incident));
    put.policy_document(document.to_string()).send().await.or_fault("iam:PutRolePolicy")?;
    Ok(Outcome::Applied)
}

/// Whether the policy of this incident is there.
pub(crate) async fn is_revoked(call: &Call, iam: &Client) -> Result<bool, Fault> {
    let name = policies::revocation(&call.incident);
    let found = iam.get_role_policy().role_name(&call.target.id).policy_name(name).send().await;
    if found.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(false);
    }
    found.or_fault("iam:GetRolePolicy")?;
    Ok(true)
}
