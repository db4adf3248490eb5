//! One normal form for findings, whatever service sent them.
//!
//! Every field is optional: senders leave things out, and a missing field is a reason to ask a person, not to fail. Fields that
//! are not listed here are not lost: the raw event is kept, for evidence. Facts about the senders are in the module of each adapter.

mod actor;
mod asff;
mod export;
mod guardduty;
mod health;
mod json;
mod malware_scan;
mod ocsf;
mod principal;
mod request;
mod resource;
mod sequence;
mod vocabulary;

pub use actor::Actor;
pub use export::events;
pub use json::{BadJson, parse};
pub use principal::{Credentials, Principal};
pub use request::DETAIL_TYPE as REQUEST_DETAIL_TYPE;
pub use resource::{Named, Resource, Subject};

use crate::ids::{AccountId, Partition, Region};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::net::IpAddr;

/// Which service's format the finding came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Amazon GuardDuty's native event.
    GuardDuty,
    /// AWS Security Hub: `Security Hub Findings - Imported` (ASFF) or `Findings Imported V2` (OCSF).
    SecurityHub,
    /// AWS Health: abuse reports and exposed credentials.
    Health,
    /// GuardDuty Malware Protection for S3: the result of one scan.
    MalwareScan,
    /// A person asked: `Firebreak Isolation Request`.
    Request,
    /// Anything else.
    Unknown,
}

/// GuardDuty's bands: Low 1–3.9, Medium 4–6.9, High 7–8.9, Critical 9–10 (GuardDuty user guide, "Severity levels").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

    /// The band of a label, in any case.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        Some(match label.trim().to_ascii_uppercase().as_str() {
            "CRITICAL" | "FATAL" => Self::Critical,
            "HIGH" => Self::High,
            "MEDIUM" => Self::Medium,
            "LOW" | "INFORMATIONAL" => Self::Low,
            _ => return None,
        })
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

/// Whether GuardDuty saw the resource act or be acted on. Only brute force findings need it: in most types `TARGET` does not
/// mean innocent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRole {
    /// The resource did it.
    Actor,
    /// It was done to the resource.
    Target,
}

impl ResourceRole {
    fn parse(text: Option<&str>) -> Option<Self> {
        match text?.trim().to_ascii_uppercase().as_str() {
            "ACTOR" => Some(Self::Actor),
            "TARGET" => Some(Self::Target),
            _ => None,
        }
    }
}

/// How tags of cluster nodes begin: EKS managed node groups, clusters made by hand, ECS container instances.
const NODE_TAGS: [&str; 6] =
    ["eks:", "aws:eks:", "kubernetes.io/cluster/", "k8s.io/cluster", "karpenter.sh/", "AmazonECSManaged"];

/// Parts of the types that report one DNS query and whose name does not end in `!DNS`. Not every format states the action.
const DNS_ALONE: [&str; 3] = ["DomainRequest", "DNSDataExfiltration", "MetadataDNSRebind"];

