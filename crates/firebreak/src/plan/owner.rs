//! Whose an access key is, where the finding does not say or cannot be believed.

use super::Plan;
use crate::decision::Mode;
use crate::finding::{Credentials, Principal, Source};
use crate::ids::{AccessKeyId, IamName, PrincipalId};
use crate::target::{Target, TargetKind};
use std::collections::BTreeMap;

/// The user behind an access key, as the account itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user's name.
    pub name: IamName,
    /// `AIDA…`, where the answer had it.
    pub principal_id: Option<PrincipalId>,
}

/// What was found out about access keys. A key that is not here was not asked about, or nobody knew it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners(BTreeMap<AccessKeyId, Owner>);

impl Owners {
    /// Remembers an answer.
    pub fn learn(&mut self, key: AccessKeyId, owner: Owner) {
        self.0.insert(key, owner);
    }

    /// True when nothing was found out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, credentials: &Credentials) -> Option<&Owner> {
        self.0.get(credentials.access_key_id.as_ref()?)
    }

    /// The credentials with the user in place of a bare key or of a federated session. A session of `GetFederationToken` has at most
    /// the rights of the user who asked for it, at every request (IAM user guide, "Permissions for `GetFederationToken`").
    pub(super) fn resolve(&self, credentials: &Credentials) -> Option<Credentials> {
        let nameless = matches!(credentials.principal, Principal::KeyOnly | Principal::Federated(_));
        let owner = self.of(credentials).filter(|_| nameless)?;
        Some(Credentials {
            principal: Principal::User(owner.name.clone()),
            principal_id: owner.principal_id.clone(),
            access_key_id: credentials.access_key_id.clone(),
            ..Credentials::clone(credentials)
        })
    }

    /// The user to whom the key belongs, when the finding says it is another one's.
    pub(super) fn contradicts(&self, credentials: &Credentials) -> Option<&Owner> {
        let Principal::User(named) = &credentials.principal else { return None };
        self.of(credentials).filter(|owner| !owner.name.as_str().eq_ignore_ascii_case(named.as_str()))
    }
}

impl Plan {
    /// Targets whose access key somebody should be asked about before this plan is carried out: bare keys, federated sessions, and
    /// users whose key another service than GuardDuty named. GuardDuty reads key and user from one CloudTrail record.
    #[must_use]
    pub fn unowned(&self) -> Vec<&Target> {
        let unowned = |target: &&Target| match target.kind {
            TargetKind::AccessKey | TargetKind::FederatedUser => true,
            TargetKind::IamUser => self.finding.source != Source::GuardDuty,
            _ => false,
        };
        // No role is assumed where nothing would be done, nor in an account that only the finding's text names.
        let acted_on = self.decisions.iter().filter(|decision| !decision.suppressed && decision.mode != Mode::Notify);
        let asked = acted_on.map(|decision| &decision.target).filter(|t| self.finding.account.as_ref() == Some(&t.account));
        asked.filter(unowned).filter(|target| target.access_key_id.is_some()).collect()
    }
}
