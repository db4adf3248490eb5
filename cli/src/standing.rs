//! How each target of an incident stands now, as the ledger has it. The list, the screen, the question before an answer and the result
//! after it go by this, so that none of them says more than another.

use firebreak::answer::Answer;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::FaultKind;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Standing, Status, Verification};
use firebreak::report::Report;
use firebreak::target::Target;
use firebreak_ledger::{IncidentView, Overview};

/// How one target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// It is contained, and nothing speaks against it.
    Contained,
    /// It was contained, and the last look did not find all of that in place.
    Unconfirmed,
    /// Some controls are in force.
    Partly,
    /// Its containment failed.
    Failed,
    /// It did not exist.
    Gone,
    /// It was decided for at once, and nothing is known of it.
    NotTried,
    /// It waits for an approval.
    Waits,
    /// It is only offered beside something else: an answer that names it has it done, and nobody waits for one.
    Offered,
    /// Only a person can act.
    ByHand,
    /// A release found that somebody had changed it, and left it, or put back a part.
    Unclear(Standing),
    /// The incident let go of it.
    LetGo(Standing),
    /// It is not contained, or in part, and an answer settled that it stays so.
    Left(Answer),
    /// People are only told.
    Told,
}

/// One target, and how it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stand<'a> {
    pub(crate) target: &'a Target,
    pub(crate) decision: Option<&'a Decision>,
    pub(crate) receipt: Option<&'a Receipt>,
    pub(crate) now: Now,
}

impl Stand<'_> {
    /// Whether a release has something to put back.
    pub(crate) fn is_held(&self) -> bool {
        match self.now {
            Now::Contained | Now::Unconfirmed | Now::Partly | Now::Unclear(_) => true,
            Now::Left(_) => self.receipt.is_some_and(Receipt::holds_something),
            _ => false,
        }
    }

    /// What an answer settled, in words.
    pub(crate) fn left(&self) -> &'static str {
        let by_hand = self.decision.is_some_and(|decision| decision.containment.is_none());
        if self.is_held() {
            "PARTLY contained"
        } else if by_hand {
            "nothing for Firebreak to do"
        } else {
            "NOT contained"
        }
    }
}

/// How the whole incident stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Something was to be contained, and nothing is.
    Open,
    /// Something is contained, and something is not, or waits.
    Partly,
    /// All of it waits for an approval.
    Gated,
    /// Firebreak has no containment for it.
    ByHand,
    /// All that Firebreak can contain is contained.
    Contained,
    /// Nothing is in force, and nothing is wanted.
    Nothing,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Partly => "partly",
            Self::Gated => "gated",
            Self::ByHand => "by hand",
            Self::Contained => "contained",
            Self::Nothing => "nothing",
        }
    }

    /// Whether somebody may still do harm.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Partly | Self::Gated | Self::ByHand)
    }
}

/// What the ledger knows of an incident's targets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) incident: &'a Incident,
    receipts: &'a [Receipt],
    releases: &'a [Receipt],
    checks: &'a [Verification],
}

impl<'a> From<&'a IncidentView> for Facts<'a> {
    fn from(view: &'a IncidentView) -> Self {
        let (incident, checks) = (&view.record.incident, &view.verifications);
        Self { incident, receipts: &view.receipts, releases: &view.releases, checks }
    }
}

impl<'a> From<&'a Overview> for Facts<'a> {
    fn from(known: &'a Overview) -> Self {
        let (incident, checks) = (&known.record.incident, &known.verifications);
        Self { incident, receipts: &known.receipts, releases: &known.releases, checks }
    }
}

