//! Whose doings are looked for, what CloudTrail can be asked about them, and which records are theirs.

use super::record::{Actor, ActorKind, Record};
use crate::ids::{AccessKeyId, InstanceId};
use crate::target::{Scope, Target, TargetKind};
use crate::text::inert;
use serde::{Deserialize, Serialize};

/// A principal whose credentials an attacker has, or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The user or role, or the part of it.
    pub target: Target,
    /// One access key: only what it signed. Sessions of a user have keys that the user's name does not find.
    pub(super) key: Option<AccessKeyId>,
    /// A role's ARN with its path, as CloudTrail gave it.
    pub(super) arn: Option<String>,
    /// A session that a suspect of another account opened: what follows from it waits, as the session does.
    pub(super) abroad: bool,
}

/// What `LookupEvents` can be asked for: one attribute at a time (CloudTrail API reference, `LookupAttribute`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// A user's name; of a role, the session's name and not the role's (AWS CLI reference, example of `lookup-events`).
    Username,
    /// The key that signed the call.
    AccessKeyId,
    /// What the call was about: who assumed a role.
    ResourceName,
    /// The call's name, whoever made it ([`EVENT_NAMES`](super::EVENT_NAMES)).
    EventName,
}

impl Suspect {
    /// A suspect, if the target is a principal whose calls CloudTrail records under its own name.
    #[must_use]
    pub fn of(target: &Target) -> Option<Self> {
        let key = match (target.kind, target.scope) {
            (TargetKind::IamUser, Scope::AccessKey) => Some(target.access_key_id.clone()?),
            (TargetKind::IamUser | TargetKind::IamRole, _) => None,
            _ => return None,
        };
        Some(Self { target: target.clone(), key, arn: None, abroad: false })
    }

    /// The same suspect, under other credentials.
    pub(super) fn with_key(&self, key: AccessKeyId) -> Self {
        Self { key: Some(key), ..self.clone() }
    }

    /// What to ask CloudTrail for. The error says what is missed, in words for people.
    pub(super) fn question(&self) -> Result<(Attribute, String), &'static str> {
        if let Some(key) = &self.key {
            return Ok((Attribute::AccessKeyId, key.to_string()));
        }
        if self.target.kind == TargetKind::IamUser {
            return Ok((Attribute::Username, self.target.id.clone()));
        }
        match (&self.target.session, &self.target.access_key_id) {
            (Some(session), _) if is_session_name(session) => Ok((Attribute::Username, session.clone())),
            (_, Some(key)) => Ok((Attribute::AccessKeyId, key.to_string())),
            (Some(_), None) => Err("the session's name has no valid form"),
            (None, None) => Ok((Attribute::ResourceName, self.role_arn())),
        }
    }

    /// What [`question`](Self::question) does not find, if anything.
    pub(super) fn blind_spot(&self) -> Option<&'static str> {
        let whole_role = self.target.kind == TargetKind::IamRole && self.target.scope != Scope::Session && self.key.is_none();
        let asked_by_one = self.target.session.is_some() || self.target.access_key_id.is_some();
        (whole_role && asked_by_one).then_some("only one of its sessions: CloudTrail cannot be asked for a role's calls")
    }

    /// The role's ARN; without the path, which only CloudTrail knows, when it did not say.
    fn role_arn(&self) -> String {
        let Target { partition, account, id, .. } = &self.target;
        self.arn.clone().unwrap_or_else(|| format!("arn:{partition}:iam::{account}:role/{id}"))
    }

    /// True when the suspect made the call. A namesake with another principal id did not.
    #[must_use]
    pub fn made(&self, record: &Record) -> bool {
        let Actor { kind, name, principal_id, session, key, account } = &record.actor;
        if account.as_ref().is_some_and(|account| *account != self.target.account) {
            return false;
        }
        if let Some(own) = &self.key {
            return key.as_ref() == Some(own);
        }
        let same_kind = match self.target.kind {
            TargetKind::IamUser => *kind == ActorKind::User,
            TargetKind::IamRole => *kind == ActorKind::Role,
            _ => false,
        };
        let same_name = || name.as_ref().is_some_and(|name| name.as_str().eq_ignore_ascii_case(&self.target.id));
        let same = match (&self.target.principal_id, principal_id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => same_name(),
        };
        let in_scope = self.target.scope != Scope::Session || *session == self.target.session;
        same_kind && same && in_scope
    }

    /// True when others may act under the same name: a user has several keys, and whoever assumes a role chooses the session's name.
    /// An instance's session is the instance's, unless a suspect named it.
    pub(super) fn shares_its_name(&self) -> bool {
        let is_chosen = |name: &String| self.arn.is_some() || InstanceId::parse(name).is_err();
        match self.target.kind {
            TargetKind::IamUser => self.target.access_key_id.is_some(),
            _ => self.target.session.as_ref().is_some_and(is_chosen),
        }
    }

    /// True when a call that the suspect [`made`](Self::made) is the suspect's for sure. All sessions of a role can be meant, and only
    /// one of them was seen.
    pub(super) fn is_sure_of(&self, actor: &Actor) -> bool {
        let Target { kind, scope, session, .. } = &self.target;
        let is_whole_role = *kind == TargetKind::IamRole && *scope != Scope::Session && self.key.is_none();
        let may_be_another = is_whole_role && (session.is_none() || actor.session != *session);
        !may_be_another && !self.shares_its_name()
    }

    /// How people call it.
    pub(super) fn label(&self) -> String {
        inert(&self.target.to_string(), 80)
    }
}

