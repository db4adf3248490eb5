//! An instance that is isolated and talks on with the finding's remote addresses.

use super::decide;
use crate::addresses;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::plan::wanted::Wanted;
use crate::policy::Policy;
use crate::receipt::{Outcome, Receipt, Step};
use crate::step::StepKind;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The reason names every address of a decision. What it has no room for, the next look asks about.
const ROOM: usize = 168;

/// The denial of the addresses for a person to agree to, where the receipt says of an interface that its open connections were not cut. A
/// receipt of a version that never tried says nothing of it. A suspect moves on: addresses that no decision names yet are asked about in
/// one of their own.
pub(super) fn about_addresses(
    receipt: &Receipt,
    remote: &BTreeSet<IpAddr>,
    decided: &[Decision],
    policy: &Policy,
) -> Option<Decision> {
    let is_isolation = receipt.containment == Some(Containment::IsolateEc2) && receipt.target.scope.is_whole();
    let is_open = |step: &Step| step.is(StepKind::CutTracked) && matches!(step.outcome, Outcome::Skipped | Outcome::Failed);
    if !is_isolation || !receipt.holds_something() || !receipt.steps.iter().any(is_open) {
        return None;
    }
    let of_instance = decided.iter().map(|decision| &decision.target).filter(|target| target.is_of(&receipt.target));
    let asked: BTreeSet<IpAddr> = of_instance.flat_map(|target| target.addresses.iter().copied()).collect();
    let fresh = fitting(&addresses::public(remote.difference(&asked).copied()));
    if fresh.is_empty() {
        return None;
    }
    let why = format!(
        "open connections are not cut; a network ACL cuts those with these addresses in every subnet that has it, often the whole VPC: {}",
        addresses::listed(&fresh)
    );
    let target = addresses::of_instance(&receipt.target, fresh);
    let wanted = Wanted::found(Containment::IsolateEc2, Mode::Gate, &target, ReasonCode::TooNarrow).because(why);
    let decision = decide(wanted, policy);
    // Whoever sends a packet chooses the address, and every host behind the network ACL loses it: a bare approval leaves it alone.
    Some(Decision { only_by_name: decision.mode == Mode::Gate, ..decision })
}

fn fitting(addresses: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    let mut length = 0;
    let fits = addresses.iter().take_while(|address| {
        length += address.to_string().len() + 2;
        length <= ROOM + 2
    });
    fits.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::ids::{AccountId, Partition, Region};
    use crate::plan::derived::{Derived, Seen, derive};
    use crate::receipt::Status;
    use crate::target::{Place, Scope, Target, TargetKind};

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
        assert!(asked.does().contains("every subnet of the network ACL"), "{}", asked.does());
        let known = [whole, asked.clone()];
        assert_eq!(derived(&receipts, &["203.0.113.7"], &known), Derived::default());
        assert_eq!(derived(&[], &["203.0.113.7"], &known), Derived::default());
    }

    #[test]
    fn an_address_that_no_decision_names_yet_is_a_decision_of_its_own_and_the_reason_loses_none() {
        let receipts = [isolated(Status::Contained, "cut-tracked eni-1", Outcome::Skipped)];
        let asked = |addresses: &[&str], decided: &[Decision]| derived(&receipts, addresses, decided).decisions;
        let first = asked(&["203.0.113.7"], &[]);
        let second = asked(&["198.51.100.9", "203.0.113.7"], &first);
        assert!(second.len() == 1 && second[0].target.addresses.len() == 1, "{second:?}");
        assert_ne!(first[0].target.scoped_key(), second[0].target.scoped_key(), "one base and one receipt for each set");
        assert_eq!(second[0].target.to_string(), "remote addresses 198.51.100.9 of EC2 instance i-0123456789abcdef0");
        assert!(asked(&["198.51.100.9", "203.0.113.7"], &[first, second].concat()).is_empty());
        // Ten long ones: each is in the reason of the decision that denies it.
        let long: Vec<String> = (10..20).map(|at| format!("2001:db8:1111:2222:3333:4444:5555:66{at}")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let mut decided: Vec<Decision> = vec![];
        while let [new] = asked(&long, &decided).as_slice() {
            let all = new.target.addresses.iter().all(|address| new.reason.contains(&address.to_string()));
            assert!(all, "{new:?}");
            decided.push(new.clone());
        }
        let named: BTreeSet<&IpAddr> = decided.iter().flat_map(|decision| &decision.target.addresses).collect();
        assert_eq!(named.len(), 10, "{decided:?}");
        assert!(decided[0].target.to_string().contains(" more of EC2 instance "), "{}", decided[0].target);
    }

    #[test]
    fn what_an_earlier_version_asked_keeps_its_key_and_is_not_asked_again() {
        let receipts = [isolated(Status::Contained, "cut-tracked eni-1", Outcome::Skipped)];
        let mut asked = derived(&receipts, &["203.0.113.7"], &[]).decisions;
        asked[0].target.by_addresses = false;
        assert!(asked[0].target.scoped_key().ends_with("/remote-addresses/"), "{}", asked[0].target.scoped_key());
        assert_eq!(derived(&receipts, &["203.0.113.7"], &asked), Derived::default());
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
