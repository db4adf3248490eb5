//! What must come of an event.

use crate::buckets::is_wider;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, ReasonCode};
use firebreak::ids::{AccessKeyId, IamName, PrincipalId};
use firebreak::plan::{Circumstances, Identities, Owner, Plan, Question, Verdict, plan};
use firebreak::policy::Policy;
use firebreak::target::Scope;
use serde_json::Value;

/// 2026-11-29T10:00:00Z, an hour after the examples.
pub(super) const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_946_400, 0);

/// What the events lead to whose principal, key, instance or bucket is read well.
pub(super) const USER: &str = "quarantine-iam auto 111122223333 eu-central-1 iam-user svc";
pub(super) const DEPLOY: &str = "quarantine-iam auto 111122223333 eu-central-1 iam-role deploy";
pub(super) const WHOLE_ROLE: &str = "quarantine-iam gate 111122223333 eu-central-1 iam-role deploy";
pub(super) const ROOT: &str = "by-hand gate 111122223333 eu-central-1 account-root 111122223333";
pub(super) const OWNERLESS: &str = "by-hand gate 111122223333 eu-central-1 access-key AKIAEXAMPLEEXAMPLE12";
pub(super) const ISOLATED: &str = "isolate-ec2 auto 111122223333 eu-central-1 ec2-instance i-0123456789abcdef0";
pub(super) const ISOLATION_ASKED: &str = "isolate-ec2 gate 111122223333 eu-central-1 ec2-instance i-0123456789abcdef0";
pub(super) const REPORTED: &str = "isolate-ec2 gate 111122223333 us-east-1 ec2-instance i-0123456789abcdef0";
pub(super) const FAR_AWAY: &str = "isolate-ec2 auto 111122223333 ap-southeast-2 ec2-instance i-0123456789abcdef0";
pub(super) const FAR_AWAY_ASKED: &str = "isolate-ec2 gate 111122223333 ap-southeast-2 ec2-instance i-0123456789abcdef0";
pub(super) const LOCKED: &str = "lockdown-s3 auto 111122223333 eu-central-1 s3-bucket acme-data";

/// The plan at full strength.
pub(super) fn of(event: &Value) -> Plan {
    under(&Policy::unrestricted(), event)
}

pub(super) fn under(policy: &Policy, event: &Value) -> Plan {
    plan(event, &Circumstances::new(policy, NOW))
}

/// The plan once somebody asked whose the keys are.
pub(super) fn known(event: &Value, keys: &[&str], owner: &str) -> Plan {
    let mut identities = Identities::default();
    for key in keys {
        let owner = Owner { name: IamName::parse(owner).expect("a name"), principal_id: None };
        identities.learn(AccessKeyId::parse(key).expect("a key"), owner);
    }
    let policy = Policy::unrestricted();
    plan(event, &Circumstances { identities: Some(&identities), ..Circumstances::new(&policy, NOW) })
}

/// The decisions without the wider levels that stand beside a freeze.
fn called_for(plan: &Plan) -> impl Iterator<Item = &Decision> {
    plan.decisions.iter().filter(|decision| !is_wider(decision))
}

/// One line per decision: containment, mode, account, Region, kind, id.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let line = |decision: &Decision| {
        let what = decision.containment.map_or("by-hand", Containment::name);
        let target = &decision.target;
        format!("{what} {} {} {} {} {}", decision.mode.name(), target.account, target.region, target.kind.name(), target.id)
    };
    called_for(plan).map(line).collect()
}

/// Somebody acts: Firebreak at once, or a person who is asked.
#[track_caller]
pub(super) fn responds(event: &Value, expected: &[&str]) -> Plan {
    decides(of(event), Verdict::Respond, expected)
}

/// People are told of targets, and nothing is contained.
#[track_caller]
pub(super) fn names(event: &Value, expected: &[&str]) -> Plan {
    decides(of(event), Verdict::Notify, expected)
}

/// People are told why, and no target is named.
#[track_caller]
pub(super) fn told(event: &Value, why: &str) -> Plan {
    let plan = decides(of(event), Verdict::Notify, &[]);
    assert!(plan.reason.as_ref().is_some_and(|reason| reason.contains(why)), "{why}: {plan:?}");
    plan
}

#[track_caller]
pub(super) fn decides(plan: Plan, verdict: Verdict, expected: &[&str]) -> Plan {
    assert_eq!(lines(&plan), expected, "{plan:?}");
    assert_eq!(plan.verdict, verdict, "{plan:?}");
    plan
}

/// The access keys that each decision knows of.
pub(super) fn keys(plan: &Plan) -> Vec<Vec<&str>> {
    called_for(plan).map(|decision| decision.target.keys().map(AccessKeyId::as_str).collect()).collect()
}

/// How many keys the account is asked about, of which the finding says no more.
pub(super) fn keys_asked(plan: &Plan) -> usize {
    plan.asks.iter().filter(|ask| matches!(ask.question, Question::Key { .. })).count()
}

pub(super) fn codes(plan: &Plan) -> Vec<ReasonCode> {
    called_for(plan).map(|decision| decision.code).collect()
}

/// The partitions of the targets.
pub(super) fn partitions(plan: &Plan) -> Vec<&str> {
    called_for(plan).map(|decision| decision.target.partition.as_str()).collect()
}

/// The session that the first decision is about, where it is about one session alone.
pub(super) fn session(plan: &Plan) -> Option<&str> {
    let first = plan.decisions.first().filter(|decision| decision.target.scope == Scope::Session)?;
    first.target.session.as_deref()
}

/// The immutable id of the first target.
pub(super) fn principal_id(plan: &Plan) -> Option<&str> {
    plan.decisions.first()?.target.principal_id.as_ref().map(PrincipalId::as_str)
}

/// What the first decision says to people.
pub(super) fn reason(plan: &Plan) -> &str {
    plan.decisions.first().map_or("", |decision| decision.reason.as_str())
}

pub(super) fn kind(plan: &Plan) -> Option<&str> {
    plan.finding.finding_type.as_deref()
}
