//! The deny itself: a managed policy that is attached, or a permissions boundary where no more can be attached.

use crate::base::BaseState;
use crate::policies;
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::{Scope, TargetKind};
use firebreak_aws::classify::{self, OrFault, code};
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step, unrecorded};

/// What became of attaching the policy.
pub(crate) enum Attached {
    /// It is attached.
    Done,
    /// The quota of managed policies is full (10 by default, at most 20: IAM user guide, "IAM and AWS STS quotas"); an attacker can
    /// fill it. A boundary has no quota.
    NoRoom(Fault),
}

/// Attaches the deny. Attaching what is attached succeeds and changes nothing.
pub(crate) async fn attach(call: &Call, iam: &Client) -> Result<Attached, Fault> {
    let (name, policy) = (&call.present.id, policies::deny(&call.target));
    let (refused, attached) = match call.target.kind {
        TargetKind::IamRole => {
            let answer = iam.attach_role_policy().role_name(name).policy_arn(policy).send().await;
            (full(&answer), answer.map(|_| ()).or_fault("iam:AttachRolePolicy"))
        }
        _ => {
            let answer = iam.attach_user_policy().user_name(name).policy_arn(policy).send().await;
            (full(&answer), answer.map(|_| ()).or_fault("iam:AttachUserPolicy"))
        }
    };
    match attached {
        Err(fault) if refused => Ok(Attached::NoRoom(fault)),
        Err(fault) => Err(fault),
        Ok(()) => Ok(Attached::Done),
    }
}

fn full<T, E: aws_smithy_types::error::metadata::ProvideErrorMetadata>(answer: &classify::SdkResult<T, E>) -> bool {
    answer.as_ref().err().and_then(code) == Some("LimitExceeded")
}

/// The steps of a deny that was tried in the first wave: `attach-deny`, and `deny-by-boundary` when there was no room.
///
/// A boundary replaces another one, so it waits for the record of what was there.
pub(crate) async fn steps(
    call: &Call,
    iam: &Client,
    attached: Step,
    no_room: Option<Fault>,
    base: Option<&BaseState>,
    held: bool,
) -> Vec<Step> {
    let Some(fault) = no_room else { return vec![attached] };
    let instead = step(StepKind::DenyByBoundary, async {
        match base {
            Some(base) if held => put_boundary(call, iam, base).await,
            _ => Err(unrecorded()),
        }
    })
    .await;
    vec![skipped(attached.name, fault), instead]
}

/// Puts the boundary, unless it is there.
pub(crate) async fn put_boundary(call: &Call, iam: &Client, current: &BaseState) -> Result<Outcome, Fault> {
    let boundary = policies::boundary(&call.target);
    if current.boundary.as_ref() == Some(&boundary) {
        return Ok(Outcome::Already);
    }
    if call.target.scope == Scope::Session && current.boundary.is_some() {
        // The one that is there limits every session; ours would lift that limit for all but one.
        return Err(Fault::malformed(
            "the role has 10 policies or more and a permissions boundary: no single session can be denied, only the whole role",
        ));
    }
    let name = &call.present.id;
    match call.target.kind {
        TargetKind::IamRole => {
            let put = iam.put_role_permissions_boundary().role_name(name).permissions_boundary(boundary);
            put.send().await.or_fault("iam:PutRolePermissionsBoundary")?;
        }
        _ => {
            let put = iam.put_user_permissions_boundary().user_name(name).permissions_boundary(boundary);
            put.send().await.or_fault("iam:PutUserPermissionsBoundary")?;
        }
    }
    Ok(Outcome::Applied)
}
