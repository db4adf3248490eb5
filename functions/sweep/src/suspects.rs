//! Whose doings a look searches for: everybody who is decided about, contained or not.

use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::AccountId;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::target::Target;
use firebreak::trail::Suspect;
use std::collections::BTreeSet;

/// From whom a look starts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    /// A control of the incident is in force.
    pub(crate) contained: Vec<Target>,
    /// Decided, and nothing is in force: they wait for an answer, or their containment failed.
    pub(crate) waiting: Vec<Target>,
    /// A control is in force only because an answer named them: others use them, and no finding accuses them.
    pub(crate) named: Vec<Target>,
}

impl Suspects {
    /// Those of an incident, whose releases `report` has, too. Whom a release let go of is no suspect any more.
    pub(crate) fn of(incident: &Incident, report: &Report) -> Self {
        let released = &report.release.receipts;
        let holds = report.receipts().filter(|receipt| receipt.holds_something() && !receipt.standing(released).is_let_go());
        let (mut contained, mut named): (Vec<Target>, Vec<Target>) = (vec![], vec![]);
        for receipt in holds {
            let is_named = is_only_by_name(incident, receipt);
            add(if is_named { &mut named } else { &mut contained }, &receipt.target);
        }
        // Also of a target that was never contained: a person said that it is innocent.
        let is_let_go = |decision: &Decision| {
            let key = decision.target.merge_key();
            let mut about = released.iter().filter(|r| r.containment == decision.containment && r.target.merge_key() == key);
            about.any(|released| released.held_by.is_some() || matches!(released.status, Status::Contained | Status::Skipped))
        };
        let mut waiting = vec![];
        for decision in
            incident.decisions.iter().filter(|d| is_of_a_suspect(d) && !is_let_go(d) && !incident.is_released(&d.target))
        {
            // What denies all of a principal holds each part of it.
            let is_within = |whole: &Target| whole.scope.is_whole() && whole.is_of(&decision.target);
            let is_held = contained.iter().chain(&named).any(|held| is_within(held) && !held.contradicts(&decision.target));
            add(if is_held { &mut contained } else { &mut waiting }, &decision.target);
        }
        let keys: BTreeSet<String> = contained.iter().map(Target::merge_key).collect();
        waiting.retain(|target| !keys.contains(&target.merge_key()));
        named.retain(|target| !keys.contains(&target.merge_key()));
        Self { contained, waiting, named }
    }

    pub(crate) fn count(&self) -> usize {
        self.contained.len() + self.waiting.len() + self.named.len()
    }
}

/// The accounts from which the findings came: triage asked there.
pub(crate) fn homes(incident: &Incident) -> BTreeSet<AccountId> {
    let findings = incident.findings.iter().chain([&incident.finding]);
    findings.filter_map(|finding| finding.account.clone()).collect()
}

fn add(targets: &mut Vec<Target>, target: &Target) {
    if Suspect::of(target).is_some() && !targets.iter().any(|known| known.merge_key() == target.merge_key()) {
        targets.push(target.clone());
    }
}

/// Whether a receipt is about somebody whom suspects only touched: each decision about the target waited for an answer that names it.
fn is_only_by_name(incident: &Incident, receipt: &Receipt) -> bool {
    let key = receipt.target.merge_key();
    let is_about = |d: &&Decision| d.containment == receipt.containment && d.target.merge_key() == key;
    let mut about = incident.decisions.iter().filter(is_about).peekable();
    about.peek().is_some() && about.all(|decision| decision.only_by_name)
}

/// Whether a decision says by itself that a principal is in wrong hands. What a look decided does not: of those whom a suspect made or
/// assumed, the search finds out by following the suspect, and whom a suspect changed may be a bystander.
fn is_of_a_suspect(decision: &Decision) -> bool {
    let by_a_look = matches!(decision.code, ReasonCode::Traced | ReasonCode::Reverted | ReasonCode::TooNarrow);
    decision.containment.is_some() && decision.mode != Mode::Notify && !by_a_look
}
