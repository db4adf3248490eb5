//! Whom a bucket policy denies: the principals that an incident decided about, and those of other accounts whom its findings name.
//!
//! A deny at one bucket takes less than a quarantine. So whoever is accused is denied here also while the quarantine waits for a person.
//! Whoever may be a bystander is not: whom only a suspect touched, and who may only have a suspect's name.

mod naming;

use crate::accused::{Accused, Session};
use firebreak::answer::{Answer, Decided};
use firebreak::decision::{Decision, Mode, Whom};
use firebreak::incident::Incident;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::text::inert;
use naming::{Named, arn, is_break_glass, named, outsider, writer};
use std::collections::BTreeSet;

/// Lines about suspects that no bucket policy names.
const MAX_UNNAMED: usize = 10;
/// Characters of such a line.
const MAX_LINE: usize = 160;

/// The suspects of an incident, in the forms in which a bucket policy can name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    /// For `ArnLike` of `aws:PrincipalArn`: as in [`Accused`].
    pub(crate) arns: BTreeSet<String>,
    /// Single sessions, and users by their immutable id.
    pub(crate) sessions: Vec<Session>,
    /// The access keys that the decisions name. IAM has no condition for a key: they tell whose calls CloudTrail recorded.
    pub(crate) keys: BTreeSet<String>,
    /// Suspects that a bucket policy cannot name, one inert line each, for people.
    pub(crate) unnamed: Vec<String>,
    /// The incident has suspects, and a bucket policy can name none of them. Whom others accuse changes nothing about that.
    pub(crate) is_nobody_named: bool,
    /// Whom a person released. Who is accused besides is none of them.
    pub(crate) released: Accused,
    /// Whom nobody denies, and whose writes since the first activity may be a suspect's work all the same: of whom people are only told, and
    /// who is accused and cannot be denied, or not yet. A suspect has more keys than the one that a finding names.
    pub(crate) writers: Accused,
}

impl Suspects {
    /// The suspects of `incident`: whoever it decided to contain, at once or after an answer, and has not released, and whoever of another
    /// account its findings are about. Who may only have a suspect's name, and who is named like break-glass, must be approved, which
    /// `answers` tells. The account's root and Firebreak's own roles are never denied.
    pub(crate) fn of(incident: &Incident, answers: &[Decided]) -> Self {
        let (released, accused): (Vec<&Decision>, Vec<&Decision>) =
            incident.decisions.iter().filter(|one| accuses(one)).partition(|one| incident.is_released(&one.target));
        let (mut all, mut denied, mut unnamed) = (Self::default(), Accused::default(), Vec::new());
        for decision in &accused {
            all.keys.extend(keys(&decision.target));
            match named(decision, &accused, is_approved(decision, incident, answers)) {
                Named::Not(why) => {
                    writer(decision, &accused).join(&mut all.writers);
                    unnamed.push((&decision.target, why));
                }
                other => other.join(&mut denied),
            }
        }
        for decision in released {
            named(decision, &[], true).join(&mut all.released);
        }
        for decision in incident.decisions.iter().filter(|one| is_told(one)) {
            all.keys.extend(keys(&decision.target));
            named(decision, &[], false).join(&mut all.writers);
        }
        // A user who is denied is denied with every key.
        unnamed.retain(|(target, _)| target.scope != Scope::AccessKey || !denied.arns.contains(&arn(target, "user", &target.id)));
        let mut lines: BTreeSet<String> = unnamed.iter().map(|(target, why)| line(&target.to_string(), why)).collect();
        for called in std::iter::once(&incident.finding).chain(&incident.findings).flat_map(|finding| &finding.outsiders) {
            match outsider(called) {
                Some(session) => denied.sessions.extend([session]),
                None => lines.extend([line(called, "of another account, and no id that a bucket policy could deny")]),
            }
        }
        all.released.remove(&denied);
        all.is_nobody_named = denied.is_empty() && !lines.is_empty();
        (all.arns, all.sessions) = (denied.arns, denied.sessions.into_iter().collect());
        all.unnamed = lines.into_iter().take(MAX_UNNAMED).collect();
        all
    }

    /// Whether what people answered decides who is a suspect.
    pub(crate) fn depend_on_answers(incident: &Incident) -> bool {
        let is_doubted = |one: &Decision| one.whom == Whom::InDoubt || is_break_glass(&one.target);
        incident.decisions.iter().any(|one| accuses(one) && is_doubted(one))
    }

    /// Whom a bucket policy can deny of them.
    pub(crate) fn accused(&self) -> Accused {
        Accused { arns: self.arns.clone(), sessions: self.sessions.iter().cloned().collect() }
    }

    /// The same, and whom others accuse.
    pub(crate) fn beside<'a>(&self, others: impl IntoIterator<Item = &'a Accused>) -> Self {
        let mut all = self.accused();
        for other in others {
            all.add(other);
        }
        Self { arns: all.arns, sessions: all.sessions.into_iter().collect(), ..self.clone() }
    }
}

fn line(who: &str, why: &str) -> String {
    inert(&format!("{who}: {why}"), MAX_LINE)
}

fn is_principal(target: &Target) -> bool {
    matches!(
        target.kind,
        TargetKind::IamUser
            | TargetKind::IamRole
            | TargetKind::AccountRoot
            | TargetKind::IdentityCenterUser
            | TargetKind::FederatedUser
            | TargetKind::AccessKey
            | TargetKind::Principal
    )
}

/// Whether a decision says that a principal is in wrong hands. Whom a suspect only touched may be a bystander: others use the principal,
/// and an answer must name it.
fn accuses(decision: &Decision) -> bool {
    is_principal(&decision.target) && decision.mode != Mode::Notify && !decision.only_by_name
}

/// Whether people are only told of a principal, and nobody answers for what it did.
fn is_told(decision: &Decision) -> bool {
    is_principal(&decision.target) && decision.mode == Mode::Notify && !decision.only_by_name && !decision.suppressed
}

/// Whether a person approved the decision, and nobody answered otherwise since. An answer that is not carried out in full is an answer.
fn is_approved(decision: &Decision, incident: &Incident, answers: &[Decided]) -> bool {
    let settled = incident.settled(decision).map(|settled| settled.answer);
    let last = || answers.iter().rfind(|decided| decided.is_about(decision)).map(|decided| decided.answer);
    settled.or_else(last) == Some(Answer::Approve)
}

fn keys(target: &Target) -> impl Iterator<Item = String> {
    let own = (target.kind == TargetKind::AccessKey).then(|| target.id.clone());
    target.keys().map(ToString::to_string).chain(own)
}

#[cfg(test)]
mod tests;
