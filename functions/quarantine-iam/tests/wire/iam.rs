//! IAM, as far as the quarantine talks to it: one principal, maybe others, and the quarantine policies as they were shipped.

use crate::principal::{POLICIES_AT_MOST, Principal, TAGS_AT_MOST, arn};
use firebreak::target::TargetKind;
use firebreak_testkit::room::ACCOUNT;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use quarantine_iam::{CredentialKind, DENY_ALL, DENY_TAGGED_SESSION, DENY_TAGGED_SESSION_BOUNDARY};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHIPPED: [(&str, &str); 3] = [
    (DENY_ALL, include_str!("../../../../policies/quarantine-deny-all.json")),
    (DENY_TAGGED_SESSION, include_str!("../../../../policies/quarantine-deny-tagged-session.json")),
    (DENY_TAGGED_SESSION_BOUNDARY, include_str!("../../../../policies/quarantine-deny-tagged-session-boundary.json")),
];

/// IAM gives as few as it likes.
const USERS_ON_A_PAGE: usize = 1;

const CREATED: &str = "2024-05-06T07:08:09Z";

/// What a test plays and looks into.
#[derive(Clone)]
pub(crate) struct Iam(Arc<Mutex<Kept>>);

struct Kept {
    principal: Principal,
    others: Vec<Principal>,
    /// Documents of managed policies by ARN.
    documents: BTreeMap<String, String>,
    /// So many entries of a list are on one page.
    page: usize,
}

impl Iam {
    /// Answers IAM's calls about `principal`.
    pub(crate) fn with(aws: &ScriptedAws, principal: Principal) -> Self {
        let documents = SHIPPED.map(|(name, document)| (arn(name), document.to_owned())).into();
        let iam = Self(Arc::new(Mutex::new(Kept { principal, others: vec![], documents, page: usize::MAX })));
        let served = iam.clone();
        aws.on("iam:*", move |call| served.kept().serve(call));
        iam
    }

    /// The principal as it is.
    pub(crate) fn now(&self) -> Principal {
        self.kept().principal.clone()
    }

    /// Somebody else in the account.
    pub(crate) fn add(&self, principal: Principal) {
        self.kept().others.push(principal);
    }

    /// Those others as they are.
    pub(crate) fn others(&self) -> Vec<Principal> {
        self.kept().others.clone()
    }

    /// Somebody changes the others.
    pub(crate) fn change_others(&self, change: impl FnOnce(&mut Vec<Principal>)) {
        change(&mut self.kept().others);
    }

