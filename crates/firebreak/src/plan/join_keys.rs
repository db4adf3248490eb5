//! What an open incident must be about for a finding to join it.
//!
//! A key is a class and a target: `guardduty/111122223333/iam-user/alice`. Only one class meets: a forged finding must not get hold of
//! an incident that GuardDuty opened, or of what GuardDuty sends next. Whoever releases the forgery would release the truth. And a
//! rehearsal must not turn real.

use super::decide::Outcome;
use super::host::is_of_host;
use super::{AtSource, FindingSummary, MAX_DECISIONS, Verdict};
use crate::decision::{Decision, Mode, ReasonCode};
use crate::finding::Source;
use crate::target::{Scope, Target, TargetKind};
use std::collections::BTreeSet;

/// The keys of one finding. A response has some; a person's request has none, as a second person must approve that very request.
pub(super) fn of(finding: &FindingSummary, outcome: &Outcome, at_source: AtSource) -> BTreeSet<String> {
    if outcome.verdict != Verdict::Respond || finding.source == Source::Request {
        return BTreeSet::new();
    }
    let of_guardduty = finding.is_vouched() && at_source != AtSource::Unknown;
    let class = if of_guardduty { "guardduty" } else { "other" };
    // What fits into an incident.
    let decisions = || outcome.decisions.iter().take(MAX_DECISIONS);
    let acts = |decision: &&Decision| decision.mode != Mode::Notify;
    let keys_of = |class: &str, of: Vec<&Decision>| {
        // Nobody says that the role's other hosts have to do with it.
        let named = of.into_iter().filter(|decision| !is_of_host(&decision.target));
        let targets = named.filter_map(|decision| wide_key(&decision.target));
        targets.map(|target| format!("{class}/{target}")).collect::<BTreeSet<_>>()
    };
    // An incident that acts is no rehearsal, whatever else in it is one.
    if decisions().any(|decision| acts(&decision)) {
        return keys_of(class, decisions().filter(acts).collect());
    }
    keys_of(&format!("rehearsed-{class}"), decisions().filter(|decision| is_rehearsed(decision)).collect())
}

/// Whether the account rehearses the decision: in mode `auto` it would be carried out, or asked.
pub(crate) fn is_rehearsed(decision: &Decision) -> bool {
    decision.code == ReasonCode::DryRun && decision.would.is_some_and(|would| would != Mode::Notify)
}

/// Whether a kind is somebody who acts. Whoever is active in five Regions has five findings.
pub(crate) fn is_principal(kind: TargetKind) -> bool {
    matches!(
        kind,
        TargetKind::IamUser
            | TargetKind::IamRole
            | TargetKind::IdentityCenterUser
            | TargetKind::FederatedUser
            | TargetKind::AccessKey
            | TargetKind::AccountRoot
    )
}

/// The whole resource, by a name that is the same in each Region where a principal acts, and in upper and lower case, which IAM does
/// not tell apart. None for kinds that nobody would contain twice.
pub(crate) fn wide_key(target: &Target) -> Option<String> {
    match target.kind {
        TargetKind::IamUser | TargetKind::IamRole => Some(target.whole().merge_key()),
        TargetKind::FederatedUser | TargetKind::AccessKey => {
            Some(format!("{}/{}/{}", target.account, target.kind.name(), target.id))
        }
        TargetKind::IdentityCenterUser | TargetKind::AccountRoot | TargetKind::Ec2Instance | TargetKind::S3Bucket => {
            Some(target.ledger_key())
        }
        // Whoever uploads many objects into one bucket is one attack, and a scan comes as a finding and as an event.
        TargetKind::S3Object if target.scope == Scope::Objects => Some(target.ledger_key()),
        _ => None,
    }
}
