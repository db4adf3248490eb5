//! From credentials in a finding to what is denied: the principal, or the part of it that the evidence accuses.

use super::Circumstances;
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::{Finding, Named, Resource, Source};
use crate::ids::{Arn, InstanceId, RoleSessionName, SessionName};
use crate::policy::{AlsoDeny, Policy, RoleScope};
use crate::target::{Scope, Target, TargetKind};

/// The front of every role that Identity Center makes from a permission set (Identity Center user guide, "Referencing permission
/// sets"). IAM lets nobody change such a role.
const IDENTITY_CENTER_ROLE: &str = "AWSReservedSSO_";

/// What a containment of principals means for one target.
pub(super) fn accused(
    containment: Containment,
    mode: Mode,
    target: Target,
    resource: &Resource,
    finding: &Finding,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    let policy = circumstances.policy;
    if finding.source == Source::Request {
        // A person asked for it by name: all of it.
        return vec![Wanted::contain(containment, mode, target, resource)];
    }
    match target.kind {
        TargetKind::IamUser => user(containment, mode, target, resource, circumstances),
        TargetKind::IamRole if is_a_person_s(&target) => {
            vec![identity_center(mode, target, resource, policy)]
        }
        TargetKind::IamRole => role(containment, mode, target, resource, finding, policy),
        _ => vec![Wanted::contain(containment, mode, target, resource)],
    }
}

/// A user, and the key's real owner when the finding names somebody else.
fn user(
    containment: Containment,
    mode: Mode,
    target: Target,
    resource: &Resource,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    let owner = match (&resource.named, circumstances.owners) {
        (Named::Credentials(credentials), Some(owners)) => owners.contradicts(credentials),
        _ => None,
    };
    let Some(owner) = owner else { return vec![Wanted::contain(containment, mode, target, resource)] };
    let real = Target { id: owner.name.to_string(), principal_id: owner.principal_id.clone(), ..target.clone() };
    let wait = mode.at_most(Mode::Gate);
    vec![
        Wanted::contain(containment, wait, target, resource).noting("IAM says that the access key is another user's"),
        Wanted::contain(containment, wait, real, resource)
            .noting("IAM says that the access key is this user's, the finding names another"),
    ]
}

/// The narrowest part of a role that the evidence accuses. Everything else that runs on the role must keep working.
fn role(
    containment: Containment,
    mode: Mode,
    whole: Target,
    resource: &Resource,
    finding: &Finding,
    policy: &Policy,
) -> Vec<Wanted> {
    if policy.roles.scope == RoleScope::Role {
        return vec![Wanted::contain(containment, mode, whole, resource)];
    }
    let Some(name) = session(&whole) else {
        let note = "no session is named that could be denied alone: it would stop everything that runs on the role";
        return vec![Wanted::contain(containment, mode.at_most(Mode::Gate), whole, resource).noting(note)];
    };
    let one = |mode| Wanted::contain(containment, mode, Target { scope: Scope::Session, ..whole.clone() }, resource);
    if named_by_aws(&name, finding) {
        return vec![one(mode)];
    }
    // A name that callers choose is no identity: others may have it, and the suspect can take another.
    let one = one(mode.at_most(Mode::Gate));
    let note = "the caller chose the session's name: others may have it, too, and whoever may assume the role can take another";
    let also = match policy.roles.also {
        AlsoDeny::Nothing => return vec![one.noting(note)],
        AlsoDeny::OlderSessions => Target { scope: Scope::OlderSessions, ..whole },
        AlsoDeny::Role => whole,
    };
    vec![one, Wanted::contain(containment, mode.at_most(Mode::Gate), also, resource).noting(note)]
}

/// A person's sessions are named after the person, in every account. Only the organization can deny them.
fn identity_center(mode: Mode, role: Target, resource: &Resource, policy: &Policy) -> Wanted {
    let id = role.session.clone().unwrap_or_default();
    let person = Target { kind: TargetKind::IdentityCenterUser, id, ..role };
    let mode = mode.at_most(Mode::Gate);
    let note =
        "first see that the role is under /aws-reserved/: elsewhere its name is borrowed, and the person is not the suspect";
    if policy.organization.quarantine_scp && RoleSessionName::parse(&person.id).is_ok() {
        Wanted::contain(Containment::QuarantineScp, mode, person, resource).noting(note)
    } else {
        Wanted::by_hand(mode, person, resource).noting(note)
    }
}

/// An Identity Center role's session is named after a person. An instance cannot have such a role.
fn is_a_person_s(role: &Target) -> bool {
    let named = role.session.as_deref().is_some_and(|name| InstanceId::parse(name).is_err());
    // IAM keeps names unique without regard to case.
    let front = role.id.get(..IDENTITY_CENTER_ROLE.len());
    front.is_some_and(|front| front.eq_ignore_ascii_case(IDENTITY_CENTER_ROLE)) && named
}

fn session(role: &Target) -> Option<SessionName> {
    role.session.as_deref().and_then(|name| SessionName::parse(name).ok())
}

/// True when AWS gave the session its name: EC2 takes the instance's id, Lambda the function's name (IAM user guide, "aws:userid").
/// Whoever has such credentials cannot get others under another name with them.
fn named_by_aws(session: &SessionName, finding: &Finding) -> bool {
    let named = finding.resources.iter().filter_map(|resource| match &resource.named {
        // A version or an alias may follow the name.
        Named::Other(TargetKind::LambdaFunction, id) => {
            id.split_once(":function:").map_or(Some(id.as_str()), |(_, name)| name.split(':').next())
        }
        // ECS names the session of a task role after the task, never after its cluster or service.
        Named::Other(TargetKind::EcsTask, id) => {
            Arn::parse(id).and_then(|arn| arn.resource.strip_prefix("task/")?.rsplit('/').next())
        }
        _ => None,
    });
    InstanceId::parse(session.as_str()).is_ok() || named.into_iter().any(|name| name == session.as_str())
}