/// A session's name as IAM takes it (`[\w+=,.@-]{2,64}`). More than [`SessionName`](crate::ids::SessionName): it is looked up, not
/// written into a tag.
fn is_session_name(name: &str) -> bool {
    (2..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition, PrincipalId, Region};
    use crate::target::Place;

    fn session(name: &str, scope: Scope) -> Suspect {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        let target = Target {
            principal_id: PrincipalId::parse("AROADEPLOYDEPEXAMPLE4").ok(),
            session: Some(name.to_owned()),
            scope,
            ..Target::new(TargetKind::IamRole, "deploy", place)
        };
        Suspect::of(&target).expect("a principal")
    }

    fn record(id: &str, account: &str) -> Record {
        let record = format!(
            r#"{{"userIdentity": {{"type": "AssumedRole", "principalId": "{id}", "accountId": "{account}", "accessKeyId": "ASIADEPLOYSESEXAMPLE",
                "sessionContext": {{"sessionIssuer": {{"type": "Role", "userName": "deploy"}}}}}}}}"#
        );
        Record::parse(&record).expect("JSON")
    }

    #[test]
    fn a_session_answers_for_itself_and_a_role_for_all_of_them() {
        let ours = record("AROADEPLOYDEPEXAMPLE4:alice-cli", "111122223333");
        let sibling = record("AROADEPLOYDEPEXAMPLE4:build-8814", "111122223333");
        let namesake = record("AROAREADONLYREXAMPLEA:alice-cli", "111122223333");
        let elsewhere = record("AROADEPLOYDEPEXAMPLE4:alice-cli", "999988887777");
        let made = |suspect: &Suspect| [&ours, &sibling, &namesake, &elsewhere].map(|record| suspect.made(record));
        assert_eq!(made(&session("alice-cli", Scope::Session)), [true, false, false, false]);
        assert_eq!(made(&session("alice-cli", Scope::Principal)), [true, true, false, false]);
        let key = AccessKeyId::parse("ASIADEPLOYSESEXAMPLE").expect("a key");
        assert_eq!(made(&session("other", Scope::Session).with_key(key)), [true, true, true, false], "whoever signs with it");
    }

    #[test]
    fn a_name_that_was_made_inert_is_not_looked_up() {
        assert!(session("a\u{fffd}b", Scope::Session).question().is_err());
        assert_eq!(session("a,b", Scope::Session).question(), Ok((Attribute::Username, "a,b".to_owned())));
    }
}
