//! An instance that is isolated and talks on with the finding's remote addresses.

use super::decide;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::plan::wanted::Wanted;
use crate::policy::Policy;
use crate::receipt::{Outcome, Receipt, Step};
use crate::step::StepKind;
use crate::target::{Scope, Target};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The denial of the addresses for a person to agree to, where the receipt says of an interface that its open connections were not cut. A
/// receipt of a version that never tried says nothing of it.
pub(super) fn about_addresses(receipt: &Receipt, remote: &BTreeSet<IpAddr>, policy: &Policy) -> Option<Decision> {
    let is_isolation = receipt.containment == Some(Containment::IsolateEc2) && receipt.target.scope.is_whole();
    let is_open = |step: &Step| step.is(StepKind::CutTracked) && matches!(step.outcome, Outcome::Skipped | Outcome::Failed);
    if !is_isolation || remote.is_empty() || !receipt.holds_something() || !receipt.steps.iter().any(is_open) {
        return None;
    }
    let target = Target { scope: Scope::RemoteAddresses, addresses: remote.clone(), ..receipt.target.whole() };
    let named: Vec<String> = remote.iter().map(ToString::to_string).collect();
    let why = format!(
        "connections that were open are not cut; a network ACL cuts those with {}, for every host of the subnet",
        named.join(", ")
    );
    let wanted = Wanted::found(Containment::IsolateEc2, Mode::Gate, &target, ReasonCode::TooNarrow).because(why);
    let decision = decide(wanted, policy);
    // Whoever sends a packet chooses the address, and every host of the subnet loses it: a bare approval leaves it alone.
    Some(Decision { only_by_name: decision.mode == Mode::Gate, ..decision })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::ids::{AccountId, Partition, Region};
    use crate::plan::derived::{Derived, Seen, derive};
    use crate::receipt::Status;
    use crate::target::{Place, TargetKind};

    fn instance() -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target::new(TargetKind::Ec2Instance, "i-0123456789abcdef0", place)
    }

    /// An isolation, with one step besides.
    fn isolated(status: Status, name: &str, outcome: Outcome) -> Receipt {
        let step = |name: &str, outcome| Step {
            name: name.to_owned().into(),
            outcome,
            error: (outcome == Outcome::Skipped).then(|| Fault::malformed("it has a public address")),
            digest: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ms: 1,
        };
        let steps = vec![step("isolate-interface eni-1", Outcome::Applied), step(name, outcome)];
        Receipt { steps, ..Receipt::of(instance(), Containment::IsolateEc2, status) }
    }

    fn policy() -> Policy {
        Policy::parse("default_mode = \"auto\"").expect("a policy")
    }

    fn derived(receipts: &[Receipt], addresses: &[&str], decided: &[Decision]) -> Derived {
        let remote: BTreeSet<IpAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        derive(Seen { receipts, remote: Some(&remote), ..Seen::default() }, decided, &policy())
    }

    #[test]
    fn where_connections_stay_open_a_person_is_asked_once_although_the_instance_is_isolated() {
        let receipts = [isolated(Status::Contained, "cut-tracked eni-1", Outcome::Skipped)];
        let whole = decide(Wanted::found(Containment::IsolateEc2, Mode::Auto, &instance(), ReasonCode::Row), &policy());
        assert_eq!(whole.mode, Mode::Auto);
        let first = derived(&receipts, &["203.0.113.7"], std::slice::from_ref(&whole));
        let [asked] = first.decisions.as_slice() else { panic!("{first:?}") };
        assert_eq!((asked.mode, asked.containment, asked.target.scope), (Mode::Gate, whole.containment, Scope::RemoteAddresses));
        assert!(asked.only_by_name && asked.target.addresses.len() == 1 && asked.reason.contains("203.0.113.7"), "{asked:?}");
        assert_eq!(asked.does(), "deny the finding's remote addresses in the whole subnet");
        let known = [whole, asked.clone()];
        assert_eq!(derived(&receipts, &["203.0.113.7"], &known), Derived::default());
        assert_eq!(derived(&[], &["203.0.113.7"], &known), Derived::default());
    }

    #[test]
    fn nobody_is_asked_without_open_connections_or_addresses() {
        let skipped = |name| isolated(Status::Contained, name, Outcome::Skipped);
        for (receipt, addresses) in [
            (isolated(Status::Contained, "cut-tracked eni-1", Outcome::Applied), vec!["203.0.113.7"]),
            // An earlier version does not say.
            (skipped("protect-from-termination"), vec!["203.0.113.7"]),
            (skipped("cut-tracked eni-1"), vec![]),
            (isolated(Status::Failed, "cut-tracked eni-1", Outcome::Failed), vec!["203.0.113.7"]),
        ] {
            assert_eq!(derived(std::slice::from_ref(&receipt), &addresses, &[]), Derived::default(), "{receipt:?}");
        }
    }
}
