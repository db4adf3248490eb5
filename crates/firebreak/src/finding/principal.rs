//! Whose credentials a finding is about, from typed fields, never from splitting an ARN.

use crate::ids::{AccessKeyId, AccountId, Arn, IamName, PrincipalId};
use crate::text::{inert, letters};

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
    /// The root user of an account: of the finding's own, or of the one whose id stands for the principal.
    Root(Option<AccountId>),
    /// A session of `GetFederationToken`; the name is the session's. Its creator, a user, is not in the finding.
    Federated(String),
    /// Only an access key is known, not whose it is.
    KeyOnly,
    /// Known, and nothing that IAM could contain in this account; the text says what.
    Other(&'static str),
    /// Somebody who came in from outside (SAML, OIDC, a directory): the name is the sender's.
    Outside(String),
    /// Nobody knows what it is, or it has no usable name; the text says which.
    Unknown(&'static str),
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
    /// The account that the principal's own ARN states, where the finding gives the ARN as the name.
    pub account: Option<AccountId>,
    /// What the finding calls the principal, for people: untrusted text, made inert.
    pub called: Option<String>,
    /// Of a principal of another account: what `aws:userid` says of it, else what the finding calls it. Untrusted text, made inert.
    /// Nothing for a caller without credentials.
    pub outsider: Option<String>,
}

/// How GuardDuty calls a caller without credentials.
const ANONYMOUS: &str = "ANONYMOUS_PRINCIPAL";
/// Characters of an outsider: an id of 21, a colon, and the name of a session.
const OUTSIDER: usize = 96;

impl Credentials {
    /// Of a principal of which nothing else is known.
    pub(super) fn of(principal: Principal) -> Self {
        Self { principal, principal_id: None, access_key_id: None, account: None, called: None, outsider: None }
    }

    /// Resolves the vocabulary that GuardDuty, ASFF and OCSF share: `userType`, `userName` and `principalId`.
    ///
    /// For a role `userName` is the role's name, or `role:session` in some events, and `principalId` is `AROA…:session` (seen in
    /// real events). A session that is named like a user is never that user.
    pub(super) fn resolve(user_type: &str, user_name: Option<&str>, principal_id: Option<&str>, key: Option<&str>) -> Self {
        // An ARN in place of the id is a name.
        let of_id = principal_id.filter(|id| id.starts_with("arn:"));
        let user_name = user_name.or(of_id);
        let principal_id = principal_id.filter(|_| of_id.is_none());
        let (id, session) = match principal_id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
            Some((id, session)) => (Some(id), Some(session).filter(|s| !s.is_empty())),
            None => (None, None),
        };
        let key_id = key.and_then(|key| AccessKeyId::parse(key).ok());
        let name = user_name.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("null"));
        let session = session.or_else(|| session_of(name?));
        let principal_id_text = principal_id.filter(|id| !id.is_empty());
        let kind = Kind::of(user_type, (id, session), key_id.as_ref(), name.is_some());
        let name = if kind == Some(Kind::Federated) { name.or(session) } else { name };
        // A name is missing or has no form: a key still tells, once somebody asks whose it is.
        let nameless = |why| if key_id.is_some() { Principal::KeyOnly } else { Principal::Unknown(why) };
        let mut account = None;
        let principal = match kind {
            Some(Kind::User) => match name_of(name, "user/") {
                Some((name, its)) => {
                    account = its;
                    Principal::User(name)
                }
                None => nameless("a user without a valid name"),
            },
            Some(Kind::Role) => match name_of(name.map(without_session), "role/") {
                Some((name, its)) => {
                    account = its;
                    Principal::Role { name, session: session.map(|s| inert(s, 64)) }
                }
                None => nameless("a role without a valid name"),
            },
            Some(Kind::Root) => Principal::Root(id.and_then(|id| AccountId::parse(id).ok())),
            Some(Kind::Federated) => Principal::Federated(inert(name.unwrap_or("unnamed"), 64)),
            Some(Kind::Outside) => Principal::Outside(inert(name.or(principal_id).unwrap_or("unnamed"), 64)),
            Some(Kind::OtherAccount) => Principal::Other("a principal of another AWS account, or anonymous"),
            Some(Kind::Service) => Principal::Other("an AWS service"),
            None => nameless("a principal Firebreak does not know"),
        };
        let outsider = (kind == Some(Kind::OtherAccount)).then(|| principal_id_text.or(name).unwrap_or("unnamed"));
        let principal_id = id.and_then(|id| PrincipalId::parse(id).ok());
        Self {
            principal,
            principal_id,
            access_key_id: key_id,
            account,
            called: name.or(principal_id_text).map(|name| inert(name, 64)),
            outsider: outsider.filter(|called| *called != ANONYMOUS).map(|called| inert(called, OUTSIDER)),
        }
    }
}

