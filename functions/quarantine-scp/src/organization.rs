//! Where the quarantine policy is: its id, and the management account it can be written from.

use firebreak::diagnosis::Places;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, Partition, Region};
use firebreak::target::{Place, Target, TargetKind};
use firebreak_function::environment;

/// Organizations has one endpoint in each partition, in this Region (the SDK's endpoint rules; AWS General Reference,
/// "AWS Organizations endpoints and quotas").
const HOMES: [(&str, &str); 8] = [
    ("aws", "us-east-1"),
    ("aws-cn", "cn-northwest-1"),
    ("aws-us-gov", "us-gov-west-1"),
    ("aws-eusc", "eusc-de-east-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
];

/// The quarantine policy and its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The id of the policy.
    pub policy: String,
    management: AccountId,
}

impl Organization {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing or wrong variable.
    pub fn load() -> Result<Self, Fault> {
        let policy = environment::required(environment::QUARANTINE_SCP)?;
        Self::new(&policy, &environment::required(environment::MANAGEMENT_ACCOUNT)?)
    }

    /// The policy `policy`, and the account that owns it.
    ///
    /// # Errors
    /// A fault that names the variable whose form is wrong.
    pub fn new(policy: &str, management: &str) -> Result<Self, Fault> {
        let wrong = |name: &str, form: &str| Fault::bug(format!("the environment variable {name} is not {form}"));
        if !is_policy_id(policy) {
            return Err(wrong(environment::QUARANTINE_SCP, "the id of a policy, p-…"));
        }
        let management =
            AccountId::parse(management).map_err(|_| wrong(environment::MANAGEMENT_ACCOUNT, "an account id, 12 digits"))?;
        Ok(Self { policy: policy.to_owned(), management })
    }

    /// The management account, as a place to have credentials for: a release needs `MemberRole::QuarantineScp` there, not in the
    /// target's account.
    ///
    /// # Errors
    /// `Malformed` when no endpoint of Organizations is known in the target's partition.
    pub fn place(&self, target: &Target) -> Result<Target, Fault> {
        Ok(Target::new(
            TargetKind::Account,
            self.management.as_str(),
            Place { account: self.management.clone(), region: home(&target.partition)?, partition: target.partition.clone() },
        ))
    }

    /// The management account, as the one place to look into.
    ///
    /// # Errors
    /// `Malformed` when no endpoint of Organizations is known in the partition.
    pub fn management_account(&self, partition: &Partition) -> Result<Places, Fault> {
        Ok(Places { partition: partition.clone(), accounts: vec![self.management.clone()], regions: vec![home(partition)?] })
    }

    /// Whether a service control policy has any effect where the target was seen. None has in the management account.
    pub(crate) fn reaches(&self, target: &Target) -> bool {
        target.account != self.management
    }

    /// Refuses a principal of the management account. A person has sessions in other accounts, too.
    pub(crate) fn check_reach(&self, target: &Target) -> Result<(), Fault> {
        if self.reaches(target) || target.kind == TargetKind::IdentityCenterUser {
            return Ok(());
        }
        Err(Fault::malformed(format!("{target} is in the management account, where no service control policy has any effect")))
    }
}

fn home(partition: &Partition) -> Result<Region, Fault> {
    let known = HOMES.iter().find(|(name, _)| *name == partition.as_str());
    let (_, region) = known.ok_or_else(|| Fault::malformed(format!("no Organizations endpoint is known in {partition}")))?;
    Region::parse(region).map_err(|error| Fault::bug(error.to_string()))
}

/// Organizations API, `UpdatePolicy`: `p-` and 8 to 128 letters, digits or underscores.
fn is_policy_id(id: &str) -> bool {
    id.strip_prefix("p-")
        .is_some_and(|rest| (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::{person, user};

    fn organization() -> Organization {
        Organization::new("p-examplepolicyid111", "999988887777").expect("an organization")
    }

    #[test]
    fn a_wrong_variable_is_named() {
        for policy in ["", "p-", "p-short", "o-exampleorgid", "p-../../../etc", "arn:aws:organizations::1:policy/p-12345678"] {
            let fault = Organization::new(policy, "999988887777").expect_err(policy);
            assert!(fault.message.contains("FIREBREAK_QUARANTINE_SCP"), "{fault}");
        }
        for account in ["", "12345", "99998888777x"] {
            let fault = Organization::new("p-examplepolicyid111", account).expect_err(account);
            assert!(fault.message.contains("FIREBREAK_MANAGEMENT_ACCOUNT"), "{fault}");
        }
    }

    #[test]
    fn the_place_is_the_management_account_at_the_home_of_organizations() {
        let place = organization().place(&user("alice")).expect("a place");
        assert_eq!((place.account.as_str(), place.region.as_str()), ("999988887777", "us-east-1"));
    }

    #[test]
    fn every_partition_has_its_own_home() {
        for (partition, region) in HOMES {
            let partition = Partition::parse(partition).expect("a partition");
            let home = home(&partition).expect("a home");
            assert_eq!(home.as_str(), region);
            assert_eq!(Partition::of(&home), partition);
        }
        assert!(home(&Partition::parse("aws-moon").expect("a partition")).is_err());
    }

    #[test]
    fn a_principal_of_the_management_account_is_refused_and_a_person_is_not() {
        let managing = AccountId::parse("999988887777").expect("an account");
        let organization = organization();
        assert!(organization.check_reach(&user("alice")).is_ok());
        let fault = organization.check_reach(&Target { account: managing.clone(), ..user("alice") }).expect_err("no effect");
        assert!(fault.message.contains("management account"), "{fault}");
        assert!(organization.check_reach(&Target { account: managing, ..person("alice") }).is_ok());
    }
}
