//! The blast radius: how many targets may be contained without a person.

use crate::containment::Containment;
use crate::target::{Scope, Target, TargetKind};
use serde::Deserialize;

/// Targets per clock hour (UTC) that are contained at once. What goes beyond waits for a person, who is told.
///
/// A flood of findings, forged or real, must not take an account down faster than people can look. Each level of a containment has a
/// number of its own, for each account, and `organization` bounds all of them together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Budget {
    /// For every level that no other field names.
    default: Option<u32>,
    /// All targets of all accounts. Default: 30.
    organization: Option<u32>,
    /// For every level of `quarantine-iam` that has no field of its own.
    quarantine_iam: Option<u32>,
    /// Whole IAM users. Default: 10.
    quarantine_iam_user: Option<u32>,
    /// Single access keys. Default: 10.
    quarantine_iam_access_key: Option<u32>,
    /// Single sessions of roles. Default: 20.
    quarantine_iam_session: Option<u32>,
    /// Whole roles. Default: 1.
    quarantine_iam_role: Option<u32>,
    /// Nothing: `quarantine-scp` always waits for a person.
    quarantine_scp: Option<u32>,
    /// Instances. Default: 5.
    isolate_ec2: Option<u32>,
    /// Buckets whose public access is blocked, and every level of `lockdown-s3` that has no field of its own. Default: 3.
    lockdown_s3: Option<u32>,
    /// Buckets that are frozen. Default: 3.
    lockdown_s3_freeze: Option<u32>,
    /// Buckets in which destructive actions are denied, where policy has that done without a person. Default: 3.
    lockdown_s3_destruction: Option<u32>,
    /// Findings with malicious objects: ten objects at most are quarantined for one of them. Default: 10.
    quarantine_object: Option<u32>,
    /// Nothing: `enable-key` always waits for a person.
    enable_key: Option<u32>,
}

/// What is counted together, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Its field of the policy. The ledger counts under this name, too.
    pub name: &'static str,
    /// Targets in an hour.
    pub limit: u32,
}

/// A budget that is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// That of a level, in the account of the target.
    Level(Allowance),
    /// That of all accounts together: so many targets.
    Organization(u32),
}

/// The sum of a few attacks at once that people do not see yet.
const ORGANIZATION: u32 = 30;
/// One item of the ledger keeps all targets of an hour, each twice and with at most 200 bytes. DynamoDB bounds an item at 400 KB.
const MAX: u32 = 1000;

impl Budget {
    /// The budget that a containment of `target` is counted against in its account.
    #[must_use]
    pub fn of(&self, containment: Containment, target: &Target) -> Allowance {
        let (name, own, shipped) = match (containment, target.scope) {
            (Containment::QuarantineIam, Scope::Session) => ("quarantine-iam-session", self.quarantine_iam_session, 20),
            (Containment::QuarantineIam, Scope::AccessKey) => ("quarantine-iam-access-key", self.quarantine_iam_access_key, 10),
            (Containment::QuarantineIam, _) if target.kind == TargetKind::IamUser => {
                ("quarantine-iam-user", self.quarantine_iam_user, 10)
            }
            // Whatever works with the role stops.
            (Containment::QuarantineIam, _) => ("quarantine-iam-role", self.quarantine_iam_role, 1),
            (Containment::QuarantineScp, _) => ("quarantine-scp", self.quarantine_scp, 1),
            (Containment::IsolateEc2, _) => ("isolate-ec2", self.isolate_ec2, 5),
            (Containment::LockdownS3, Scope::Freeze) => ("lockdown-s3-freeze", self.lockdown_s3_freeze, 3),
            (Containment::LockdownS3, Scope::Destruction) => ("lockdown-s3-destruction", self.lockdown_s3_destruction, 3),
            (Containment::LockdownS3, _) => ("lockdown-s3", self.lockdown_s3, 3),
            // Whoever may upload makes such findings, and what they take of the organization's budget, others lack.
            (Containment::QuarantineObject, _) => ("quarantine-object", self.quarantine_object, 10),
            (Containment::EnableKey, _) => ("enable-key", self.enable_key, 1),
        };
        let of_all_levels = match containment {
            Containment::QuarantineIam => self.quarantine_iam,
            Containment::LockdownS3 => self.lockdown_s3,
            _ => None,
        };
        Allowance { name, limit: own.or(of_all_levels).or(self.default).unwrap_or(shipped) }
    }

    /// Targets of all accounts per hour.
    #[must_use]
    pub fn organization(&self) -> u32 {
        self.organization.unwrap_or(ORGANIZATION)
    }

    /// The field whose number is too large.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let fields = [
            ("default", self.default),
            ("organization", self.organization),
            ("quarantine-iam", self.quarantine_iam),
            ("quarantine-iam-user", self.quarantine_iam_user),
            ("quarantine-iam-access-key", self.quarantine_iam_access_key),
            ("quarantine-iam-session", self.quarantine_iam_session),
            ("quarantine-iam-role", self.quarantine_iam_role),
            ("quarantine-scp", self.quarantine_scp),
            ("isolate-ec2", self.isolate_ec2),
            ("lockdown-s3", self.lockdown_s3),
            ("lockdown-s3-freeze", self.lockdown_s3_freeze),
            ("lockdown-s3-destruction", self.lockdown_s3_destruction),
            ("quarantine-object", self.quarantine_object),
            ("enable-key", self.enable_key),
        ];
        fields.into_iter().find(|(_, targets)| targets.is_some_and(|targets| targets > MAX)).map(|(field, _)| field)
    }
}