    /// Somebody changes the principal.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Principal)) {
        change(&mut self.kept().principal);
    }

    /// Gives lists in pages of so many entries.
    pub(crate) fn page(&self, entries: usize) {
        self.kept().page = entries;
    }

    /// Somebody writes another version of a managed policy.
    pub(crate) fn rewrite(&self, policy: &str, document: &str) {
        self.kept().documents.insert(arn(policy), document.to_owned());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn serve(&mut self, call: &Call) -> Option<Answer> {
        if matches!(call.operation.as_str(), "GetPolicy" | "GetPolicyVersion") {
            return Some(self.document(call));
        }
        match call.operation.as_str() {
            "GetAccessKeyLastUsed" => return Some(self.owner(call.param("AccessKeyId"))),
            "ListUsers" => return Some(self.users(call.param("Marker"))),
            _ => {}
        }
        let page = self.page;
        let meant = |principal: &&mut Principal| match principal.kind {
            TargetKind::IamRole => call.param("RoleName") == principal.name,
            _ => call.param("UserName") == principal.name,
        };
        match std::iter::once(&mut self.principal).chain(&mut self.others).find(meant) {
            Some(principal) => read(principal, call, page).or_else(|| refusal(principal)).or_else(|| write(principal, call)),
            None => Some(error(404, "NoSuchEntity")),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Principal> {
        std::iter::once(&self.principal).chain(&self.others)
    }

    fn owner(&self, key: &str) -> Answer {
        let has = |user: &&Principal| user.credentials.iter().any(|c| c.kind == CredentialKind::AccessKey && c.id == key);
        let never = "<AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>";
        self.all()
            .find(has)
            .map_or_else(|| error(404, "NoSuchEntity"), |user| ok(format!("<UserName>{}</UserName>{never}", user.name)))
    }

    fn users(&self, marker: &str) -> Answer {
        let from = marker.parse().unwrap_or(0);
        let all: Vec<&Principal> = self.all().filter(|one| one.kind == TargetKind::IamUser).collect();
        let page = all.iter().skip(from).take(USERS_ON_A_PAGE).map(|user| format!("<member>{}</member>", about(user)));
        let (page, next) = (page.collect::<String>(), from + USERS_ON_A_PAGE);
        let is_truncated = next < all.len();
        let marker = if is_truncated { format!("<Marker>{next}</Marker>") } else { String::new() };
        ok(format!("<Users>{page}</Users><IsTruncated>{is_truncated}</IsTruncated>{marker}"))
    }

    fn document(&self, call: &Call) -> Answer {
        let policy = call.param("PolicyArn");
        match (call.operation.as_str(), self.documents.get(policy)) {
            (_, None) => error(404, "NoSuchEntity"),
            ("GetPolicy", Some(_)) => ok(format!("<Policy><Arn>{policy}</Arn><DefaultVersionId>v1</DefaultVersionId></Policy>")),
            (_, Some(document)) => ok(format!(
                "<PolicyVersion><Document>{}</Document><VersionId>{}</VersionId></PolicyVersion>",
                encoded(document),
                call.param("VersionId")
            )),
        }
    }
}

fn read(principal: &Principal, call: &Call, page: usize) -> Option<Answer> {
    let list = |name: &str, members: &mut dyn Iterator<Item = String>| list(name, members, call.param("Marker"), page);
    let name = &principal.name;
    let credentials = |kind: CredentialKind, name: &str, id: &str| {
        let of_kind = principal.credentials.iter().filter(|credential| credential.kind == kind);
        let status = |active| if active { "Active" } else { "Inactive" };
        list(name, &mut of_kind.map(|known| format!("<{id}>{}</{id}><Status>{}</Status>", known.id, status(known.active))))
    };
    Some(ok(match call.operation.as_str() {
        "GetUser" => format!("<User>{}</User>", about(principal)),
        "GetRole" => role(principal),
        "ListAttachedUserPolicies" | "ListAttachedRolePolicies" => {
            list("AttachedPolicies", &mut principal.attached.iter().map(|arn| format!("<PolicyArn>{arn}</PolicyArn>")))
        }
        "ListUserPolicies" | "ListRolePolicies" => list("PolicyNames", &mut principal.inline.keys().cloned()),
        "ListUserTags" | "ListRoleTags" => {
            list("Tags", &mut principal.tags.iter().map(|(key, value)| format!("<Key>{key}</Key><Value>{value}</Value>")))
        }
        "ListGroupsForUser" => list("Groups", &mut principal.groups.iter().map(|name| format!("<GroupName>{name}</GroupName>"))),
        "ListMFADevices" => {
            list("MFADevices", &mut principal.mfa_devices.iter().map(|serial| format!("<SerialNumber>{serial}</SerialNumber>")))
        }
        "GetLoginProfile" if principal.console_password => {
            format!("<LoginProfile><UserName>{name}</UserName><CreateDate>{CREATED}</CreateDate></LoginProfile>")
        }
        "GetLoginProfile" => return Some(error(404, "NoSuchEntity")),
        "GetRolePolicy" => match principal.inline.get(call.param("PolicyName")) {
            Some(document) => format!(
                "<RoleName>{name}</RoleName><PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
                call.param("PolicyName"),
                encoded(document)
            ),
            None => return Some(error(404, "NoSuchEntity")),
        },
        "ListAccessKeys" => credentials(CredentialKind::AccessKey, "AccessKeyMetadata", "AccessKeyId"),
        "ListServiceSpecificCredentials" => {
            credentials(CredentialKind::ServiceSpecific, "ServiceSpecificCredentials", "ServiceSpecificCredentialId")
        }
        "ListSSHPublicKeys" => credentials(CredentialKind::SshKey, "SSHPublicKeys", "SSHPublicKeyId"),
        "ListSigningCertificates" => credentials(CredentialKind::Certificate, "Certificates", "CertificateId"),
        _ => return None,
    }))
}

/// IAM lets nobody change AWS's own roles, and the member role may not change Firebreak's.
fn refusal(principal: &Principal) -> Option<Answer> {
    if principal.path.starts_with("/aws-") {
        return Some(error(400, "UnmodifiableEntity"));
    }
    principal.path.starts_with("/firebreak/").then(|| error(403, "AccessDenied"))
}

fn write(principal: &mut Principal, call: &Call) -> Option<Answer> {
    let policy = call.param("PolicyArn");
    let name = call.param("PolicyName");
    Some(match call.operation.as_str() {
        "AttachUserPolicy" | "AttachRolePolicy" => attach(principal, policy),
        "DetachUserPolicy" | "DetachRolePolicy" => found(principal.attached.remove(policy)),
        "PutUserPermissionsBoundary" | "PutRolePermissionsBoundary" => {
            principal.boundary = Some(call.param("PermissionsBoundary").to_owned());
            ok("")
        }
        "DeleteUserPermissionsBoundary" | "DeleteRolePermissionsBoundary" => found(principal.boundary.take().is_some()),
        "TagUser" | "TagRole" => tag(principal, call),
        "UntagUser" | "UntagRole" => {
            members(call, "TagKeys", "").for_each(|key| {
                principal.tags.remove(key);
            });
            ok("")
        }
        "PutRolePolicy" => {
            principal.inline.insert(name.to_owned(), call.param("PolicyDocument").to_owned());
            ok("")
        }
        "DeleteRolePolicy" => found(principal.inline.remove(name).is_some()),
        "UpdateAccessKey" => set(principal, call, CredentialKind::AccessKey, "AccessKeyId"),
        "UpdateServiceSpecificCredential" => set(principal, call, CredentialKind::ServiceSpecific, "ServiceSpecificCredentialId"),
        "UpdateSSHPublicKey" => set(principal, call, CredentialKind::SshKey, "SSHPublicKeyId"),
        "UpdateSigningCertificate" => set(principal, call, CredentialKind::Certificate, "CertificateId"),
        _ => return None,
    })
}

fn attach(principal: &mut Principal, policy: &str) -> Answer {
    if principal.attached.len() >= POLICIES_AT_MOST && !principal.attached.contains(policy) {
        return error(409, "LimitExceeded");
    }
    principal.attached.insert(policy.to_owned());
    ok("")
}

fn tag(principal: &mut Principal, call: &Call) -> Answer {
    let written = members(call, "Tags", ".Key").zip(members(call, "Tags", ".Value"));
    let mut tags = principal.tags.clone();
    tags.extend(written.map(|(key, value)| (key.to_owned(), value.to_owned())));
    if tags.len() > TAGS_AT_MOST {
        return error(409, "LimitExceeded");
    }
    principal.tags = tags;
    ok("")
}

fn set(principal: &mut Principal, call: &Call, kind: CredentialKind, id: &str) -> Answer {
    let meant = principal.credentials.iter_mut().find(|known| known.kind == kind && known.id == call.param(id));
    match meant {
        Some(credential) => {
            credential.active = call.param("Status") == "Active";
            ok("")
        }
        None => error(404, "NoSuchEntity"),
    }
}

fn found(is_there: bool) -> Answer {
    if is_there { ok("") } else { error(404, "NoSuchEntity") }
}

/// The members of a list in a request, or one part of each.
fn members<'a>(call: &'a Call, list: &'a str, part: &'a str) -> impl Iterator<Item = &'a str> {
    let member = move |at: usize| call.param(&format!("{list}.member.{at}{part}"));
    (1..).map(member).take_while(|value| !value.is_empty())
}

