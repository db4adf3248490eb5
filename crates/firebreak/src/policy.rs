//! The response policy: what an organization lets Firebreak do on its own.
//!
//! One TOML file, read at start; `docs/policy.md` explains it and `docs/policy.schema.json` describes it to editors. A misspelled
//! field is an error, not a silent default: the difference could be a contained production role. Every account that is not named
//! stays in `observe`.

mod budget;
mod flood;
mod instances;
mod joining;
mod lines;
mod lockdown;
mod mode;
mod protection;
mod roles;
mod suppression;
mod two_persons;
mod verify;
mod watch;

pub use budget::{Allowance, Budget, Exceeded, UnreadPerHour};
pub use flood::Flood;
pub use instances::{CutTracked, Instances};
pub use joining::JoinWithinHours;
pub use lines::line_of;
pub use lockdown::{DestructionMode, Lockdown};
pub use mode::{AccountPolicy, AutoFrom, ResponseMode, lower};
pub use protection::{Protected, Protection, built_in_protection, protected_by_name};
pub use roles::{AlsoDeny, Organization, RoleScope, Roles, Sweep};
pub use suppression::{Suppression, TagSelector};
pub use two_persons::{Back, Needs, TwoPersons};
pub use verify::VerifyAfter;
pub use watch::Watch;

