//! Two sets of addresses of one instance can have an address in common. Whoever finds it denied by the other one's entry records that
//! entry, too, and the last one takes it out.

use crate::base::{Acl, BaseState, Entry};
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use std::collections::BTreeSet;

/// What is recorded of the instance's other sets that somebody holds. One that is being released at this moment needs nothing any more:
/// two releases at once must not leave an entry to each other.
///
/// # Errors
/// The ledger could not be read.
pub(crate) async fn others(call: &Call) -> Result<Vec<BaseState>, Fault> {
    let rows = call.ledger.rows_beside(call.held(), clock::now()).await?;
    let held = rows.into_iter().filter(|row| !row.holders.is_empty() && !row.is_releasing);
    held.filter_map(|row| row.base::<BaseState>().transpose()).collect()
}

/// The entries that other sets have in one network ACL.
pub(crate) fn of_acl<'a>(others: &'a [BaseState], id: &'a str) -> impl Iterator<Item = &'a Entry> {
    others.iter().filter_map(move |other| other.acl(id)).flat_map(|acl| &acl.ours)
}

/// A network ACL with the entries that nobody else needs, and a step about those that stay.
pub(crate) fn without(acl: &Acl, others: &[BaseState]) -> (Acl, Option<Step>) {
    let is_shared = |entry: &&Entry| of_acl(others, &acl.id).any(|theirs| theirs == *entry);
    let (shared, ours): (Vec<&Entry>, Vec<&Entry>) = acl.ours.iter().partition(is_shared);
    let addresses: BTreeSet<String> = shared.into_iter().map(|entry| entry.cidr.to_string()).collect();
    let told = (!addresses.is_empty()).then(|| {
        let addresses = addresses.into_iter().collect::<Vec<_>>().join(", ");
        let name = StepName::about(StepKind::LiftDenyOfAddresses, inert(&format!("{}: {addresses}", acl.id), 200));
        skipped(
            name,
            Fault::malformed("an incident holds another set of this instance's addresses, which has them, too: they stay denied"),
        )
    });
    (Acl { ours: ours.into_iter().cloned().collect(), ..acl.clone() }, told)
}
