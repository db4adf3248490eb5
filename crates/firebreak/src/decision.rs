//! What Firebreak decided to do about one target, and whether it may do it alone.

mod stops;

use crate::containment::Containment;
use crate::impact::Impact;
use crate::target::Target;
use serde::{Deserialize, Serialize};

/// Whether a decision is carried out at once, after a person agreed, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Contained at once.
    Auto,
    /// Contained when an analyst approves the incident.
    Gate,
    /// Never contained by Firebreak: a person is told.
    Notify,
}

impl Mode {
    /// This mode, or `limit` if that does less on its own.
    #[must_use]
    pub fn at_most(self, limit: Self) -> Self {
        let rank = |mode| match mode {
            Self::Notify => 0,
            Self::Gate => 1,
            Self::Auto => 2,
        };
        if rank(self) > rank(limit) { limit } else { self }
    }

    /// As it is written in the playbook and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gate => "gate",
            Self::Notify => "notify",
        }
    }
}

/// What a decision rests on, or what held it back: the word that programs go by. The reason beside it is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// The row of the finding's type, with nothing against it.
    #[default]
    Row,
    /// The type has no row, or the finding names nothing in a form that could be used.
    Unread,
    /// A suspect did something that calls for it.
    Traced,
    /// Somebody reverted a containment.
    Reverted,
    /// What was contained is too narrow to stop the suspect for sure.
    TooNarrow,
    /// The resource belongs to another account than the finding.
    OtherAccount,
    /// Its account or Region is not one that policy allows.
    NotAllowed,
    /// Policy, its name or a built-in rule protects it.
    Protected,
    /// A known cause: somebody answers for it.
    Suppressed,
    /// The finding's severity is below the one from which policy acts.
    BelowSeverity,
    /// The account is only observed.
    Observed,
    /// The account rehearses.
    DryRun,
    /// Something speaks against acting without a person.
    Doubt,
    /// Carrying it out would stop more than the suspect.
    Impact,
    /// Nobody else administers the account: people are told at once.
    LastAdministrator,
    /// A caller chose the name of the session: others may have it, too.
    ChosenName,
    /// The hour's budget of its account is spent.
    OverBudget,
    /// A person has paused what is automatic.
    Paused,
    /// An earlier response broke down, and now it would not be decided.
    BrokeDown,
    /// A word of another version of Firebreak: functions are not upgraded all at the same moment.
    #[serde(other)]
    Unknown,
}

impl ReasonCode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_row(&self) -> bool {
        *self == Self::Row
    }
}

/// Who is meant by a decision about a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// Whoever has the name, and the immutable id where one is known.
    #[default]
    Named,
    /// The immutable id alone: somebody else has the name by now.
    ById,
    /// Nobody knows whether it is the suspect or a namesake, who is innocent until a person agrees. A word of another version of Firebreak
    /// means that, too.
    #[serde(other)]
    InDoubt,
}

impl Whom {
    /// Whether the name says who is meant.
    #[must_use]
    pub fn is_named(&self) -> bool {
        *self == Self::Named
    }
}

/// Why a containment waits instead of acting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// What speaks against acting alone.
    pub code: ReasonCode,
    /// What an approval would stop, in one line for the person who decides.
    pub impact: String,
}

/// One thing Firebreak decided about one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The resource.
    pub target: Target,
    /// The containment, or nothing when only a person can act.
    pub containment: Option<Containment>,
    /// Whether Firebreak acts alone.
    pub mode: Mode,
    /// Why, in one line for the person who reads it at night.
    pub reason: String,
    /// The same as a word for programs. Absent in JSON when the row decided.
    #[serde(default, skip_serializing_if = "ReasonCode::is_row")]
    pub code: ReasonCode,
    /// What a person should do about the target, when Firebreak has no containment for it; or can do in place of the containment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
    /// Somebody answers for the cause (a suppression): nobody needs to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
    /// The mode it would have had if the account were in mode `auto`; only where the account is observed or rehearses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<Mode>,
    /// The revision of the incident that added it, or changed it last; 0 when triage decided it so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: u32,
    /// Others use the target: a bare approval leaves it alone. Only an answer that names it (`--only`) carries the decision out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_by_name: bool,
    /// Of a principal: who is meant. Absent in JSON where the name says so.
    #[serde(default, skip_serializing_if = "Whom::is_named")]
    pub whom: Whom,
    /// What carrying it out would stop beside the suspect. Absent when nobody read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// Further targets to which the same advice applies, as people call them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// A look would have decided it for at once: it waits only because of this suspect, and why. When the suspect is contained, a later
    /// look raises the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_with: Option<String>,
    /// The revision that showed it waiting with its suspect, before a look raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Decision {
    /// A decision that rests on the row of the finding's type, with nothing beside.
    #[must_use]
    pub fn new(target: Target, containment: Option<Containment>, mode: Mode, reason: impl Into<String>) -> Self {
        Self {
            target,
            containment,
            mode,
            reason: reason.into(),
            code: ReasonCode::Row,
            by_hand: None,
            suppressed: false,
            would: None,
            since: 0,
            only_by_name: false,
            whom: Whom::Named,
            impact: None,
            also: vec![],
            waits_with: None,
            waited: None,
        }
    }

    /// What is done to the target, in words for a person: "deny everything".
    #[must_use]
    pub fn does(&self) -> &'static str {
        let Some(containment) = self.containment else { return "a person must act" };
        containment.declaration().level(self.target.scope).map_or_else(|| containment.name(), |level| level.does)
    }

    /// Who carries the decision out, and when, in words for a person.
    #[must_use]
    pub fn when(&self) -> &'static str {
        match (self.mode, self.containment) {
            (Mode::Auto, _) => "automatically",
            (Mode::Gate, Some(_)) if self.only_by_name => "only if an answer names it",
            (Mode::Gate, Some(_)) => "only if you approve",
            (Mode::Gate, None) => "needs your answer",
            (Mode::Notify, Some(_)) => "Firebreak does not do it",
            (Mode::Notify, None) => "for information",
        }
    }

    /// Whether it waits only because a suspect is not contained.
    #[must_use]
    pub fn waits_with_a_suspect(&self) -> bool {
        self.mode == Mode::Gate && self.waits_with.is_some()
    }

    /// The same, to be carried out only after a person agreed to its impact.
    #[must_use]
    pub fn waiting(self, waits: &Waits) -> Self {
        let reason = crate::text::inert(&format!("{}; {}", waits.impact, self.reason), 400);
        Self { mode: self.mode.at_most(Mode::Gate), reason, code: waits.code, waits_with: None, ..self }
    }
}
