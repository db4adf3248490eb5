//! What the account of a finding says about its principals: who has a name now, whose a key is, who else uses a session's name, and
//! whether somebody else administers the account.

mod uses;

pub use uses::Uses;

use super::decision_text;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::finding::{Credentials, Principal};
use crate::ids::{AccessKeyId, AccountId, IamName, InstanceProfileName, PrincipalId, Region, SessionName};
use crate::target::{Target, TargetKind};
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

/// What was found out. What is not here was not asked, or nobody answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    owners: BTreeMap<AccessKeyId, Owner>,
    users: BTreeMap<(AccountId, String), Option<Known>>,
    roles: BTreeMap<(AccountId, String), Option<Known>>,
    profiles: BTreeMap<(AccountId, String), Option<Known>>,
    ids: BTreeMap<(AccountId, PrincipalId), Option<IamName>>,
    uses: BTreeMap<(AccountId, SessionName), BTreeMap<Region, Uses>>,
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
    /// Another user has the name. No user of the account is the one of the finding.
    Replaced(Known),
    /// Another user has the name. Where the user of the finding is was not found out.
    Unfound,
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

    /// Remembers the role of an instance profile; none when the profile has none, or there is no such profile.
    pub fn learn_profile(&mut self, account: &AccountId, name: &InstanceProfileName, role: Option<Known>) {
        self.profiles.insert(place(account, name.as_str()), role);
    }

    /// Remembers the name that the user with an id has now; none when no user of the account has the id.
    pub fn learn_id(&mut self, account: &AccountId, id: PrincipalId, name: Option<IamName>) {
        self.ids.insert((account.clone(), id), name);
    }

    /// Remembers which calls CloudTrail has under a session's name in one Region.
    pub fn learn_uses(&mut self, account: &AccountId, region: &Region, name: SessionName, uses: Uses) {
        self.uses.entry((account.clone(), name)).or_default().insert(region.clone(), uses);
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
        let Some((key, owner)) = key.and_then(|key| Some((key, self.owner(account, key)?))) else {
            // Who has the name now need not be who had this key: of a lasting one, IAM could have said so.
            let unheard = key.is_some_and(|key| !is_temporary(key));
            return (if unheard { person().by_name() } else { person() }, None);
        };
        match self.is_same(account, name, id, &owner) {
            None => return (person(), None),
            Some(false) => return (person(), Some(owner)),
            Some(true) => {}
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
            Some(Some(known)) if listed.is_some() => Person::Replaced(known.clone()),
            Some(Some(_)) => Person::Unfound,
        }
    }

    /// Whether the owner of the key is the user of the finding. None: the answers do not tell.
    fn is_same(&self, account: &AccountId, name: &IamName, id: Option<&PrincipalId>, owner: &Owner) -> Option<bool> {
        let same_name = owner.name.as_str().eq_ignore_ascii_case(name.as_str());
        match (id, &owner.principal_id) {
            (None, _) => Some(same_name),
            (Some(id), Some(of_owner)) => Some(id == of_owner),
            (Some(_), None) if same_name => Some(true),
            // The name is not the user's any more, and the key's owner has another one: that is a rename. The containment compares
            // the id with IAM's before anything is written. Who has the name is not known: a rename would look like a contradiction.
            (Some(id), None) => {
                let holder = self.users.get(&place(account, name.as_str()))?;
                Some(holder.as_ref().is_none_or(|known| known.id != *id))
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

    /// The role whose credentials an instance has.
    pub(super) fn role_of_host(&self, instance: &Target) -> RoleIs<'_> {
        let profile = instance.profile.as_ref().and_then(|name| self.profiles.get(&place(&instance.account, name.as_str())));
        match profile {
            None => RoleIs::Unknown,
            Some(None) => RoleIs::Gone,
            Some(Some(known)) => RoleIs::Same(known),
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

    /// Whether the session of a role is the only one under its name in all of these Regions, and what CloudTrail says of the name.
    /// None: no Region answered.
    pub(super) fn uses(&self, role: &Target, name: &SessionName, regions: &BTreeSet<Region>) -> Option<(bool, String)> {
        let known = self.uses.get(&(role.account.clone(), name.clone()))?;
        let (heard, unheard): (Vec<_>, Vec<_>) = regions.iter().partition(|region| known.contains_key(*region));
        let of_all = heard.iter().filter_map(|region| known.get(*region)).cloned().reduce(Uses::and)?;
        Some((unheard.is_empty() && of_all.are_of(role, name), of_all.says(&heard, &unheard)))
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

impl Person {
    /// The same, without the id of who has the name.
    fn by_name(self) -> Self {
        match self {
            Self::Same(name, _) => Self::Same(name, None),
            other => other,
        }
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
