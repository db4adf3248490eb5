//! Keeps Auto Scaling from terminating an instance that is cut off.
//!
//! Termination protection does not stop Auto Scaling. An instance on standby stays in its group, and is neither health-checked nor
//! scaled in; it leaves the group's load balancers (EC2 Auto Scaling user guide, "Temporarily remove instances"). The desired capacity
//! stays as it is, so that the group starts a replacement.

mod standby;

pub(crate) use standby::restore;

use crate::again::{Lost, merged};
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::config::http::HttpResponse;
use aws_sdk_autoscaling::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_autoscaling::types::{InstanceRefreshStatus, StandbyInstances};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::{Call, Checked};
use firebreak_function::step::{skipped, step, unrecorded};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What Auto Scaling answers about an instance or a group that is not in the state for the call, and about a group that is gone.
const INVALID: &str = "ValidationError";

/// The place of an instance in an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// The group's name. Its owner may write nearly anything into it.
    pub group: String,
    /// For example `InService`.
    pub lifecycle: String,
    /// Whether the group may not choose the instance when it scales in.
    pub protected_from_scale_in: bool,
}

/// What a lifecycle state means here (EC2 Auto Scaling API reference, `LifecycleState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It can go on standby.
    Serving,
    /// It is there, or on the way.
    OnStandby,
    /// It will be in service.
    Starting,
    /// Auto Scaling is terminating it.
    Ending,
    /// It leaves the group and goes on running.
    Leaving,
    /// It waits in the warm pool.
    Warm,
    /// Every other state.
    Other,
}

impl Scaling {
    pub(crate) fn phase(&self) -> Phase {
        match self.lifecycle.as_str() {
            "InService" => Phase::Serving,
            "EnteringStandby" | "Standby" => Phase::OnStandby,
            "Pending" | "Pending:Wait" | "Pending:Proceed" => Phase::Starting,
            "Detaching" | "Detached" => Phase::Leaving,
            state if state.starts_with("Terminat") => Phase::Ending,
            state if state.starts_with("Warmed:") => Phase::Warm,
            _ => Phase::Other,
        }
    }

    /// Scale-in protection can be changed. AWS refuses every other state: "The instance … is not in `InService` or `EnteringStandby` or
    /// Standby" (github.com/guardian/riff-raff/pull/510), and instances of a warm pool (API reference, `SetInstanceProtection`).
    fn takes_protection(&self) -> bool {
        matches!(self.phase(), Phase::Serving | Phase::OnStandby)
    }

    /// The group, for a person.
    pub(crate) fn shown(&self) -> String {
        inert(&self.group, 64)
    }

    fn name(&self, kind: StepKind) -> StepName {
        StepName::about(kind, self.shown())
    }

    /// Why it cannot go on standby now.
    pub(crate) fn why_not(&self) -> String {
        let state = inert(&self.lifecycle, 40);
        match self.phase() {
            Phase::Starting => format!("it is not in service yet ({state}); a look puts it on standby once it is"),
            Phase::Ending => format!("Auto Scaling is terminating it ({state})"),
            Phase::Leaving => format!("it is leaving the group ({state}) and goes on running"),
            Phase::Warm => format!("it is in the warm pool ({state}), where AWS allows neither standby nor scale-in protection"),
            Phase::Serving | Phase::OnStandby | Phase::Other => {
                format!("AWS allows it in service only, and its state is {state}")
            }
        }
    }
}

/// The place of the target in a group. Nothing: it is in none.
pub(crate) async fn read(call: &Call) -> Result<Option<Scaling>, Fault> {
    let id = call.target.id.as_str();
    let answer = Client::new(&call.config).describe_auto_scaling_instances().instance_ids(id).send().await;
    let answer = answer.or_fault("autoscaling:DescribeAutoScalingInstances")?;
    let found = answer.auto_scaling_instances().iter().find(|found| found.instance_id() == Some(id));
    Ok(found.and_then(|found| {
        Some(Scaling {
            group: found.auto_scaling_group_name()?.to_owned(),
            lifecycle: found.lifecycle_state().unwrap_or_default().to_owned(),
            protected_from_scale_in: found.protected_from_scale_in().unwrap_or(false),
        })
    }))
}

