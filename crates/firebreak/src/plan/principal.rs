//! From credentials in a finding to what is denied: the principal, or the part of it that the evidence accuses.

use super::Circumstances;
use super::identity::{Person, RoleIs, is_temporary};
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::{Mode, Whom};
use crate::finding::{Finding, Named, Principal, Resource, Source};
use crate::ids::{Arn, IamName, InstanceId, Region, RoleSessionName, SessionName, region_of_iam};
use crate::policy::{AlsoDeny, Policy, RoleScope};
use crate::target::{Scope, Target, TargetKind};
use std::collections::BTreeSet;

/// The front of every role that Identity Center makes from a permission set (Identity Center user guide, "Referencing permission
/// sets"). IAM lets nobody change such a role.
const IDENTITY_CENTER_ROLE: &str = "AWSReservedSSO_";
/// Where Identity Center keeps its roles. IAM lets nobody else make one there.
const IDENTITY_CENTER_PATH: &str = "/aws-reserved/sso.amazonaws.com/";

const MAYBE_BORROWED: &str =
    "first see that the role is under /aws-reserved/: elsewhere its name is borrowed, and the person is not the suspect";
const CHOSEN: &str =
    "the caller chose the session's name: others may have it, too, and whoever may assume the role can take another";

/// What a containment of principals means for one target.
pub(super) fn accused(
    containment: Containment,
    mode: Mode,
    target: Target,
    resource: &Resource,
    finding: &Finding,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    if finding.source == Source::Request {
        // A person asked for it by name: all of it.
        let target = match circumstances.identities {
            Some(known) => known.spelled(target),
            None => target,
        };
        return vec![Wanted::contain(containment, mode, target, resource)];
    }
    match target.kind {
        TargetKind::IamUser => user(containment, mode, target, resource, circumstances),
        TargetKind::IamRole => role_now(containment, mode, target, resource, finding, circumstances),
        _ => vec![Wanted::contain(containment, mode, target, resource)],
    }
}

/// A user under its present name, and the key's real owner when the finding names somebody else.
fn user(
    containment: Containment,
    mode: Mode,
    target: Target,
    resource: &Resource,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    let contain = |mode: Mode, target: Target| Wanted::contain(containment, mode, target, resource);
    let (Named::Credentials(credentials), Some(known)) = (&resource.named, circumstances.identities) else {
        return vec![contain(mode, target)];
    };
    // Whom only a key led to, IAM has named already.
    let Principal::User(said) = &credentials.principal else { return vec![contain(mode, target)] };
    let (person, owner) = known.user(&target.account, said, credentials);
    let wait = mode.at_most(Mode::Gate);
    let Some(owner) = owner else { return vec![user_now(person, said, (mode, target), contain)] };
    let real = Target { id: owner.name.to_string(), principal_id: owner.principal_id, ..target.clone() };
    let key = credentials.access_key_id.as_ref().filter(|key| !is_temporary(key));
    let alone = key.map(|_| Target { scope: Scope::AccessKey, ..real.clone() });
    // One of them did nothing.
    let mut wanted = vec![
        noted(user_now(person, said, (wait, target), contain), "IAM says that the access key is another user's")
            .meaning(Whom::InDoubt),
        contain(wait, real)
            .noting("IAM says that the access key is this user's, the finding names another")
            .meaning(Whom::InDoubt),
    ];
    wanted.extend(alone.map(|key| contain(mode, key).noting("this key is exposed, whoever's it is")));
    wanted
}

