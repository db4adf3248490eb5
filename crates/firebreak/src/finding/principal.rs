//! Whose credentials a finding is about, from typed fields, never from splitting an ARN.

use crate::ids::{AccessKeyId, IamName, PrincipalId};
use crate::text::inert;

/// A principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An IAM user.
    User(IamName),
    /// A role, with the session that was seen.
    Role {
        /// The role's name.
        name: IamName,
        /// The session's name: attacker-chosen text.
        session: Option<String>,
    },
    /// The account's root user.
    Root,
    /// A session of `GetFederationToken`; the name is the session's. Its creator, a user, is not in the finding.
    Federated(String),
    /// Only an access key is known, not whose it is.
    KeyOnly,
    /// Something IAM cannot contain in this account; the text says what.
    Other(&'static str),
}

/// Credentials a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub principal: Principal,
    /// The immutable id of the principal, when it has the documented form.
    pub principal_id: Option<PrincipalId>,
    /// The access key, when it has the documented form (`null` and empty keys occur).
    pub access_key_id: Option<AccessKeyId>,
}

impl Credentials {
    /// Resolves the vocabulary that GuardDuty, ASFF and OCSF share: `userType`, `userName` and `principalId`.
    ///
    /// For a role `userName` is the role's name, or `role:session` in some events, and `principalId` is `AROA…:session` (seen in
    /// real events). A session that is named like a user is never that user.
    pub(super) fn resolve(user_type: &str, user_name: Option<&str>, principal_id: Option<&str>, key: Option<&str>) -> Self {
        let (id, session) = match principal_id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
            Some((id, session)) => (Some(id), Some(session).filter(|s| !s.is_empty())),
            None => (None, None),
        };
        let principal = match user_type {
            "IAMUser" => user_name
                .and_then(|name| IamName::parse(name).ok())
                .map_or(Principal::Other("an IAM user whose name has no valid form"), Principal::User),
            "AssumedRole" | "Role" => user_name
                .map(|name| name.split_once(':').map_or(name, |(role, _)| role))
                .and_then(|name| IamName::parse(name).ok())
                .map_or(Principal::Other("a role whose name has no valid form"), |name| Principal::Role {
                    name,
                    session: session.map(|s| inert(s, 64)),
                }),
            "Root" => Principal::Root,
            "FederatedUser" => Principal::Federated(inert(user_name.unwrap_or("unnamed"), 64)),
            // Security Hub findings of other products, and of GuardDuty's older versions, name no more than the key.
            "" if user_name.is_none() && key.is_some_and(|key| AccessKeyId::parse(key).is_ok()) => Principal::KeyOnly,
            "AWSAccount" => Principal::Other("a principal of another AWS account, or anonymous"),
            "AWSService" => Principal::Other("an AWS service"),
            _ => Principal::Other("a principal Firebreak does not know"),
        };
        Self {
            principal,
            principal_id: id.and_then(|id| PrincipalId::parse(id).ok()),
            access_key_id: key.and_then(|key| AccessKeyId::parse(key).ok()),
        }
    }
}
