//! What a bucket was before Firebreak touched it.
//!
//! Policy and ACL are recorded at every level: they are what a public access block silences, and the analyst must see them. The levels that
//! change more record more, also what they leave alone.

mod read;
mod settings;

pub(crate) use read::{Seen, public_access_block, read, see};

use crate::accused::Accused;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The recorded state of a bucket. `None` means the configuration did not exist, unless [`unknown`](Self::unknown) names the part.
///
/// What an earlier version wrote is read, and must come out of serde as it went in: a base is extended on the condition that its text is
/// still the known one. So a field that this version added is left out while it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The bucket's own public access block.
    pub public_access_block: Option<PublicAccessBlock>,
    /// The bucket policy, as the text S3 gave, before any level of the lockdown.
    pub policy: Option<String>,
    /// The ACL's grants.
    pub acl: Vec<Grant>,
    /// What could not be read, one line each, for people. No reason to leave a bucket alone.
    pub unread: Vec<String>,
    /// Object ownership: `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<String>,
    /// The canonical user id of the bucket's owner, as the ACL says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// Whether S3 keeps what is overwritten and deleted.
    #[serde(default, skip_serializing_if = "Versioning::is_never")]
    pub versioning: Versioning,
    /// Deleting a version needs a second factor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa_delete: bool,
    /// Rules by which S3 itself deletes and moves objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Rules>,
    /// Rules by which S3 copies objects to other buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<Rules>,
    /// How S3 encrypts what comes without a wish, and which keys it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// SHA-256, in hexadecimal, of who is told of events. Nothing: nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<String>,
    /// Where access logs go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// Whether Object Lock is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<bool>,
    /// The bucket's tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What could not be read: its field says nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<Part>,
    /// What the level changes. Recorded before the change.
    #[serde(default, skip_serializing_if = "Planned::is_nothing")]
    pub planned: Planned,
}

impl BaseState {
    /// A copy that also knows what `later` found and this one does not. An incident that joins sees a bucket which is contained already, so
    /// what this one knows stays; but it can plan more, and read what could not be read at first. Of rules for which the row of the ledger has
    /// no room none is planned.
    #[must_use]
    pub(crate) fn joined(&self, later: &Self) -> Self {
        let mut all = Self { planned: self.planned.and(&later.planned), ..self.clone() };
        (all.lifecycle, all.planned.lifecycle) = settings::grown(
            (self.lifecycle.as_ref(), &self.planned.lifecycle),
            (later.lifecycle.as_ref(), &later.planned.lifecycle),
        );
        (all.replication, all.planned.replication) = settings::grown(
            (self.replication.as_ref(), &self.planned.replication),
            (later.replication.as_ref(), &later.planned.replication),
        );
        for part in self.unknown.difference(&later.unknown) {
            all.take(*part, later);
            all.unknown.remove(part);
        }
        all
    }

    /// Takes one part over: nothing was changed of what could not be read.
    fn take(&mut self, part: Part, other: &Self) {
        let other = other.clone();
        match part {
            Part::PublicAccessBlock => self.public_access_block = other.public_access_block,
            Part::Policy => self.policy = other.policy,
            Part::Acl => (self.acl, self.owner_id) = (other.acl, other.owner_id),
            Part::Ownership => self.ownership = other.ownership,
            Part::Versioning => (self.versioning, self.mfa_delete) = (other.versioning, other.mfa_delete),
            Part::Lifecycle => self.lifecycle = other.lifecycle,
            Part::Replication => self.replication = other.replication,
            Part::Encryption => self.encryption = other.encryption,
            Part::Notification => self.notification = other.notification,
            Part::Logging => self.logging = other.logging,
            Part::ObjectLock => self.object_lock = other.object_lock,
            Part::Tags => self.tags = other.tags,
        }
    }
}

