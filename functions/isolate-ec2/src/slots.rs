//! Slots of sessions whose instances are gone.
//!
//! A role has five slots for denied sessions, and a session named after an instance keeps its slot as long as the instance lives. Only
//! a function with EC2's SDK can learn that it does not, and `quarantine-iam` has none. So whoever isolates an instance looks after
//! the slots of its role, once all of them are taken. The next look of `quarantine-iam` takes one that became free.

use crate::base::BaseState;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName};
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::ids::InstanceId;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::TaskInput;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::{Held, SESSION_SLOTS};
use futures::future::try_join_all;

/// The roles of which the incident denies the session of this instance.
pub(crate) fn roles(request: &TaskInput) -> Vec<Target> {
    let Target { id, account, .. } = &request.target;
    let is_its = |decision: &&Decision| {
        let target = &decision.target;
        let is_session = (target.kind, target.scope) == (TargetKind::IamRole, Scope::Session);
        is_session && target.session.as_ref() == Some(id) && target.account == *account
    };
    request.incident.decisions.iter().filter(is_its).map(|decision| decision.target.whole()).collect()
}

/// Gives the slots of instances that are gone an end: 12 hours from now, for as long stolen credentials can live on. What fails leaves a slot taken, and no isolation waits for it.
pub(crate) async fn end_gone(call: &Call, roles: &[Target]) {
    for role in roles {
        if let Err(fault) = end_gone_of(call, role).await {
            tracing::warn!(fault.message = %fault.message, "not known which instances with a denied session are gone");
        }
    }
}

async fn end_gone_of(call: &Call, role: &Target) -> Result<(), Fault> {
    let slots = call.ledger.session_slots(role).await?;
    if slots.len() < SESSION_SLOTS {
        return Ok(());
    }
    let lasting = slots.into_iter().filter(|slot| slot.until.is_none()).map(|slot| slot.session);
    let ids: Vec<String> = lasting.filter(|name| *name != call.target.id && InstanceId::parse(name).is_ok()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let wanted = Filter::builder().name("instance-id").set_values(Some(ids.clone())).build();
    let ec2 = Client::new(&call.config);
    let answer = ec2.describe_instances().filters(wanted).send().await.or_fault("ec2:DescribeInstances")?;
    if answer.next_token().is_some() {
        return Err(Fault::bug("ec2:DescribeInstances gave five instances in parts"));
    }
    let shown: Vec<&Instance> = answer.reservations().iter().flat_map(|reservation| reservation.instances()).collect();
    try_join_all(ids.iter().map(async |id| {
        let found = shown.iter().find(|instance| instance.instance_id() == Some(id.as_str()));
        let is_gone = match found {
            Some(instance) => instance.state().and_then(|state| state.name()) == Some(&InstanceStateName::Terminated),
            None => was_here(call, id).await?,
        };
        if is_gone { call.ledger.end_session(role, id, clock::now()).await } else { Ok(()) }
    }))
    .await?;
    Ok(())
}

/// Whether Firebreak has isolated an instance in this account and Region. A role is everywhere: what EC2 does not show here may live in
/// another Region.
async fn was_here(call: &Call, id: &str) -> Result<bool, Fault> {
    let target = Target { id: id.to_owned(), ..call.target.clone() };
    let held = Held { target: &target, containment: call.containment };
    Ok(call.ledger.base::<BaseState>(held).await?.is_some())
}
