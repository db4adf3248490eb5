//! One normal form for findings, whatever service sent them.
//!
//! Every field is optional: senders leave things out, and a missing field is a reason to ask a person, not to fail. The raw
//! event is kept apart, for evidence. Facts about the senders are in the module of each adapter.

mod asff;
mod guardduty;

use crate::ids::{AccessKeyId, AccountId, BucketName, IamName, InstanceId, Partition, PrincipalId, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which service's format the finding came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Amazon GuardDuty's native event.
    GuardDuty,
    /// AWS Security Hub's `Security Hub Findings - Imported` (ASFF).
    SecurityHub,
    /// Anything else.
    Unknown,
}

/// GuardDuty's bands: Low 1–3.9, Medium 4–6.9, High 7–8.9, Critical 9–10 (GuardDuty user guide, "Severity levels").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityBand {
    /// Below 4, and ASFF `INFORMATIONAL`.
    Low,
    /// 4 to 6.9.
    Medium,
    /// 7 to 8.9.
    High,
    /// 9 and above.
    Critical,
}

impl SeverityBand {
    /// The band of a number on GuardDuty's scale. `None` outside 0–10 and for NaN: such a number is not a severity.
    #[must_use]
    pub fn of(severity: f64) -> Option<Self> {
        match severity {
            s if !(0.0..=10.0).contains(&s) => None,
            s if s >= 9.0 => Some(Self::Critical),
            s if s >= 7.0 => Some(Self::High),
            s if s >= 4.0 => Some(Self::Medium),
            _ => Some(Self::Low),
        }
    }

    /// As people write it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The principal whose credentials the finding is about, resolved from typed fields, never from splitting an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An IAM user.
    User(IamName),
    /// A role, with the session that was seen.
    Role {
        /// The role's name.
        name: IamName,
        /// The session's name: attacker-chosen text.
        session: Option<String>,
    },
    /// The account's root user.
    Root,
    /// Something IAM cannot contain in this account; the text says what.
    Other(&'static str),
}

/// Credentials a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub principal: Principal,
    /// The immutable id of the principal, when it has the documented form.
    pub principal_id: Option<PrincipalId>,
    /// The access key, when it has the documented form (`null` and empty keys occur).
    pub access_key_id: Option<AccessKeyId>,
}

/// A bucket a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The name, or nothing when it is not a general purpose bucket's.
    pub name: Option<BucketName>,
    /// GuardDuty's `type`: false for the `Source` of a copy, which is not the bucket at risk.
    pub at_risk: bool,
}

/// Whether GuardDuty saw the resource act or be acted on. Only brute force findings need it: in most types `TARGET` does not
/// mean innocent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRole {
    /// The resource did it.
    Actor,
    /// It was done to the resource.
    Target,
}

/// A finding in Firebreak's normal form.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The format it came in.
    pub source: Source,
    /// The id that is the same on every route: GuardDuty's finding ARN, else `ProductArn/Id`.
    pub id: Option<String>,
    /// GuardDuty's type, restored to its original form. An open vocabulary: never an enum.
    pub finding_type: Option<String>,
    /// On GuardDuty's scale of 1 to 10.
    pub severity: Option<f64>,
    /// The band. ASFF's label wins over its numbers.
    pub band: Option<SeverityBand>,
    /// The account the resource is in, from the finding itself: a delegated administrator's envelope names another.
    pub account: Option<AccountId>,
    /// The Region the resource is in.
    pub region: Option<Region>,
    /// The partition.
    pub partition: Option<Partition>,
    /// GuardDuty itself says so. Other products' findings can be imported by anybody who may call `BatchImportFindings`.
    pub vouched: bool,
    /// The sender's one-line description. Attacker-influenced text.
    pub title: Option<String>,
    /// Archived, suppressed or resolved at the source: people have already dealt with it.
    pub settled: bool,
    /// Produced by `CreateSampleFindings`; read from the documented flag only, never from names or tags.
    pub sample: bool,
    /// Actor or target.
    pub resource_role: Option<ResourceRole>,
    /// Credentials the finding names.
    pub credentials: Option<Credentials>,
    /// The instance the finding names. Beside credentials it is often only context.
    pub instance: Option<InstanceId>,
    /// Buckets the finding names.
    pub buckets: Vec<Bucket>,
}

/// What an event turned out to be.
#[derive(Debug)]
pub enum Read {
    /// One or more findings.
    Findings(Vec<Finding>),
    /// Nothing Firebreak can read; the text says why, for a person.
    Unreadable(&'static str),
}

/// Reads an EventBridge event.
#[must_use]
pub fn read(event: &Value) -> Read {
    let (Some(source), Some(detail_type)) = (text(event, "source"), text(event, "detail-type")) else {
        return Read::Unreadable("not an EventBridge event: no source and detail-type");
    };
    let Some(detail) = event.get("detail").filter(|detail| detail.is_object()) else {
        return Read::Unreadable("the event has no detail object");
    };
    match (source, detail_type) {
        ("aws.guardduty", "GuardDuty Finding") => guardduty::read(detail),
        ("aws.securityhub", "Security Hub Findings - Imported" | "Security Hub Findings - Custom Action") => asff::read(detail),
        ("aws.guardduty" | "aws.securityhub", _) => Read::Unreadable("a detail-type Firebreak does not read yet"),
        _ => Read::Unreadable("a source Firebreak does not read"),
    }
}

/// A string field that is present, a string, and not empty.
fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str).filter(|s| !s.is_empty())
}

/// Resolves the principal from GuardDuty's and ASFF's shared vocabulary of `userType`, `userName` and `principalId`.
///
/// For a role `userName` is the role's name, or `role:session` in some events, and `principalId` is `AROA…:session` (seen in
/// real events). A session that is named like a user is never that user.
fn credentials(user_type: &str, user_name: Option<&str>, principal_id: Option<&str>, key: Option<&str>) -> Credentials {
    let (id, session) = match principal_id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
        Some((id, session)) => (Some(id), Some(session).filter(|s| !s.is_empty())),
        None => (None, None),
    };
    let principal = match user_type {
        "IAMUser" => user_name
            .and_then(|name| IamName::parse(name).ok())
            .map_or(Principal::Other("an IAM user whose name has no valid form"), Principal::User),
        "AssumedRole" | "Role" => user_name
            .map(|name| name.split_once(':').map_or(name, |(role, _)| role))
            .and_then(|name| IamName::parse(name).ok())
            .map_or(Principal::Other("a role whose name has no valid form"), |name| Principal::Role {
                name,
                session: session.map(|s| crate::text::inert(s, 64)),
            }),
        "Root" => Principal::Root,
        "FederatedUser" => Principal::Other("a federated user; its parent is not in the finding"),
        "AWSAccount" => Principal::Other("a principal of another AWS account"),
        "AWSService" => Principal::Other("an AWS service"),
        _ => Principal::Other("a principal Firebreak does not know"),
    };
    Credentials {
        principal,
        principal_id: id.and_then(|id| PrincipalId::parse(id).ok()),
        access_key_id: key.and_then(|key| AccessKeyId::parse(key).ok()),
    }
}