/// A part of a bucket's configuration that is read by a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The four switches.
    PublicAccessBlock,
    /// The bucket policy.
    Policy,
    /// The ACL, and the owner's canonical user id.
    Acl,
    /// Object ownership.
    Ownership,
    /// Versioning, and whether deleting needs a second factor.
    Versioning,
    /// Lifecycle rules.
    Lifecycle,
    /// Replication rules.
    Replication,
    /// Default encryption and blocked encryption types.
    Encryption,
    /// Event notifications.
    Notification,
    /// Access logs.
    Logging,
    /// Object Lock.
    ObjectLock,
    /// Tags.
    Tags,
}

/// The four switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Existing public ACLs have no effect.
    pub ignore_public_acls: bool,
    /// New public policies are refused.
    pub block_public_policy: bool,
    /// A public policy lets only the account and AWS services in.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// Everything blocked.
    pub const ALL: Self =
        Self { block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true };
}

/// One grant of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// A canonical user id or a group's URI.
    pub grantee: String,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// Versioning of a bucket. Once it was on, a bucket can never be without it again (Amazon S3 user guide, "Using versioning in S3 buckets").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Versioning {
    /// It was never on.
    #[default]
    Never,
    /// It is on.
    Enabled,
    /// It was on, and older versions are still there.
    Suspended,
}

impl Versioning {
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// The rules of a lifecycle or replication configuration. Of a very large one only the digest is kept; the evidence has the text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// SHA-256 of the whole configuration, in hexadecimal.
    pub digest: String,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

impl Rules {
    /// The rule of this id.
    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id, at most 255 characters.
    pub id: String,
    /// Whether its status is `Enabled`.
    pub enabled: bool,
    /// SHA-256 of the rule without its status, in hexadecimal.
    pub digest: String,
    /// It deletes data, or takes data out of the bucket.
    pub expires: bool,
}

/// How S3 encrypts new objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Of objects that come without a wish.
    pub default: Option<Algorithm>,
    /// Encryption types that S3 refuses, in its own words: `SSE-C`.
    pub blocked: Vec<String>,
}

/// A default encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algorithm {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub kind: String,
    /// The key of AWS KMS, as the configuration names it.
    pub key: Option<String>,
    /// Whether S3 uses a bucket key.
    pub bucket_key: bool,
}

/// Where access logs go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// The bucket that gets them.
    pub bucket: String,
    /// How their keys begin.
    pub prefix: String,
}

/// What a level needs changed from what the bucket was before any level: also where another level has changed it already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The public access block is on. A row of an earlier version does not say so, and means it.
    #[serde(default)]
    pub block: bool,
    /// The Sids of the statements in the bucket policy.
    #[serde(default)]
    pub sids: BTreeSet<String>,
    /// Statements of somebody else that are missing in the policy meanwhile: S3 did not take them back, or they are out so that a seal has
    /// room. Recorded before they are left out.
    #[serde(default)]
    pub left_out: Vec<Value>,
    /// Those of them that a write is leaving out at this moment to try what S3 takes. Recorded before that write, and empty after it: what is
    /// here in a later run was never tried one by one, and S3 may take it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Value>,
    /// Whom each holder of a freeze accuses, by the holder's name: the statements about suspects may deny all of them, and nobody else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub denied: BTreeMap<String, Accused>,
    /// A suspect wrote the policy: whom it names is not excepted from the outsiders' deny.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distrusts: bool,
    /// The policy from before the first suspect's write, whose names are excepted instead. Nothing: nobody knows what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Versioning is on.
    #[serde(default)]
    pub versioning: bool,
    /// Keys that a caller holds are refused.
    #[serde(default)]
    pub encryption: bool,
    /// Ids of lifecycle rules that are off.
    #[serde(default)]
    pub lifecycle: BTreeSet<String>,
    /// Ids of replication rules that are off.
    #[serde(default)]
    pub replication: BTreeSet<String>,
    /// Digests ([`Rule::digest`]) of those among them that a suspect wrote. A release leaves these off.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_suspect: BTreeSet<String>,
}

