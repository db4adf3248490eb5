//! What a decision can be about.

use crate::principal::{ROLE, ROLE_ID, USER, USER_ID};
use firebreak::ids::{AccessKeyId, PrincipalId};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;

/// All of the user.
pub(crate) fn user() -> Target {
    identified(room::target(TargetKind::IamUser, USER), USER_ID)
}

/// One access key of the user.
pub(crate) fn key(id: &str) -> Target {
    Target { scope: Scope::AccessKey, ..seen_with(id, user()) }
}

/// All of the role.
pub(crate) fn role() -> Target {
    identified(room::target(TargetKind::IamRole, ROLE), ROLE_ID)
}

/// One session of the role.
pub(crate) fn session(name: &str) -> Target {
    Target { scope: Scope::Session, session: Some(name.to_owned()), ..role() }
}

/// The sessions of the role that were issued before.
pub(crate) fn older_sessions() -> Target {
    Target { scope: Scope::OlderSessions, ..role() }
}

/// The finding names this immutable id.
pub(crate) fn identified(target: Target, id: &str) -> Target {
    Target { principal_id: Some(PrincipalId::parse(id).expect("a principal id")), ..target }
}

/// The finding names this access key.
pub(crate) fn seen_with(key: &str, target: Target) -> Target {
    Target { access_key_id: Some(AccessKeyId::parse(key).expect("an access key id")), ..target }
}