/// Targets of findings that could not be understood: so many may wait for an answer, per account and clock hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UnreadPerHour(pub u32);

impl Default for UnreadPerHour {
    fn default() -> Self {
        Self(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::Place;

    fn target(kind: TargetKind, scope: Scope) -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target { scope, ..Target::new(kind, "one", place) }
    }

    /// The limits of users, keys, sessions, roles, instances and buckets, and of the organization.
    fn limits(text: &str) -> [u32; 7] {
        let budget: Budget = toml::from_str(text).expect(text);
        let of = |containment, kind, scope| budget.of(containment, &target(kind, scope)).limit;
        let iam = |kind, scope| of(Containment::QuarantineIam, kind, scope);
        [
            iam(TargetKind::IamUser, Scope::Principal),
            iam(TargetKind::IamUser, Scope::AccessKey),
            iam(TargetKind::IamRole, Scope::Session),
            iam(TargetKind::IamRole, Scope::Principal),
            of(Containment::IsolateEc2, TargetKind::Ec2Instance, Scope::Principal),
            of(Containment::LockdownS3, TargetKind::S3Bucket, Scope::Principal),
            budget.organization(),
        ]
    }

    #[test]
    fn what_a_level_stops_bounds_how_many_are_stopped_at_once() {
        assert_eq!(limits(""), [10, 10, 20, 1, 5, 3, 30]);
        let levels = "quarantine-iam-user = 1\nquarantine-iam-access-key = 2\nquarantine-iam-session = 3\nquarantine-iam-role = 4\n\
                      isolate-ec2 = 5\nlockdown-s3 = 6\norganization = 7";
        assert_eq!(limits(levels), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(limits("organization = 0\nisolate-ec2 = 0"), [10, 10, 20, 1, 0, 3, 0]);
    }

    #[test]
    fn an_earlier_file_means_every_level() {
        assert_eq!(limits("default = 20"), [20, 20, 20, 20, 20, 20, 30]);
        assert_eq!(limits("quarantine-iam = 7\nquarantine-scp = 2"), [7, 7, 7, 7, 5, 3, 30]);
        assert_eq!(limits("default = 9\nquarantine-iam = 7\nquarantine-iam-role = 2\nlockdown-s3 = 1"), [7, 7, 7, 2, 9, 1, 30]);
    }

    #[test]
    fn each_level_of_a_bucket_is_counted_by_itself_and_an_earlier_file_bounds_all_of_them() {
        let of = |text: &str| {
            let budget: Budget = toml::from_str(text).expect(text);
            let at = |scope| budget.of(Containment::LockdownS3, &target(TargetKind::S3Bucket, scope));
            [Scope::Principal, Scope::Freeze, Scope::Destruction].map(at).map(|allowance| (allowance.name, allowance.limit))
        };
        let names = ["lockdown-s3", "lockdown-s3-freeze", "lockdown-s3-destruction"];
        let with = |limits: [u32; 3]| [(names[0], limits[0]), (names[1], limits[1]), (names[2], limits[2])];
        assert_eq!(of(""), with([3, 3, 3]));
        assert_eq!(of("lockdown-s3 = 0"), with([0, 0, 0]), "whoever had no bucket closed without a person still has none");
        assert_eq!(of("lockdown-s3 = 1\nlockdown-s3-freeze = 5"), with([1, 5, 1]));
        assert_eq!(of("default = 7\nlockdown-s3-destruction = 2"), with([7, 7, 2]));
    }

    #[test]
    fn malicious_objects_leave_most_of_the_organizations_budget_to_others() {
        let of = |text: &str| {
            let budget: Budget = toml::from_str(text).expect(text);
            budget.of(Containment::QuarantineObject, &target(TargetKind::S3Object, Scope::Objects)).limit
        };
        assert_eq!([of(""), of("quarantine-object = 2"), of("default = 7")], [10, 2, 7]);
        assert!(of("") * 2 < ORGANIZATION);
    }

    #[test]
    fn a_field_that_nobody_knows_and_a_number_that_no_item_holds_are_refused() {
        for unknown in ["quarantine-iam-group = 1", "organisation = 1", "quarantine_iam = 1"] {
            assert!(toml::from_str::<Budget>(unknown).is_err(), "{unknown}");
        }
        for field in ["default", "organization", "quarantine-iam-role", "lockdown-s3", "lockdown-s3-freeze"] {
            let budget = |targets: u32| toml::from_str::<Budget>(&format!("{field} = {targets}")).expect(field);
            assert_eq!((budget(1000).mistake(), budget(1001).mistake()), (None, Some(field)));
        }
    }
}
