//! Findings that people are only told about, in numbers that nobody reads one by one.
//!
//! Who administers one member account can import a thousand findings a second (Security Hub quotas, `BatchImportFindings`). Each of
//! them as an execution of its own would take away the executions of true findings. So what can only be announced is decided before
//! an execution starts: so many per account and minute are told, the others are counted, and one notice says how many there were.

use crate::finding::Source;
use crate::ids::AccountId;
use crate::plan::{AtSource, Circumstances, FindingSummary, Plan, Verdict, plan_json};
use crate::policy::Policy;
use crate::text::inert;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A finding that nobody vouches for and that people are only told about, whatever else happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The account that it names: 12 digits, or `unknown`.
    pub account: String,
    /// Its title or its type, safe to show: one of many.
    pub title: String,
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
    Some(Announced { account, title: inert(title, 200) })
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
        format!("excess-{}-{}", self.account, self.window)
    }

    /// The plan of its incident: people are told, once.
    #[must_use]
    pub fn plan(&self, policy: &Policy) -> Plan {
        let limit = policy.flood.announced_per_minute;
        let title = Some("Findings that are only announced, more than are told one by one".to_owned());
        let finding = FindingSummary { account: AccountId::parse(&self.account).ok(), title, ..FindingSummary::of_nothing() };
        let why = format!("more than {limit} findings a minute of account {} can only be announced", self.account);
        Plan::to_tell(finding, format!("excess#{}#{}", self.account, self.window), why)
    }
}

/// How many findings an [`Excess`] has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Deliveries that were counted: EventBridge delivers at least once.
    pub count: u64,
    /// When the first one came.
    pub since: Timestamp,
    /// Title of the first one.
    pub first: String,
}

impl Tally {
    /// The sentence for people.
    #[must_use]
    pub fn sentence(&self, account: &str) -> String {
        let (count, since) = (self.count, self.since.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let first = inert(&self.first, 100);
        format!(
            "{count} more findings of account {account} came since {since} and were only counted: who sends them is not listed in \
             policy, or they are below its floor. The first: {first}. All of them are in Security Hub"
        )
    }
}
