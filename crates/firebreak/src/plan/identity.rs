//! What the account of a finding says about its principals: who has a name now, whose a key is, who else uses a session's name, and
//! whether somebody else administers the account.

use super::decision_text;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::finding::{Credentials, Principal};
use crate::ids::{AccessKeyId, AccountId, IamName, PrincipalId, Region, SessionName};
use crate::target::{Target, TargetKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The user behind an access key, as the account itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user's name.
    pub name: IamName,
    /// `AIDA…`, where the answer had it.
    pub principal_id: Option<PrincipalId>,
}

/// A user or role, as IAM has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name in IAM's spelling.
    pub name: IamName,
    /// Its immutable id.
    pub id: PrincipalId,
    /// Its path.
    pub path: String,
}

/// Who has the administrator's policy of AWS attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// A user or a role.
    pub kind: TargetKind,
    /// Its name.
    pub name: IamName,
    /// Its immutable id, where the answer had it.
    pub id: Option<PrincipalId>,
}

/// The calls that CloudTrail has under one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    complete: bool,
    keys: BTreeSet<String>,
    addresses: BTreeSet<String>,
    principals: BTreeSet<String>,
}

impl Uses {
    /// All of these records, and no others, are those of the name.
    #[must_use]
    pub fn all(self) -> Self {
        Self { complete: true, ..self }
    }

    /// Counts one record. A field that it lacks counts as one of its own: what cannot be read must not look like the suspect.
    pub fn count(&mut self, record: &str) {
        let record: Value = serde_json::from_str(record).unwrap_or_default();
        let text = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.keys.insert(text("/userIdentity/accessKeyId"));
        self.addresses.insert(text("/sourceIPAddress"));
        self.principals.insert(text("/userIdentity/principalId"));
    }

    /// Whether nobody but one session of this role, with this key from one address, has the name.
    fn are_of(&self, role: &Target, name: &SessionName) -> bool {
        let (Some(id), Some(key)) = (&role.principal_id, &role.access_key_id) else { return false };
        let only = |all: &BTreeSet<String>, one: &str| all.len() == 1 && all.contains(one);
        self.complete
            && only(&self.keys, key.as_str())
            && only(&self.principals, &format!("{id}:{name}"))
            && self.addresses.len() == 1
            && !self.addresses.contains("")
    }

    /// The same for people.
    fn says(&self) -> String {
        if self.keys.is_empty() {
            return "CloudTrail has no call under it in the last 24 hours".to_owned();
        }
        let of =
            |all: &BTreeSet<String>, one: &str, more: &str| format!("{} {}", all.len(), if all.len() == 1 { one } else { more });
        let more = if self.complete { "" } else { ", and more calls than were read" };
        let (keys, addresses) = (of(&self.keys, "key", "keys"), of(&self.addresses, "address", "addresses"));
        format!("{keys}, {addresses} use this name in the last 24 hours{more}")
    }
}

/// What was found out. What is not here was not asked, or nobody answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    owners: BTreeMap<AccessKeyId, Owner>,
    users: BTreeMap<(AccountId, String), Option<Known>>,
    roles: BTreeMap<(AccountId, String), Option<Known>>,
    ids: BTreeMap<(AccountId, PrincipalId), Option<IamName>>,
    uses: BTreeMap<(AccountId, Region, SessionName), Uses>,
    only_administrators: BTreeMap<AccountId, Administrator>,
}

/// Who the user of a finding is now.
pub(super) enum Person {
    /// Nobody knows.
    Unknown,
    /// The user of that name, in IAM's spelling.
    Same(IamName, Option<PrincipalId>),
    /// The user has this name now.
    Renamed(IamName),
    /// Another user has the name. Whether all users were looked through for the one of the finding.
    Replaced(Known, bool),
    /// Nobody has the name, and the user was not found under another one.
    Gone,
}

