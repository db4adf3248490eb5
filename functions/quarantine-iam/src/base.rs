//! What a principal was before Firebreak touched it.

mod read;

pub(crate) use read::{Unread, attached_policies, read, unlisted_keys};

use firebreak::step::StepKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The recorded state of a user or role. `None` means that it could not be read: no reason to leave a suspect alone, and nothing
/// that a release would touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The immutable id (`AIDA…`, `AROA…`): a re-created principal of the same name is another one.
    pub principal_id: String,
    /// The path, which tells service-linked and reserved roles.
    pub path: String,
    /// The ARN of the permissions boundary, if there is one.
    pub boundary: Option<String>,
    /// ARNs of attached managed policies.
    pub attached_policies: Option<BTreeSet<String>>,
    /// Names of inline policies.
    pub inline_policies: Option<BTreeSet<String>>,
    /// All tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Of a user: everything that signs requests or authenticates, without console password and MFA.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// Of a user: names of its groups.
    #[serde(default)]
    pub groups: Option<BTreeSet<String>>,
    /// Of a user: whether it has a console password.
    #[serde(default)]
    pub console_password: Option<bool>,
    /// Of a user: serial numbers of its MFA devices.
    #[serde(default)]
    pub mfa_devices: Option<BTreeSet<String>>,
    /// Of a role: the trust policy, URL-encoded as IAM gives it. Recorded, never rewritten: IAM replaces a deleted principal in it by
    /// an id that no longer resolves.
    #[serde(default)]
    pub trust_policy: Option<String>,
    /// Ids of credentials that were active and that Firebreak makes inactive. Written before it does.
    pub deactivated: BTreeSet<String>,
    /// Ids of credentials that a finding named, or that appeared after the containment: a release leaves them inactive.
    #[serde(default)]
    pub exposed: BTreeSet<String>,
}

/// A kind of credential that IAM can make inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// An access key.
    AccessKey,
    /// A password or key for one service: `CodeCommit` over HTTPS, Keyspaces, Bedrock.
    ServiceSpecific,
    /// An SSH public key, for `CodeCommit`.
    SshKey,
    /// An X.509 signing certificate.
    Certificate,
}

impl CredentialKind {
    /// The step that makes it inactive.
    pub(crate) fn deactivate(self) -> StepKind {
        match self {
            Self::AccessKey => StepKind::DeactivateKey,
            Self::ServiceSpecific => StepKind::DeactivateServiceCredential,
            Self::SshKey => StepKind::DeactivateSshKey,
            Self::Certificate => StepKind::DeactivateCertificate,
        }
    }

    /// The step that makes it active again.
    pub(crate) fn reactivate(self) -> StepKind {
        match self {
            Self::AccessKey => StepKind::ReactivateKey,
            Self::ServiceSpecific => StepKind::ReactivateServiceCredential,
            Self::SshKey => StepKind::ReactivateSshKey,
            Self::Certificate => StepKind::ReactivateCertificate,
        }
    }

    /// The step that lists all of a user's.
    pub(crate) fn list(self) -> StepKind {
        match self {
            Self::AccessKey => StepKind::ListKeys,
            Self::ServiceSpecific => StepKind::ListServiceCredentials,
            Self::SshKey => StepKind::ListSshKeys,
            Self::Certificate => StepKind::ListCertificates,
        }
    }

    /// As people read it: `key AKIA… was created`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::AccessKey => "key",
            Self::ServiceSpecific => "service-credential",
            Self::SshKey => "ssh-key",
            Self::Certificate => "certificate",
        }
    }
}

/// One credential and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// `AKIA…`, `ACCA…`, `APKA…`, or the certificate's id.
    pub id: String,
    /// True for `Active`.
    pub active: bool,
}

impl BaseState {
    /// A copy that also knows the credentials of `later` which this one does not: a joining incident finds what was made since. They
    /// count as exposed: whoever made them did so while the principal was under suspicion.
    #[must_use]
    pub(crate) fn joined_by(&self, later: &Self) -> Self {
        let known = |c: &&Credential| self.credentials.iter().any(|k| k.id == c.id && k.kind == c.kind);
        let new: Vec<Credential> = later.credentials.iter().filter(|c| !known(c)).cloned().collect();
        let mut joined = self.clone();
        joined.exposed.extend(later.exposed.iter().cloned().chain(new.iter().map(|credential| credential.id.clone())));
        joined.deactivated.extend(later.deactivated.iter().cloned());
        joined.credentials.extend(new);
        joined
    }

    /// Whether a policy is attached, as far as could be read.
    #[must_use]
    pub(crate) fn has_policy(&self, arn: &str) -> Option<bool> {
        self.attached_policies.as_ref().map(|attached| attached.contains(arn))
    }

    /// This state without what is Firebreak's: what the first wave wrote, which the reads beside it may have seen already, and what
    /// another incident wrote about another part of the principal.
    #[must_use]
    pub(crate) fn without(mut self, policies: &[String]) -> Self {
        if let Some(attached) = &mut self.attached_policies {
            attached.retain(|arn| !policies.contains(arn));
        }
        if self.boundary.as_ref().is_some_and(|boundary| policies.contains(boundary)) {
            self.boundary = None;
        }
        if let Some(all) = &mut self.tags {
            all.retain(|key, _| !crate::tags::is_ours(key));
        }
        self
    }
}
