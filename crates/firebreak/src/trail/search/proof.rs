//! Whose a record is, as far as a key, a name or an account proves it.

use super::super::Record;
use super::super::credentials::Proof;
use super::super::issued;
use super::super::lookup::Lookup;
use super::{Search, end};
use crate::ids::AccountId;
use crate::impact::Use;
use std::borrow::Cow;

impl Search<'_> {
    /// The question that a record answers, waiting if its proof does. Nothing: it is not known to be a suspect's.
    pub(super) fn proven<'l>(&self, lookup: &'l Lookup, record: &Record) -> Option<Cow<'l, Lookup>> {
        if lookup.suspect.is_sure_of(&record.actor) {
            return Some(Cow::Borrowed(lookup));
        }
        self.credentials.proof(&record.actor).map(|proof| lookup.proven_by(proof))
    }

    /// Keeps a record that waits only because of its proof: a better one may come.
    pub(super) fn doubt(&mut self, lookup: &Lookup, proven: &Lookup, record: &Record) {
        if proven.waits_with != lookup.waits_with {
            self.credentials.doubt(lookup, record);
        }
    }

    /// Who assumed a role that the suspects made: such a session is theirs, unless somebody asked for it who may need the role.
    pub(super) fn read_use_of_role(&mut self, lookup: &Lookup, record: &Record) {
        let Some(session) = end::used(record, &lookup.suspect.target) else { return };
        self.found.uses.push(Use { session: session.clone(), at: record.at });
        let Some(proof) = self.proof(record) else { return self.credentials.hold(lookup, record) };
        let proven = lookup.proven_by(proof);
        if let Some(key) = issued::key(record) {
            self.credentials.know(key, Proof::of(proven.waits_with.as_deref()));
        }
        self.doubt(lookup, &proven, record);
        self.take(end::use_of_role(record, &session), &proven);
    }

    /// What proves that suspects made a call: a key of theirs, a name that nobody else has, or an account that nobody named and that
    /// only their trust policy let in.
    pub(super) fn proof(&self, record: &Record) -> Option<Proof> {
        let is_outside = |account: &AccountId| !self.homes.contains(account) && !self.policy.names(account);
        let from_outside = record.actor.account.as_ref().is_some_and(is_outside).then_some(Proof::Contained);
        let by_name = self.certain.iter().filter(|(suspect, _)| suspect.made(record)).map(|(_, proof)| proof.clone());
        by_name.chain(from_outside).chain(self.credentials.proof(&record.actor)).min()
    }
}
