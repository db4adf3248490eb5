//! In which order decisions of a look get the places of an incident, and which of them are one.
//!
//! Whoever acts with the suspect's credentials composes the list of what they touched. No kind of thing may push out another one, and
//! a long list must not hide in a short answer.

use super::urgency;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::target::Scope;
use crate::trail::general;
use std::collections::{BTreeMap, BTreeSet};

/// Further targets of one decision that only people carry out.
const MAX_ALSO: usize = 9;
/// A target with a longer name has a decision of its own.
const MAX_NAME: usize = 80;

/// What a decision is about, as far as its turn depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What suspects made or assumed, or talk to.
    Theirs,
    /// Addresses that an isolated instance may talk on with.
    Remote,
    /// A principal that others use, because what it did cannot be stopped in part.
    Whole,
    /// A principal that others use, because suspects changed it.
    Others,
    /// A KMS key that suspects took away.
    Key,
    /// What only people can do.
    ByHand,
    /// An instance that suspects launched.
    Launched,
    /// A bucket that a finding named, at whatever level.
    Bucket,
}

impl Kind {
    pub(super) fn of(decision: &Decision) -> Self {
        match decision.containment {
            None => Self::ByHand,
            Some(_) if decision.target.scope == Scope::RemoteAddresses => Self::Remote,
            Some(Containment::IsolateEc2) if decision.target.scope.is_whole() => Self::Launched,
            Some(Containment::LockdownS3) => Self::Bucket,
            Some(Containment::EnableKey) => Self::Key,
            Some(_) if decision.only_by_name && decision.code == ReasonCode::TooNarrow => Self::Whole,
            Some(_) if decision.only_by_name => Self::Others,
            Some(_) => Self::Theirs,
        }
    }

    /// What is said of those for which there are no more decisions. Nothing: there can be as many as there is room for.
    pub(super) fn rest(self) -> Option<&'static str> {
        match self {
            Self::Theirs | Self::Bucket => None,
            Self::Remote => Some("more set(s) of addresses are open to isolated instances; deny each in a network ACL"),
            Self::Key => Some("more KMS key(s) were disabled or are to be deleted; cancel that and enable each"),
            Self::ByHand => Some("more thing(s) that only people can close; look at each"),
            Self::Whole => Some("more principal(s) that others use act for suspects; look at each"),
            Self::Others => Some("more principal(s) that others use were changed by suspects; look at each"),
            Self::Launched => Some("more instance(s) were launched by suspects; isolate or stop each"),
        }
    }
}

/// Each target once for each containment: of two decisions the first stands. Nobody else uses what a suspect made, also where another
/// call only shows that it was changed.
pub(super) fn each_once(wanted: Vec<Decision>) -> Vec<Decision> {
    let mut once: Vec<Decision> = Vec::new();
    let mut places: BTreeMap<(Option<&'static str>, String), usize> = BTreeMap::new();
    for decision in wanted {
        let key = (decision.containment.map(Containment::name), decision.target.merge_key());
        match places.get(&key).and_then(|at| once.get_mut(*at)) {
            Some(known) if !known.target.contradicts(&decision.target) => known.only_by_name &= decision.only_by_name,
            Some(_) => once.push(decision),
            None => {
                places.insert(key, once.len());
                once.push(decision);
            }
        }
    }
    once
}

/// One decision for all targets that call for the same advice. The first ones of a kind have a command each; the others have one
/// decision, with the general text.
pub(super) fn grouped(wanted: Vec<Decision>, decided: &[Decision]) -> Vec<Decision> {
    let mut all: Vec<Decision> = Vec::new();
    for mut decision in wanted {
        let like = decided.iter().chain(&all).filter(|known| is_found(known) && is_same_advice(known, &decision));
        let is_last = like.take(MAX_BY_HAND - 1).count() == MAX_BY_HAND - 1;
        if is_last && is_listed(&decision) {
            decision.by_hand = decision.by_hand.as_deref().map(|advice| general(advice).to_owned());
        }
        let first = if is_listed(&decision) { all.iter_mut().find(|first| takes(first, &decision)) } else { None };
        match first {
            Some(first) => first.also.push(decision.target.to_string()),
            None => all.push(decision),
        }
    }
    all
}

fn is_listed(decision: &Decision) -> bool {
    let is_short = decision.target.to_string().chars().count() <= MAX_NAME;
    decision.containment.is_none() && decision.code == ReasonCode::Traced && decision.by_hand.is_some() && is_short
}

fn takes(first: &Decision, other: &Decision) -> bool {
    let is_open = first.also.len() < MAX_ALSO && first.by_hand == other.by_hand && first.mode == other.mode;
    is_open && is_same_advice(first, other) && is_listed(first)
}

fn is_same_advice(one: &Decision, other: &Decision) -> bool {
    let (mine, theirs) = (&one.target, &other.target);
    let by_hand = one.containment.is_none() && other.containment.is_none();
    let here = mine.kind == theirs.kind && mine.account == theirs.account && mine.region == theirs.region;
    by_hand && here && advice(one) == advice(other)
}

/// What only people can do, for all targets alike. Empty: a containment does it.
fn advice(decision: &Decision) -> &str {
    decision.by_hand.as_deref().filter(|_| decision.containment.is_none()).map_or("", general)
}

/// Whether `new` is one of the further targets of `known`.
pub(super) fn lists(known: &Decision, new: &Decision) -> bool {
    !known.also.is_empty() && is_same_advice(known, new) && known.also.contains(&new.target.to_string())
}

/// The most urgent first; within that the first of each kind, then the second of each kind, and so on. Within what only people can do,
/// each advice takes its turn in the same way: key pairs must not push out a function.
pub(super) fn in_turns(wanted: Vec<Decision>) -> Vec<Decision> {
    let mut of_advice: BTreeMap<(u8, Kind, String), usize> = BTreeMap::new();
    let mut nth = |decision: &Decision| {
        let key = (urgency(decision.mode), Kind::of(decision), advice(decision).to_owned());
        let count = of_advice.entry(key).or_default();
        *count += 1;
        *count
    };
    let mut wanted: Vec<(usize, Decision)> = wanted.into_iter().map(|decision| (nth(&decision), decision)).collect();
    wanted.sort_by_key(|(nth, _)| *nth);
    let mut counts: BTreeMap<(u8, Kind), usize> = BTreeMap::new();
    let mut turns: Vec<((u8, usize, Kind), Decision)> = Vec::with_capacity(wanted.len());
    for (_, decision) in wanted {
        let (urgency, kind) = (urgency(decision.mode), Kind::of(&decision));
        let count = counts.entry((urgency, kind)).or_default();
        *count += 1;
        turns.push(((urgency, *count, kind), decision));
    }
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, decision)| decision).collect()
}

