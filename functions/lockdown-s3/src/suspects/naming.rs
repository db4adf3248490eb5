//! How a bucket policy names one suspect.

use crate::accused::{Accused, Session};
use firebreak::decision::{Decision, Mode, Whom};
use firebreak::ids::{IamName, PrincipalId, RoleSessionName};
use firebreak::policy::built_in_protection;
use firebreak::target::{Scope, Target, TargetKind};

/// How a bucket policy names one suspect.
pub(super) enum Named {
    /// These patterns of ARNs, and the user's immutable id.
    Arns(Vec<String>, Option<Session>),
    Session(Session),
    Not(&'static str),
    /// Somebody narrower of the same role is denied.
    Beside,
}

impl Named {
    /// Takes whoever is named in.
    pub(super) fn join(self, all: &mut Accused) {
        match self {
            Self::Arns(arns, id) => {
                all.arns.extend(arns);
                all.sessions.extend(id);
            }
            Self::Session(session) => all.sessions.extend([session]),
            Self::Not(_) | Self::Beside => {}
        }
    }
}

/// The suspect of `decision`, one of `accused`. Whether a person approved it counts only where it may be somebody else.
pub(super) fn named(decision: &Decision, accused: &[&Decision], is_approved: bool) -> Named {
    let target = &decision.target;
    if built_in_protection(target).is_some() {
        return Named::Not("a role that Firebreak never denies anything");
    }
    if is_break_glass(target) && !is_approved {
        return Named::Not("named like a break-glass principal: denied at a bucket only once an answer approves it");
    }
    if decision.whom == Whom::InDoubt && !is_approved {
        return Named::Not("it may only have the suspect's name: denied at a bucket only once an answer approves it");
    }
    match (target.kind, target.scope) {
        (TargetKind::IamUser, Scope::Principal) if decision.whom == Whom::ById => by_id(target),
        (TargetKind::IamUser, Scope::Principal) => user(target),
        (TargetKind::IamUser, _) => Named::Not("a bucket policy cannot tell one key of a user from the others"),
        (TargetKind::IamRole, Scope::Session) => session(target),
        (TargetKind::IamRole, _) if is_narrowed(decision, accused) => Named::Beside,
        (TargetKind::IamRole, Scope::Principal) => under_any_path(target, "role"),
        (TargetKind::IamRole, _) => Named::Not("a bucket policy does not deny sessions by their age"),
        (TargetKind::IdentityCenterUser, _) => person(target),
        (TargetKind::FederatedUser, _) => federated(target),
        (TargetKind::AccountRoot, _) => Named::Not("the root user is never denied at a bucket: it is the way back"),
        (TargetKind::AccessKey, _) => Named::Not("nobody knows whose key it is, and a bucket policy cannot name a key"),
        _ => Named::Not("the finding names nobody whom a bucket policy can deny"),
    }
}

/// Whose writes may be the work of the suspect of `decision`, one of `accused`, whom no bucket policy denies. To distrust somebody takes less
/// from them than to deny them: so this is also the root user, all of a user of whom one key is known, and whoever may only have the name.
pub(super) fn writer(decision: &Decision, accused: &[&Decision]) -> Named {
    let target = &decision.target;
    match (target.kind, target.scope) {
        (TargetKind::AccountRoot, _) => Named::Arns(vec![format!("arn:{}:iam::{}:root", target.partition, target.account)], None),
        (TargetKind::IamUser, _) => user(target),
        (TargetKind::IamRole, Scope::Session) => session(target),
        (TargetKind::IamRole, _) if is_narrowed(decision, accused) => Named::Beside,
        (TargetKind::IamRole, _) => under_any_path(target, "role"),
        _ => named(decision, accused, true),
    }
}

/// Whether one session of the role is decided about, and all of the role waits for a person: its other sessions work on.
fn is_narrowed(decision: &Decision, accused: &[&Decision]) -> bool {
    let is_its_session = |other: &&Decision| other.target.scope == Scope::Session && other.target.is_of(&decision.target);
    decision.mode == Mode::Gate && accused.iter().any(is_its_session)
}

/// The same names as those that wait for a person (`docs/decisions/0045`). A path tells more, and the statements except break-glass's.
pub(super) fn is_break_glass(target: &Target) -> bool {
    let is_named = matches!(target.kind, TargetKind::IamUser | TargetKind::IamRole | TargetKind::IdentityCenterUser);
    is_named && target.id.to_ascii_lowercase().replace(['-', '_', '.'], "").contains("breakglass")
}

fn user_id(target: &Target) -> Option<&str> {
    target.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| id.starts_with("AIDA"))
}

