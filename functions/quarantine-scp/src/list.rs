//! The three lists of the quarantine policy, and what a value of each may look like.
//!
//! A wildcard in the wrong place denies everything to the whole organization. So each list has a grammar that knows the two
//! wildcards Firebreak itself writes, by place, and no other.

use firebreak::ids::{AccountId, IamName, Partition, PrincipalId, RoleSessionName};

/// One list of the policy: a statement, and the condition its values stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// Users and roles, by ARN.
    Principals,
    /// Sessions of roles, by the role's immutable id and the session's name.
    Sessions,
    /// People in Identity Center, by the name their sessions have.
    IdentityCenterUsers,
}

impl List {
    pub(crate) const ALL: [Self; 3] = [Self::Principals, Self::Sessions, Self::IdentityCenterUsers];

    /// The statement's `Sid`.
    pub(crate) fn sid(self) -> &'static str {
        match self {
            Self::Principals => "QuarantinedPrincipals",
            Self::Sessions => "QuarantinedSessions",
            Self::IdentityCenterUsers => "QuarantinedIdentityCenterUsers",
        }
    }

    /// Where the values stand in the statement, as a JSON pointer.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Principals => "/Condition/ArnEquals/aws:PrincipalArn",
            Self::Sessions | Self::IdentityCenterUsers => "/Condition/StringLike/aws:userid",
        }
    }

    /// Whether `value` may stand in this list.
    pub(crate) fn takes(self, value: &str, partition: &Partition) -> bool {
        match self {
            Self::Principals => is_principal(value, partition),
            // A list is JSON: a name may have a comma here, which a tag may not.
            Self::Sessions => value.split_once(':').is_some_and(|(role, session)| is_role_id(role) && is_session(session)),
            Self::IdentityCenterUsers => value.strip_prefix("*:").is_some_and(is_session),
        }
    }
}

/// `arn:P:iam::ACCOUNT:user/NAME` or `role/NAME`, with a path spelled out, or with `*/` in place of any path.
fn is_principal(value: &str, partition: &Partition) -> bool {
    let front = format!("arn:{partition}:iam::");
    let Some((account, resource)) = value.strip_prefix(&front).and_then(|rest| rest.split_once(':')) else { return false };
    let name = resource.strip_prefix("user/").or_else(|| resource.strip_prefix("role/"));
    let is_name = |name: &str| IamName::parse(name).is_ok();
    AccountId::parse(account).is_ok()
        && name.is_some_and(|name| name.strip_prefix("*/").map_or_else(|| name.split('/').all(is_name), is_name))
}

/// The immutable id of a role.
pub(crate) fn is_role_id(id: &str) -> bool {
    id.starts_with("AROA") && PrincipalId::parse(id).is_ok()
}

fn is_session(name: &str) -> bool {
    RoleSessionName::parse(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(list: List, value: &str) -> bool {
        list.takes(value, &Partition::parse("aws").expect("a partition"))
    }

    #[test]
    fn what_firebreak_writes_is_taken() {
        for value in [
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:user/*/alice",
            "arn:aws:iam::111122223333:role/team/blue/deploy",
            "arn:aws:iam::111122223333:role/*/deploy@x=1,2.3-4_5+6",
        ] {
            assert!(taken(List::Principals, value), "{value}");
        }
        assert!(taken(List::Sessions, "AROAEXAMPLEEXAMPLE12:i-0123456789abcdef0"));
        assert!(taken(List::Sessions, "AROAEXAMPLEEXAMPLE12:doe,jane"));
        assert!(taken(List::IdentityCenterUsers, "*:alice@example.com"));
        assert!(taken(List::IdentityCenterUsers, "*:doe,jane@example.com"));
    }

    #[test]
    fn no_wildcard_stands_anywhere_else() {
        for value in [
            "*",
            "",
            "arn:aws:iam::*:user/alice",
            "arn:aws:iam::11112222333?:user/alice",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:*/alice",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:user/*/*",
            "arn:aws:iam::111122223333:user/*/",
            "arn:aws:iam::111122223333:user/*/*/alice",
            "arn:aws:iam::111122223333:user/*/team/alice",
            "arn:aws:iam::111122223333:user/team/*/alice",
            "arn:aws:iam::111122223333:user/ali*",
            "arn:aws:iam::111122223333:user/ali?e",
            "arn:aws:iam::111122223333:user/team//alice",
            "arn:aws:iam::111122223333:user/${aws:username}",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/alice:x",
            "arn:aws-cn:iam::111122223333:user/alice",
            "arn:*:iam::111122223333:user/alice",
            "arn:aws:sts::111122223333:assumed-role/deploy/alice",
            " arn:aws:iam::111122223333:user/alice",
        ] {
            assert!(!taken(List::Principals, value), "{value}");
        }
        for value in [
            "*",
            "*:alice",
            "AROA*:alice",
            "AROAEXAMPLEEXAMPLE12:*",
            "AROAEXAMPLEEXAMPLE12:ali*",
            "AROAEXAMPLEEXAMPLE12:a:b",
            "AROAEXAMPLEEXAMPLE12",
            "AIDAEXAMPLEEXAMPLE12:alice",
            "AROAEXAMPLEEXAMPLE12:${aws:username}",
            "AROA:alice",
        ] {
            assert!(!taken(List::Sessions, value), "{value}");
        }
        for value in ["*", "*:", "*:*", "*:?", "**:alice", "?:alice", "*:ali*e", "alice", "*:a", "*:a:bc", "*:*:alice"] {
            assert!(!taken(List::IdentityCenterUsers, value), "{value}");
        }
    }
}