/// What nothing waits for: scale-in protection, and whether an instance refresh is under way.
pub(crate) async fn beside(call: &Call, scaling: &Scaling, held: bool) -> Vec<Step> {
    let client = Client::new(&call.config);
    let (protection, refresh) = futures::join!(
        step(scaling.name(StepKind::ProtectFromScaleIn), protect(call, &client, scaling, held)),
        refresh(&client, scaling),
    );
    let refresh = refresh.unwrap_or_else(|fault| {
        let what = "is not known: if one terminates instances on standby (StandbyInstances=Terminate), this one is lost with it";
        Some(format!("whether an instance refresh of {} is under way {what}: {}", scaling.shown(), fault.message))
    });
    let refresh =
        refresh.map(|line| skipped(StepName::about(StepKind::NoteVolatile, "instance-refresh"), Fault::malformed(line)));
    std::iter::once(protection).chain(refresh).collect()
}

/// Standby. Ends when AWS took it, not when the instance is on standby.
pub(crate) async fn enter(call: &Call, scaling: &Scaling, held: bool) -> Step {
    let client = &Client::new(&call.config);
    let name = scaling.name(StepKind::EnterStandby);
    match scaling.phase() {
        Phase::Serving => step(name, go_on_standby(call, client, scaling, held)).await,
        Phase::OnStandby => step(name, async { Ok(Outcome::Already) }).await,
        _ => {
            let why = format!("not put on standby in Auto Scaling group {}: {}", scaling.shown(), scaling.why_not());
            skipped(name, Fault::malformed(why))
        }
    }
}

async fn go_on_standby(call: &Call, client: &Client, scaling: &Scaling, held: bool) -> Result<Outcome, Fault> {
    if !held {
        return Err(unrecorded());
    }
    let entered = client
        .enter_standby()
        .instance_ids(&call.target.id)
        .auto_scaling_group_name(&scaling.group)
        .should_decrement_desired_capacity(false)
        .send()
        .await;
    let Err(error) = entered else { return Ok(Outcome::Applied) };
    let refused = refused("autoscaling:EnterStandby", &error);
    if code(&error) != Some(INVALID) {
        return Err(refused);
    }
    // The answer to an earlier attempt was lost, or somebody else changed the place since it was read.
    match read(call).await {
        Ok(Some(now)) if now.phase() == Phase::OnStandby => Ok(Outcome::Applied),
        Ok(None) => Err(Fault::gone(format!("it is no longer a member of Auto Scaling group {}", scaling.shown()))),
        _ => Err(refused),
    }
}

async fn protect(call: &Call, client: &Client, scaling: &Scaling, held: bool) -> Result<Outcome, Fault> {
    if scaling.protected_from_scale_in {
        return Ok(Outcome::Already);
    }
    if !scaling.takes_protection() {
        return Ok(Outcome::Skipped);
    }
    if !held {
        return Err(unrecorded());
    }
    set_protection(call, client, scaling, true).await
}

async fn set_protection(call: &Call, client: &Client, scaling: &Scaling, on: bool) -> Result<Outcome, Fault> {
    let set = client
        .set_instance_protection()
        .instance_ids(&call.target.id)
        .auto_scaling_group_name(&scaling.group)
        .protected_from_scale_in(on)
        .send()
        .await;
    match set {
        Ok(_) => Ok(Outcome::Applied),
        Err(error) => Err(refused("autoscaling:SetInstanceProtection", &error)),
    }
}

/// Another activity of the group comes first. It passes.
fn refused<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    let refused = fault(operation, error);
    match code(error) {
        Some("ScalingActivityInProgress" | "ResourceContention") => Fault { kind: FaultKind::Transient, ..refused },
        _ => refused,
    }
}

/// Says so when an instance refresh is under way that terminates what is on standby.
async fn refresh(client: &Client, scaling: &Scaling) -> Result<Option<String>, Fault> {
    let answer = client.describe_instance_refreshes().auto_scaling_group_name(&scaling.group).send().await;
    let answer = answer.or_fault("autoscaling:DescribeInstanceRefreshes")?;
    let is_over = |status: Option<&InstanceRefreshStatus>| {
        matches!(
            status,
            Some(
                InstanceRefreshStatus::Successful
                    | InstanceRefreshStatus::Failed
                    | InstanceRefreshStatus::Cancelled
                    | InstanceRefreshStatus::RollbackFailed
                    | InstanceRefreshStatus::RollbackSuccessful
            )
        )
    };
    let terminates = answer.instance_refreshes().iter().any(|refresh| {
        let standby = refresh.preferences().and_then(|preferences| preferences.standby_instances());
        !is_over(refresh.status()) && standby == Some(&StandbyInstances::Terminate)
    });
    let line = || {
        let group = scaling.shown();
        format!(
            "an instance refresh of Auto Scaling group {group} is under way that terminates instances on standby: instance, memory and \
             instance store are lost when its turn comes. Cancel it: aws autoscaling cancel-instance-refresh \
             --auto-scaling-group-name {}",
            word(&scaling.group)
        )
    };
    Ok(terminates.then(line))
}

