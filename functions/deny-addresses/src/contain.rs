//! Makes entries that deny the addresses, in both directions, in the network ACL of each of the instance's subnets.

use crate::base::{ALL, BaseState, Entry, direction};
use crate::network::{self, Network, Seen};
use crate::shared;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::RuleAction;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::TargetKind;
use firebreak::text::inert;
use firebreak_aws::classify::{code, fault};
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{skipped, step, unrecorded};
use futures::FutureExt as _;
use futures::future::join_all;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Subnets that a step names.
const NAMED: usize = 5;

pub(crate) async fn contain(call: &Call) -> Result<Attempt, Fault> {
    if call.target.kind != TargetKind::Ec2Instance || call.target.addresses.is_empty() {
        return Err(Fault::malformed(format!("{} has no remote addresses that could be denied", call.target)));
    }
    let ec2 = Client::new(&call.config);
    let (network, wanted) = (network::read(&ec2, &call.target).await?, &call.target.addresses);
    let mut kept = None;
    let recorded = step(StepKind::RecordBase, async {
        kept = Some(record(call, &network, wanted).await?);
        Ok(Outcome::Applied)
    })
    .await;
    let (network, kept) = (&network, kept.as_ref());
    let denied = join_all(network.acls.iter().map(|acl| deny(&ec2, network, acl, wanted, kept).boxed_local())).await;
    let foreign = join_all(network.foreign.iter().map(|subnet| not_ours(subnet))).await;
    Ok([vec![recorded], denied, foreign].concat().into())
}

/// The state before, with the entries that are to be made, and those of other sets that deny the same.
async fn record(call: &Call, network: &Network, wanted: &BTreeSet<IpAddr>) -> Result<BaseState, Fault> {
    let others = shared::others(call).await?;
    let plan = |known: &BaseState| network.sharing(network.plan(known, wanted), wanted, &others);
    let fresh = plan(&BaseState::default());
    let known = call.ledger.hold(call.held(), &call.holder, &call.target.id, &fresh, call.began_at).await?;
    let all = plan(&known);
    if all != known {
        call.ledger.extend_base(call.held(), &known, &all).await?;
    }
    Ok(all)
}

/// A network ACL and all of its subnets: every host in them loses the addresses, and whoever reads the receipt must know.
fn told(acl: &Seen) -> String {
    let named: Vec<&str> = acl.subnets.iter().take(NAMED).map(String::as_str).collect();
    let more = acl.subnets.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    inert(&format!("{} of {}{more}", acl.id, named.join(", ")), 200)
}

async fn not_ours(subnet: &str) -> Step {
    let why =
        format!("the network ACL of {subnet} belongs to another account, which shares the subnet: deny the addresses there");
    step(StepName::about(StepKind::DenyAddresses, subnet), async { Err(Fault::malformed(why)) }).await
}

/// One network ACL.
async fn deny(ec2: &Client, network: &Network, acl: &Seen, wanted: &BTreeSet<IpAddr>, kept: Option<&BaseState>) -> Step {
    let name = StepName::about(StepKind::DenyAddresses, told(acl));
    match network.deniable(acl, wanted) {
        Some(deniable) if deniable.is_empty() => {
            let why = "none of the addresses can be one that the VPC talks to over the internet: nothing is denied";
            skipped(name, Fault::malformed(why))
        }
        Some(deniable) => step(name, make_all(ec2, acl, &deniable, kept)).await,
        None => {
            let why = format!("which addresses {} has is not known, and its own must not be denied", acl.vpc);
            step(name, async { Err(Fault::malformed(why)) }).await
        }
    }
}

/// One entry that cannot be made keeps none of the others from being made.
async fn make_all(ec2: &Client, acl: &Seen, deniable: &BTreeSet<IpAddr>, kept: Option<&BaseState>) -> Result<Outcome, Fault> {
    let open = acl.open(deniable);
    if open.is_empty() {
        return Ok(Outcome::Already);
    }
    let ours = &kept.and_then(|kept| kept.acl(&acl.id)).ok_or_else(unrecorded)?.ours;
    let made = join_all(open.into_iter().map(|what| make(ec2, acl, ours, what).boxed_local())).await;
    let faults: Vec<Fault> = made.into_iter().filter_map(Result::err).collect();
    // A passing fault is worth another try of the whole.
    let passing = faults.iter().find(|fault| fault.kind == FaultKind::Transient);
    passing.or(faults.first()).cloned().map_or(Ok(Outcome::Applied), Err)
}

async fn make(ec2: &Client, acl: &Seen, ours: &[Entry], (egress, address): (bool, IpAddr)) -> Result<(), Fault> {
    let Some(entry) = acl.planned(ours, egress, address) else {
        let direction = direction(egress);
        let why = format!("{}: no {direction} number is free below the first entry that allows: renumber its entries", acl.id);
        return Err(Fault::malformed(why));
    };
    let asked = ec2.create_network_acl_entry().network_acl_id(&acl.id).rule_number(entry.number).egress(entry.egress);
    let asked = asked.protocol(ALL).rule_action(RuleAction::Deny);
    let asked = match entry.cidr {
        IpNet::V4(cidr) => asked.cidr_block(cidr.to_string()),
        IpNet::V6(cidr) => asked.ipv6_cidr_block(cidr.to_string()),
    };
    let Err(error) = asked.send().await else { return Ok(()) };
    match code(&error) {
        Some("NetworkAclEntryAlreadyExists") => is_made(ec2, acl, entry).await,
        Some("NetworkAclEntryLimitExceeded") => Err(Fault::malformed(format!(
            "{} has no room for another {} entry: take one out, or raise the quota \"Rules per network ACL\"",
            acl.id,
            direction(egress)
        ))),
        _ => Err(fault("ec2:CreateNetworkAclEntry", &error)),
    }
}

/// Whose the entry of this number is: that of a call of ours whose answer was lost, or of somebody who was faster. Another try takes
/// another number.
async fn is_made(ec2: &Client, acl: &Seen, entry: &Entry) -> Result<(), Fault> {
    let now = network::acl(ec2, &acl.id).await?;
    if now.is_some_and(|now| now.at(entry.egress, entry.number) == Some(entry)) {
        return Ok(());
    }
    let why = format!("{}: somebody has taken {} entry {} meanwhile", acl.id, direction(entry.egress), entry.number);
    Err(Fault::new(FaultKind::Transient, why))
}
