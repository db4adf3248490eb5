//! Identifiers that come out of a finding, checked before anything uses them.
//!
//! Everything inside a finding is attacker-controlled. These types exist so that an unchecked account, Region or name
//! cannot reach an ARN, an endpoint or an API call: the only way to get one is through `parse`.

use serde::{Deserialize, Serialize};

/// An identifier did not have the form AWS documents for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not {expected}")]
pub struct InvalidId {
    /// Which identifier, for example `account id`.
    pub what: &'static str,
    /// The form it should have had.
    pub expected: &'static str,
}

macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Accepts the documented form and nothing else.
            ///
            /// # Errors
            /// [`InvalidId`] says which identifier was malformed. It never repeats the value: it may be hostile.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidId { what: $what, expected: $expected })
                }
            }

            /// The checked value.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::parse(&value)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_string!(
    /// A 12-digit AWS account id.
    AccountId,
    "account id",
    "12 digits",
    |s| s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit())
);

checked_string!(
    /// A Region code such as `eu-central-1`. The form is checked, not the list of Regions: it grows.
    Region,
    "Region",
    "a Region code such as eu-central-1",
    is_region
);

checked_string!(
    /// An AWS partition such as `aws` or `aws-us-gov`.
    Partition,
    "partition",
    "an AWS partition",
    |s| {
        s.len() <= 16
            && (s == "aws" || s.strip_prefix("aws-").is_some_and(|rest| !rest.is_empty() && is_lower_words(rest)))
    }
);

checked_string!(
    /// The friendly name of an IAM user or role, without its path (IAM API: `[\w+=,.@-]{1,64}`).
    IamName,
    "IAM name",
    "1 to 64 characters of A-Z a-z 0-9 _ + = , . @ -",
    |s| (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
);

checked_string!(
    /// The name of an instance profile, without its path (IAM API: `[\w+=,.@-]{1,128}`). It often is, and need not be, its role's.
    InstanceProfileName,
    "instance profile name",
    "1 to 128 characters of A-Z a-z 0-9 _ + = , . @ -",
    |s| (1..=128).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
);

checked_string!(
    /// The name of a role session, as far as it can be the value of a tag (IAM: `[\w+=,.@-]{2,64}`; a tag's value takes no comma).
    SessionName,
    "session name",
    "2 to 64 characters of A-Z a-z 0-9 _ + = . @ -",
    |s| (2..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=.@-".contains(&b))
);

checked_string!(
    /// The name of a role session as STS takes it (`[\w+=,.@-]{2,64}`): wider than [`SessionName`], which must fit into a tag.
    RoleSessionName,
    "role session name",
    "2 to 64 characters of A-Z a-z 0-9 _ + = , . @ -",
    |s| (2..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
);

checked_string!(
    /// An EC2 instance id: `i-` and 8 or 17 hexadecimal digits.
    InstanceId,
    "instance id",
    "i- and 8 or 17 hexadecimal digits",
    |s| s.strip_prefix("i-").is_some_and(|hex| matches!(hex.len(), 8 | 17)
        && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
);

checked_string!(
    /// The name of a general purpose S3 bucket: 3 to 63 characters, lower case, digits, dots and hyphens.
    ///
    /// Directory buckets (`…--x-s3`) are refused: they have no public access to block.
    BucketName,
    "bucket name",
    "a general purpose bucket name",
    is_bucket
);

checked_string!(
    /// The id of a KMS key: a UUID, or `mrk-` and 32 hexadecimal digits (KMS developer guide, "Key identifiers").
    KmsKeyId,
    "KMS key id",
    "a UUID, or mrk- and 32 hexadecimal digits",
    is_kms_key
);

checked_string!(
    /// An access key id: `AKIA…` (long term) or `ASIA…` (temporary), 16 to 128 upper-case letters and digits.
    AccessKeyId,
    "access key id",
    "AKIA… or ASIA… of 16 to 128 characters",
    |s| (16..=128).contains(&s.len())
        && (s.starts_with("AKIA") || s.starts_with("ASIA"))
        && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);

checked_string!(
    /// The immutable id IAM gives a principal, such as `AIDA…` or `AROA…`.
    PrincipalId,
    "principal id",
    "4 letters of type and upper-case letters and digits",
    |s| (16..=128).contains(&s.len())
        && s.starts_with('A')
        && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);

checked_string!(
    /// An incident's id: `fb-` and 16 hexadecimal digits, derived from the finding's dedupe key.
    IncidentId,
    "incident id",
    "fb- and 16 hexadecimal digits",
    |s| s.strip_prefix("fb-").is_some_and(|hex| hex.len() == 16
        && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
);

impl IncidentId {
    /// The incident of a finding. The same finding gives the same id on every route and every delivery.
    #[must_use]
    pub fn of(dedupe_key: &str) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(dedupe_key.as_bytes());
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("fb-{hex}"))
    }
}

impl Partition {
    /// The partition a Region belongs to (AWS General Reference, "ARN partitions").
    #[must_use]
    pub fn of(region: &Region) -> Self {
        let prefixes = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-iso-", "aws-iso"),
            ("eusc-", "aws-eusc"),
        ];
        let known = prefixes.iter().find(|(prefix, _)| region.as_str().starts_with(prefix));
        Self(known.map_or("aws", |(_, partition)| partition).to_owned())
    }
}

/// An ARN, split. Its partition, Region and account are checked; the rest stays text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn<'a> {
    /// The partition.
    pub partition: Partition,
    /// `ec2`, `iam`, `s3`.
    pub service: &'a str,
    /// Empty for global services.
    pub region: Option<Region>,
    /// Empty for buckets.
    pub account: Option<AccountId>,
    /// What follows the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN. Nothing when it has no six parts, or a partition, Region or account of another form.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts.as_slice() else { return None };
        let region = if region.is_empty() { None } else { Some(Region::parse(region).ok()?) };
        let account = if account.is_empty() { None } else { Some(AccountId::parse(account).ok()?) };
        Some(Self { partition: Partition::parse(partition).ok()?, service, region, account, resource })
    }

    /// The name of the IAM user or role (`marker` is `user/` or `role/`), without its path.
    #[must_use]
    pub fn iam_name(&self, marker: &str) -> Option<IamName> {
        let path = self.resource.strip_prefix(marker).filter(|_| self.service == "iam")?;
        path.rsplit('/').next().and_then(|name| IamName::parse(name).ok())
    }

    /// The name of the instance profile, without its path.
    #[must_use]
    pub fn instance_profile(&self) -> Option<InstanceProfileName> {
        let path = self.resource.strip_prefix("instance-profile/").filter(|_| self.service == "iam")?;
        path.rsplit('/').next().and_then(|name| InstanceProfileName::parse(name).ok())
    }
}