impl Planned {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Both.
    fn and(&self, more: &Self) -> Self {
        let both = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.union(other).cloned().collect();
        let all = |some: &[Value], more: &[Value]| {
            let new = more.iter().filter(|statement| !some.contains(statement));
            some.iter().chain(new).cloned().collect()
        };
        let mut denied = self.denied.clone();
        for (holder, accused) in &more.denied {
            denied.entry(holder.clone()).or_default().add(accused);
        }
        Self {
            block: self.block || more.block,
            sids: both(&self.sids, &more.sids),
            left_out: all(&self.left_out, &more.left_out),
            unsettled: all(&self.unsettled, &more.unsettled),
            denied,
            distrusts: self.distrusts || more.distrusts,
            // Whoever plans it has read what is known already.
            before: if more.distrusts { more.before.clone() } else { self.before.clone() },
            versioning: self.versioning || more.versioning,
            encryption: self.encryption || more.encryption,
            lifecycle: both(&self.lifecycle, &more.lifecycle),
            replication: both(&self.replication, &more.replication),
            by_suspect: both(&self.by_suspect, &more.by_suspect),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What the version before this one wrote.
    const EARLIER: &str = r#"{"public_access_block":null,"policy":"{ }","acl":[{"grantee":"http://acs.amazonaws.com/groups/global/AllUsers","permission":"READ"}],"unread":[]}"#;

    fn rule(id: &str, enabled: bool) -> Rule {
        Rule { id: id.to_owned(), enabled, digest: format!("of {id}"), expires: true }
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read_and_written_alike() {
        let base: BaseState = serde_json::from_str(EARLIER).expect("a base");
        assert_eq!((base.versioning, base.planned.block), (Versioning::Never, false));
        assert_eq!(serde_json::to_string(&base).expect("JSON"), EARLIER, "a base is extended where its text is the known one");
    }

    #[test]
    fn a_later_incident_plans_more_and_changes_nothing_that_the_first_one_knew() {
        let rules = |rules: &[Rule]| Some(Rules { digest: format!("{} rules", rules.len()), rules: rules.to_vec() });
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let first = BaseState {
            versioning: Versioning::Suspended,
            lifecycle: rules(&[rule("expire", true)]),
            planned: Planned { versioning: true, lifecycle: ids(&["expire"]), left_out: vec![json!(1)], ..Planned::default() },
            ..BaseState::default()
        };
        // The bucket is contained by now, and somebody added two rules.
        let later = BaseState {
            versioning: Versioning::Enabled,
            lifecycle: rules(&[rule("expire", false), rule("wipe", true), rule("tidy", true)]),
            planned: Planned { block: true, lifecycle: ids(&["wipe"]), left_out: vec![json!(1), json!(2)], ..Planned::default() },
            ..BaseState::default()
        };
        let both = first.joined(&later);
        assert_eq!(both.versioning, Versioning::Suspended);
        assert_eq!(both.lifecycle.expect("rules").rules, [rule("expire", true), rule("wipe", true)]);
        let Planned { block, versioning, lifecycle, left_out, .. } = both.planned;
        assert_eq!((block, versioning, lifecycle, left_out), (true, true, ids(&["expire", "wipe"]), vec![json!(1), json!(2)]));
        assert_eq!(first.joined(&first), first, "a second run writes nothing");
    }

    #[test]
    fn what_could_not_be_read_at_first_is_known_from_the_next_run() {
        let first =
            BaseState { policy: Some("{}".to_owned()), unknown: [Part::Versioning, Part::Tags].into(), ..BaseState::default() };
        let later = BaseState {
            policy: Some("another".to_owned()),
            versioning: Versioning::Suspended,
            mfa_delete: true,
            unknown: [Part::Tags].into(),
            ..BaseState::default()
        };
        let both = first.joined(&later);
        assert_eq!((both.policy.as_deref(), both.versioning, both.mfa_delete), (Some("{}"), Versioning::Suspended, true));
        assert_eq!(both.unknown, [Part::Tags].into());
    }
}
