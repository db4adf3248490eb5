//! What to do about an event: a pure function of the event and the policy.
//!
//! The type decides through the playbook, then the matching detail block, then the kind of principal. Whatever is unknown,
//! missing or malformed ends in a notice with a reason, never in an error and never in silence.

use crate::decision::{Containment, Decision, Mode, Target, TargetKind};
use crate::finding::{self, Finding, Principal, Read, ResourceRole, SeverityBand, Source};
use crate::ids::{AccountId, InstanceId, Partition, Region};
use crate::playbook::{Playbook, Row};
use crate::policy::{Policy, ResponseMode, SampleHandling, lower};
use crate::text::inert;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What happens to the event as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At least one decision is contained at once or after approval.
    Respond,
    /// A person is told; nothing is contained.
    Notify,
    /// Nothing is done: the finding was settled at its source, or it is known already.
    Ignore,
}

/// The finding, as much of it as travels: bounded and safe to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingSummary {
    /// GuardDuty finding ARN, or the product's id.
    pub id: Option<String>,
    /// The type in GuardDuty's original spelling.
    #[serde(rename = "type")]
    pub finding_type: Option<String>,
    /// On GuardDuty's scale of 1 to 10.
    pub severity: Option<f64>,
    /// LOW, MEDIUM, HIGH or CRITICAL.
    pub severity_band: Option<SeverityBand>,
    /// The format it came in.
    pub source: Source,
    /// The account of the resource.
    pub account: Option<AccountId>,
    /// The Region of the resource.
    pub region: Option<Region>,
    /// The sender's title.
    pub title: Option<String>,
}

/// The answer of triage to one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What happens.
    pub verdict: Verdict,
    /// Why, when it is not a response.
    pub reason: Option<String>,
    /// The same for every delivery of the same finding, on every route.
    pub dedupe_key: String,
    /// The finding.
    pub finding: FindingSummary,
    /// One entry per target.
    pub decisions: Vec<Decision>,
}

/// More targets than this in one event are a person's business; the incident must stay small (32 KiB).
const MAX_DECISIONS: usize = 20;

/// Decides what to do about `event`.
#[must_use]
pub fn plan(event: &Value, playbook: &Playbook, policy: &Policy) -> Plan {
    match finding::read(event) {
        Read::Unreadable(why) => notice_only(event, why),
        Read::Findings(findings) => {
            let mut plans = findings.iter().map(|finding| plan_finding(event, finding, playbook, policy));
            let Some(first) = plans.next() else { return notice_only(event, "the event carries no findings") };
            let mut plan = plans.fold(first, merge);
            if findings.len() > 1 {
                // Keyed by all of them: having seen one of them before must not hide the others.
                plan.dedupe_key = digest_key(event);
            }
            bound(plan)
        }
    }
}

/// Keeps the incident small and says so.
fn bound(mut plan: Plan) -> Plan {
    let more = plan.decisions.len().saturating_sub(MAX_DECISIONS);
    if more > 0 {
        plan.decisions.truncate(MAX_DECISIONS);
        plan.reason = Some(format!("{more} more target(s) need a person: the event names more than {MAX_DECISIONS}"));
    }
    plan
}

/// Several findings in one event become one plan: the strongest verdict leads, decisions add up.
fn merge(a: Plan, b: Plan) -> Plan {
    let strength = |plan: &Plan| match plan.verdict {
        Verdict::Respond => 2,
        Verdict::Notify => 1,
        Verdict::Ignore => 0,
    };
    let (mut lead, other) = if strength(&b) > strength(&a) { (b, a) } else { (a, b) };
    for decision in other.decisions {
        let known = lead.decisions.iter().any(|d| d.target == decision.target && d.containment == decision.containment);
        if !known {
            lead.decisions.push(decision);
        }
    }
    lead
}

fn notice_only(event: &Value, why: &str) -> Plan {
    let finding = FindingSummary {
        id: None,
        finding_type: None,
        severity: None,
        severity_band: None,
        source: Source::Unknown,
        account: None,
        region: None,
        title: None,
    };
    Plan { verdict: Verdict::Notify, reason: Some(why.to_owned()), dedupe_key: digest_key(event), finding, decisions: vec![] }
}