/// The Region in whose trail a partition's IAM calls stand.
///
/// For `aws` it is documented (CloudTrail user guide, "Global service events"). For the others it is the Region that the endpoint of
/// IAM is signed for, and unproven.
#[must_use]
pub fn region_of_iam(partition: &Partition) -> Option<Region> {
    let region = match partition.as_str() {
        "aws" => "us-east-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => return None,
    };
    Region::parse(region).ok()
}

fn is_region(s: &str) -> bool {
    let parts: Vec<&str> = s.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    s.len() <= 25
        && (2..=4).contains(&first.len())
        && !middle.is_empty()
        && [*first].iter().chain(middle).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
        && (1..=2).contains(&last.len())
        && last.bytes().all(|b| b.is_ascii_digit())
}

fn is_lower_words(s: &str) -> bool {
    s.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

fn is_bucket(s: &str) -> bool {
    let ends_well = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && ends_well(s.as_bytes().first())
        && ends_well(s.as_bytes().last())
        && !s.contains("..")
        && !["--x-s3", "--ol-s3", "-s3alias", ".mrap", "--table-s3"].iter().any(|end| s.ends_with(end))
}

fn is_kms_key(s: &str) -> bool {
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    match s.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && hexadecimal(digits),
        None => s.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && s.split('-').all(hexadecimal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_identifiers_are_refused() {
        for account in ["", "123", "1234567891234", "12345678901a", "１２３４５６７８９０１２"] {
            assert!(AccountId::parse(account).is_err(), "{account}");
        }
        for region in ["", "eu-central-1.attacker.example/", "eu-central-1/", "EU-central-1", "eu--1", "1", "evil.com/#"] {
            assert!(Region::parse(region).is_err(), "{region}");
        }
        for name in ["", "../../x", "a b", "bob\",\"Effect\":\"Allow", "a/b", &"x".repeat(65), "a\u{202e}b"] {
            assert!(IamName::parse(name).is_err(), "{name}");
        }
        for bucket in ["", "ab", "Upper", "demo--euc1-az1--x-s3", "a..b", "-ab", "a_b", "x/../y"] {
            assert!(BucketName::parse(bucket).is_err(), "{bucket}");
        }
        for instance in ["", "i-", "i-xyz", "i-1234567", "i-0123456789ABCDEF0", "i-078f938ed16ec7acf "] {
            assert!(InstanceId::parse(instance).is_err(), "{instance}");
        }
        for key in ["", "alias/prod", "1234abcd-12ab-34cd-56ef-1234567890ab0", "mrk-1234", "1234abcd-12ab-34cd-56ef-12345678$(a)"]
        {
            assert!(KmsKeyId::parse(key).is_err(), "{key}");
        }
        for key in ["", "null", "AKIA", "akia4442d469bc381bfb", "AKIA4442D469BC381BF!"] {
            assert!(AccessKeyId::parse(key).is_err(), "{key}");
        }
    }

    #[test]
    fn real_identifiers_pass() {
        assert!(AccountId::parse("123456789012").is_ok());
        for region in ["eu-central-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-7", "eusc-de-east-1"] {
            assert!(Region::parse(region).is_ok(), "{region}");
        }
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"] {
            assert!(Partition::parse(partition).is_ok(), "{partition}");
        }
        assert!(IamName::parse("john.doe@example.com").is_ok());
        assert!(InstanceId::parse("i-078f938ed16ec7acf").is_ok());
        assert!(BucketName::parse("acme-68d71bb6").is_ok());
        for key in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            assert!(KmsKeyId::parse(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")] {
            assert_eq!(Partition::of(&Region::parse(region).expect("a Region")).as_str(), partition);
        }
    }

    #[test]
    fn the_incident_id_is_a_function_of_the_finding_alone() {
        let a = IncidentId::of("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f");
        assert_eq!(a, IncidentId::of("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f"));
        assert_ne!(a, IncidentId::of("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/g"));
        assert!(IncidentId::parse(a.as_str()).is_ok());
    }
}
