//! The one access key that a finding accuses, apart from its user: whoever stole the key has nothing else of the user, and the user
//! may need everything else.

use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::{Named, Principal, Resource};
use crate::target::{Scope, Target, TargetKind};

/// That key alone, of the user among `users` whose key it is. Of two, where IAM contradicts the finding, that is the one whom the
/// finding does not name: no user has another's key. The containment looks for the key again, and touches no other.
pub(super) fn key_alone(mode: Mode, users: &[Wanted], resource: &Resource) -> Option<Wanted> {
    let Named::Credentials(credentials) = &resource.named else { return None };
    // Of a temporary key nothing can be switched off.
    let key = credentials.access_key_id.as_ref().filter(|key| key.as_str().starts_with("AKIA"))?;
    let is_user = |wish: &&Wanted| wish.target.kind == TargetKind::IamUser && wish.target.scope.is_whole();
    let is_named = |wish: &&Wanted| match &credentials.principal {
        Principal::User(name) => name.as_str().eq_ignore_ascii_case(&wish.target.id),
        _ => false,
    };
    let user = users.iter().filter(is_user).min_by_key(is_named)?;
    let target = Target { scope: Scope::AccessKey, access_key_id: Some(key.clone()), ..user.target.clone() };
    let note = "this access key alone: all else of the user is decided apart";
    let alone = Wanted::contain(Containment::QuarantineIam, mode, target, resource).noting(note);
    Some(Wanted { said: user.said.clone(), ..alone })
}