impl<'a> Facts<'a> {
    /// Every target once for each containment: what needs somebody comes first.
    pub(crate) fn stands(self) -> Vec<Stand<'a>> {
        let decided = self.incident.decisions.iter().map(|decision| {
            let receipt = self.receipts.iter().find(|receipt| is_about(receipt, decision));
            Stand { target: &decision.target, decision: Some(decision), receipt, now: self.now(Some(decision), receipt) }
        });
        let is_decided = |receipt: &&Receipt| self.incident.decisions.iter().any(|decision| is_about(receipt, decision));
        let others = self.receipts.iter().filter(|receipt| !is_decided(receipt)).map(|receipt| {
            let (target, receipt) = (&receipt.target, Some(receipt));
            Stand { target, decision: None, receipt, now: self.now(None, receipt) }
        });
        let mut stands: Vec<Stand<'a>> = decided.chain(others).collect();
        stands.sort_by_key(|stand| stand.now.rank());
        stands
    }

    /// The incident in one word.
    pub(crate) fn state(self) -> State {
        let stands = self.stands();
        let any = |is: fn(Now) -> bool| stands.iter().any(|stand| is(stand.now));
        let held = any(|now| matches!(now, Now::Contained | Now::Partly));
        let lost =
            any(|now| matches!(now, Now::Partly | Now::Failed | Now::Gone | Now::NotTried | Now::Unconfirmed | Now::Unclear(_)));
        let waits = any(|now| now == Now::Waits);
        match (held, lost, waits) {
            (true, true, _) | (true, _, true) => State::Partly,
            (false, true, _) => State::Open,
            (false, false, true) => State::Gated,
            (true, false, false) => State::Contained,
            (false, false, false) if any(|now| now == Now::ByHand) => State::ByHand,
            (false, false, false) => State::Nothing,
        }
    }

    /// What an answer settled waits for nobody. An offer never did.
    fn now(self, decision: Option<&Decision>, receipt: Option<&Receipt>) -> Now {
        let settled = decision.and_then(|decision| self.incident.settled(decision));
        match (self.done(decision, receipt), settled) {
            (Now::Failed | Now::Gone | Now::NotTried | Now::Waits | Now::ByHand | Now::Partly, Some(settled)) => {
                Now::Left(settled.answer)
            }
            (now, _) => now,
        }
    }

    fn done(self, decision: Option<&Decision>, receipt: Option<&Receipt>) -> Now {
        let mode = decision.map(|decision| decision.mode);
        let Some(receipt) = receipt.filter(|receipt| self.tells(receipt)) else {
            let has_containment = decision.is_some_and(|decision| decision.containment.is_some());
            return match mode {
                Some(Mode::Auto) if has_containment => Now::NotTried,
                Some(Mode::Gate) if decision.is_some_and(Decision::is_offered) => Now::Offered,
                Some(Mode::Gate) if has_containment => Now::Waits,
                Some(Mode::Gate) => Now::ByHand,
                _ => Now::Told,
            };
        };
        match (receipt.standing(self.releases), receipt.status) {
            (standing @ (Standing::PutBack | Standing::LetGo | Standing::HeldByAnother), _) => Now::LetGo(standing),
            (standing @ (Standing::PartlyPutBack | Standing::Drifted), _) => Now::Unclear(standing),
            (Standing::Held, Status::Partial) => Now::Partly,
            (Standing::Held, _) if self.problems(receipt).next().is_some() => Now::Unconfirmed,
            (Standing::Held, _) => Now::Contained,
            (Standing::Open, Status::Failed) if receipt.fault_kind() == Some(FaultKind::Gone) => Now::Gone,
            (Standing::Open, Status::Waits) => Now::Waits,
            (Standing::Open, Status::Skipped) if mode == Some(Mode::Gate) => Now::Waits,
            (Standing::Open, Status::Skipped) => Now::Told,
            (Standing::Open, _) => Now::Failed,
        }
    }

    /// Whether a receipt says more than that no answer has named an offer.
    pub(crate) fn tells(self, receipt: &Receipt) -> bool {
        !receipt.is_untaken(&self.incident.decisions)
    }

    /// A target as people call it, with its account where the incident has targets of several.
    pub(crate) fn name(self, target: &Target) -> String {
        let mut accounts = self.incident.decisions.iter().map(|decision| &decision.target.account);
        if accounts.any(|account| *account != target.account) {
            format!("{target} in account {}", target.account)
        } else {
            target.to_string()
        }
    }

    /// What the last look found wrong with a target that the incident holds.
    pub(crate) fn problems(self, receipt: &Receipt) -> impl Iterator<Item = &'a str> {
        self.checks_of(receipt).filter(|check| !check.holds).flat_map(|check| &check.problems).map(String::as_str)
    }

    /// What somebody made since, and Firebreak leaves to a person.
    pub(crate) fn notes(self, receipt: &Receipt) -> impl Iterator<Item = &'a str> {
        self.checks_of(receipt).flat_map(|check| &check.notes).map(String::as_str)
    }

    /// The last look at a target that the incident holds.
    fn checks_of(self, receipt: &Receipt) -> impl Iterator<Item = &'a Verification> {
        let (is_held, key) = (receipt.standing(self.releases) == Standing::Held, receipt.target.merge_key());
        let containment = receipt.containment;
        let same = move |check: &&Verification| check.containment == containment && check.target.merge_key() == key;
        self.checks.iter().filter(move |_| is_held).filter(same)
    }

    /// The same as the functions that write tickets have it: their sentences are true of this.
    pub(crate) fn report(self) -> Report {
        let mut report = Report { verification: self.checks.to_vec(), ..Report::default() };
        report.containment.receipts = self.receipts.to_vec();
        report.release.receipts = self.releases.to_vec();
        if !self.receipts.is_empty() {
            "ok".clone_into(&mut report.containment.status);
        }
        report
    }
}

impl Now {
    /// What needs somebody comes first.
    fn rank(self) -> u8 {
        match self {
            Self::Failed | Self::Gone | Self::NotTried => 0,
            Self::Unconfirmed | Self::Partly | Self::Unclear(_) => 1,
            Self::Waits => 2,
            Self::ByHand => 3,
            Self::Contained => 4,
            Self::LetGo(_) | Self::Left(_) | Self::Told => 5,
            Self::Offered => 6,
        }
    }

    /// Whether somebody may still do harm through the target.
    pub(crate) fn is_open(self) -> bool {
        self.rank() < 4
    }
}

fn is_about(receipt: &Receipt, decision: &Decision) -> bool {
    receipt.containment == decision.containment && receipt.target.merge_key() == decision.target.merge_key()
}
