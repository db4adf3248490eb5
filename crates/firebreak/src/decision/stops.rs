//! Whom carrying out a decision would stop beside the suspect.

use super::{Decision, Mode, ReasonCode};
use crate::containment::Containment;
use crate::impact::Impact;
use crate::target::{Scope, TargetKind};

impl Decision {
    /// Whether carrying it out denies a whole role or user that was there before the suspect, and so may stop others.
    #[must_use]
    pub fn may_stop_others(&self) -> bool {
        let denies = matches!(self.containment, Some(Containment::QuarantineIam | Containment::QuarantineScp));
        let is_made = self.code == ReasonCode::Traced && !self.only_by_name;
        self.mode == Mode::Gate && denies && self.denies_all() && !is_made
    }

    /// Whether it isolates an instance as soon as a person agrees.
    #[must_use]
    pub fn would_isolate(&self) -> bool {
        let isolates = self.containment == Some(Containment::IsolateEc2) && self.target.scope.is_whole();
        self.mode == Mode::Gate && isolates
    }

    /// Whether it closes a bucket to somebody by name as soon as a person agrees.
    #[must_use]
    pub fn would_close_bucket(&self) -> bool {
        let closes = self.containment == Some(Containment::LockdownS3) && !self.target.scope.is_whole();
        self.mode == Mode::Gate && closes
    }

    /// Whether it gives a key of KMS back as soon as a person agrees.
    #[must_use]
    pub fn would_enable_key(&self) -> bool {
        self.mode == Mode::Gate && self.containment == Some(Containment::EnableKey)
    }

    /// Whether it is only offered: a wider level of a bucket beside one that the finding calls for. An answer that names it carries it out,
    /// and nobody waits for such an answer.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.only_by_name && matches!(self.target.scope, Scope::Destruction | Scope::Seal)
    }

    /// Whether nothing but an answer that names the target carries it out. A bucket is sealed by its name alone, whatever else a decision
    /// says.
    #[must_use]
    pub fn needs_its_name(&self) -> bool {
        self.only_by_name || self.target.scope == Scope::Seal
    }

    /// Whether somebody reads, before people are asked, what carrying it out would stop.
    #[must_use]
    pub fn is_weighed(&self) -> bool {
        self.may_stop_others() || self.would_isolate() || self.would_close_bucket()
    }

    /// Whether all of a role or user is meant.
    #[must_use]
    pub(crate) fn denies_all(&self) -> bool {
        matches!(self.target.kind, TargetKind::IamUser | TargetKind::IamRole) && self.target.scope.is_whole()
    }

    /// What it would stop beside the suspect, in words for whoever approves. Nothing when that cannot be anybody.
    #[must_use]
    pub fn says_impact(&self) -> Option<String> {
        let unknown = || "not known: nobody has read yet who else uses it".to_owned();
        self.may_stop_others().then(|| self.impact.as_ref().map_or_else(unknown, Impact::says))
    }

    /// What isolating an instance, closing a bucket or enabling a key would hit, in words for whoever approves. Nothing when nobody has read it.
    #[must_use]
    pub fn says_hits(&self) -> Option<String> {
        let hits = self.would_isolate() || self.would_close_bucket() || self.would_enable_key();
        let impact = self.impact.as_ref().filter(|impact| hits && !impact.hits.is_empty());
        impact.map(Impact::says)
    }

    /// That a bare approval does not carry it out, in words for people. Nothing when it does.
    #[must_use]
    pub fn says_by_name(&self) -> Option<&'static str> {
        let why = if self.is_offered() {
            "not part of approve, and nobody waits for it; to have it done, name it in the answer (--only)"
        } else {
            "not part of approve: others use it; to contain it, name it in the answer (--only)"
        };
        self.only_by_name.then_some(why)
    }

    /// Further targets to which its advice applies, in words for people. Nothing when there are none.
    #[must_use]
    pub fn says_also(&self) -> Option<String> {
        (!self.also.is_empty()).then(|| self.also.join(", "))
    }
}