fn plan_finding(event: &Value, finding: &Finding, playbook: &Playbook, policy: &Policy) -> Plan {
    let mut decisions = Vec::new();
    let (verdict, reason) = if finding.settled {
        (Verdict::Ignore, Some("archived, suppressed or resolved at its source".to_owned()))
    } else {
        match decide(finding, playbook, policy) {
            Ok(decided) => {
                decisions = decided;
                if decisions.iter().any(|d| d.mode != Mode::Notify) {
                    (Verdict::Respond, None)
                } else {
                    (Verdict::Notify, decisions.first().map(|d| d.reason.clone()))
                }
            }
            Err(why) => (Verdict::Notify, Some(why)),
        }
    };
    Plan {
        verdict,
        reason,
        dedupe_key: finding.id.as_deref().map_or_else(|| digest_key(event), |id| inert(id, 1024)),
        finding: summary(finding),
        decisions,
    }
}

fn summary(finding: &Finding) -> FindingSummary {
    FindingSummary {
        id: finding.id.as_deref().map(|id| inert(id, 512)),
        finding_type: finding.finding_type.as_deref().map(|t| inert(t, 128)),
        severity: finding.severity,
        severity_band: finding.band,
        source: finding.source,
        account: finding.account.clone(),
        region: finding.region.clone(),
        title: finding.title.as_deref().map(|t| inert(t, 200)),
    }
}

