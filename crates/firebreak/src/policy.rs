//! The response policy: what an organization lets Firebreak do on its own.
//!
//! One TOML file, read at start. A misspelled field is an error, not a silent default: the difference could be a contained
//! production role. Every account that is not named stays in `observe`.

use crate::decision::{Containment, Mode, Target, TargetKind};
use crate::ids::AccountId;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// How far Firebreak may go by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseMode {
    /// Say what it would do. The default for every account.
    #[default]
    Observe,
    /// Contain after an analyst approved.
    GateFirst,
    /// Contain at once where the playbook says so.
    Auto,
}

/// What to do with findings made by `CreateSampleFindings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum SampleHandling {
    /// Tell people, contain nothing. The default: samples name resources that may not be yours.
    #[default]
    Notify,
    /// Treat them like real findings. For test accounts.
    Respond,
}

/// How the review gate behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewTerms {
    /// Seconds until an unanswered gate escalates and asks again. Default: 4 hours.
    pub timeout_seconds: u32,
    /// How many times the gate is opened before the incident is handed to the failure topic, still contained. Default: 42 (a week).
    pub max_rounds: u32,
}

impl Default for ReviewTerms {
    fn default() -> Self {
        Self { timeout_seconds: 4 * 3600, max_rounds: 42 }
    }
}

/// One account's modes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountPolicy {
    /// The mode of every containment that is not named below.
    pub mode: ResponseMode,
    /// Exceptions by containment.
    #[serde(default)]
    pub containments: BTreeMap<Containment, ResponseMode>,
}

/// Resources that are never contained, by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protected {
    /// IAM users and roles: break-glass, deployment roles.
    pub principals: BTreeSet<String>,
    /// EC2 instances.
    pub instances: BTreeSet<String>,
    /// S3 buckets: log archives, state buckets.
    pub buckets: BTreeSet<String>,
}

/// The whole policy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The mode of accounts that are not named.
    pub default_mode: ResponseMode,
    /// Account id → modes.
    pub accounts: BTreeMap<AccountId, AccountPolicy>,
    /// Never touched.
    pub protected: Protected,
    /// Sample findings.
    pub samples: SampleHandling,
    /// The gate.
    pub review: ReviewTerms,
    /// Seconds between containment and its verification. Default 5: IAM needs about 4 s to propagate (IAM user guide: IAM is eventually consistent).
    pub verify_after_seconds: Option<u32>,
}

/// The policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or a field that does not exist, or a value of the wrong form.
    #[error("the response policy is not valid: {0}")]
    Invalid(#[from] toml::de::Error),
    /// A value out of its range.
    #[error("the response policy is not valid: {field} must be {range}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// [`PolicyError`] names the line and the field.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        if !(1..=31_536_000).contains(&policy.review.timeout_seconds) {
            return Err(PolicyError::OutOfRange { field: "review.timeout_seconds", range: "1 to 31536000" });
        }
        if !(1..=500).contains(&policy.review.max_rounds) {
            // 25,000 events of history per execution (Step Functions quotas); a round costs about 12.
            return Err(PolicyError::OutOfRange { field: "review.max_rounds", range: "1 to 500" });
        }
        if policy.verify_after_seconds.is_some_and(|seconds| seconds > 3600) {
            return Err(PolicyError::OutOfRange { field: "verify_after_seconds", range: "0 to 3600" });
        }
        let whole_wait = u64::from(policy.review.timeout_seconds) * u64::from(policy.review.max_rounds);
        if whole_wait > 31_000_000 {
            // An execution lives one year; the last resort must come before its end.
            return Err(PolicyError::OutOfRange {
                field: "review.timeout_seconds x max_rounds",
                range: "at most 31000000 seconds",
            });
        }
        Ok(policy)
    }

    /// The shipped playbook at full strength: what `firebreak plan` shows without a policy.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self { default_mode: ResponseMode::Auto, ..Self::default() }
    }

    /// The mode for one containment in one account.
    #[must_use]
    pub fn mode(&self, account: &AccountId, containment: Containment) -> ResponseMode {
        self.accounts
            .get(account)
            .map_or(self.default_mode, |account| account.containments.get(&containment).copied().unwrap_or(account.mode))
    }

    /// Why this target must never be contained, if so.
    #[must_use]
    pub fn protects(&self, target: &Target) -> Option<&'static str> {
        built_in_protection(target).or_else(|| {
            let listed = match target.kind {
                TargetKind::IamUser | TargetKind::IamRole => &self.protected.principals,
                TargetKind::Ec2Instance => &self.protected.instances,
                TargetKind::S3Bucket => &self.protected.buckets,
                TargetKind::AccountRoot => return None,
            };
            listed.contains(&target.id).then_some("listed as protected in the response policy")
        })
    }

    /// Seconds to wait before verifying.
    #[must_use]
    pub fn verify_after(&self) -> u32 {
        self.verify_after_seconds.unwrap_or(5)
    }
}