/// What has no decision because there are enough of its kind, of one advice: how many, and the names of the first ones.
#[derive(Debug, Default)]
pub(super) struct Rest(BTreeMap<(Kind, String), BTreeSet<String>>);

/// Decisions of one kind that people are asked about one by one. Each answers for a principal, and nobody reads fifty of them.
pub(super) const MAX_OF_A_KIND: usize = 5;
/// Decisions of one advice. The last ones name up to ten targets each.
const MAX_BY_HAND: usize = 3;
/// Names in a line.
const NAMED: usize = 4;

impl Rest {
    /// Whether there are enough decisions like `decision`, which is then only counted.
    pub(super) fn takes<'a>(&mut self, decision: &Decision, known: impl Iterator<Item = &'a Decision>) -> bool {
        let (kind, advice_of) = (Kind::of(decision), advice(decision));
        let is_like = |other: &&Decision| {
            other.mode == Mode::Gate && is_found(other) && Kind::of(other) == kind && advice(other) == advice_of
        };
        let most = if kind == Kind::ByHand { MAX_BY_HAND } else { MAX_OF_A_KIND };
        // What was reverted is nobody's list.
        let is_counted = kind.rest().is_some() && (kind != Kind::ByHand || is_found(decision));
        if !is_counted || decision.mode != Mode::Gate || known.filter(is_like).count() < most {
            return false;
        }
        let names = [decision.target.to_string()].into_iter().chain(decision.also.iter().cloned());
        self.0.entry((kind, advice_of.to_owned())).or_default().extend(names);
        true
    }

    /// One line for each kind.
    pub(super) fn lines(self) -> impl Iterator<Item = String> {
        self.0.into_iter().filter_map(|((kind, advice), names)| {
            let first: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            let more = if names.len() > first.len() { ", …" } else { "" };
            let advice = if advice.is_empty() { advice } else { format!(": {advice}") };
            Some(format!("{} {}: {}{more}{advice}", names.len(), kind.rest()?, first.join(", ")))
        })
    }
}

