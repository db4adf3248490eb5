//! The policies that Firebreak attaches. They are provisioned with the member account and never written by a function.

use firebreak::ids::IncidentId;
use firebreak::target::{Scope, Target};

/// Denies everything.
pub const DENY_ALL: &str = "firebreak/FirebreakQuarantineDenyAll";
/// Denies everything to the sessions that the role's tags `firebreak-session-1` to `-5` name.
pub const DENY_TAGGED_SESSION: &str = "firebreak/FirebreakQuarantineDenyTaggedSession";
/// The same as a permissions boundary: everything else stays as the role's own policies say.
pub const DENY_TAGGED_SESSION_BOUNDARY: &str = "firebreak/FirebreakQuarantineDenyTaggedSessionBoundary";

/// The front of the tags that name sessions.
pub(crate) const SESSION_TAG: &str = "firebreak-session-";

/// The front of the names of inline policies that end older sessions.
pub(crate) const REVOCATION: &str = "FirebreakRevoke-";

/// AWS's own quarantine of leaked keys (IAM user guide, "AWS managed policies": `AWSCompromisedKeyQuarantine`, V2, V3). AWS attaches
/// it when it finds a key in public; it denies what is often abused, not everything.
const AWS_QUARANTINE: &str = ":iam::aws:policy/AWSCompromisedKeyQuarantine";

/// The policy that is attached to `target`.
pub(crate) fn deny(target: &Target) -> String {
    arn(target, if target.scope == Scope::Session { DENY_TAGGED_SESSION } else { DENY_ALL })
}

/// The policy that becomes the boundary of `target` when no policy can be attached any more.
pub(crate) fn boundary(target: &Target) -> String {
    arn(target, if target.scope == Scope::Session { DENY_TAGGED_SESSION_BOUNDARY } else { DENY_ALL })
}

/// All of Firebreak's policies in the target's account.
pub(crate) fn all(target: &Target) -> [String; 3] {
    [arn(target, DENY_ALL), arn(target, DENY_TAGGED_SESSION), arn(target, DENY_TAGGED_SESSION_BOUNDARY)]
}

/// The inline policy that ends older sessions.
pub(crate) fn revocation(incident: &IncidentId) -> String {
    format!("{REVOCATION}{incident}")
}

/// Whether AWS itself has found a key of this principal in public.
pub(crate) fn is_quarantine_of_aws(arn: &str) -> bool {
    arn.contains(AWS_QUARANTINE)
}

fn arn(target: &Target, policy: &str) -> String {
    format!("arn:{}:iam::{}:policy/{policy}", target.partition, target.account)
}
