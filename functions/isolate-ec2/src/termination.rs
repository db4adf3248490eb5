//! Termination protection. Auto Scaling, Spot and a shutdown from inside go round it: others keep those off.

use crate::again::Lost;
use crate::base::BaseState;
use crate::protections;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::AttributeBooleanValue;
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::{Call, Checked};
use firebreak_function::step::unrecorded;
use tokio::time::Instant;

/// Switches it on. Where it could not be read it is switched on all the same, and a release leaves it on.
pub(crate) async fn protect(call: &Call, ec2: &Client, current: &BaseState, held: bool) -> Result<Outcome, Fault> {
    if current.spot {
        return Ok(Outcome::Skipped);
    }
    if current.termination_protection == Some(true) {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    set(call, ec2, true).await?;
    Ok(Outcome::Applied)
}

/// Writes again what somebody switched off, where the look may; the caller holds the guard.
pub(crate) async fn check(call: &Call, ec2: &Client, now: &BaseState) -> Checked {
    if now.spot || now.termination_protection != Some(false) {
        return Checked::default();
    }
    let (step, line) = (StepKind::ProtectFromTermination.into(), "termination protection is off".to_owned());
    let still = async { protections::read(call, ec2).await.termination.map(|on| !on) };
    let lost = Lost { step, line, may_be_late: false, read_at: Instant::now() };
    lost.mended(call, Box::pin(still), Box::pin(set(call, ec2, true))).await
}

pub(crate) async fn restore(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Result<Outcome, Fault> {
    if base.termination_protection == now.termination_protection {
        return Ok(Outcome::Already);
    }
    let is_not_ours = call.failed_steps.iter().any(|step| step.kind() == Some(StepKind::ProtectFromTermination));
    if base.termination_protection != Some(false) || is_not_ours {
        return Ok(Outcome::Skipped);
    }
    set(call, ec2, false).await?;
    Ok(Outcome::Applied)
}

async fn set(call: &Call, ec2: &Client, on: bool) -> Result<(), Fault> {
    let value = AttributeBooleanValue::builder().value(on).build();
    let asked = ec2.modify_instance_attribute().instance_id(&call.target.id).disable_api_termination(value);
    asked.send().await.or_fault("ec2:ModifyInstanceAttribute").map(|_| ())
}