/// Firebreak's own roles and evidence, and AWS's roles that manage an organization. No configuration can unprotect them; the
/// containment functions check again, and the member roles' policies deny it a third time.
///
/// Roles that are only *named* like a service-linked or Identity Center role are not listed: an attacker can choose a name. The
/// path decides, and `quarantine-iam` reads it from IAM before it acts.
#[must_use]
pub fn built_in_protection(target: &Target) -> Option<&'static str> {
    match target.kind {
        TargetKind::IamRole => match target.id.as_str() {
            "OrganizationAccountAccessRole" | "AWSControlTowerExecution" => Some("a role that administers the organization"),
            name if OWN_ROLES.iter().any(|own| own.eq_ignore_ascii_case(&name.replace('-', ""))) => {
                Some("one of Firebreak's own roles")
            }
            _ => None,
        },
        TargetKind::S3Bucket => {
            // The name ends in the id of the account that owns it: an attacker elsewhere cannot borrow the protection.
            let own = target.id.strip_prefix("firebreak-evidence-") == Some(target.account.as_str());
            own.then_some("an evidence bucket of Firebreak")
        }
        TargetKind::IamUser | TargetKind::AccountRoot | TargetKind::Ec2Instance => None,
    }
}

/// The roles Firebreak deploys: one per function in the security account, one per class in each member account. Compared without
/// case and hyphens.
const OWN_ROLES: [&str; 15] = [
    "FirebreakTriage",
    "FirebreakNotify",
    "FirebreakQuarantineIam",
    "FirebreakIsolateEc2",
    "FirebreakLockdownS3",
    "FirebreakPreserveEvidence",
    "FirebreakOpenReview",
    "FirebreakDecideReview",
    "FirebreakRelease",
    "FirebreakStateMachine",
    "FirebreakMemberQuarantineIam",
    "FirebreakMemberIsolateEc2",
    "FirebreakMemberLockdownS3",
    "FirebreakMemberPreserveEvidence",
    "FirebreakMemberRelease",
];

/// The mode a decision ends up with: the playbook's, lowered by policy.
#[must_use]
pub fn lower(playbook: Mode, policy: ResponseMode) -> Mode {
    match (playbook, policy) {
        (Mode::Notify, _) | (_, ResponseMode::Observe) => Mode::Notify,
        (Mode::Gate, _) | (Mode::Auto, ResponseMode::GateFirst) => Mode::Gate,
        (Mode::Auto, ResponseMode::Auto) => Mode::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_nobody_named_is_only_observed() {
        let policy = Policy::parse("[accounts.123456789012]\nmode = \"auto\"").expect("valid");
        let named = AccountId::parse("123456789012").expect("valid");
        let other = AccountId::parse("111122223333").expect("valid");
        assert_eq!(policy.mode(&named, Containment::QuarantineIam), ResponseMode::Auto);
        assert_eq!(policy.mode(&other, Containment::QuarantineIam), ResponseMode::Observe);
    }

    #[test]
    fn a_misspelled_field_is_an_error_that_names_it() {
        let error = Policy::parse("defualt_mode = \"auto\"").expect_err("misspelled").to_string();
        assert!(error.contains("defualt_mode"), "{error}");
        assert!(Policy::parse("[accounts.12345]\nmode = \"auto\"").is_err(), "an account id of 5 digits");
        assert!(Policy::parse("[review]\ntimeout_seconds = 0").is_err(), "a gate that times out at once");
    }

    #[test]
    fn policy_only_ever_lowers_the_playbook() {
        assert_eq!(lower(Mode::Auto, ResponseMode::Auto), Mode::Auto);
        assert_eq!(lower(Mode::Auto, ResponseMode::GateFirst), Mode::Gate);
        assert_eq!(lower(Mode::Gate, ResponseMode::Auto), Mode::Gate);
        assert_eq!(lower(Mode::Auto, ResponseMode::Observe), Mode::Notify);
        assert_eq!(lower(Mode::Notify, ResponseMode::Auto), Mode::Notify);
    }
}
