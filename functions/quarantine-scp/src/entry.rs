//! What Firebreak writes into the policy for one target.

use crate::list::{List, is_role_id};
use firebreak::fault::Fault;
use firebreak::ids::{IamName, InvalidId, PrincipalId, RoleSessionName};
use firebreak::target::{Scope, Target, TargetKind};

/// The values for one target, and the list they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The list.
    pub list: List,
    /// The values: two for a user or role, else one.
    pub values: Vec<String>,
}

impl Entry {
    /// The entry for `target`.
    ///
    /// # Errors
    /// `Malformed` when a service control policy cannot tell this target from others.
    pub(crate) fn of(target: &Target) -> Result<Self, Fault> {
        match (target.kind, target.scope) {
            (TargetKind::IamUser, Scope::Principal) => principal(target, "user"),
            (TargetKind::IamRole, Scope::Principal) => principal(target, "role"),
            (TargetKind::IamRole, Scope::Session) => session(target),
            (TargetKind::IdentityCenterUser, Scope::Principal) => person(target),
            _ => Err(Fault::malformed(format!("quarantine-scp cannot contain {target}"))),
        }
    }
}

/// A finding does not say under which path a principal is. Names are unique in an account whatever the path, so both values together
/// match this one principal. One value with `user*/NAME` would be shorter, but AWS forbids wildcards in the type of a resource.
fn principal(target: &Target, kind: &str) -> Result<Entry, Fault> {
    let name = IamName::parse(&target.id).map_err(|error| unfit(target, &error))?;
    let front = format!("arn:{}:iam::{}:{kind}/", target.partition, target.account);
    Ok(Entry { list: List::Principals, values: vec![format!("{front}{name}"), format!("{front}*/{name}")] })
}

/// `aws:userid` of a role's session is the role's immutable id and the session's name.
fn session(target: &Target) -> Result<Entry, Fault> {
    let role = target.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| is_role_id(id));
    let role = role.ok_or_else(|| {
        Fault::malformed(format!(
            "{target}: the finding does not name the role's id (AROA…), without which no session can be denied"
        ))
    })?;
    let name = RoleSessionName::parse(target.session.as_deref().unwrap_or_default()).map_err(|error| unfit(target, &error))?;
    Ok(Entry { list: List::Sessions, values: vec![format!("{role}:{name}")] })
}

/// A person has another role in each account and permission set, and the same session name in all of them.
fn person(target: &Target) -> Result<Entry, Fault> {
    let name = RoleSessionName::parse(&target.id).map_err(|error| unfit(target, &error))?;
    Ok(Entry { list: List::IdentityCenterUsers, values: vec![format!("*:{name}")] })
}

fn unfit(target: &Target, error: &InvalidId) -> Fault {
    Fault::malformed(format!("{target} cannot be denied by a service control policy: {error}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use firebreak::ids::{AccountId, Partition, Region};
    use firebreak::target::Place;

    fn target(kind: TargetKind, id: &str) -> Target {
        Target::new(
            kind,
            id,
            Place {
                account: AccountId::parse("111122223333").expect("an account"),
                region: Region::parse("eu-central-1").expect("a Region"),
                partition: Partition::parse("aws").expect("a partition"),
            },
        )
    }

    pub(crate) fn user(name: &str) -> Target {
        target(TargetKind::IamUser, name)
    }

    pub(crate) fn person(name: &str) -> Target {
        target(TargetKind::IdentityCenterUser, name)
    }

    fn one_session(role_id: &str, name: &str) -> Target {
        let principal_id = PrincipalId::parse(role_id).ok();
        Target { principal_id, session: Some(name.to_owned()), scope: Scope::Session, ..target(TargetKind::IamRole, "deploy") }
    }

    #[test]
    fn a_principal_is_denied_under_any_path() {
        let entry = Entry::of(&user("alice")).expect("an entry");
        assert_eq!(entry.list, List::Principals);
        assert_eq!(entry.values, ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"]);
        let role = Entry::of(&target(TargetKind::IamRole, "deploy")).expect("an entry");
        assert_eq!(role.values, ["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/*/deploy"]);
    }

    #[test]
    fn a_session_is_denied_by_the_role_s_id() {
        for name in ["i-0123456789abcdef0", "doe,jane"] {
            let entry = Entry::of(&one_session("AROAEXAMPLEEXAMPLE12", name)).expect("an entry");
            assert_eq!((entry.list, entry.values), (List::Sessions, vec![format!("AROAEXAMPLEEXAMPLE12:{name}")]));
        }
    }

    #[test]
    fn a_session_without_the_role_s_id_is_refused_in_words() {
        for id in ["", "AIDAEXAMPLEEXAMPLE12"] {
            let fault = Entry::of(&one_session(id, "i-0123456789abcdef0")).expect_err("no role id");
            assert!(fault.message.contains("AROA"), "{fault}");
        }
    }

    #[test]
    fn a_person_is_denied_in_every_account() {
        let entry = Entry::of(&person("alice@example.com")).expect("an entry");
        assert_eq!((entry.list, entry.values), (List::IdentityCenterUsers, vec!["*:alice@example.com".to_owned()]));
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["", "*", "a*", "a?b", "a/b", "a:b", "${aws:username}", "a\u{202e}b", "a\"b", &"x".repeat(65)] {
            assert!(Entry::of(&user(name)).is_err(), "{name}");
            assert!(Entry::of(&target(TargetKind::IamRole, name)).is_err(), "{name}");
            assert!(Entry::of(&person(name)).is_err(), "{name}");
            assert!(Entry::of(&one_session("AROAEXAMPLEEXAMPLE12", name)).is_err(), "{name}");
        }
    }

    #[test]
    fn what_a_policy_cannot_tell_apart_is_refused() {
        let older = Target { scope: Scope::OlderSessions, ..target(TargetKind::IamRole, "deploy") };
        let key = Target { scope: Scope::AccessKey, ..user("alice") };
        let unnamed = Target { session: None, ..one_session("AROAEXAMPLEEXAMPLE12", "x") };
        for target in
            [older, key, unnamed, target(TargetKind::AccountRoot, "111122223333"), target(TargetKind::Ec2Instance, "i-1")]
        {
            assert!(Entry::of(&target).is_err(), "{target}");
        }
    }

    #[test]
    fn every_entry_is_taken_by_its_list() {
        let session = one_session("AROAEXAMPLEEXAMPLE12", "a=b,c");
        for target in [user("a,b+c=d.e@f-g_h"), target(TargetKind::IamRole, "deploy"), session, person("alice@example.com")] {
            let entry = Entry::of(&target).expect("an entry");
            assert!(entry.values.iter().all(|value| entry.list.takes(value, &target.partition)), "{entry:?}");
        }
    }
}