/// What the role of a finding is now.
pub(super) enum RoleIs<'a> {
    /// Nobody knows.
    Unknown,
    /// That role.
    Same(&'a Known),
    /// Another role has the name.
    Replaced(&'a Known),
    /// No role has the name.
    Gone,
}

impl Identities {
    /// Remembers whose a key is.
    pub fn learn(&mut self, key: AccessKeyId, owner: Owner) {
        self.owners.insert(key, owner);
    }

    /// Remembers which user has a name; none when nobody has it.
    pub fn learn_user(&mut self, account: &AccountId, name: &IamName, known: Option<Known>) {
        self.users.insert(place(account, name.as_str()), known);
    }

    /// Remembers which role has a name; none when there is no such role.
    pub fn learn_role(&mut self, account: &AccountId, name: &IamName, known: Option<Known>) {
        self.roles.insert(place(account, name.as_str()), known);
    }

    /// Remembers the name that the user with an id has now; none when no user of the account has the id.
    pub fn learn_id(&mut self, account: &AccountId, id: PrincipalId, name: Option<IamName>) {
        self.ids.insert((account.clone(), id), name);
    }

    /// Remembers which calls CloudTrail has under a session's name.
    pub fn learn_uses(&mut self, account: &AccountId, region: &Region, name: SessionName, uses: Uses) {
        self.uses.insert((account.clone(), region.clone(), name), uses);
    }

    /// Remembers that an account has one administrator and no other.
    pub fn learn_only_administrator(&mut self, account: &AccountId, administrator: Administrator) {
        self.only_administrators.insert(account.clone(), administrator);
    }

    /// The credentials with the user in place of a bare key or of a federated session. A session of `GetFederationToken` has at most
    /// the rights of the user who asked for it, at every request (IAM user guide, "Permissions for `GetFederationToken`").
    pub(super) fn resolve(&self, credentials: &Credentials) -> Option<Credentials> {
        let nameless = matches!(credentials.principal, Principal::KeyOnly | Principal::Federated(_));
        let owner = self.owners.get(credentials.access_key_id.as_ref()?).filter(|_| nameless)?;
        Some(Credentials {
            principal: Principal::User(owner.name.clone()),
            principal_id: owner.principal_id.clone(),
            access_key_id: credentials.access_key_id.clone(),
            ..Credentials::clone(credentials)
        })
    }

    /// Who the user is whom a finding calls `name`, and whose its key is when that is somebody else.
    pub(super) fn user(&self, account: &AccountId, name: &IamName, credentials: &Credentials) -> (Person, Option<Owner>) {
        let id = credentials.principal_id.as_ref();
        let person = || self.person(account, name, id);
        let key = credentials.access_key_id.as_ref();
        let Some((key, owner)) = key.and_then(|key| Some((key, self.owner(account, key)?))) else { return (person(), None) };
        if !self.is_same(account, name, id, &owner) {
            return (person(), Some(owner));
        }
        // CloudTrail has the name that the user had then, IAM the one of now.
        if is_temporary(key) {
            return (person(), None);
        }
        let id = id.cloned().or(owner.principal_id);
        (named(name, owner.name, id), None)
    }

    /// The user with the finding's id and name, by what IAM says of both.
    fn person(&self, account: &AccountId, name: &IamName, id: Option<&PrincipalId>) -> Person {
        let holder = self.users.get(&place(account, name.as_str()));
        if let Some(Some(known)) = holder
            && id.is_none_or(|id| *id == known.id)
        {
            return Person::Same(known.name.clone(), Some(known.id.clone()));
        }
        let listed = id.and_then(|id| self.ids.get(&(account.clone(), id.clone())));
        if let Some(Some(now)) = listed {
            return named(name, now.clone(), id.cloned());
        }
        match holder {
            None => Person::Unknown,
            Some(None) => Person::Gone,
            Some(Some(known)) => Person::Replaced(known.clone(), listed.is_some()),
        }
    }

    /// Whether the owner of the key is the user of the finding.
    fn is_same(&self, account: &AccountId, name: &IamName, id: Option<&PrincipalId>, owner: &Owner) -> bool {
        let same_name = owner.name.as_str().eq_ignore_ascii_case(name.as_str());
        match (id, &owner.principal_id) {
            (None, _) => same_name,
            (Some(id), Some(of_owner)) => id == of_owner,
            // The name is not the user's any more, and the key's owner has another one: that is a rename. The containment compares
            // the id with IAM's before anything is written.
            (Some(id), None) => {
                let holder = self.users.get(&place(account, name.as_str()));
                same_name || holder.is_some_and(|holder| holder.as_ref().is_none_or(|known| known.id != *id))
            }
        }
    }

    fn owner(&self, account: &AccountId, key: &AccessKeyId) -> Option<Owner> {
        let owner = self.owners.get(key)?;
        let now = self.users.get(&place(account, owner.name.as_str())).filter(|_| !is_temporary(key)).and_then(Option::as_ref);
        Some(match now {
            Some(known) => {
                Owner { name: known.name.clone(), principal_id: owner.principal_id.clone().or_else(|| Some(known.id.clone())) }
            }
            None => owner.clone(),
        })
    }

    /// What the role is that a finding names.
    pub(super) fn role(&self, target: &Target) -> RoleIs<'_> {
        match self.roles.get(&place(&target.account, &target.id)) {
            None => RoleIs::Unknown,
            Some(None) => RoleIs::Gone,
            Some(Some(known)) if target.principal_id.as_ref().is_none_or(|id| *id == known.id) => RoleIs::Same(known),
            Some(Some(known)) => RoleIs::Replaced(known),
        }
    }

    /// A principal that a person names, as IAM spells it.
    pub(super) fn spelled(&self, target: Target) -> Target {
        let names = match target.kind {
            TargetKind::IamUser => &self.users,
            TargetKind::IamRole => &self.roles,
            _ => return target,
        };
        match names.get(&place(&target.account, &target.id)) {
            Some(Some(known)) => known.on(target),
            _ => target,
        }
    }

    /// Whether the session of a role is the only one under its name, and what CloudTrail says of the name.
    pub(super) fn uses(&self, role: &Target, name: &SessionName) -> Option<(bool, String)> {
        let uses = self.uses.get(&(role.account.clone(), role.region.clone(), name.clone()))?;
        Some((uses.are_of(role, name), uses.says()))
    }

    /// Whether nobody but the target has the administrator's policy.
    fn is_only_administrator(&self, target: &Target) -> bool {
        self.only_administrators.get(&target.account).is_some_and(|only| {
            let same = match (&only.id, &target.principal_id) {
                (Some(only), Some(id)) => only == id,
                _ => only.name.as_str().eq_ignore_ascii_case(&target.id),
            };
            only.kind == target.kind && same
        })
    }
}

