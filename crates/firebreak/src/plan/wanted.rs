//! What would be done about one target if policy said nothing.

use crate::containment::Containment;
use crate::decision::{Mode, ReasonCode, Whom};
use crate::finding::Resource;
use crate::ids::IamName;
use crate::playbook::{Playbook, Row};
use crate::target::{Place, Target, TargetKind};
use crate::text::inert;
use std::borrow::Cow;

/// A wish: [`restrain`](super::restrain::restrain) makes a decision of it.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) containment: Option<Containment>,
    pub(super) mode: Mode,
    pub(super) target: Target,
    /// What it rests on.
    pub(super) code: ReasonCode,
    /// The same in words.
    pub(super) why: String,
    /// What a person should do, where no containment fits.
    pub(super) by_hand: Option<String>,
    /// The field of the event that names the target.
    pub(super) field: String,
    /// The target's tags, as the finding states them.
    pub(super) tags: Vec<(String, String)>,
    /// A suspect made the target, and chose its name.
    pub(super) created: bool,
    /// The row acts whatever the severity.
    pub(super) whatever_severity: bool,
    /// Evidence is kept although nobody is asked.
    pub(super) evidence: bool,
    /// The finding's name of a user who has another one since. Whoever acted chose the present one: it excuses nothing.
    pub(super) said: Option<IamName>,
    /// The instance whose role's session it is: no evidence names the session itself.
    pub(super) of_host: Option<String>,
    /// Others use the target: a bare approval leaves it alone.
    pub(super) only_by_name: bool,
    /// Of a principal: who is meant.
    pub(super) whom: Whom,
}

impl Wanted {
    fn new(containment: Option<Containment>, mode: Mode, target: Target, code: ReasonCode) -> Self {
        let (why, by_hand, field, tags) = (String::new(), None, String::new(), vec![]);
        let (created, whatever_severity, evidence) = (false, false, false);
        Self {
            containment,
            mode,
            target,
            code,
            why,
            by_hand,
            field,
            tags,
            created,
            whatever_severity,
            evidence,
            said: None,
            of_host: None,
            only_by_name: false,
            whom: Whom::Named,
        }
    }

    /// A containment of something that a finding names.
    pub(super) fn contain(containment: Containment, mode: Mode, target: Target, resource: &Resource) -> Self {
        Self::new(Some(containment), mode, target, ReasonCode::Row).named_by(resource)
    }

    /// Work for a person on something that a finding names.
    pub(super) fn by_hand(mode: Mode, target: Target, resource: &Resource) -> Self {
        Self::new(None, mode, target, ReasonCode::Row).named_by(resource)
    }

    /// Work for a person on the whole account that a finding names.
    pub(super) fn of_place(mode: Mode, place: &Place) -> Self {
        let target = Target::new(TargetKind::Account, place.account.as_str(), place.clone());
        Self { field: "detail.accountId".to_owned(), ..Self::new(None, mode, target, ReasonCode::Row) }
    }

    /// Work for a person on a finding of which nothing could be used.
    pub(super) fn unread(place: &Place, why: &str) -> Self {
        let advice =
            "read the finding at its source: what it is about could not be read here; ask for isolation of what it names";
        Self { by_hand: Some(advice.to_owned()), ..Self::of_place(Mode::Gate, place).noting(why).listed(false) }
    }

    /// A containment that a look calls for.
    pub(super) fn found(containment: Containment, mode: Mode, target: &Target, code: ReasonCode) -> Self {
        Self::new(Some(containment), mode, target.clone(), code)
    }

    /// Work for a person that a look calls for. It waits at the gate: somebody must say that it is done.
    pub(super) fn found_by_hand(target: &Target, advice: &str, code: ReasonCode) -> Self {
        Self { by_hand: Some(inert(advice, 300)), ..Self::new(None, Mode::Gate, target.clone(), code) }
    }

    /// The same, which a person can do by hand as well.
    pub(super) fn or_by_hand(self, advice: &str) -> Self {
        Self { by_hand: Some(inert(advice, 300)), ..self }
    }

    /// Takes over what another naming of the same target knows: keys, ids, tags. Of two modes the stronger stands.
    pub(super) fn absorb(&mut self, other: Self) {
        self.target.absorb(&other.target);
        self.tags.extend(other.tags.into_iter().filter(|tag| !self.tags.contains(tag)).collect::<Vec<_>>());
        if self.mode.at_most(other.mode) == self.mode {
            self.mode = other.mode;
        }
        if self.why.is_empty() {
            self.why = other.why;
        }
        // A naming by the present name is the finding's, too.
        self.said = self.said.take().filter(|_| other.said.is_some());
        // One naming that leaves no doubt is enough.
        if other.whom == Whom::Named {
            self.whom = Whom::Named;
        }
    }

    fn named_by(self, resource: &Resource) -> Self {
        Self { field: resource.field.to_string(), tags: resource.tags.clone(), ..self }
    }

    /// The same, with something that the reader must know besides the row's reason.
    pub(super) fn noting(self, note: &str) -> Self {
        Self { why: note.to_owned(), ..self }
    }

    /// The same, renamed since the finding.
    pub(super) fn said_as(self, name: &IamName) -> Self {
        Self { said: Some(name.clone()), ..self }
    }

    /// The same, where the name does not say who is meant.
    pub(super) fn meaning(self, whom: Whom) -> Self {
        Self { whom, ..self }
    }

    /// The target under the name that the finding has.
    pub(super) fn as_said(&self) -> Cow<'_, Target> {
        match &self.said {
            None => Cow::Borrowed(&self.target),
            Some(name) => Cow::Owned(Target { id: name.to_string(), ..self.target.clone() }),
        }
    }

    /// The same, where the name that a caller chose keeps it waiting.
    pub(super) fn under_a_chosen_name(self) -> Self {
        let code = if self.mode == Mode::Gate { ReasonCode::ChosenName } else { self.code };
        Self { code, ..self }
    }

    /// The same; not of a row of the finding's type: the code says so, and the gates of an hour are counted by it.
    pub(super) fn listed(self, listed: bool) -> Self {
        if listed { self } else { Self { code: ReasonCode::Unread, ..self } }
    }

    /// The same, made by a suspect.
    pub(super) fn made_by_a_suspect(self, created: bool) -> Self {
        Self { created, ..self }
    }

    /// The same, with its reason in words.
    pub(super) fn because(self, why: String) -> Self {
        Self { why, ..self }
    }

    /// The same, with the row's reason and, where no containment fits, its advice.
    pub(super) fn of_row(self, row: &Row, playbook: &Playbook) -> Self {
        let why = if self.why.is_empty() { row.why.clone() } else { format!("{}; {}", self.why, row.why) };
        let of_row = || inert(advice(self.target.kind, row, playbook), 300);
        let by_hand = self.by_hand.clone().or_else(|| self.containment.is_none().then(of_row));
        Self { why, by_hand, whatever_severity: row.auto_below, ..self }
    }
}

/// A row's own advice is about what the row leaves to people, not about whoever turns out to be behind the credentials.
fn advice<'a>(kind: TargetKind, row: &'a Row, playbook: &'a Playbook) -> &'a str {
    let behind_credentials = matches!(
        kind,
        TargetKind::IdentityCenterUser
            | TargetKind::FederatedUser
            | TargetKind::AccessKey
            | TargetKind::InstanceProfile
            | TargetKind::Principal
    );
    row.advice.as_deref().filter(|_| !behind_credentials).unwrap_or_else(|| playbook.advice(kind))
}
