//! Findings that people are only told about, in numbers that nobody reads one by one.
//!
//! Who administers one member account can import a thousand findings a second (Security Hub quotas, `BatchImportFindings`). Each of
//! them as an execution of its own would take away the executions of true findings. So what can only be announced is decided before
//! an execution starts: so many per account and minute are told, the others are counted, and one notice says how many there were.
//! What AWS's own products say of an account has a number of its own: nobody in the account can use that up.

use crate::finding::{SeverityBand, Source};
use crate::ids::{AccountId, Arn};
use crate::plan::{AtSource, Circumstances, FindingSummary, Plan, Verdict, plan_json};
use crate::policy::Policy;
use crate::text::inert;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds in which [`TOLD_AT_ONCE`] findings are told over all accounts.
pub const AT_ONCE_SECONDS: i64 = 10;
/// Findings over all accounts that each have a notice in [`AT_ONCE_SECONDS`]. SNS delivers 10 messages a second to an e-mail
/// subscription and suspends one that gets more (SNS developer guide). Those of two neighbouring slots are no more than that.
pub const TOLD_AT_ONCE: u32 = 5;
/// So many of them are kept for AWS's own products: what anybody can import must not use them up.
pub const KEPT_FOR_AWS: u32 = 2;

/// A finding that nobody vouches for and that people are only told about, whatever else happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The account that it names: 12 digits, or `unknown`.
    pub account: String,
    /// Its title or its type, safe to show: one of many.
    pub title: String,
    /// A product of AWS says so, see [`Excess::by_aws`].
    pub by_aws: bool,
    /// Its band is CRITICAL.
    pub critical: bool,
}

/// What people would only be told of `event`, an event with one finding; nothing when it calls for more, or when AWS vouches for it.
#[must_use]
pub fn only_announced(event: &str, policy: &Policy, now: Timestamp) -> Option<Announced> {
    let circumstances = Circumstances { at_source: AtSource::Active, ..Circumstances::new(policy, now) };
    let plan = plan_json(event.as_bytes(), &circumstances).ok()?;
    let finding = &plan.finding;
    let is_imported = finding.source == Source::SecurityHub && !finding.is_vouched();
    if !is_imported || plan.verdict != Verdict::Notify || plan.evidence {
        return None;
    }
    let account = finding.account.as_ref().map_or("unknown", |account| account.as_str()).to_owned();
    let title = finding.title.as_deref().or(finding.finding_type.as_deref()).unwrap_or("without a title");
    let critical = finding.severity_band == Some(SeverityBand::Critical);
    Some(Announced { account, title: inert(title, 200), by_aws: is_by_aws(finding), critical })
}

/// Whether the finding's id begins with the ARN of a product of AWS. Such an ARN has no account, and nobody outside AWS can import
/// findings under it; whoever imports some of their own does so under an ARN of their account, or of their company's product.
fn is_by_aws(finding: &FindingSummary) -> bool {
    let arn = finding.id.as_deref().and_then(Arn::parse);
    arn.is_some_and(|arn| {
        let resource = arn.resource;
        arn.service == "securityhub"
            && arn.account.is_none()
            && (resource.starts_with("product/aws/") || resource.starts_with("productv2/aws/"))
    })
}

/// What an incident that tells of an [`Excess`] carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What it tells of.
    #[serde(flatten)]
    pub of: Excess,
    /// Seconds that the state machine waits for more before people are told.
    pub wait_seconds: u32,
}

/// Findings of one account that were counted and not told, from one time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excess {
    /// Whose.
    pub account: String,
    /// Which: the account's windows follow each other. At most 64 letters, digits and hyphens.
    pub window: String,
    /// They are of AWS's own products, which are counted apart from what anybody in the account can import.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_aws: bool,
}

/// What an execution starts with that tells of an [`Excess`]. An event of EventBridge never looks like this: it has a source.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What it tells of.
    pub firebreak_excess: Excess,
}

impl Excess {
    /// The excess that `input` refers to, if it does.
    #[must_use]
    pub fn referred_to_by(input: &str) -> Option<Self> {
        if input.len() > 256 {
            return None;
        }
        let excess = serde_json::from_str::<Reference>(input).ok()?.firebreak_excess;
        let plain =
            |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (plain(&excess.account) && plain(&excess.window)).then_some(excess)
    }

    /// The name of the one execution that tells of it.
    #[must_use]
    pub fn execution_name(&self) -> String {
        let pool = if self.by_aws { "-aws" } else { "" };
        format!("excess-{}{pool}-{}", self.account, self.window)
    }

    /// The plan of its incident: people are told, once.
    #[must_use]
    pub fn plan(&self, policy: &Policy) -> Plan {
        let limit = policy.flood.announced_per_minute;
        let title = Some("Findings that are only announced, more than are told one by one".to_owned());
        let finding = FindingSummary { account: AccountId::parse(&self.account).ok(), title, ..FindingSummary::of_nothing() };
        let why = format!(
            "more findings of account {} can only be announced than are told one by one: {limit} a minute, and {TOLD_AT_ONCE} in \
             {AT_ONCE_SECONDS} seconds over all accounts",
            self.account
        );
        let pool = if self.by_aws { "#aws" } else { "" };
        Plan::to_tell(finding, format!("excess#{}{pool}#{}", self.account, self.window), why)
    }
}

/// How many findings an [`Excess`] has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Deliveries that were counted: EventBridge delivers at least once.
    pub count: u64,
    /// How many of them were CRITICAL.
    pub critical: u64,
    /// When the first one came.
    pub since: Timestamp,
    /// Title of the first one.
    pub first: String,
}

impl Tally {
    /// The sentence for people about `excess`.
    #[must_use]
    pub fn sentence(&self, excess: &Excess) -> String {
        let (count, critical, account) = (self.count, self.critical, &excess.account);
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        let by = if excess.by_aws { ", by AWS's own products," } else { "" };
        let first = inert(&self.first, 100);
        format!(
            "{count} more deliveries of findings ({critical} of them CRITICAL) of account {account}{by} came since {since} and were \
             only counted: who sends them is not listed in policy, or they are below its floor. One finding may come several times: \
             copies by Region, by the administrator's account or by a forwarder. The first: {first}. All of them are in Security Hub"
        )
    }
}
