//! Reads back whether the addresses are denied. `isolate-ec2` looks, with its own role, which can write no entry: what somebody took away is
//! told and not written again.

use crate::base::{BaseState, direction};
use crate::network::{self, Network, Seen};
use aws_sdk_ec2::Client;
use firebreak::fault::Fault;
use firebreak_function::containment::{Call, Checked};

/// Looks at the network ACL of every subnet that the instance is in now.
///
/// # Errors
/// `Gone` when the instance no longer exists, and read errors.
pub async fn verify(call: &Call) -> Result<Checked, Fault> {
    let ec2 = Client::new(&call.config);
    let (network, base) = futures::join!(network::read(&ec2, &call.target), call.ledger.base::<BaseState>(call.held()));
    let network = network?;
    // A base that cannot be read says nothing about the entries.
    let base = base.ok().flatten().map(|(base, _)| base).unwrap_or_default();
    let mut problems: Vec<String> = network.acls.iter().flat_map(|acl| open(call, &network, acl)).collect();
    problems.extend(network.foreign.iter().map(|subnet| format!("the network ACL of {subnet} belongs to another account")));
    problems.extend(network.acls.iter().flat_map(|acl| replaced(&base, acl)));
    Ok(problems.into())
}

/// What passes through a network ACL although it is to be denied.
fn open(call: &Call, network: &Network, acl: &Seen) -> Vec<String> {
    let Some(deniable) = network.deniable(acl, &call.target.addresses) else {
        return vec![format!("which addresses {} has is not known", acl.vpc)];
    };
    let open = acl.open(&deniable).into_iter();
    open.map(|(egress, address)| format!("{} does not deny {address} {}", acl.id, direction(egress))).collect()
}

/// Subnets of this network ACL that had another one of the recorded ones.
fn replaced(base: &BaseState, acl: &Seen) -> Vec<String> {
    let line = |subnet: &String| {
        let before = base.acls.iter().find(|known| known.id != acl.id && known.subnets.contains(subnet))?;
        Some(format!("somebody gave {subnet} the network ACL {} in place of {}", acl.id, before.id))
    };
    acl.subnets.iter().filter_map(line).collect()
}