/// A group's name for a command. A name that a shell reads something into is not put into one.
fn word(group: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let is_word = group.len() <= 64 && group.chars().all(is_plain) && !group.starts_with('-');
    if is_word { group } else { "GROUP" }
}

/// Whether standby and protection hold. Writes again where the look may; the caller holds the guard.
pub(crate) async fn check(call: &Call, base: &Scaling) -> Result<Checked, Fault> {
    let client = Client::new(&call.config);
    let (now, refresh) = futures::join!(read(call), refresh(&client, base));
    let mut checked = match now? {
        Some(now) if now.group == base.group => held(call, &client, base, &now).await,
        other => Checked { notes: vec![elsewhere(base, other.as_ref())], ..Checked::default() },
    };
    checked.notes.extend(refresh.ok().flatten());
    Ok(checked)
}

/// What became of a membership that is not as recorded.
fn elsewhere(base: &Scaling, now: Option<&Scaling>) -> String {
    let group = base.shown();
    match now {
        Some(now) => format!("it moved from Auto Scaling group {group} to {}", now.shown()),
        None => format!("it is no longer a member of Auto Scaling group {group}: it was detached, or the group was deleted"),
    }
}

async fn held(call: &Call, client: &Client, base: &Scaling, now: &Scaling) -> Checked {
    let (group, read_at) = (now.shown(), Instant::now());
    let standby = match now.phase() {
        Phase::OnStandby => Checked::default(),
        Phase::Serving => {
            let line = format!("it is in service in Auto Scaling group {group}, which terminates it when its health check fails");
            let lost = Lost { step: now.name(StepKind::EnterStandby), line, may_be_late: true, read_at };
            let still = async { Ok::<_, Fault>(read(call).await?.is_some_and(|now| now.phase() == Phase::Serving)) };
            lost.mended(call, Box::pin(still), async { go_on_standby(call, client, now, true).await.map(|_| ()) }).await
        }
        Phase::Starting | Phase::Ending => vec![format!("it is not on standby in {group}: {}", now.why_not())].into(),
        _ if now.lifecycle == base.lifecycle => Checked::default(),
        _ => Checked { notes: vec![format!("it is not on standby in {group}: {}", now.why_not())], ..Checked::default() },
    };
    if now.protected_from_scale_in || !now.takes_protection() {
        return standby;
    }
    let line = format!("scale-in protection in Auto Scaling group {group} is off");
    let lost = Lost { step: now.name(StepKind::ProtectFromScaleIn), line, may_be_late: true, read_at };
    let still = async { Ok::<_, Fault>(read(call).await?.is_some_and(|now| !now.protected_from_scale_in)) };
    let protection =
        lost.mended(call, Box::pin(still), async { set_protection(call, client, now, true).await.map(|_| ()) }).await;
    merged([standby, protection])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_member_has_a_phase_and_no_name_gets_into_a_shell() {
        let phase = |lifecycle: &str| {
            Scaling { group: "web".to_owned(), lifecycle: lifecycle.to_owned(), protected_from_scale_in: false }.phase()
        };
        for (lifecycle, expected) in [
            ("InService", Phase::Serving),
            ("EnteringStandby", Phase::OnStandby),
            ("Standby", Phase::OnStandby),
            ("Pending:Wait", Phase::Starting),
            ("Terminating:Wait", Phase::Ending),
            ("Terminated", Phase::Ending),
            ("Detaching", Phase::Leaving),
            ("Warmed:Running", Phase::Warm),
            ("Warmed:Terminating:Wait", Phase::Warm),
            ("ReplacingRootVolume", Phase::Other),
        ] {
            assert_eq!(phase(lifecycle), expected, "{lifecycle}");
        }
        assert_eq!(["web-1", "x; reboot", "$(id)", "--help", "a b"].map(word), ["web-1", "GROUP", "GROUP", "GROUP", "GROUP"]);
    }
}
