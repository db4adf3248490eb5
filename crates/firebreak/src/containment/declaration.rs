//! What a containment says about itself. Everything that must know a containment reads it here.

use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

/// One containment, declared beside its siblings in this folder.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// What of a finding it is about.
    pub subject: Subject,
    /// What is said when a finding names nothing of the kind.
    pub names_nothing: &'static str,
    /// The kinds of target that it contains.
    pub targets: &'static [TargetKind],
    /// Where its credentials are for.
    pub home: Home,
    /// Where the state before it is kept.
    pub base: Base,
    /// How much of a target it can contain, from the narrowest level to the widest.
    pub levels: &'static [Level],
    /// Calls that destroy, which it makes all the same outside its release: the action as IAM spells it, and why. Tests hold recorded
    /// calls to this list.
    pub destroys: &'static [(&'static str, &'static str)],
    /// What the person who watches reads while it runs: "isolating the instance".
    pub doing: &'static str,
}

/// How much of a target is contained. A decision names its level by the scope of its target; base, receipt and release of two
/// levels are apart.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// The part of the target.
    pub scope: Scope,
    /// Carried out at once where policy says so. If not: only after an approval, whatever a policy says.
    pub automatic: bool,
    /// The role that it needs outside the security account. Of a level that is apart: for looks only.
    pub role: MemberRole,
    /// Carried out by another function than the containment's own.
    pub apart: Option<Apart>,
    /// Steps without which the target is not contained: one of them must hold. A passing fault at one of them is worth another try.
    pub decisive: &'static [StepKind],
    /// What a person reads beside the target in a decision: "deny everything".
    pub does: &'static str,
    /// What it stops, in words for the documents.
    pub stops: &'static str,
    /// What goes on although it holds.
    pub leaves: &'static str,
}

/// A level that needs rights which the containment's own role must not have: a function of its own carries it out, with a role of its
/// own. The containment's function looks whether it holds, and writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// The function: a folder of `functions/`.
    pub function: &'static str,
    /// The role that it needs outside the security account.
    pub role: MemberRole,
}

/// Whose credentials a containment needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// Those of the account that owns the target.
    Target,
    /// Those of the organization's management account.
    Management,
}

/// Which base of a target a containment keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The one of the target: at most one such containment for each kind of target.
    Target,
    /// One of its own: it is undone by itself, beside another containment of the same target.
    Own,
}

impl Level {
    /// The role with which it is carried out.
    #[must_use]
    pub fn contains_as(&self) -> MemberRole {
        self.apart.map_or(self.role, |apart| apart.role)
    }
}

impl Declaration {
    /// The level of a part of a target; nothing when it contains no such part.
    #[must_use]
    pub fn level(&self, scope: Scope) -> Option<&'static Level> {
        self.levels.iter().find(|level| level.scope == scope)
    }

    /// Whether it may make a call that destroys, for example `ssm:TerminateSession`.
    #[must_use]
    pub fn may_destroy(&self, action: &str) -> bool {
        self.destroys.iter().any(|(declared, _)| *declared == action)
    }

    /// Whether any of its levels may be carried out without a person.
    #[must_use]
    pub fn is_ever_automatic(&self) -> bool {
        self.levels.iter().any(|level| level.automatic)
    }
}
