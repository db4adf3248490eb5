//! In whose name a target is held contained, and which names a release is about.
//!
//! An incident holds targets under its own id. A finding that joins it has its own executions, and holds under the id that it would
//! have had as an incident: a release of what a ticket showed must not free what a later finding holds.

use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::plan::JoinedAs;
use std::collections::BTreeSet;

/// In whose name a target is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The incident's own. It may hold again what it let go.
    Own(IncidentId),
    /// A finding's that joined the incident. It never holds what a release has answered for it.
    Joined(IncidentId),
}

impl Holder {
    /// The name.
    #[must_use]
    pub fn id(&self) -> &IncidentId {
        match self {
            Self::Own(id) | Self::Joined(id) => id,
        }
    }
}

/// The names of one incident: its own, and those of findings that joined it. Never empty, and each name once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders<'a> {
    own: &'a IncidentId,
    joined: BTreeSet<&'a IncidentId>,
    later: BTreeSet<&'a IncidentId>,
}

impl<'a> Holders<'a> {
    /// The names of an incident that no finding joined.
    #[must_use]
    pub fn of(own: &'a IncidentId) -> Self {
        Self { own, joined: BTreeSet::new(), later: BTreeSet::new() }
    }

    /// The same, with the names of findings that joined.
    #[must_use]
    pub fn with(mut self, joined: impl IntoIterator<Item = &'a IncidentId>) -> Self {
        self.joined.extend(joined.into_iter().filter(|id| *id != self.own));
        self
    }

    /// Whether it is the name of a finding that joined the incident later: what it holds is asked again.
    #[must_use]
    pub fn is_later(&self, id: &str) -> bool {
        self.later.iter().any(|later| later.as_str() == id)
    }

    /// The incident.
    #[must_use]
    pub fn own(&self) -> &'a IncidentId {
        self.own
    }

    /// All names, the incident's own first.
    pub fn names(&self) -> impl Iterator<Item = &'a IncidentId> + '_ {
        std::iter::once(self.own).chain(self.joined.iter().copied())
    }
}

impl Incident {
    /// In whose name an execution that carries the incident holds targets.
    #[must_use]
    pub fn holder(&self) -> Holder {
        self.joining.as_ref().map_or_else(|| Holder::Own(self.id.clone()), |finding| Holder::Joined(finding.clone()))
    }

    /// Whether targets are held in this name for the incident.
    #[must_use]
    pub fn holds_as(&self, name: &str) -> bool {
        self.holder().id().as_str() == name || self.holders(None).names().any(|own| own.as_str() == name)
    }

    /// The names under which targets are held for what an answer up to the revision `covers` is about. Without a revision: all.
    #[must_use]
    pub fn holders(&self, covers: Option<u32>) -> Holders<'_> {
        let is_covered = |joined: &&JoinedAs| joined.revision.is_some_and(|since| covers.is_none_or(|covers| since <= covers));
        let holds = self.findings.iter().filter_map(|finding| finding.joined.as_ref()).filter(|joined| joined.revision.is_some());
        let later = holds.clone().filter(|joined| !is_covered(joined)).map(|joined| &joined.id).collect();
        Holders { later, ..Holders::of(&self.id).with(holds.filter(is_covered).map(|joined| &joined.id)) }
    }
}
