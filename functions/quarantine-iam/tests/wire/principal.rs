//! A user or a role as IAM keeps it.

use firebreak::target::TargetKind;
use firebreak_testkit::room;
use quarantine_iam::{Credential, CredentialKind};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const USER: &str = "alice";
pub(crate) const USER_ID: &str = "AIDAEXAMPLEEXAMPLE01";
pub(crate) const ROLE: &str = "deployer";
pub(crate) const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE01";
/// Whoever has the name after the first owner was deleted.
pub(crate) const NAMESAKE_ID: &str = "AIDAEXAMPLEEXAMPLE99";
/// An access key that works.
pub(crate) const KEY: &str = "AKIAEXAMPLEEXAMPLE01";
/// An access key that was inactive before anything happened.
pub(crate) const OLD_KEY: &str = "AKIAEXAMPLEEXAMPLE02";

/// IAM attaches no more managed policies to one principal.
pub(crate) const POLICIES_AT_MOST: usize = 10;
/// A principal takes no more tags.
pub(crate) const TAGS_AT_MOST: usize = 50;

/// All that the quarantine can read or change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) kind: TargetKind,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) boundary: Option<String>,
    /// ARNs.
    pub(crate) attached: BTreeSet<String>,
    /// Documents by name.
    pub(crate) inline: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) groups: BTreeSet<String>,
    pub(crate) mfa_devices: BTreeSet<String>,
    pub(crate) console_password: bool,
    /// Of a role.
    pub(crate) trust_policy: String,
}

impl Principal {
    /// A user with a credential of every kind, and an access key that is inactive already.
    pub(crate) fn user() -> Self {
        let credential = |kind, id: &str, active| Credential { kind, id: id.to_owned(), active };
        Self {
            kind: TargetKind::IamUser,
            name: USER.to_owned(),
            id: USER_ID.to_owned(),
            credentials: vec![
                credential(CredentialKind::AccessKey, KEY, true),
                credential(CredentialKind::AccessKey, OLD_KEY, false),
                credential(CredentialKind::ServiceSpecific, "ACCAEXAMPLEEXAMPLE01", true),
                credential(CredentialKind::SshKey, "APKAEXAMPLEEXAMPLE01", true),
                credential(CredentialKind::Certificate, "CERTIFICATEEXAMPLEEXAMPLE01", true),
            ],
            groups: ["developers".to_owned()].into(),
            mfa_devices: [format!("arn:aws:iam::{}:mfa/{USER}", room::ACCOUNT)].into(),
            console_password: true,
            trust_policy: String::new(),
            ..Self::role()
        }
    }

    /// A role that a service assumes.
    pub(crate) fn role() -> Self {
        Self {
            kind: TargetKind::IamRole,
            name: ROLE.to_owned(),
            id: ROLE_ID.to_owned(),
            path: "/".to_owned(),
            boundary: None,
            attached: ["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()].into(),
            inline: [("own".to_owned(), "{}".to_owned())].into(),
            tags: [("team".to_owned(), "payments".to_owned())].into(),
            credentials: vec![],
            groups: BTreeSet::new(),
            mfa_devices: BTreeSet::new(),
            console_password: false,
            trust_policy: r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#.to_owned(),
        }
    }

    /// With as many managed policies as IAM attaches.
    pub(crate) fn full(mut self) -> Self {
        let more = self.attached.len()..POLICIES_AT_MOST;
        self.attached.extend(more.map(|n| arn(&format!("more-{n}"))));
        self
    }

    /// With a permissions boundary of its owner's.
    pub(crate) fn bounded(self) -> Self {
        Self { boundary: Some(arn("of-the-owner")), ..self }
    }

    /// With something else about it.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// As a containment of `incident` by `policy` leaves it: attached, no credential works, labelled. Without the time.
    pub(crate) fn denied_by(self, policy: &str, incident: &str) -> Self {
        let incident = room::incident(incident).to_string();
        self.but(|denied| {
            denied.attached.insert(arn(policy));
            denied.credentials.iter_mut().for_each(|credential| credential.active = false);
            denied.tags.insert("firebreak-state".to_owned(), "quarantined".to_owned());
            denied.tags.insert("firebreak-incident".to_owned(), incident);
        })
    }

    /// Without the label that says when.
    pub(crate) fn untimed(self) -> Self {
        self.but(|principal| {
            principal.tags.remove("firebreak-at");
        })
    }

    /// The ids of the credentials that work.
    pub(crate) fn active(&self) -> BTreeSet<String> {
        self.credentials.iter().filter(|credential| credential.active).map(|credential| credential.id.clone()).collect()
    }

    /// Makes a credential active or inactive.
    pub(crate) fn set_active(&mut self, id: &str, active: bool) {
        self.credentials.iter_mut().filter(|known| known.id == id).for_each(|known| known.active = active);
    }
}

/// The ARN of a managed policy of the account.
pub(crate) fn arn(policy: &str) -> String {
    format!("arn:aws:iam::{}:policy/{policy}", room::ACCOUNT)
}