/// A finding in Firebreak's normal form.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The format it came in.
    pub source: Source,
    /// The id that is the same on every route: GuardDuty's finding ARN, else `ProductArn/Id`.
    pub id: Option<String>,
    /// GuardDuty's type, restored to its original form; of Health events, the event type code. An open vocabulary: never an enum.
    pub finding_type: Option<String>,
    /// Other spellings and further types, the likeliest first: which of them has a row, only the playbook knows.
    pub spellings: Vec<String>,
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
    /// When the sender last changed it: the version of this finding. `None` when the sender's text is no time.
    pub updated_at: Option<Timestamp>,
    /// When what it reports was seen for the first time, if the sender says so.
    pub first_seen: Option<Timestamp>,
    /// The Security Hub product, such as `aws/guardduty`.
    pub product: Option<String>,
    /// AWS itself says so. Other products' findings can be imported by anybody who may call `BatchImportFindings`.
    pub vouched: bool,
    /// The sender's one-line description. Attacker-influenced text.
    pub title: Option<String>,
    /// Archived, suppressed or resolved at the source: people have already dealt with it.
    pub settled: bool,
    /// Produced by `CreateSampleFindings`; read from the documented flag only, never from names or tags.
    pub sample: bool,
    /// Actor or target.
    pub resource_role: Option<ResourceRole>,
    /// What was seen is a DNS query, as the sender states it.
    pub dns_request: bool,
    /// A guardrail of Bedrock saw an attack in a prompt and did not block it.
    pub let_through: bool,
    /// Why GuardDuty calls a sequence one: an open vocabulary, for people.
    pub indicators: Vec<String>,
    /// Everything the finding names, in the sender's order.
    pub resources: Vec<Resource>,
    /// The other side: addresses that were talked to or called from.
    pub remote_addresses: Vec<IpAddr>,
    /// Who did it, and from where, for people: the address is that of `remote_addresses` where no more is known.
    pub actor: Actor,
    /// An attack sequence: it names its targets one by one, nothing in it is mere context.
    pub sequence: bool,
    /// The attack sequence this finding is a signal of.
    pub part_of: Option<String>,
    /// Of a person's request: who asks, as the request says.
    pub requested_by: Option<String>,
}

impl Finding {
    /// A finding of `source` that says nothing.
    fn empty(source: Source) -> Self {
        Self {
            source,
            id: None,
            finding_type: None,
            spellings: Vec::new(),
            severity: None,
            band: None,
            account: None,
            region: None,
            partition: None,
            updated_at: None,
            first_seen: None,
            product: None,
            vouched: false,
            title: None,
            settled: false,
            sample: false,
            resource_role: None,
            dns_request: false,
            let_through: false,
            indicators: Vec::new(),
            resources: Vec::new(),
            remote_addresses: Vec::new(),
            actor: Actor::default(),
            sequence: false,
            part_of: None,
            requested_by: None,
        }
    }

    /// The resources that are one of `subject`, usable or not.
    pub fn about(&self, subject: Subject) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.subject() == subject)
    }

    /// True when the instance is the host of containers or pods: isolating it takes down its neighbours. Findings from flow and
    /// DNS logs name no workload; the tags of cluster nodes tell. Whoever writes them only asks for a person.
    #[must_use]
    pub fn on_shared_host(&self) -> bool {
        self.about(Subject::Workload).next().is_some() || self.node_tag().is_some()
    }

    /// The key of a tag that makes the instance a node of a cluster.
    #[must_use]
    pub fn node_tag(&self) -> Option<&str> {
        let mut keys = self.about(Subject::Instance).flat_map(|resource| &resource.tags).map(|(key, _)| key.as_str());
        keys.find(|key| is_node_tag(key))
    }

    /// Whether all that was seen is a DNS query: who resolves names for others sends theirs, too. A sequence has seen more.
    #[must_use]
    pub fn rests_on_dns(&self) -> bool {
        let of_type = |kind: &str| kind.ends_with("!DNS") || DNS_ALONE.iter().any(|part| kind.contains(part));
        !self.sequence && (self.dns_request || self.finding_type.as_deref().is_some_and(of_type))
    }
}

/// Whether the tag of this key is one of a cluster's node.
#[must_use]
pub fn is_node_tag(key: &str) -> bool {
    NODE_TAGS.iter().any(|tag| key.starts_with(tag))
}

/// How the event was delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The envelope's time.
    pub time: Option<Timestamp>,
    /// It comes from an EventBridge archive (`replay-name` is set).
    pub replayed: bool,
}

/// What an event turned out to be.
#[derive(Debug)]
pub enum Read {
    /// One or more findings.
    Findings(Vec<Finding>),
    /// It is understood, and calls for nothing; the text says what it is.
    Nothing(&'static str),
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
        ("aws.guardduty", malware_scan::DETAIL_TYPE) => malware_scan::read(event, detail),
        ("aws.securityhub", "Security Hub Findings - Imported" | "Security Hub Findings - Custom Action") => asff::read(detail),
        ("aws.securityhub", "Findings Imported V2") => ocsf::read(detail),
        ("aws.health", "AWS Health Event" | "AWS Health Abuse Event") => health::read(event, detail),
        // AWS reserves sources that begin with `aws.`: a person's request cannot come from one.
        (source, request::DETAIL_TYPE) if !source.starts_with("aws.") => request::read(event, detail),
        ("aws.guardduty" | "aws.securityhub" | "aws.health", _) => Read::Unreadable("a detail-type Firebreak does not read"),
        _ => Read::Unreadable("a source Firebreak does not read"),
    }
}