fn user(target: &Target) -> Named {
    match under_any_path(target, "user") {
        Named::Arns(arns, _) => {
            let id = user_id(target).map(|id| Session { role: None, userid: id.to_owned() });
            Named::Arns(arns, id)
        }
        other => other,
    }
}

/// Somebody else has the user's name: only the id is the suspect's.
fn by_id(target: &Target) -> Named {
    match user_id(target) {
        Some(id) => Named::Session(Session { role: None, userid: id.to_owned() }),
        None => Named::Not("somebody else has its name by now, and its id is not known"),
    }
}

fn under_any_path(target: &Target, kind: &str) -> Named {
    match IamName::parse(&target.id) {
        Ok(name) => Named::Arns(vec![arn(target, kind, name.as_str()), arn(target, kind, &format!("*/{name}"))], None),
        Err(_) => Named::Not("its name has no form that IAM knows"),
    }
}

/// The ARN of somebody of the target's account.
pub(super) fn arn(target: &Target, kind: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}/{name}", target.partition, target.account)
}

fn session(target: &Target) -> Named {
    let Ok(name) = RoleSessionName::parse(target.session.as_deref().unwrap_or_default()) else {
        return Named::Not("the session's name has no form that STS knows");
    };
    let id = target.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| id.starts_with("AROA"));
    match (id, IamName::parse(&target.id)) {
        (Some(id), _) => Named::Session(Session { role: None, userid: format!("{id}:{name}") }),
        (None, Ok(role)) => {
            Named::Session(Session { role: Some(arn(target, "role", role.as_str())), userid: format!("*:{name}") })
        }
        (None, Err(_)) => Named::Not("its role has no name that IAM knows"),
    }
}

/// A person's sessions have the person's name in every account and permission set (as in `functions/quarantine-scp`).
fn person(target: &Target) -> Named {
    match RoleSessionName::parse(&target.id) {
        Ok(name) => {
            let role = format!("arn:{}:iam::*:role/aws-reserved/sso.amazonaws.com/*", target.partition);
            Named::Session(Session { role: Some(role), userid: format!("*:{name}") })
        }
        Err(_) => Named::Not("the person's name has no form that a session can have"),
    }
}

fn federated(target: &Target) -> Named {
    match RoleSessionName::parse(&target.id) {
        Ok(name) => Named::Arns(vec![format!("arn:{}:sts::{}:federated-user/{name}", target.partition, target.account)], None),
        Err(_) => Named::Not("the session's name has no form that STS knows"),
    }
}

/// A principal of another account, by `AIDA…` or `AROA…:NAME`: S3 asks a bucket's policy about `aws:userid` of every caller. Everything else
/// names nobody for sure.
pub(super) fn outsider(called: &str) -> Option<Session> {
    let is_id = |id: &str, front: &str| id.starts_with(front) && PrincipalId::parse(id).is_ok();
    let is_known = match called.split_once(':') {
        Some((role, session)) => is_id(role, "AROA") && RoleSessionName::parse(session).is_ok(),
        None => is_id(called, "AIDA"),
    };
    is_known.then(|| Session { role: None, userid: called.to_owned() })
}
