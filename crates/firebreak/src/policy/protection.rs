//! What is never contained, whoever says so and whoever would approve it.

use super::TagSelector;
use crate::ids::{BucketName, IamName, InstanceId, KmsKeyId};
use crate::target::{Target, TargetKind};
use firebreak_functions::FUNCTIONS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Resources that are never contained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Protected {
    /// IAM users, roles and Identity Center users, by name: break-glass, deployment roles.
    pub principals: BTreeSet<String>,
    /// EC2 instances, by id.
    pub instances: BTreeSet<String>,
    /// S3 buckets, by name: log archives, state buckets.
    pub buckets: BTreeSet<String>,
    /// KMS keys, by id: keys that somebody keeps disabled on purpose. Firebreak enables none of them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<String>,
    /// Tags, as the finding states them. Whoever may tag a resource can protect it: forbid these tags to others.
    pub tags: BTreeSet<TagSelector>,
}

/// Why a target is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// In words for the on-call.
    pub why: &'static str,
    /// Where in the policy file; empty for what is built in.
    pub path: Vec<String>,
    /// Only by a name that nobody reserved: it waits for a person.
    pub by_name: bool,
}

impl Protection {
    /// Nobody configured it, and nobody can configure it away.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.path.is_empty() && !self.by_name
    }
}

impl Protected {
    /// What is wrong with the lists, in words for the person who wrote them: an entry that can never match protects nothing.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        let all = |names: &BTreeSet<String>, valid: fn(&str) -> bool| names.iter().all(|name| valid(name));
        if !all(&self.principals, |name| IamName::parse(name).is_ok()) {
            return Some(("principals", "takes names of users and roles, without path or ARN"));
        }
        if !all(&self.instances, |id| InstanceId::parse(id).is_ok()) {
            return Some(("instances", "takes instance ids, i- and hexadecimal digits"));
        }
        if !all(&self.buckets, |name| BucketName::parse(name).is_ok()) {
            return Some(("buckets", "takes names of general purpose buckets, without ARN"));
        }
        if !all(&self.keys, |id| KmsKeyId::parse(id).is_ok()) {
            return Some(("keys", "takes ids of KMS keys, without ARN"));
        }
        None
    }

    /// Why this target must never be contained, if so. `asked` says that a person asked for it by name.
    #[must_use]
    pub fn covers(&self, target: &Target, tags: &[(String, String)], asked: bool) -> Option<Protection> {
        if let Some(why) = built_in_protection(target) {
            return Some(Protection { why, path: vec![], by_name: false });
        }
        let list = match target.kind {
            TargetKind::IamUser | TargetKind::IamRole | TargetKind::IdentityCenterUser => Some((&self.principals, "principals")),
            TargetKind::Ec2Instance => Some((&self.instances, "instances")),
            // Objects are denied by the policy of their bucket.
            TargetKind::S3Bucket | TargetKind::S3Object => Some((&self.buckets, "buckets")),
            TargetKind::KmsKey => Some((&self.keys, "keys")),
            _ => None,
        };
        let at = |field: &str| vec!["protected".to_owned(), field.to_owned()];
        // IAM keeps names unique without regard to case; ids and bucket names are lower case anyway.
        let listed = |names: &BTreeSet<String>| names.iter().any(|name| name.eq_ignore_ascii_case(&target.id));
        if let Some((_, field)) = list.filter(|(names, _)| listed(names)) {
            return Some(Protection { why: "listed as protected in the response policy", path: at(field), by_name: false });
        }
        let tagged = self.tags.iter().any(|tag| tag.matches(tags));
        let by_name = protected_by_name(target).filter(|_| !asked && !tagged);
        if let Some(why) = by_name {
            return Some(Protection { why, path: vec![], by_name: true });
        }
        tagged.then(|| Protection { why: "its tag is protected in the response policy", path: at("tags"), by_name: false })
    }
}

/// Firebreak's own roles and evidence, the roles that manage an organization, and the buckets to which AWS's own set-up has logs
/// delivered. No configuration can unprotect them; the containment functions check again, and the member roles' policies deny it a third
/// time.
#[must_use]
pub fn built_in_protection(target: &Target) -> Option<&'static str> {
    match target.kind {
        // IAM keeps names unique without regard to case.
        TargetKind::IamRole => match target.id.as_str() {
            name if ["OrganizationAccountAccessRole", "AWSControlTowerExecution"]
                .iter()
                .any(|of| of.eq_ignore_ascii_case(name)) =>
            {
                Some("a role that administers the organization")
            }
            // Without case and hyphens.
            name if own_roles().any(|own| own.eq_ignore_ascii_case(&name.replace('-', ""))) => {
                Some("one of Firebreak's own roles")
            }
            _ => None,
        },
        TargetKind::S3Bucket | TargetKind::S3Object => {
            KEPT_BUCKETS.iter().find(|kept| kept.is_name_of(target)).map(|kept| kept.why)
        }
        _ => None,
    }
}

/// A name that a bucket gets when it is set up. It has the id of the account that owns the bucket: an attacker elsewhere cannot borrow
/// the protection.
struct KeptBucket {
    /// What stands before the account's id.
    front: &'static str,
    /// What follows the account's id.
    rest: Rest,
    why: &'static str,
}

/// What follows an account's id in a name.
enum Rest {
    Nothing,
    /// A hyphen and something.
    Part,
    /// Nothing, or a hyphen and something.
    Either,
}

