//! Which access keys are known to be the suspects', and what waits until more of them are.
//!
//! A name proves little: a user has several keys, and whoever assumes a role chooses the session's name. A key proves who signed.
//! Trails are read newest first, so what a key signed is often read before the call that issued it.

use super::Lookup;
use super::record::{Actor, ActorKind, Record};
use crate::ids::{AccessKeyId, PrincipalId};
use crate::target::Target;
use std::collections::{BTreeMap, BTreeSet};

/// A record, and the question it answers.
type Answered = (Lookup, Record);

/// Keys, and records that wait for one.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    known: BTreeSet<AccessKeyId>,
    /// By the key that signed them, which is not known.
    held: BTreeMap<Option<AccessKeyId>, Vec<Answered>>,
    /// Held until its key became known.
    ready: Vec<Answered>,
    /// What signed in the name of each session of a role.
    signed: BTreeMap<(PrincipalId, String), BTreeSet<AccessKeyId>>,
}

impl Credentials {
    /// A key that a finding names, or that was issued to a suspect.
    pub(super) fn know(&mut self, key: AccessKeyId) {
        self.ready.extend(self.held.remove(&Some(key.clone())).into_iter().flatten());
        self.known.insert(key);
    }

    pub(super) fn knows(&self, actor: &Actor) -> bool {
        actor.key.as_ref().is_some_and(|key| self.known.contains(key))
    }

    /// Keeps a record until it is known whose it is.
    pub(super) fn hold(&mut self, lookup: &Lookup, record: &Record) {
        self.held.entry(record.actor.key.clone()).or_default().push((lookup.clone(), record.clone()));
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

    /// True when other credentials than the suspects' were used in the name of the same session of the same role.
    pub(super) fn is_shared(&self, session: &Target) -> bool {
        let (Some(id), Some(name)) = (&session.principal_id, &session.session) else { return false };
        self.signed.get(&(id.clone(), name.clone())).is_some_and(|keys| !keys.is_subset(&self.known))
    }
}