/// Decided because of a look, and not because of a finding.
fn is_found(decision: &Decision) -> bool {
    decision.only_by_name || decision.code == ReasonCode::Traced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::{Place, Target, TargetKind};

    fn decision(kind: TargetKind, id: &str, containment: Option<Containment>) -> Decision {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Decision {
            code: ReasonCode::Traced,
            by_hand: containment.is_none().then(|| "look at it".to_owned()),
            ..Decision::new(Target::new(kind, id, place), containment, Mode::Gate, "a look")
        }
    }

    fn ids(decisions: &[Decision]) -> Vec<&str> {
        decisions.iter().map(|decision| decision.target.id.as_str()).collect()
    }

    #[test]
    fn no_kind_pushes_out_another_one() {
        let user = |id: &str| decision(TargetKind::IamUser, id, Some(Containment::QuarantineIam));
        let others = |id: &str| Decision { only_by_name: true, ..user(id) };
        let channel = |id: &str| decision(TargetKind::Other, id, None);
        let wanted = vec![user("a1"), user("a2"), user("a3"), others("b1"), others("b2"), channel("c1")];
        assert_eq!(ids(&in_turns(wanted)), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn each_advice_takes_its_turn_and_the_third_decision_of_one_names_the_rest() {
        let key_pair = |at: usize| {
            let command = format!(
                "aws ec2 describe-instances --filters Name=key-name,Values=k{at:02} --region eu-central-1: ask for isolation of those \
                 instances; look through launch templates for it"
            );
            Decision { by_hand: Some(command), ..decision(TargetKind::Other, &format!("k{at:02}"), None) }
        };
        let pairs: Vec<Decision> = (0..30).map(key_pair).collect();
        let all = grouped(pairs.clone(), &[]);
        assert_eq!(all.iter().map(|one| one.also.len()).collect::<Vec<_>>(), [0, 0, 9, 9, 7]);
        assert!(all[2].by_hand.as_deref().is_some_and(|advice| advice.starts_with("find the instances")), "{:?}", all[2].by_hand);
        assert!(
            lists(&all[2], &pairs[7]) && !lists(&all[2], &pairs[12]),
            "a look has the command and the decision the general text"
        );
        let other = decision(TargetKind::Other, "late", None);
        let turns = in_turns(all.iter().cloned().chain([other]).collect());
        assert_eq!(ids(&turns)[..3], ["k00", "late", "k01"]);
        let mut rest = Rest::default();
        let counted: Vec<bool> = (0..5).map(|at| rest.takes(&all[at], all[..at.min(3)].iter())).collect();
        assert_eq!(counted, [false, false, false, true, true]);
        let lines: Vec<String> = rest.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with("18 more thing(s)") && lines[0].contains("find the instances"),
            "{lines:?}"
        );
    }

    #[test]
    fn what_a_suspect_made_is_its_own_although_it_changed_it_too() {
        let user = decision(TargetKind::IamUser, "mallory", Some(Containment::QuarantineIam));
        let changed = Decision { only_by_name: true, ..user.clone() };
        for wanted in [vec![changed.clone(), user.clone()], vec![user, changed]] {
            let once = each_once(wanted);
            assert!(once.len() == 1 && !once[0].only_by_name, "{once:#?}");
        }
    }

    #[test]
    fn remote_addresses_are_no_principals_and_take_none_of_their_places() {
        let alone = |decision: Decision| Decision { only_by_name: true, code: ReasonCode::TooNarrow, ..decision };
        let remote = |at: usize| {
            let mut decision =
                decision(TargetKind::Ec2Instance, &format!("i-0123456789abcde0{at}"), Some(Containment::IsolateEc2));
            decision.target.scope = Scope::RemoteAddresses;
            alone(decision)
        };
        let known: Vec<Decision> = (0..MAX_OF_A_KIND).map(remote).collect();
        let role = alone(decision(TargetKind::IamRole, "deploy", Some(Containment::QuarantineIam)));
        let mut rest = Rest::default();
        assert!(!rest.takes(&role, known.iter()), "it has a place");
        assert!(rest.takes(&remote(9), known.iter()));
        let lines: Vec<String> = rest.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("1 more set(s) of addresses"), "{lines:?}");
    }

    #[test]
    fn levels_of_a_bucket_that_are_offered_take_no_place_of_a_principal() {
        let alone = |decision: Decision| Decision { only_by_name: true, code: ReasonCode::TooNarrow, ..decision };
        let seal = |at: usize| {
            let mut decision = decision(TargetKind::S3Bucket, &format!("acme-{at:02}"), Some(Containment::LockdownS3));
            decision.target.scope = Scope::Seal;
            alone(decision)
        };
        let known: Vec<Decision> = (0..MAX_OF_A_KIND).map(seal).collect();
        let role = alone(decision(TargetKind::IamRole, "deploy", Some(Containment::QuarantineIam)));
        assert!(!Rest::default().takes(&role, known.iter()), "a look still asks about the role");
    }

    #[test]
    fn the_same_advice_about_many_is_one_decision_and_a_name_cannot_join_a_list() {
        let bucket = |at: usize| decision(TargetKind::S3Bucket, &format!("acme-{at:02}"), None);
        let all = grouped((0..25).map(bucket).collect(), &[]);
        assert_eq!(all.iter().map(|one| one.also.len()).collect::<Vec<_>>(), [9, 9, 4]);
        assert!((1..10).all(|at| lists(&all[0], &bucket(at))) && !lists(&all[0], &bucket(10)));
        // Somebody chose a name that reads like a list.
        let odd = decision(TargetKind::S3Bucket, "acme-00, S3 bucket acme-50", None);
        let with_odd = grouped(vec![bucket(0), odd], &[]);
        assert!(!lists(&with_odd[0], &bucket(50)), "{with_odd:#?}");
    }
}
