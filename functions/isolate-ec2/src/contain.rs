//! Moves every network interface of an instance into the empty group of its own VPC.

use crate::base::{self, BaseState};
use crate::isolation_group;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, Tag};
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak::step::{StepKind, StepName};
use firebreak::target::TargetKind;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::{Attempt, Call, tag_outcome, tags};
use firebreak_function::step::{step, unrecorded};
use futures::FutureExt as _;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) async fn contain(call: &Call, (): ()) -> Result<Attempt, Fault> {
    if call.target.kind != TargetKind::Ec2Instance {
        return Err(Fault::malformed(format!("isolate-ec2 cannot contain {}", call.target)));
    }
    let ec2 = Client::new(&call.config);
    let current = base::read(&ec2, &call.target.id).await?;
    let vpcs: BTreeSet<&str> = current.interfaces.iter().map(|interface| interface.vpc.as_str()).collect();
    let (recorded, groups) = futures::join!(
        step(StepKind::RecordBase, record(call, &current)),
        join_all(vpcs.iter().map(async |vpc| ((*vpc).to_owned(), isolation_group::ensure(&ec2, vpc, &call.incident).await)))
    );
    let groups: BTreeMap<String, Result<String, Fault>> = groups.into_iter().collect();
    let held = recorded.outcome != Outcome::Failed;
    let interfaces = current.interfaces.iter().map(|interface| {
        let isolated = groups.get(&interface.vpc).cloned();
        step(StepName::about(StepKind::IsolateInterface, &interface.id), isolate(&ec2, interface, isolated, held)).boxed()
    });
    let protection = step(StepKind::ProtectFromTermination, protect(call, &ec2, &current, held)).boxed();
    let label = step(StepKind::Tag, tag(call, &ec2, held)).boxed();
    let mut steps = vec![recorded];
    steps.extend(join_all(interfaces.chain([protection, label])).await);
    Ok(steps.into())
}

async fn record(call: &Call, current: &BaseState) -> Result<Outcome, Fault> {
    let known = call.ledger.hold(call.held(), &call.holder, &call.target.id, current, call.began_at).await?;
    let all = known.with_interfaces_of(current);
    if all != known {
        call.ledger.extend_base(call.held(), &known, &all).await?;
    }
    Ok(Outcome::Applied)
}

async fn isolate(
    ec2: &Client,
    interface: &base::NetworkInterface,
    group: Option<Result<String, Fault>>,
    held: bool,
) -> Result<Outcome, Fault> {
    let group = group.unwrap_or_else(|| Err(Fault::bug("no isolation group was prepared for this VPC")))?;
    if interface.groups == [group.as_str()] {
        return Ok(Outcome::Already);
    }
    if !held {
        // The groups would be lost: without the record nobody could put the instance back.
        return Err(unrecorded());
    }
    ec2.modify_network_interface_attribute()
        .network_interface_id(&interface.id)
        .groups(group)
        .send()
        .await
        .or_fault("ec2:ModifyNetworkInterfaceAttribute")?;
    Ok(Outcome::Applied)
}

async fn protect(call: &Call, ec2: &Client, current: &BaseState, held: bool) -> Result<Outcome, Fault> {
    if current.spot {
        return Ok(Outcome::Skipped);
    }
    if current.termination_protection {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    ec2.modify_instance_attribute()
        .instance_id(&call.target.id)
        .disable_api_termination(AttributeBooleanValue::builder().value(true).build())
        .send()
        .await
        .or_fault("ec2:ModifyInstanceAttribute")?;
    Ok(Outcome::Applied)
}

async fn tag(call: &Call, ec2: &Client, held: bool) -> Result<Outcome, Fault> {
    if !held {
        return Ok(Outcome::Skipped);
    }
    let labels = tags(&call.incident, "isolated").map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tagged = ec2.create_tags().resources(&call.target.id).set_tags(Some(labels.to_vec())).send().await;
    tag_outcome(match tagged {
        Ok(_) => Ok(()),
        Err(error) => Err((code(&error).map(str::to_owned), fault("ec2:CreateTags", &error))),
    })
}