impl Known {
    /// A target with this name. An id that the finding does not say is IAM's.
    pub(super) fn on(&self, target: Target) -> Target {
        let principal_id = target.principal_id.clone().or_else(|| Some(self.id.clone()));
        Target { id: self.name.to_string(), principal_id, ..target }
    }

    /// The same, whatever id the finding says.
    pub(super) fn instead_of(&self, target: Target) -> Target {
        self.on(Target { principal_id: None, ..target })
    }
}

/// The last administrator of an account is not denied everything at once: a person must say who administers it then.
pub(super) fn spared(decision: Decision, identities: Option<&Identities>) -> Decision {
    let Decision { target, containment, mode, .. } = &decision;
    let at_once = *mode == Mode::Auto && *containment == Some(Containment::QuarantineIam) && target.scope.is_whole();
    let is_last = identities.is_some_and(|known| known.is_only_administrator(target));
    if !(at_once && is_last) {
        return decision;
    }
    let why =
        "nobody else has the policy AdministratorAccess in this account: contain it only when somebody else can administer it";
    let reason = decision_text(&format!("{why}; {}", decision.reason));
    Decision { mode: Mode::Gate, reason, code: ReasonCode::LastAdministrator, ..decision }
}

/// Whether a key's name is CloudTrail's matter. IAM knows lasting keys only.
pub(super) fn is_temporary(key: &AccessKeyId) -> bool {
    key.as_str().starts_with("ASIA")
}

/// IAM keeps names unique in an account without regard to case.
fn place(account: &AccountId, name: &str) -> (AccountId, String) {
    (account.clone(), name.to_ascii_lowercase())
}

fn named(said: &IamName, now: IamName, id: Option<PrincipalId>) -> Person {
    if now.as_str().eq_ignore_ascii_case(said.as_str()) { Person::Same(now, id) } else { Person::Renamed(now) }
}