/// What kind of principal a finding speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Role,
    Root,
    Federated,
    Outside,
    OtherAccount,
    Service,
}

impl Kind {
    /// The sender's word, by letters: `IAMUser`, `IAM_USER`.
    fn of_word(word: &str) -> Option<Self> {
        Some(match letters(word)?.as_str() {
            "iamuser" | "user" => Self::User,
            "assumedrole" | "role" | "iamrole" => Self::Role,
            "root" => Self::Root,
            "federateduser" => Self::Federated,
            "samluser" | "webidentityuser" | "identitycenteruser" | "directory" => Self::Outside,
            "awsaccount" => Self::OtherAccount,
            "awsservice" => Self::Service,
            _ => return None,
        })
    }

    /// What the word says. An id that says otherwise is the better evidence: a user and a role can share a name.
    fn of(word: &str, id: (Option<&str>, Option<&str>), key: Option<&AccessKeyId>, named: bool) -> Option<Self> {
        let (said, told) = (Self::of_word(word), Self::of_evidence(id, None, false));
        match (said, told) {
            (Some(Self::User), Some(Self::Role | Self::Root)) | (Some(Self::Role), Some(Self::User)) => told,
            (Some(_), _) => said,
            (None, _) => Self::of_evidence(id, key, named),
        }
    }

    /// What ids say: `AIDA…` is a user, `AROA…` a role, an account's id root. A long-term key is a user's, or root's.
    fn of_evidence((id, session): (Option<&str>, Option<&str>), key: Option<&AccessKeyId>, named: bool) -> Option<Self> {
        let is_id = |id: &str, front: &str| id.starts_with(front) && PrincipalId::parse(id).is_ok();
        match id.filter(|id| !id.is_empty()) {
            // A session of `GetFederationToken` is `account:name`.
            Some(id) if AccountId::parse(id).is_ok() && session.is_some() => Some(Self::Federated),
            Some(id) if AccountId::parse(id).is_ok() => Some(Self::Root),
            Some(id) if is_id(id, "AIDA") => Some(Self::User),
            Some(id) if is_id(id, "AROA") => Some(Self::Role),
            Some(_) => None,
            None => (named && key.is_some_and(|key| key.as_str().starts_with("AKIA"))).then_some(Self::User),
        }
    }
}

/// `role` of `role:session`; an ARN as it is.
fn without_session(name: &str) -> &str {
    if name.starts_with("arn:") { name } else { name.split_once(':').map_or(name, |(role, _)| role) }
}

/// The session in `role:session`, or in a session's own ARN.
fn session_of(name: &str) -> Option<&str> {
    let session = match Arn::parse(name) {
        Some(arn) if arn.service == "sts" => arn.resource.strip_prefix("assumed-role/")?.split_once('/')?.1,
        Some(_) => return None,
        None => name.split_once(':')?.1,
    };
    Some(session).filter(|session| !session.is_empty())
}

/// A friendly name, or the one in a principal's own ARN with the account that the ARN states.
fn name_of(text: Option<&str>, marker: &str) -> Option<(IamName, Option<AccountId>)> {
    let text = text?;
    let of_arn = || {
        let arn = Arn::parse(text)?;
        // A session's own ARN names its role: `assumed-role/role/session`.
        let session = || arn.resource.strip_prefix("assumed-role/").filter(|_| arn.service == "sts" && marker == "role/");
        let name = arn.iam_name(marker).or_else(|| IamName::parse(session()?.split('/').next()?).ok())?;
        Some((name, arn.account))
    };
    IamName::parse(text).ok().map(|name| (name, None)).or_else(of_arn)
}

/// Of several fields for one name: the first that can be read, else the first that is there.
pub(super) fn name_among<'a>(fields: &[Option<&'a str>]) -> Option<&'a str> {
    let is_read = |name: &&str| name_of(Some(name), "user/").is_some() || name_of(Some(without_session(name)), "role/").is_some();
    let fields = || fields.iter().copied().flatten();
    fields().find(is_read).or_else(|| fields().next())
}