/// The names are those that the consoles of CloudTrail and AWS Config propose and that Control Tower gives. No API promises them. A bucket
/// with another name is known by what was delivered into it (`lockdown-s3`), or stands in the policy's list.
const KEPT_BUCKETS: [KeptBucket; 5] = [
    KeptBucket { front: "firebreak-evidence-", rest: Rest::Nothing, why: "an evidence bucket of Firebreak" },
    KeptBucket { front: "aws-cloudtrail-logs-", rest: Rest::Part, why: "a bucket for logs of CloudTrail" },
    KeptBucket { front: "config-bucket-", rest: Rest::Either, why: "a bucket for records of AWS Config" },
    KeptBucket { front: "aws-controltower-logs-", rest: Rest::Part, why: "the log archive of Control Tower" },
    KeptBucket {
        front: "aws-controltower-s3-access-logs-",
        rest: Rest::Part,
        why: "the access logs of Control Tower's log archive",
    },
];

impl KeptBucket {
    fn is_name_of(&self, bucket: &Target) -> bool {
        let after = bucket.id.strip_prefix(self.front).and_then(|name| name.strip_prefix(bucket.account.as_str()));
        let Some(after) = after else { return false };
        let is_part = after.strip_prefix('-').is_some_and(|part| !part.is_empty());
        match self.rest {
            Rest::Nothing => after.is_empty(),
            Rest::Part => is_part,
            Rest::Either => after.is_empty() || is_part,
        }
    }
}

/// Names that speak for themselves, but that nobody reserved: a finding shows no path. IAM refuses to change a service-linked
/// role, and AWS puts an Identity Center role back. An attacker may borrow such a name for a role of their own: it waits for a
/// person, and `quarantine-iam` then reads the path from IAM. See `docs/decisions/0045`.
#[must_use]
pub fn protected_by_name(target: &Target) -> Option<&'static str> {
    let name = target.id.to_ascii_lowercase();
    match target.kind {
        TargetKind::IamRole if name.starts_with("awsservicerolefor") => {
            Some("named like a service-linked role, which IAM does not let anybody change")
        }
        TargetKind::IamRole if name.starts_with("awsreservedsso_") => {
            Some("named like an Identity Center role: end the person's sessions and assignments there")
        }
        TargetKind::IamUser | TargetKind::IamRole | TargetKind::IdentityCenterUser => {
            let plain = name.replace(['-', '_', '.'], "");
            plain.contains("breakglass").then_some("named like a break-glass principal, your last way in")
        }
        _ => None,
    }
}

/// The roles Firebreak deploys: one per function and per state machine in the security account, and those that the functions declare in
/// other accounts.
fn own_roles() -> impl Iterator<Item = &'static str> {
    let member_roles = FUNCTIONS.iter().flat_map(|function| function.member_roles).map(|role| role.name());
    FUNCTIONS.iter().map(|function| function.role).chain(member_roles).chain(STATE_MACHINE_ROLES)
}

const STATE_MACHINE_ROLES: [&str; 4] =
    ["FirebreakStateMachine", "FirebreakEvidenceMachine", "FirebreakWatchMachine", "FirebreakRestoreStateMachine"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containment::Containment;
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::Place;

    #[test]
    fn whatever_is_contained_can_be_listed_as_protected() {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        let ids: BTreeSet<String> = BTreeSet::from(["spared".to_owned()]);
        let (principals, instances, buckets, keys) = (ids.clone(), ids.clone(), ids.clone(), ids);
        let lists = Protected { principals, instances, buckets, keys, tags: BTreeSet::new() };
        for kind in Containment::ALL.iter().flat_map(|containment| containment.declaration().targets) {
            let listed = lists.covers(&Target::new(*kind, "spared", place.clone()), &[], true);
            assert!(listed.is_some(), "no list of the policy protects a {kind:?}");
            assert!(lists.covers(&Target::new(*kind, "other", place.clone()), &[], true).is_none(), "{kind:?}");
        }
    }

    #[test]
    fn a_bucket_is_kept_by_a_name_of_awss_with_the_id_of_its_own_account_and_by_nothing_like_it() {
        let bucket = |name: &str| {
            let place = Place {
                account: AccountId::parse("111122223333").expect("an account"),
                region: Region::parse("eu-central-1").expect("a Region"),
                partition: Partition::parse("aws").expect("a partition"),
            };
            built_in_protection(&Target::new(TargetKind::S3Bucket, name, place)).is_some()
        };
        for kept in [
            "firebreak-evidence-111122223333",
            "aws-cloudtrail-logs-111122223333-0a1b2c3d",
            "config-bucket-111122223333",
            "config-bucket-111122223333-eu-central-1",
            "aws-controltower-logs-111122223333-eu-central-1",
            "aws-controltower-s3-access-logs-111122223333-eu-central-1",
        ] {
            assert!(bucket(kept), "{kept}");
        }
        for other in [
            "firebreak-evidence-999988887777",
            "firebreak-evidence-111122223333-2",
            "aws-cloudtrail-logs-999988887777-0a1b2c3d",
            "aws-cloudtrail-logs-111122223333",
            "aws-cloudtrail-logs-payroll",
            "config-bucket-1111222233334",
            "my-config-bucket-111122223333",
            "acme-exports",
        ] {
            assert!(!bucket(other), "{other}");
        }
    }

    #[test]
    fn firebreaks_own_roles_are_those_that_functions_declare() {
        let own: BTreeSet<&str> = own_roles().collect();
        for role in ["FirebreakStateMachine", "FirebreakLockdownS3", "FirebreakMemberRevokeSessions"] {
            assert!(own.contains(role), "{role}");
        }
        let of_functions = FUNCTIONS.len() + FUNCTIONS.iter().map(|function| function.member_roles.len()).sum::<usize>();
        assert_eq!(own.len(), of_functions + STATE_MACHINE_ROLES.len());
    }
}