/// The key of an event that names no finding: its content, without the id and time that EventBridge gives each delivery.
fn digest_key(event: &Value) -> String {
    let content = match event.get("detail") {
        Some(detail) => detail,
        None => event,
    };
    let digest = Sha256::digest(content.to_string().as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("event:{hex}")
}

/// Everything a target needs besides its name.
struct Place {
    account: AccountId,
    region: Region,
    partition: Partition,
}

fn decide(finding: &Finding, playbook: &Playbook, policy: &Policy) -> Result<Vec<Decision>, String> {
    let kind = finding.finding_type.as_deref().ok_or("the finding names no type")?;
    let row = playbook.row(kind).ok_or("the playbook has no row for this type")?;
    let place = Place {
        account: finding.account.clone().ok_or("the finding names no valid account")?,
        region: finding.region.clone().ok_or("the finding names no valid Region")?,
        partition: finding.partition.clone().ok_or("the finding names no valid partition")?,
    };
    let band = finding.band.ok_or("the finding's severity is missing or outside 0 to 10")?;
    if finding.source == Source::SecurityHub && band < SeverityBand::High {
        // A Security Hub event is delivered whole when one of its findings matches the rule.
        return Err(format!("severity {}: below HIGH, Security Hub findings are only announced", band.label()));
    }
    if row.only_actor && finding.resource_role != Some(ResourceRole::Actor) {
        return Err("the resource is the victim here, not the actor: nothing to contain".to_owned());
    }
    if finding.sample && policy.samples == SampleHandling::Notify {
        return Err("a sample finding: policy says samples are only announced".to_owned());
    }
    if row.contain.is_empty() {
        return Err(row.why.clone());
    }
    // A finding can name one target well and another not at all: an anonymous caller must not save the bucket.
    let (mut decisions, mut unusable) = (Vec::new(), Vec::new());
    for (&containment, &mode) in &row.contain {
        match targets(finding, row, containment, &place) {
            Ok(targets) => {
                decisions.extend(targets.into_iter().map(|target| restrict(finding, target, containment, mode, row, policy)))
            }
            Err(why) => unusable.push(why),
        }
    }
    if decisions.is_empty() { Err(unusable.join("; ")) } else { Ok(decisions) }
}

/// Applies policy to what the playbook wants.
fn restrict(
    finding: &Finding,
    target: Target,
    containment: Containment,
    playbook_mode: Mode,
    row: &Row,
    policy: &Policy,
) -> Decision {
    if target.kind == TargetKind::AccountRoot {
        let reason = "root cannot be contained by IAM: sign in, rotate its credentials, check MFA".to_owned();
        return Decision { target, containment: None, mode: Mode::Notify, reason };
    }
    if let Some(protection) = policy.protects(&target) {
        let reason = format!("protected ({protection}): a person must decide; {}", row.why);
        return Decision { target, containment: Some(containment), mode: Mode::Notify, reason };
    }
    let policy_mode = policy.mode(&target.account, containment);
    // A forged finding must not become a weapon: what GuardDuty does not vouch for waits for a person.
    let mode = match lower(playbook_mode, policy_mode) {
        Mode::Auto if !finding.vouched => Mode::Gate,
        mode => mode,
    };
    let reason = match policy_mode {
        ResponseMode::Observe => format!("observe mode in account {}: {}", target.account, row.why),
        ResponseMode::Auto if playbook_mode == Mode::Auto && mode == Mode::Gate => {
            format!("another product than GuardDuty says so, a person must confirm it: {}", row.why)
        }
        ResponseMode::GateFirst | ResponseMode::Auto => row.why.clone(),
    };
    Decision { target, containment: Some(containment), mode, reason }
}

fn targets(finding: &Finding, row: &Row, containment: Containment, place: &Place) -> Result<Vec<Target>, String> {
    match containment {
        Containment::QuarantineIam => principal_target(finding, place).map(|t| vec![t]),
        Containment::IsolateEc2 => {
            // Beside credentials, instanceDetails is only context (39 of 41 AWS samples carry it): the instance that leaked is the
            // one the role's session is named after.
            let about_credentials = row.contain.contains_key(&Containment::QuarantineIam);
            let instance = if about_credentials { session_instance(finding) } else { finding.instance.clone() };
            match instance {
                Some(id) => Ok(vec![place.target(TargetKind::Ec2Instance, id.as_str())]),
                None if about_credentials => Ok(vec![]),
                None => Err("the finding names no valid instance".to_owned()),
            }
        }
        Containment::LockdownS3 => {
            let buckets: Vec<Target> = finding
                .buckets
                .iter()
                .filter(|bucket| bucket.at_risk)
                .filter_map(|bucket| bucket.name.as_ref())
                .map(|name| place.target(TargetKind::S3Bucket, name.as_str()))
                .collect();
            if buckets.is_empty() { Err("the finding names no bucket that can be locked down".to_owned()) } else { Ok(buckets) }
        }
    }
}

fn principal_target(finding: &Finding, place: &Place) -> Result<Target, String> {
    let credentials = finding.credentials.as_ref().ok_or("the finding names no credentials")?;
    let mut target = match &credentials.principal {
        Principal::User(name) => place.target(TargetKind::IamUser, name.as_str()),
        Principal::Role { name, session } => {
            Target { session: session.clone(), ..place.target(TargetKind::IamRole, name.as_str()) }
        }
        Principal::Root => place.target(TargetKind::AccountRoot, place.account.as_str()),
        Principal::Other(what) => return Err(format!("the principal is {what}: nothing IAM could contain here")),
    };
    target.principal_id.clone_from(&credentials.principal_id);
    target.access_key_id.clone_from(&credentials.access_key_id);
    Ok(target)
}

fn session_instance(finding: &Finding) -> Option<InstanceId> {
    match &finding.credentials.as_ref()?.principal {
        Principal::Role { session: Some(session), .. } => InstanceId::parse(session).ok(),
        _ => None,
    }
}

impl Place {
    fn target(&self, kind: TargetKind, id: &str) -> Target {
        Target {
            kind,
            id: id.to_owned(),
            account: self.account.clone(),
            region: self.region.clone(),
            partition: self.partition.clone(),
            principal_id: None,
            access_key_id: None,
            session: None,
        }
    }
}

/// The input is not JSON at all.
#[derive(Debug, thiserror::Error)]
#[error("not JSON: line {line}, column {column}")]
pub struct NotJson {
    line: usize,
    column: usize,
}

/// Decides what to do about an event given as JSON text.
///
/// JSON that no tree can hold (nested deeper than 128, half a surrogate pair, a number beyond `f64`) is still a finding that
/// somebody must look at: it becomes a notice.
///
/// # Errors
/// [`NotJson`] with the place, never the text.
pub fn plan_json(bytes: &[u8], playbook: &Playbook, policy: &Policy) -> Result<Plan, NotJson> {
    let not_json = |error: &serde_json::Error| NotJson { line: error.line(), column: error.column() };
    match serde_json::from_slice::<Value>(bytes) {
        Ok(event) => Ok(plan(&event, playbook, policy)),
        Err(error) if std::str::from_utf8(bytes).is_err() => Err(not_json(&error)),
        Err(_) => match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => {
                let raw = Value::String(String::from_utf8_lossy(bytes).into_owned());
                Ok(notice_only(&raw, "valid JSON, but nested too deeply or with values no program can hold"))
            }
            Err(error) => Err(not_json(&error)),
        },
    }
}
