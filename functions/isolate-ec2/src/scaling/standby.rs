//! Takes an instance back into service.

use super::{INVALID, Phase, Scaling, elsewhere, read, refused, set_protection, word};
use crate::balancers::OfGroup;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::types::AutoScalingGroup;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code};
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};

/// Scale-in protection as before, then out of standby.
///
/// In this order: after `ExitStandby` the instance is `Pending`, and AWS changes no protection then. On standby it is not scaled in
/// without one either.
///
/// The balancers of the group, too, where the instance stays on standby.
pub(crate) async fn restore(call: &Call, base: &Scaling) -> (Vec<Step>, Option<OfGroup>) {
    let exit = base.name(StepKind::ExitStandby);
    let now = match read(call).await {
        Ok(Some(now)) if now.group == base.group => now,
        Ok(other) => return (vec![skipped(exit, Fault::gone(elsewhere(base, other.as_ref())))], None),
        Err(fault) => {
            let unread = Some(fault.clone());
            return (vec![step(exit, async { Err(fault) }).await], Some(OfGroup { unread, ..OfGroup::default() }));
        }
    };
    let client = Client::new(&call.config);
    let protection = base.name(StepKind::RestoreScaleInProtection);
    let mut steps = vec![step(protection, put_protection(call, &client, base, &now)).await];
    let left = leave(call, &client, exit, (base, &now)).await;
    let is_out = left.iter().any(|step| step.is(StepKind::ExitStandby) && step.outcome == Outcome::Applied);
    let stays = now.phase() == Phase::OnStandby && !is_out;
    let of_group = if stays { Some(balancers_of(&client, base).await) } else { None };
    steps.extend(left);
    (steps, of_group)
}

async fn balancers_of(client: &Client, base: &Scaling) -> OfGroup {
    let asked = client.describe_auto_scaling_groups().auto_scaling_group_names(&base.group).send().await;
    let answer = match asked.or_fault("autoscaling:DescribeAutoScalingGroups") {
        Ok(answer) => answer,
        Err(fault) => return OfGroup { unread: Some(fault), ..OfGroup::default() },
    };
    let of = |group: &AutoScalingGroup| [group.target_group_arns(), group.load_balancer_names()].concat();
    OfGroup { unread: None, names: answer.auto_scaling_groups().iter().flat_map(of).collect() }
}

async fn put_protection(call: &Call, client: &Client, base: &Scaling, now: &Scaling) -> Result<Outcome, Fault> {
    if base.protected_from_scale_in == now.protected_from_scale_in {
        return Ok(Outcome::Already);
    }
    if base.protected_from_scale_in || failed(call, StepKind::ProtectFromScaleIn) {
        return Ok(Outcome::Skipped);
    }
    match now.phase() {
        Phase::Serving | Phase::OnStandby => set_protection(call, client, now, false).await,
        Phase::Starting => {
            Err(passing("AWS changes no scale-in protection before the instance is in service: release it again in a minute"))
        }
        _ => Ok(Outcome::Skipped),
    }
}

async fn leave(call: &Call, client: &Client, name: StepName, (base, now): (&Scaling, &Scaling)) -> Vec<Step> {
    // What was starting up would be in service by now: a look put it on standby.
    let was_serving = matches!(base.phase(), Phase::Serving | Phase::Starting);
    match now.phase() {
        _ if !was_serving && now.lifecycle == base.lifecycle => vec![step(name, async { Ok(Outcome::Already) }).await],
        _ if !was_serving => vec![step(name, async { Ok(Outcome::Skipped) }).await],
        Phase::Serving | Phase::Starting => vec![step(name, async { Ok(Outcome::Already) }).await],
        Phase::OnStandby if failed(call, StepKind::EnterStandby) => vec![step(name, async { Ok(Outcome::Skipped) }).await],
        Phase::OnStandby => {
            let left = step(name, exit(call, client, base)).await;
            let note = (left.outcome == Outcome::Applied).then(|| raised(base));
            [left].into_iter().chain(note).collect()
        }
        _ => {
            let why = format!("not taken back into service in Auto Scaling group {}: {}", now.shown(), now.why_not());
            vec![skipped(name, Fault::gone(why))]
        }
    }
}

async fn exit(call: &Call, client: &Client, base: &Scaling) -> Result<Outcome, Fault> {
    let left = client.exit_standby().instance_ids(&call.target.id).auto_scaling_group_name(&base.group).send().await;
    let Err(error) = left else { return Ok(Outcome::Applied) };
    let refused = refused("autoscaling:ExitStandby", &error);
    if code(&error) == Some(INVALID) { stays(call, client, base, refused).await } else { Err(refused) }
}

/// Why AWS refused, by what the group and the instance are now: the code is the same for all of it.
async fn stays(call: &Call, client: &Client, base: &Scaling, refused: Fault) -> Result<Outcome, Fault> {
    let groups = client.describe_auto_scaling_groups().auto_scaling_group_names(&base.group).send();
    let (now, groups) = futures::join!(read(call), groups);
    match now {
        // The answer to an earlier attempt was lost.
        Ok(Some(now)) if matches!(now.phase(), Phase::Serving | Phase::Starting) => return Ok(Outcome::Applied),
        Ok(Some(now)) if now.lifecycle == "EnteringStandby" => {
            return Err(passing("the instance is on its way to standby: release it again in a minute"));
        }
        _ => {}
    }
    let Ok(groups) = groups else { return Err(refused) };
    let Some(group) = groups.auto_scaling_groups().first() else { return Err(refused) };
    let member = group.instances().iter().find(|member| member.instance_id() == Some(call.target.id.as_str()));
    let weight = member.and_then(|member| member.weighted_capacity()?.parse().ok()).unwrap_or(1);
    match (group.desired_capacity(), group.max_size()) {
        (Some(desired), Some(max)) if desired.saturating_add(weight) > max => {
            Err(above_maximum(base, desired, max, desired.saturating_add(weight)))
        }
        _ => Err(refused),
    }
}

/// Nothing is lowered for it: Auto Scaling would terminate another instance.
fn above_maximum(base: &Scaling, desired: i32, max: i32, wanted: i32) -> Fault {
    Fault::malformed(format!(
        "it stays on standby: ExitStandby raises the desired capacity from {desired} to {wanted}, and the maximum is {max}. Run aws \
         autoscaling update-auto-scaling-group --auto-scaling-group-name {} --max-size {wanted}, then release again; or first lower the \
         desired capacity, for which Auto Scaling terminates another instance",
        word(&base.group)
    ))
}

/// The desired capacity is no part of what a release compares.
fn raised(base: &Scaling) -> Step {
    let why = "its replacement goes on running. Firebreak lowers nothing";
    let line = format!("AWS raised the desired capacity of Auto Scaling group {} with ExitStandby, and {why}", base.shown());
    skipped(StepName::about(StepKind::NoteVolatile, "desired-capacity"), Fault::malformed(line))
}

fn passing(why: &str) -> Fault {
    Fault::new(FaultKind::Transient, why)
}

/// What the containment could not do is not Firebreak's to undo.
fn failed(call: &Call, kind: StepKind) -> bool {
    call.failed_steps.iter().any(|step| step.kind() == Some(kind))
}
