//! Ends the sessions of a role that were issued before now. Only after approval: it needs a role that can write inline policies. The
//! function `revoke-sessions` has that role, and this crate's own function has not.
//!
//! IAM compares the time of issue only with a fixed time in the policy, so it cannot be a static policy with tags (IAM user guide,
//! "Policy elements: variables": not for dates). The time is never in the future: that would stop refreshed credentials, too.

use crate::base::{self, BaseState};
use crate::policies;
use crate::record::{check_identity, check_path, is_held, record};
use crate::tags::{self, REVOKE};
use crate::{rows, whom};
use aws_sdk_iam::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::{Scope, TargetKind};
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::clock;
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{step, unrecorded};
use serde_json::json;

/// Ends the sessions of `call.target` that were issued before now. The call must have the role that writes inline policies.
///
/// # Errors
/// When the role cannot be read, and `Protected` or `Malformed` for one that must not be touched. Nothing was changed then.
pub async fn end_older_sessions(call: &Call) -> Result<Attempt, Fault> {
    if (call.target.kind, call.target.scope) != (TargetKind::IamRole, Scope::OlderSessions) {
        return Err(Fault::malformed(format!("{} has no older sessions that could be ended", call.target)));
    }
    contain(call, &Client::new(&call.config)).await.map(Attempt::from)
}

async fn contain(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let (read, quiet) = futures::join!(base::read(iam, &call.target), rows::is_quiet(call, whom::id(call, None)));
    let (current, _) = read?;
    check_path(call, &current)?;
    check_identity(call, &current)?;
    let recorded = record(call, &current, &[], quiet).await;
    let held = is_held(&recorded);
    let revoked = step(StepKind::RevokeOlderSessions, async {
        if !held {
            return Err(unrecorded());
        }
        // Once: a second try must not move the time.
        if is_revoked(call, iam).await? {
            return Ok(Outcome::Already);
        }
        open(call, iam, &current).await?;
        let mut revoked = revoke(call, iam).await;
        if revoked.as_ref().is_err_and(|fault| fault.kind == FaultKind::Denied) {
            tokio::time::sleep(call.settle).await;
            revoked = revoke(call, iam).await;
        }
        revoked.map_err(|fault| not_yet(&fault, "the tags that open the role may not count yet"))
    })
    .await;
    Ok(vec![recorded, revoked])
}

/// Tags the role: IAM lets the policy be written on a role that is quarantined and carries this tag. The containing role may write the
/// first label and not this one, and the role of `revoke-sessions` this one only where the first one is.
async fn open(call: &Call, iam: &Client, current: &BaseState) -> Result<(), Fault> {
    if is_open(call, current) {
        return Ok(());
    }
    let opened = tags::put(call, iam, &[(REVOKE.to_owned(), call.incident.to_string())]).await;
    // Of an approval of both, the session's containment labels the role at the same time: trying again helps.
    opened.map_err(|fault| not_yet(&fault, "firebreak-state=quarantined may not count on the role yet"))
}

fn is_open(call: &Call, current: &BaseState) -> bool {
    current.tags.as_ref().and_then(|tags| tags.get(REVOKE)).is_some_and(|incident| *incident == call.incident.as_str())
}

/// What is refused now may be allowed in a moment: IAM decides by a tag later than it shows it. The state machine's tries are the end.
fn not_yet(fault: &Fault, why: &str) -> Fault {
    match fault.kind {
        FaultKind::Denied => Fault::new(FaultKind::Transient, format!("{why}: {}", fault.message)),
        _ => fault.clone(),
    }
}

/// Writes the inline policy of this incident.
async fn revoke(call: &Call, iam: &Client) -> Result<Outcome, Fault> {
    let before = clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let document = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "FirebreakRevoke", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "DateLessThan": { "aws:TokenIssueTime": before } },
    }] });
    let put = iam.put_role_policy().role_name(&call.target.id).policy_name(policies::revocation(&call.incident));
    put.policy_document(document.to_string()).send().await.or_fault("iam:PutRolePolicy")?;
    Ok(Outcome::Applied)
}

/// Whether the policy of this incident is there, as IAM says now.
async fn is_revoked(call: &Call, iam: &Client) -> Result<bool, Fault> {
    let name = policies::revocation(&call.incident);
    let found = iam.get_role_policy().role_name(&call.target.id).policy_name(name).send().await;
    if found.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(false);
    }
    found.or_fault("iam:GetRolePolicy")?;
    Ok(true)
}

/// Whether the policy of this incident is among those that were read. `None`: they could not be read.
pub(crate) fn is_there(call: &Call, now: &BaseState) -> Option<bool> {
    now.inline_policies.as_ref().map(|names| names.contains(&policies::revocation(&call.incident)))
}