/// What is done about the user whom the finding names, once IAM said who that is now.
fn user_now(person: Person, said: &IamName, (mode, target): (Mode, Target), contain: impl Fn(Mode, Target) -> Wanted) -> Wanted {
    match person {
        Person::Unknown => contain(mode, target),
        Person::Same(name, id) => {
            let principal_id = target.principal_id.clone().or(id);
            contain(mode, Target { id: name.to_string(), principal_id, ..target })
        }
        Person::Renamed(name) => {
            let note = format!("renamed since: the finding says {said}");
            contain(mode, Target { id: name.to_string(), ..target }).noting(&note).said_as(said)
        }
        Person::Replaced(namesake) => contain(mode.at_most(Mode::Gate), namesake.instead_of(target))
            .noting("the user of the finding is gone; another one has its name since")
            .meaning(Whom::InDoubt),
        // Half an answer must not do less than none: the containment goes by the id, and leaves the name's holder alone.
        Person::Unfound => contain(mode, target)
            .noting("another user has this name now; where the user of the finding is was not found out, and its id decides")
            .meaning(Whom::ById),
        Person::Gone => contain(mode, target).noting("no user has this name now"),
    }
}

/// A role as IAM has it now. Roles cannot be renamed, and a path tells whose role it is.
fn role_now(
    containment: Containment,
    mode: Mode,
    target: Target,
    resource: &Resource,
    finding: &Finding,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    let parts = |mode, target| role(containment, mode, target, resource, finding, circumstances);
    let wait = mode.at_most(Mode::Gate);
    let known = circumstances.identities.map_or(RoleIs::Unknown, |known| known.role(&target));
    let (path, mode, note) = match &known {
        RoleIs::Unknown => (None, mode, ""),
        RoleIs::Gone => (None, mode, "no role has this name now"),
        RoleIs::Same(role) => (Some(role.path.as_str()), mode, ""),
        RoleIs::Replaced(role) => {
            (Some(role.path.as_str()), wait, "the role of the finding is gone; another one has its name since")
        }
    };
    let whom = if matches!(known, RoleIs::Replaced(_)) { Whom::InDoubt } else { Whom::Named };
    let now = match &known {
        RoleIs::Same(role) | RoleIs::Replaced(role) => role.instead_of(target),
        RoleIs::Unknown | RoleIs::Gone => target,
    };
    let wanted = if !is_a_person_s(&now) {
        parts(mode, now)
    } else if path.is_some_and(|path| path.starts_with(IDENTITY_CENTER_PATH)) {
        vec![identity_center(mode, now, resource, circumstances.policy)]
    } else if path.is_some() {
        let parts = parts(wait, now).into_iter();
        parts.map(|part| noted(part, "its name is borrowed: the role is none of Identity Center's")).collect()
    } else {
        // Whoever borrows such a name must not be left out while nobody knows.
        let asked = circumstances.identities.is_some() && !matches!(known, RoleIs::Gone);
        let role = asked.then(|| parts(wait, now.clone()).into_iter().next()).flatten();
        let person = identity_center(mode, now, resource, circumstances.policy).noting(MAYBE_BORROWED);
        let role =
            role.map(|part| noted(part, "for the case that the role is not under /aws-reserved/: its name is borrowed then"));
        std::iter::once(person).chain(role).collect()
    };
    let wanted = wanted.into_iter().map(|part| part.meaning(whom));
    wanted.map(|part| if note.is_empty() { part } else { noted(part, note) }).collect()
}

/// The same, with something more that the reader must know.
fn noted(wanted: Wanted, note: &str) -> Wanted {
    let why = if wanted.why.is_empty() { note.to_owned() } else { format!("{note}; {}", wanted.why) };
    wanted.because(why)
}