use crate::containment::Containment;
use crate::finding::SeverityBand;
use crate::ids::{AccountId, Region};
use crate::playbook::{Playbook, Row};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What to do with findings made by `CreateSampleFindings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SampleHandling {
    /// Tell people, contain nothing. The default: samples name resources that may not be yours.
    #[default]
    Notify,
    /// Treat them like real findings. For test accounts.
    Respond,
}

/// Whether GuardDuty is asked, before an automatic containment, if the finding still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// Ask; go on when GuardDuty cannot be asked. The default: an attacker must not stop a response by breaking the question.
    #[default]
    WhenReachable,
    /// Ask; wait for a person when GuardDuty cannot be asked.
    Required,
    /// Do not ask.
    Off,
}

/// How the review gate behaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ReviewTerms {
    /// Seconds until an unanswered gate escalates and asks again. Default: 4 hours.
    pub timeout_seconds: u32,
    /// How many times the gate is opened before the incident is handed to the failure topic, still contained. Default: 42 (a week).
    pub max_rounds: u32,
    /// For what two persons must ask: names of containments for approvals that carry them out, `release`, `restore`. Default:
    /// `["restore"]`.
    pub two_persons: TwoPersons,
}

impl Default for ReviewTerms {
    fn default() -> Self {
        Self { timeout_seconds: 4 * 3600, max_rounds: 42, two_persons: TwoPersons::default() }
    }
}

/// Where Firebreak may act at all. An empty list allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Allow {
    /// Account ids. No role is assumed in any other account.
    #[cfg_attr(test, schemars(with = "BTreeSet<String>"))]
    pub accounts: BTreeSet<AccountId>,
    /// Region codes. Of a target in any other Region people are only told. IAM has no Regions: the finding's counts.
    #[cfg_attr(test, schemars(with = "BTreeSet<String>"))]
    pub regions: BTreeSet<Region>,
}

/// What is believed of Security Hub's findings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SecurityHub {
    /// Products that are responded to, such as `aws/guardduty`; others are only announced. What GuardDuty does not say itself is
    /// never contained without a person, as anybody who may import findings can write it.
    pub products: BTreeSet<String>,
    /// Findings below this band are only announced: a Security Hub event is delivered whole when one of its findings matches.
    pub severity_floor: SeverityBand,
}

impl Default for SecurityHub {
    fn default() -> Self {
        Self { products: BTreeSet::from(["aws/guardduty".to_owned()]), severity_floor: SeverityBand::High }
    }
}

/// How far a person's isolation request goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IsolationRequests {
    /// A second person approves it. The default: whoever may put events on the bus may send one.
    #[default]
    Gate,
    /// It is carried out as the account's mode says.
    Auto,
}

/// The whole policy.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The mode of accounts that are not named.
    pub default_mode: ResponseMode,
    /// Account id → modes.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, AccountPolicy>"))]
    pub accounts: BTreeMap<AccountId, AccountPolicy>,
    /// Where Firebreak may act at all.
    pub allow: Allow,
    /// Never touched.
    pub protected: Protected,
    /// Known causes that need no response, for a while.
    pub suppress: Vec<Suppression>,
    /// Findings below this band are not acted on without a person: what would be contained at once waits for an approval, and of
    /// what would wait people are told, with evidence. A row with `auto_below` is not held back. Default: `high`.
    pub auto_from: AutoFrom,
    /// Findings below this band are only announced. Default: none is too low for its row.
    pub severity_floor: Option<SeverityBand>,
    /// How many targets may be contained without a person.
    pub budget: Budget,
    /// How many targets of findings that could not be understood may wait for an answer, per account and hour; of the rest people
    /// are told in one summary. Default: 10.
    pub unread_per_hour: UnreadPerHour,
    /// Findings of which people are only told.
    pub flood: Flood,
    /// Hours after an incident was opened in which findings about the same target can join it. 0: none does. Default: 24.
    pub join_within_hours: JoinWithinHours,
    /// Sample findings.
    pub samples: SampleHandling,
    /// Security Hub.
    pub security_hub: SecurityHub,
    /// A person's requests.
    pub isolation_requests: IsolationRequests,
    /// Asking GuardDuty before an automatic containment.
    pub confirmation: Confirmation,
    /// Hours after which an event is too old for an automatic containment that GuardDuty did not confirm. Default: no limit.
    pub stale_after_hours: Option<u32>,
    /// The gate.
    pub review: ReviewTerms,
    /// Seconds after the containment when it is read back, and applied again if somebody reverted it. Default `[5, 15, 60]`.
    pub verify_after_seconds: VerifyAfter,
    /// Looks after that, as long as the incident is open.
    pub watch: Watch,
    /// How instances are isolated.
    pub instances: Instances,
    /// How buckets are locked down.
    pub lockdown: Lockdown,
    /// How much of a role is taken away.
    pub roles: Roles,
    /// What the organization offers besides IAM.
    pub organization: Organization,
    /// Looking in CloudTrail for what a suspect created or assumed.
    pub sweep: Sweep,
    /// Rows that replace or extend the playbook's, by finding type.
    pub finding: BTreeMap<String, Row>,
    /// Rows that replace the playbook's for types without a row, from a band upwards.
    pub default: BTreeMap<SeverityBand, Row>,
}

/// The policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or a field that does not exist, or a value of the wrong form.
    #[error("the response policy is not valid: {0}")]
    Invalid(#[from] toml::de::Error),
    /// A value that parses and cannot be meant.
    #[error("the response policy is not valid: {field} {problem}")]
    Mistaken {
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// [`PolicyError`] names the line or the field.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        match policy.mistake() {
            Some((field, problem)) => Err(PolicyError::Mistaken { field, problem }),
            None => Ok(policy),
        }
    }

    fn mistake(&self) -> Option<(String, &'static str)> {
        if !(1..=31_536_000).contains(&self.review.timeout_seconds) {
            return Some(("review.timeout_seconds".to_owned(), "must be 1 to 31536000"));
        }
        if !(1..=500).contains(&self.review.max_rounds) {
            // 25,000 events of history per execution (Step Functions quotas); a round costs about 12.
            return Some(("review.max_rounds".to_owned(), "must be 1 to 500"));
        }
        let whole_wait = u64::from(self.review.timeout_seconds) * u64::from(self.review.max_rounds);
        if whole_wait > 31_000_000 {
            // An execution lives one year; the last resort must come before its end.
            return Some(("review.timeout_seconds x max_rounds".to_owned(), "must be at most 31000000 seconds"));
        }
        if self.verify_after_seconds.is_mistaken() {
            return Some(("verify_after_seconds".to_owned(), "must be 0 to 3600, or a list of 1 to 10 such numbers, ascending"));
        }
        if self.sweep.pages > 100 || self.sweep.hours > 90 * 24 {
            // A function has 60 seconds, and CloudTrail answers twice a second; its event history has 90 days.
            return Some(("sweep".to_owned(), "takes at most 100 pages and 2160 hours"));
        }
        if self.join_within_hours.is_mistaken() {
            return Some(("join_within_hours".to_owned(), "must be 0 to 168"));
        }
        if let Some((field, problem)) = self.protected.mistake() {
            return Some((format!("protected.{field}"), problem));
        }
        if let Some((field, problem)) = self.watch.mistake() {
            return Some((format!("watch.{field}"), problem));
        }
        if let Some((field, problem)) = self.instances.mistake() {
            return Some((format!("instances.{field}"), problem));
        }
        if let Some((field, problem)) = self.flood.mistake() {
            return Some((format!("flood.{field}"), problem));
        }
        if let Some(field) = self.budget.mistake() {
            return Some((format!("budget.{field}"), "must be 0 to 1000"));
        }
        for (at, suppression) in self.suppress.iter().enumerate() {
            if let Some(problem) = suppression.mistake() {
                return Some((format!("suppress[{at}]"), problem));
            }
        }
        let default = self.default.iter().find_map(|(band, row)| Some((band, row.mistake_as_default()?)));
        if let Some((band, problem)) = default {
            return Some((format!("default.{}", band.label().to_ascii_lowercase()), problem));
        }
        let wrong_row = self.finding.iter().find_map(|(kind, row)| Some((kind, row.mistake()?)));
        wrong_row.map(|(kind, problem)| (format!("finding.\"{}\"", crate::text::inert(kind, 128)), problem))
    }

    /// What parses and may still be a slip: finding types that the playbook does not know.
    #[must_use]
    pub fn doubtful(&self, playbook: &Playbook) -> Vec<String> {
        let rows = self.finding.keys().map(|kind| ("finding", kind));
        let suppressed = self.suppress.iter().flat_map(|s| &s.findings).map(|kind| ("suppress", kind));
        let unknown = rows.chain(suppressed).filter(|(_, kind)| playbook.row(kind).is_none());
        unknown
            .map(|(field, kind)| format!("{field} names {}, which the playbook does not know", crate::text::inert(kind, 100)))
            .collect()
    }

    /// The shipped playbook at full strength: what `firebreak plan` shows without a policy.
    #[must_use]
    pub fn unrestricted() -> Self {
        let (default_mode, isolation_requests) = (ResponseMode::Auto, IsolationRequests::Auto);
        Self { default_mode, isolation_requests, auto_from: AutoFrom(SeverityBand::Low), ..Self::default() }
    }

    /// The row of a finding type: the policy's own, else the playbook's.
    #[must_use]
    pub fn row<'a>(&'a self, playbook: &'a Playbook, finding_type: &str) -> Option<&'a Row> {
        self.own_row(finding_type).map(|(_, row)| row).or_else(|| playbook.row(finding_type))
    }

    /// The policy's own row of a finding type, in whatever spelling, and that spelling.
    #[must_use]
    pub fn own_row(&self, finding_type: &str) -> Option<(&str, &Row)> {
        let spelling = crate::playbook::spelled(&self.finding, finding_type)?;
        self.finding.get_key_value(spelling).map(|(kind, row)| (kind.as_str(), row))
    }

    /// The spelling under which the playbook, else the policy, knows the first of `names` that one of them knows. The playbook's is
    /// GuardDuty's own, by which GuardDuty is asked.
    #[must_use]
    pub fn spelling<'a>(&'a self, playbook: &'a Playbook, names: &[&str]) -> Option<&'a str> {
        let known = |name: &&str| playbook.spelling(name).or_else(|| crate::playbook::spelled(&self.finding, name));
        names.iter().find_map(known)
    }

    /// The row for a type without one: the policy's for the highest band that is not above, else the playbook's.
    #[must_use]
    pub fn default_row<'a>(&'a self, playbook: &'a Playbook, band: SeverityBand) -> Option<(SeverityBand, &'a Row, bool)> {
        let own = self.default.range(..=band).next_back().map(|(from, row)| (*from, row, true));
        own.or_else(|| playbook.default_row(band).map(|(from, row)| (from, row, false)))
    }

    /// Whether the file names an account: as one with a mode of its own, or as one that is allowed.
    #[must_use]
    pub fn names(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account) || self.allow.accounts.contains(account)
    }

    /// The mode for one containment in one account; without a containment, the account's own.
    #[must_use]
    pub fn mode(&self, account: &AccountId, containment: Option<Containment>) -> ResponseMode {
        let Some(account) = self.accounts.get(account) else { return self.default_mode };
        containment.and_then(|containment| account.containments.get(&containment)).copied().unwrap_or(account.mode)
    }

    /// Where in the file that mode stands.
    #[must_use]
    pub fn mode_path(&self, account: &AccountId, containment: Option<Containment>) -> Vec<String> {
        let Some(listed) = self.accounts.get(account) else { return vec!["default_mode".to_owned()] };
        let mut path = vec!["accounts".to_owned(), account.to_string()];
        match containment.filter(|containment| listed.containments.contains_key(containment)) {
            Some(containment) => path.extend(["containments".to_owned(), containment.name().to_owned()]),
            None => path.push("mode".to_owned()),
        }
        path
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
        assert_eq!(policy.mode(&named, Some(Containment::QuarantineIam)), ResponseMode::Auto);
        assert_eq!(policy.mode(&other, Some(Containment::QuarantineIam)), ResponseMode::Observe);
    }

    #[test]
    fn a_misspelled_field_is_an_error_that_names_it() {
        let error = Policy::parse("defualt_mode = \"auto\"").expect_err("misspelled").to_string();
        assert!(error.contains("defualt_mode"), "{error}");
        for (mistake, named) in [
            ("[accounts.12345]\nmode = \"auto\"", "account id"),
            ("[review]\ntimeout_seconds = 0", "review.timeout_seconds"),
            ("[budget]\nquarantine-iam = 5000", "budget.quarantine-iam"),
            ("join_within_hours = 169", "join_within_hours"),
            ("join_within_hours = -1", "join_within_hours"),
            ("[finding.\"X\"]\ncontain = { isolate-ec2 = \"notify\" }\nwhy = \"x\"", "finding.\"X\""),
            ("[[suppress]]\nfindings = [\"X\"]\nowner = \"a\"\nreason = \"b\"\nexpires = \"2027-01-01\"", "suppress[0]"),
            ("[protected]\nprincipals = [\"arn:aws:iam::111122223333:role/x\"]", "protected.principals"),
            ("[protected]\ninstances = [\"I-078F\"]", "protected.instances"),
            ("[watch]\nafter_seconds = [900, 300]", "watch.after_seconds"),
            ("[watch]\nevery_seconds = 0", "watch.every_seconds"),
            ("[allow]\nregions = [\"evil.com/#\"]", "Region"),
        ] {
            let error = Policy::parse(mistake).expect_err(mistake).to_string();
            assert!(error.contains(named), "{mistake}: {error}");
        }
    }

    /// `docs/policy.schema.json` is what editors check policy files with; `UPDATE_SCHEMA=1` writes it anew.
    #[test]
    fn the_shipped_schema_is_the_code_s() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.schema.json");
        let schema = schemars::schema_for!(Policy);
        let schema = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &schema).expect("writable");
        }
        let shipped = std::fs::read_to_string(&path).expect("docs/policy.schema.json");
        assert_eq!(shipped, schema, "run UPDATE_SCHEMA=1 cargo test -p firebreak");
    }
}