/// One page of a list. A marker is the number of entries before it.
fn list(name: &str, members: &mut dyn Iterator<Item = String>, marker: &str, page: usize) -> String {
    let before: usize = marker.parse().unwrap_or(0);
    let mut rest = members.skip(before).map(|member| format!("<member>{member}</member>")).peekable();
    let given: String = rest.by_ref().take(page).collect();
    let next = rest.peek().map(|_| format!("<Marker>{}</Marker>", before.saturating_add(page)));
    format!("<{name}>{given}</{name}><IsTruncated>{}</IsTruncated>{}", next.is_some(), next.unwrap_or_default())
}

fn about(user: &Principal) -> String {
    let Principal { name, id, path, .. } = user;
    let named = format!("<Path>{path}</Path><UserName>{name}</UserName><UserId>{id}</UserId>");
    let arn = format!("<Arn>arn:aws:iam::{ACCOUNT}:user{path}{name}</Arn><CreateDate>{CREATED}</CreateDate>");
    format!("{named}{arn}{}", boundary(user))
}

fn role(principal: &Principal) -> String {
    let Principal { name, id, path, .. } = principal;
    let named = format!("<Path>{path}</Path><RoleName>{name}</RoleName><RoleId>{id}</RoleId>");
    let arn = format!("<Arn>arn:aws:iam::{ACCOUNT}:role{path}{name}</Arn><CreateDate>{CREATED}</CreateDate>");
    let trust = format!("<AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>", encoded(&principal.trust_policy));
    format!("<Role>{named}{arn}{trust}{}</Role>", boundary(principal))
}

fn boundary(principal: &Principal) -> String {
    let arn = principal.boundary.as_ref().map(|arn| format!("<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn>"));
    arn.map(|arn| format!("<PermissionsBoundary>{arn}</PermissionsBoundary>")).unwrap_or_default()
}

/// Documents are URL-encoded (RFC 3986) in IAM's answers.
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, NON_ALPHANUMERIC).to_string()
}
