//! What Firebreak wrote for one target, and nobody else needs any more.
//!
//! A role can be held by several incidents at once, each for a part of it. What they share goes with the last of them.

use crate::base::BaseState;
use crate::{policies, rows, tags};
use firebreak::fault::Fault;
use firebreak::target::{Scope, TargetKind};
use firebreak_aws::clock;
use firebreak_function::containment::Call;

/// What a release of this target takes away.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The managed policy.
    pub(crate) policy: Option<String>,
    /// The permissions boundary.
    pub(crate) boundary: Option<String>,
    /// Inline policies, by name.
    pub(crate) revocations: Vec<String>,
    /// Tags of this part alone: those that name the session, and the one that opened the role to a policy that is gone then.
    pub(crate) own_tags: Vec<String>,
    /// Labels.
    pub(crate) labels: Vec<String>,
}

impl Written {
    /// What is there now of this target's own. Whether other sessions of a role are denied is in the ledger, which knows of a session
    /// before its tag is written. One that is released at the same time needs nothing any more.
    pub(crate) async fn of(call: &Call, now: &BaseState) -> Result<Self, Fault> {
        let session = call.target.session.as_deref().filter(|_| call.target.scope == Scope::Session);
        let others = match session {
            Some(own) => {
                let role = rows::identified(&call.target, &now.principal_id);
                call.ledger.staying_sessions(&role, clock::now()).await?.iter().any(|name| name != own)
            }
            None => false,
        };
        // Of a role that was created anew, nothing but the session's own tag is this incident's.
        let is_role = call.target.kind == TargetKind::IamRole;
        let is_anew = is_role && call.target.principal_id.as_ref().is_some_and(|id| id.as_str() != now.principal_id);
        let shared = match call.target.scope {
            _ if is_anew => true,
            Scope::Principal => false,
            Scope::Session => others,
            Scope::OlderSessions | Scope::AccessKey => true,
            // No principal has such a part.
            Scope::RemoteAddresses | Scope::Freeze | Scope::Destruction | Scope::Seal | Scope::Objects => true,
        };
        let (deny, boundary) = (policies::deny(&call.target), policies::boundary(&call.target));
        let mut written = Self {
            policy: Some(deny).filter(|arn| !shared && now.has_policy(arn) != Some(false)),
            boundary: Some(boundary).filter(|arn| !shared && now.boundary.as_ref() == Some(arn)),
            ..Self::default()
        };
        if call.target.scope == Scope::OlderSessions && !is_anew {
            // Otherwise the policy would stay, and the release would count as done.
            let unread = || Fault::malformed("the role's inline policies could not be read");
            let inline = now.inline_policies.as_ref().ok_or_else(unread)?.iter();
            written.revocations = inline.filter(|name| name.starts_with(policies::REVOCATION)).cloned().collect();
        }
        let tags = now.tags.iter().flatten();
        let named = tags.clone().filter(|(key, name)| {
            let is_left = session.is_some() && name.as_str() == tags::NOBODY && !is_anew;
            tags::is_session(key) && (Some(name.as_str()) == session || is_left)
        });
        written.own_tags = named.map(|(key, _)| key.clone()).collect();
        let keys = tags.map(|(key, _)| key);
        if is_anew {
            return Ok(written);
        }
        if !written.leaves_something(call, now) {
            written.labels = keys.filter(|key| tags::is_label(key)).cloned().collect();
        } else if call.target.scope == Scope::OlderSessions {
            written.own_tags.extend(keys.filter(|key| *key == tags::REVOKE).cloned());
        }
        Ok(written)
    }

    /// Whether anything of Firebreak stays on the principal.
    fn leaves_something(&self, call: &Call, now: &BaseState) -> bool {
        let ours = policies::all(&call.target);
        let policy = now.attached_policies.iter().flatten().any(|arn| ours.contains(arn) && self.policy.as_ref() != Some(arn));
        let boundary = now.boundary.as_ref().is_some_and(|arn| ours.contains(arn) && self.boundary.as_ref() != Some(arn));
        let mut inline = now.inline_policies.iter().flatten();
        let inline = inline.any(|name| name.starts_with(policies::REVOCATION) && !self.revocations.contains(name));
        policy || boundary || inline
    }
}
