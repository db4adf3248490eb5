//! The session of an instance's role, where triage could not find out which role that is: the finding names no profile, or IAM did not
//! answer, or the instance has another role since. The isolation reads the profile, and a look asks IAM.

use super::{Wanted, decide};
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::ids::InstanceProfileName;
use crate::incident::Incident;
use crate::plan::identity::Known;
use crate::plan::{FindingSummary, host};
use crate::policy::Policy;
use crate::receipt::{Receipt, Status};
use crate::step::StepKind;
use crate::target::{Scope, Target, TargetKind};
use std::collections::BTreeSet;

/// An instance that is isolated or waits for it, and the role of its profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    instance: Target,
    role: Known,
    /// Others work on it, and nothing says that its credentials are in wrong hands.
    needs_a_person: bool,
}

/// The instances of an incident, each with the profiles that the finding or its isolation names. Asked at each look: a session that is
/// decided can have the instance's name and another role, and a profile can get another role. `releases` are what releases did: whom
/// they let go of stays let go.
#[must_use]
pub fn unresolved(incident: &Incident, receipts: &[Receipt], releases: &[Receipt]) -> Vec<(Target, InstanceProfileName)> {
    let mut open = Vec::new();
    for decision in incident.decisions.iter().filter(|decision| is_isolation(decision)) {
        let instance = &decision.target;
        if incident.is_released(instance) || about(releases, instance).any(is_let_go) {
            continue;
        }
        let read = about(receipts, instance).filter_map(profile);
        // Somebody may have changed the profile between the finding and the isolation.
        let all: BTreeSet<InstanceProfileName> = instance.profile.iter().cloned().chain(read).collect();
        open.extend(all.into_iter().map(|name| (instance.clone(), name)));
    }
    open
}

/// What people are told of an instance whose profile has no role any more: credentials that were issued before work on. Nothing where a
/// session of the instance is decided, but for those of roles that its other profiles have (`others`).
#[must_use]
pub fn without_role(incident: &Incident, instance: &Target, profile: &InstanceProfileName, others: &[Host]) -> Option<String> {
    let key = instance.merge_key();
    let has_role = |host: &Host, session: &Target| {
        host.instance.merge_key() == key && session.id.eq_ignore_ascii_case(host.role.name.as_str())
    };
    let is_anothers = |known: &Decision| others.iter().any(|host| has_role(host, &known.target));
    let is_decided = incident.decisions.iter().any(|known| is_session_of(known, instance) && !is_anothers(known));
    let line = || {
        format!(
            "profile {profile} of {instance} has no role now; credentials work on: find the role in CloudTrail \
             (RemoveRoleFromInstanceProfile), ask for isolation of its session of that name"
        )
    };
    (!is_decided).then(line)
}

impl Host {
    /// An instance of the incident with a role, as IAM has it now.
    #[must_use]
    pub fn new(instance: Target, role: Known, incident: &Incident) -> Self {
        let findings = || incident.findings.iter().chain([&incident.finding]);
        // Another instance of the incident is another matter, and only AWS itself lets act on all pods of a host.
        let is_about = |finding: &&FindingSummary| finding.hosts.is_empty() || finding.hosts.contains(&instance.id);
        let is_stolen = |finding: &FindingSummary| host::are_credentials_stolen(finding.finding_type.as_deref());
        let is_shared = findings().filter(is_about).any(|finding| finding.shared_host);
        let needs_a_person = is_shared && !findings().filter(is_about).any(|finding| finding.is_vouched() && is_stolen(finding));
        Self { instance, role, needs_a_person }
    }

    /// At once where the instance is isolated, or would be had its isolation not failed. Where that waits, the session waits with it.
    pub(super) fn decide(&self, decided: &[Decision], receipts: &[Receipt], policy: &Policy) -> Option<Decision> {
        let key = self.instance.merge_key();
        let isolation = decided.iter().find(|known| is_isolation(known) && known.target.merge_key() == key)?;
        let tried = || about(receipts, &self.instance);
        let refused = tried().any(|receipt| matches!(receipt.status, Status::Skipped | Status::Waits));
        let is_now = tried().any(Receipt::holds_something) || isolation.mode == Mode::Auto && !refused;
        let target = host::session(&self.instance, &self.role);
        let traced = isolation.code == ReasonCode::Traced;
        let code = if traced { ReasonCode::Traced } else { ReasonCode::Row };
        let why = format!("whoever has {} has the credentials of its role", self.instance.id);
        let wanted = |mode, code| Wanted::found(Containment::QuarantineIam, mode, &target, code);
        if self.needs_a_person && !traced {
            return Some(decide(wanted(Mode::Gate, ReasonCode::Doubt).because(format!("{}; {why}", host::SHARED)), policy));
        }
        let alone = decide(wanted(Mode::Auto, code).because(why.clone()), policy);
        if is_now {
            return Some(alone);
        }
        let suspect = self.instance.to_string();
        let waits = wanted(Mode::Gate, code).because(format!("{suspect} is not isolated: waits with it; {why}"));
        let waits_with = (alone.mode == Mode::Auto).then_some(suspect);
        Some(Decision { waits_with, ..decide(waits, policy) })
    }
}

fn is_isolation(decision: &Decision) -> bool {
    decision.containment == Some(Containment::IsolateEc2) && decision.mode != Mode::Notify && decision.target.scope.is_whole()
}

fn is_session_of(decision: &Decision, instance: &Target) -> bool {
    let target = &decision.target;
    let is_session = (target.kind, target.scope) == (TargetKind::IamRole, Scope::Session);
    is_session && target.account == instance.account && target.session.as_ref() == Some(&instance.id)
}

/// The receipts of the isolation of an instance.
fn about<'a>(receipts: &'a [Receipt], instance: &Target) -> impl Iterator<Item = &'a Receipt> {
    let key = instance.merge_key();
    let is_its =
        move |receipt: &&Receipt| receipt.containment == Some(Containment::IsolateEc2) && receipt.target.merge_key() == key;
    receipts.iter().filter(is_its)
}

fn is_let_go(released: &Receipt) -> bool {
    released.held_by.is_some() || matches!(released.status, Status::Contained | Status::Skipped)
}

/// The instance profile that an isolation read.
fn profile(receipt: &Receipt) -> Option<InstanceProfileName> {
    let steps = receipt.steps.iter().filter(|step| step.is(StepKind::ReadProfile));
    steps.filter_map(|step| step.name.as_str().split_once(' ')).find_map(|(_, name)| InstanceProfileName::parse(name).ok())
}
