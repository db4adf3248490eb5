//! Takes back what this run wrote on somebody else. The first wave goes by name, and a name can mean another principal by then.
//!
//! Only Firebreak's own deny, only from whom no incident contains, and at once: IAM lets this role detach nothing else, and nothing
//! from a principal with Firebreak's label.
#![expect(clippy::disallowed_methods, reason = "takes this run's own deny off whoever was hit by mistake, and nothing else")]

use crate::base::BaseState;
use crate::policies;
use crate::record::check_identity;
use crate::rows;
use crate::tags::{self, NOBODY, STATE};
use aws_sdk_iam::Client;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::classify::{OrFault, SdkResult, code};
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};

/// Whether another incident contains the user that has the present name.
pub(crate) async fn is_theirs(call: &Call, namesake: &BaseState) -> Result<bool, Fault> {
    rows::is_theirs(call, &call.present.whole(), &namesake.principal_id).await
}

/// Takes the deny off a user who has the name and another id. `theirs`: what [`is_theirs`] says. A label stops a containment, because IAM
/// does, and no release.
pub(crate) async fn user(call: &Call, iam: &Client, namesake: &BaseState, theirs: Result<bool, Fault>) -> Step {
    let who = format!("{} ({})", call.present, namesake.principal_id);
    let innocent = |fault: Fault| {
        let why =
            format!("AN INNOCENT USER IS DENIED: {who} was hit by mistake, and the deny was not taken off: {}", fault.message);
        Fault::new(fault.kind, why)
    };
    if theirs.as_ref().is_ok_and(|theirs| *theirs) {
        let why = format!("{who} is contained for another incident: the deny stays");
        return skipped(StepKind::TakeOffDeny, Fault::malformed(why));
    }
    let off = async {
        theirs?;
        if is_labelled(namesake) && call.role != MemberRole::Release {
            return Err(Fault::malformed("the user has Firebreak's label, and no incident is known to contain the user"));
        }
        match detach(call, iam).await? {
            // The policy was there when it was attached, or read: the name means somebody else once more.
            Outcome::Already => Err(Fault::new(FaultKind::Transient, "the deny is not on whoever has the name at this moment")),
            off => Ok(off),
        }
    };
    step(StepKind::TakeOffDeny, async { off.await.map_err(innocent) }).await
}

/// What was written for a session on a role that was created anew: which tag, and whether policy and tag were written.
pub(crate) struct Ours<'a> {
    /// The tag that names the session.
    pub(crate) tag: Option<&'a (String, String)>,
    /// The policy is attached.
    pub(crate) attached: bool,
    /// The tag is written.
    pub(crate) tagged: bool,
}

/// The steps for a role that is not the finding's: `denied` stays among them only where it was not taken back.
pub(crate) async fn session(call: &Call, iam: &Client, role: &BaseState, ours: &Ours<'_>, denied: Step, why: Fault) -> Vec<Step> {
    let other = step(StepKind::CheckIdentity, async { Err(why) }).await;
    if !(ours.attached || ours.tagged) || check_identity(call, role).is_ok() {
        return vec![denied, other];
    }
    let off = step(StepKind::TakeOffDeny, take_back(call, iam, role, ours)).await;
    if off.outcome == Outcome::Failed { vec![denied, off, other] } else { vec![off, other] }
}

async fn take_back(call: &Call, iam: &Client, role: &BaseState, ours: &Ours<'_>) -> Result<Outcome, Fault> {
    if rows::is_theirs(call, &call.target, &role.principal_id).await? {
        return Ok(Outcome::Skipped);
    }
    // The policy denies nobody whom no tag names.
    if let Some((key, _)) = ours.tag.filter(|_| ours.tagged) {
        tags::put(call, iam, &[(key.clone(), NOBODY.to_owned())]).await?;
    }
    let named = call.ledger.named_sessions(&rows::identified(&call.target, &role.principal_id)).await?;
    let is_shared = named.iter().any(|name| Some(name.as_str()) != call.target.session.as_deref());
    if ours.attached && !is_shared && !is_labelled(role) {
        detach(call, iam).await?;
    }
    Ok(Outcome::Applied)
}

fn is_labelled(principal: &BaseState) -> bool {
    principal.tags.as_ref().is_some_and(|tags| tags.contains_key(STATE))
}

async fn detach(call: &Call, iam: &Client) -> Result<Outcome, Fault> {
    let (name, policy) = (&call.present.id, policies::deny(&call.target));
    match call.target.kind {
        TargetKind::IamRole => {
            undone("iam:DetachRolePolicy", iam.detach_role_policy().role_name(name).policy_arn(policy).send().await)
        }
        _ => undone("iam:DetachUserPolicy", iam.detach_user_policy().user_name(name).policy_arn(policy).send().await),
    }
}

/// The outcome of a call that undoes: what is gone already is undone.
pub(crate) fn undone<T, E: ProvideErrorMetadata>(operation: &str, answer: SdkResult<T, E>) -> Result<Outcome, Fault> {
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(Outcome::Already);
    }
    answer.or_fault(operation)?;
    Ok(Outcome::Applied)
}
