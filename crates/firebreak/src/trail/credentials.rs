//! Which access keys are known to be the suspects', and what waits until more of them are.
//!
//! A name proves little: a user has several keys, and whoever assumes a role chooses the session's name. A key proves who signed.
//! Trails are read newest first, so what a key signed is often read before the call that issued it.

use super::record::{Actor, ActorKind, Record};
use super::{Attribute, Lookup};
use crate::ids::{AccessKeyId, PrincipalId};
use crate::target::Target;
use std::collections::{BTreeMap, BTreeSet};

/// A record, and the question it answers.
type Answered = (Lookup, Record);

/// What proves that a call is a suspect's. Of two proofs the lesser one is the better one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// A key or a name of somebody contained.
    Contained,
    /// Only one of a decided principal that is perhaps innocent: what follows waits with that one.
    Waiting(String),
}

impl Proof {
    /// By whom a suspect was found.
    pub(super) fn of(waits_with: Option<&str>) -> Self {
        waits_with.map_or(Self::Contained, |suspect| Self::Waiting(suspect.to_owned()))
    }
}

/// Keys, and records that wait for one.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    known: BTreeMap<AccessKeyId, Proof>,
    /// By the key that signed them, which is not known.
    held: BTreeMap<Option<AccessKeyId>, Vec<Answered>>,
    /// Held until its key became known.
    ready: Vec<Answered>,
    /// Answers about somebody contained that only somebody else's credential proves, who waits.
    weak: Vec<Answered>,
    /// What signed in the name of each session of a role.
    signed: BTreeMap<(PrincipalId, String), BTreeSet<AccessKeyId>>,
}

impl Credentials {
    /// A key that a finding names, or that was issued to a suspect. A record that only proved little is read again with a better proof.
    pub(super) fn know(&mut self, key: AccessKeyId, proof: Proof) {
        if self.known.get(&key).is_some_and(|known| *known <= proof) {
            return;
        }
        self.ready.extend(self.held.remove(&Some(key.clone())).into_iter().flatten());
        if proof == Proof::Contained {
            let is_of_key = |(_, record): &mut Answered| record.actor.key.as_ref() == Some(&key);
            self.ready.extend(self.weak.extract_if(.., is_of_key));
        }
        self.known.insert(key, proof);
    }

    /// What the key proves that signed a call.
    pub(super) fn proof(&self, actor: &Actor) -> Option<Proof> {
        self.known.get(actor.key.as_ref()?).cloned()
    }

    /// Every key that proves something, each with why what follows from it waits.
    pub(super) fn known(&self) -> Vec<(AccessKeyId, Option<String>)> {
        let waits = |proof: &Proof| match proof {
            Proof::Contained => None,
            Proof::Waiting(suspect) => Some(suspect.clone()),
        };
        self.known.iter().map(|(key, proof)| (key.clone(), waits(proof))).collect()
    }

    /// Keys that are not known and that signed under a suspect's name, each with the question. Others' uses of a role are no such.
    pub(super) fn unproven(&self) -> BTreeSet<(AccessKeyId, String)> {
        let of_suspects = |(lookup, _): &&Answered| lookup.attribute != Attribute::ResourceName;
        let held = self.held.iter().filter_map(|(key, answered)| Some((key.as_ref()?, answered)));
        held.flat_map(|(key, all)| all.iter().filter(of_suspects).map(move |(lookup, _)| (key.clone(), lookup.question.clone())))
            .collect()
    }

    /// Keeps a record until it is known whose it is.
    pub(super) fn hold(&mut self, lookup: &Lookup, record: &Record) {
        self.held.entry(record.actor.key.clone()).or_default().push((lookup.clone(), record.clone()));
    }

    /// Keeps a record whose proof is perhaps an innocent's.
    pub(super) fn doubt(&mut self, lookup: &Lookup, record: &Record) {
        self.weak.push((lookup.clone(), record.clone()));
    }

    /// Records whose proof stayed so.
    pub(super) fn doubted(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.weak)
    }

    /// A held record whose key is known by now.
    pub(super) fn ready(&mut self) -> Option<Answered> {
        self.ready.pop()
    }

    /// What is still held.
    pub(super) fn rest(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.held).into_values().flatten().collect()
    }

    /// Remembers which key signed in a session's name.
    pub(super) fn saw(&mut self, actor: &Actor) {
        if let (ActorKind::Role, Some(id), Some(session), Some(key)) =
            (actor.kind, &actor.principal_id, &actor.session, &actor.key)
        {
            self.signed.entry((id.clone(), session.clone())).or_default().insert(key.clone());
        }
    }

    /// True when other credentials than the suspects' were used in the name of the same session of the same role. Those of whoever
    /// waits are others', unless the session waits, too.
    pub(super) fn is_shared(&self, session: &Target, waits: bool) -> bool {
        let (Some(id), Some(name)) = (&session.principal_id, &session.session) else { return false };
        let is_ours = |key: &AccessKeyId| self.known.get(key).is_some_and(|proof| waits || *proof == Proof::Contained);
        self.signed.get(&(id.clone(), name.clone())).is_some_and(|keys| !keys.iter().all(is_ours))
    }
}
