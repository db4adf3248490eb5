//! Takes Firebreak's entries out of the network ACLs, and no others.
//!
//! An entry goes by its number: what has that number now is deleted only if nothing about it was changed. The instance may be gone by
//! then: the network ACLs are its neighbours', too, and are put back all the same.
#![expect(clippy::disallowed_methods, reason = "this is the release of the denied addresses")]

use crate::base::{Acl, BaseState, Entry};
use crate::network::{self, Seen};
use crate::shared;
use aws_sdk_ec2::Client;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{code, fault};
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::step;
use futures::FutureExt as _;
use futures::future::join_all;

/// Undoes the denial of the remote addresses of `call.target` down to `base`. Without a base nothing was changed.
///
/// # Errors
/// The ledger could not be read. What EC2 does not say is a failed step of its network ACL.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let (ec2, others) = (Client::new(&call.config), shared::others(call).await?);
    let (acls, stay): (Vec<Acl>, Vec<Option<Step>>) = base.acls.iter().map(|acl| shared::without(acl, &others)).unzip();
    let steps = join_all(acls.iter().map(|acl| lift(call, &ec2, acl).boxed_local())).await;
    Ok(steps.into_iter().flatten().chain(stay.into_iter().flatten()).collect())
}

async fn lift(call: &Call, ec2: &Client, before: &Acl) -> Vec<Step> {
    let name = || StepName::about(StepKind::LiftDenyOfAddresses, &before.id);
    let now = match read(call, ec2, before).await {
        Ok(Some(now)) => now,
        Ok(None) => return vec![step(name(), async { Ok(Outcome::Skipped) }).await],
        Err(fault) => return vec![step(name(), async { Err(fault) }).await],
    };
    let changed = before.ours.iter().filter_map(|ours| changed(before, &now, ours));
    let mut steps = join_all(changed.map(|change| change.told(call).boxed_local())).await;
    steps.push(step(name(), delete_all(ec2, before, &now)).await);
    steps
}

/// EC2 can show an entry late that was made just now, and one that somebody else has made under the same number.
async fn read(call: &Call, ec2: &Client, before: &Acl) -> Result<Option<Seen>, Fault> {
    let now = network::acl(ec2, &before.id).await?;
    let lacks = |now: &Seen| before.ours.iter().any(|ours| now.at(ours.egress, ours.number).is_none());
    if !now.as_ref().is_some_and(lacks) {
        return Ok(now);
    }
    tokio::time::sleep(call.settle).await;
    network::acl(ec2, &before.id).await
}

/// Another entry has the number of one of Firebreak's.
fn changed(acl: &Acl, now: &Seen, ours: &Entry) -> Option<Change> {
    let there = now.at(ours.egress, ours.number).filter(|there| *there != ours)?;
    let does = if there.denies { "denies" } else { "allows" };
    Some(Change::of(&format!("{} has another entry {}, which {does} {}", acl.id, there.number, there.told())))
}

async fn delete_all(ec2: &Client, acl: &Acl, now: &Seen) -> Result<Outcome, Fault> {
    // One that even the second read lacks is deleted, too.
    let is_nobody_elses = |ours: &&Entry| now.at(ours.egress, ours.number).is_none_or(|there| there == *ours);
    let there = acl.ours.iter().filter(is_nobody_elses);
    let deleted = join_all(there.map(|entry| delete(ec2, &acl.id, entry).boxed_local())).await;
    let deleted = deleted.into_iter().collect::<Result<Vec<Outcome>, Fault>>()?;
    Ok(if deleted.contains(&Outcome::Applied) { Outcome::Applied } else { Outcome::Already })
}

async fn delete(ec2: &Client, acl: &str, entry: &Entry) -> Result<Outcome, Fault> {
    let asked = ec2.delete_network_acl_entry().network_acl_id(acl).rule_number(entry.number).egress(entry.egress);
    match asked.send().await {
        Ok(_) => Ok(Outcome::Applied),
        // Somebody was faster, or it is the answer to a call that was repeated.
        Err(error) if code(&error) == Some("InvalidNetworkAclEntry.NotFound") => Ok(Outcome::Already),
        Err(error) => Err(fault("ec2:DeleteNetworkAclEntry", &error)),
    }
}