/// Reads how an event was delivered.
#[must_use]
pub fn delivery(event: &Value) -> Delivery {
    Delivery { time: text(event, "time").and_then(timestamp), replayed: event.get("replay-name").is_some() }
}

/// Splits a Security Hub event that carries several findings into events that carry one each, so that each is claimed, budgeted
/// and answered by itself. Any other text comes back as it is, byte for byte: it is evidence.
#[must_use]
pub fn split(event: &str) -> Vec<Cow<'_, str>> {
    let Ok(mut frame) = parse(event.as_bytes()) else { return vec![event.into()] };
    if text(&frame, "source") != Some("aws.securityhub") {
        return vec![event.into()];
    }
    let Some(Value::Array(findings)) = frame.pointer_mut("/detail/findings").map(Value::take) else { return vec![event.into()] };
    if !(2..=MAX_FINDINGS).contains(&findings.len()) {
        return vec![event.into()];
    }
    let with = |finding: Value| {
        let mut event = frame.clone();
        if let Some(slot) = event.pointer_mut("/detail/findings") {
            *slot = Value::Array(vec![finding]);
        }
        event.to_string().into()
    };
    findings.into_iter().map(with).collect()
}

/// `BatchImportFindings` takes 100. An event with more stays whole: it must not become any number of executions.
const MAX_FINDINGS: usize = 100;

/// A string field that is present, a string, and not empty.
fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str).filter(|s| !s.is_empty())
}

/// A flag: a bool, or the text of one, as some forwarders quote it.
fn is_set(flag: &Value) -> bool {
    flag.as_bool().or_else(|| flag.as_str().map(|text| text.eq_ignore_ascii_case("true"))).unwrap_or(false)
}

/// The elements of an array field; none when it is missing or something else.
fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// GuardDuty's tags are `[{key, value}]`.
fn tags(of: &Value) -> Vec<(String, String)> {
    let tag = |tag: &Value| Some((text(tag, "key")?.to_owned(), tag.get("value")?.as_str()?.to_owned()));
    list(of, "tags").filter_map(tag).collect()
}

/// A time as senders write it: RFC 3339, or RFC 2822 as AWS Health does. Other texts are no time (no zone, another order): they have
/// no place in an order of versions.
fn timestamp(text: &str) -> Option<Timestamp> {
    const MAIL: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    text.parse().ok().or_else(|| MAIL.parse_timestamp(text).ok())
}

/// The first of several fields that has its form: one that has none is as good as absent.
fn first<T, E>(texts: impl IntoIterator<Item = Option<impl AsRef<str>>>, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
    texts.into_iter().flatten().find_map(|text| parse(text.as_ref()).ok())
}

/// A Region and a partition from the first ARN among `ids`, where the sender's own fields have none.
fn place_of<'a>(ids: impl IntoIterator<Item = Option<&'a str>>) -> (Option<Region>, Option<Partition>) {
    let arns: Vec<crate::ids::Arn<'_>> = ids.into_iter().flatten().filter_map(crate::ids::Arn::parse).collect();
    let region = arns.iter().find_map(|arn| arn.region.clone());
    (region, arns.into_iter().map(|arn| arn.partition).next())
}

/// The partition: as it is stated, else the Region's, else an ARN's.
fn partition(stated: Option<&str>, region: Option<&Region>, of_arn: Option<Partition>) -> Option<Partition> {
    let stated = stated.and_then(|text| Partition::parse(text).ok());
    stated.or_else(|| region.map(Partition::of)).or(of_arn).or_else(|| Partition::parse("aws").ok())
}