/// The narrowest part of a role that the evidence accuses. Everything else that runs on the role must keep working.
fn role(
    containment: Containment,
    mode: Mode,
    whole: Target,
    resource: &Resource,
    finding: &Finding,
    circumstances: &Circumstances<'_>,
) -> Vec<Wanted> {
    let policy = circumstances.policy;
    if policy.roles.scope == RoleScope::Role {
        return vec![Wanted::contain(containment, mode, whole, resource)];
    }
    let Some(name) = session(&whole) else {
        if policy.organization.quarantine_scp && is_no_tag(&whole) {
            // No tag can name it, an entry of the organization's policy can.
            let one = Target { scope: Scope::Session, ..whole.clone() };
            return chosen(
                Wanted::contain(Containment::QuarantineScp, mode.at_most(Mode::Gate), one, resource),
                |also| Wanted::contain(containment, mode.at_most(Mode::Gate), also, resource),
                whole,
                policy,
                CHOSEN,
            );
        }
        let note = "no session is named that could be denied alone: it would stop everything that runs on the role";
        return vec![Wanted::contain(containment, mode.at_most(Mode::Gate), whole, resource).noting(note)];
    };
    let one = Target { scope: Scope::Session, ..whole.clone() };
    if named_by_aws(&name, finding) {
        let one = Target { session_by_aws: InstanceId::parse(name.as_str()).is_err(), ..one };
        return vec![Wanted::contain(containment, mode, one, resource)];
    }
    let (alone, note) = nobody_else(&whole, &name, circumstances);
    let one = Wanted::contain(containment, if alone { mode } else { mode.at_most(Mode::Gate) }, one, resource);
    let one = if alone { one } else { one.under_a_chosen_name() };
    let more = |also| Wanted::contain(containment, mode.at_most(Mode::Gate), also, resource);
    chosen(one, more, whole, policy, &note)
}

/// A name that callers choose is no identity: others may have it, and the suspect can take another.
fn chosen(one: Wanted, more: impl Fn(Target) -> Wanted, whole: Target, policy: &Policy, note: &str) -> Vec<Wanted> {
    let also = match policy.roles.also {
        AlsoDeny::Nothing => return vec![one.noting(note)],
        AlsoDeny::OlderSessions => Target { scope: Scope::OlderSessions, ..whole },
        AlsoDeny::Role => whole,
    };
    let one = if one.mode == Mode::Auto { one.noting(note) } else { one };
    vec![one, more(also).noting(note)]
}

/// A session whose name has a comma, of a role whose id the finding names.
fn is_no_tag(role: &Target) -> bool {
    let has_id = role.principal_id.as_ref().is_some_and(|id| id.as_str().starts_with("AROA"));
    has_id && role.session.as_deref().is_some_and(|name| RoleSessionName::parse(name).is_ok())
}

/// Whether nobody else uses the name that a caller chose, and what people must know of it. Whoever chooses a name chooses the Region,
/// too: only a list of all Regions that are used can show that nobody else has it.
fn nobody_else(role: &Target, name: &SessionName, circumstances: &Circumstances<'_>) -> (bool, String) {
    let policy = circumstances.policy;
    match circumstances.identities.and_then(|known| known.uses(role, name, &regions_of(role, policy))) {
        None => (false, CHOSEN.to_owned()),
        Some((_, seen)) if policy.allow.regions.is_empty() => {
            let rest = "allow.regions names no Regions: others were not asked";
            (false, format!("the caller chose the session's name: {seen}; {rest}"))
        }
        Some((true, seen)) => (true, format!("the caller chose the session's name, and nobody else has it: {seen}")),
        Some((false, seen)) => (false, format!("the caller chose the session's name: {seen}; others may have it, too")),
    }
}

/// Where calls under a session's name may have been recorded: where the finding is from, where global services record theirs, and
/// where policy says that anything happens.
pub(super) fn regions_of(role: &Target, policy: &Policy) -> BTreeSet<Region> {
    let allowed = policy.allow.regions.iter().cloned();
    allowed.chain([role.region.clone()]).chain(region_of_iam(&role.partition)).collect()
}

/// The session's name that a caller chose, where the target is that session.
pub(super) fn is_chosen(role: &Target, finding: &Finding) -> Option<SessionName> {
    session(role).filter(|name| role.scope == Scope::Session && !named_by_aws(name, finding))
}

/// A person's sessions are named after the person, in every account. Only the organization can deny them.
fn identity_center(mode: Mode, role: Target, resource: &Resource, policy: &Policy) -> Wanted {
    let id = role.session.clone().unwrap_or_default();
    let person = Target { kind: TargetKind::IdentityCenterUser, id, ..role };
    let mode = mode.at_most(Mode::Gate);
    if policy.organization.quarantine_scp && RoleSessionName::parse(&person.id).is_ok() {
        Wanted::contain(Containment::QuarantineScp, mode, person, resource)
    } else {
        Wanted::by_hand(mode, person, resource)
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
