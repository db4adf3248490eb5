//! Asks GuardDuty whether a finding still stands, before anything is contained because of it.
//!
//! The question goes to Firebreak's own account, which must be GuardDuty's delegated administrator: an administrator sees the
//! findings of all members under its own detector (GuardDuty user guide, "Understanding the relationship between administrator and
//! member accounts"). An attacker who can break the question must not be able to stop the response, so no answer means: go on.
//!
//! Breaking the question is one thing, evading it another. An id under which GuardDuty cannot be asked, and a Region where GuardDuty is
//! off, are no missing answers: GuardDuty says nothing there, so a finding in its name is not confirmed.
//!
//! An id can be borrowed for another target. The answer carries the finding as GuardDuty has it, and triage compares what that calls
//! for (`Plan::is_called_for_by`).

use aws_config::{Region, SdkConfig};
use aws_sdk_guardduty::Client;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::Fault;
use firebreak::finding::{self, Source};
use firebreak::plan::Plan;
use firebreak::policy::Confirmation;
use firebreak_aws::classify::OrFault;
use firebreak_aws::wire_answer::WireAnswer;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// The whole question may take this long: it stands before the containment.
const PATIENCE: Duration = Duration::from_secs(3);

/// What GuardDuty says about a finding.
pub(crate) enum Answer {
    /// Nobody asked, or there was no answer.
    NotAsked,
    /// It stands: the finding as GuardDuty has it, as an event.
    Stands(Value),
    /// Somebody archived it.
    Settled,
    /// GuardDuty has no such finding of this account and type, or cannot have said what the event says in its name.
    Unknown,
}

/// What was heard while the account of the finding was asked about its principals: what it means depends on their answers, too.
pub(crate) enum Heard {
    /// GuardDuty's answer, or none.
    Answer(Answer),
    /// The finding has no id under which GuardDuty could be asked.
    NoId,
    /// GuardDuty is off in the Region of the finding.
    Off,
}

impl Heard {
    /// What it means for `plan`, in which the account's answers are.
    pub(crate) fn about(self, plan: &Plan) -> Answer {
        if !depends(plan) {
            return Answer::NotAsked;
        }
        match self {
            Self::Answer(answer) => answer,
            // A copy of Security Hub comes from the member's own detector, and nobody else can import under GuardDuty's product.
            // Who may start an execution can write one all the same: docs/threat-model.md.
            Self::Off if plan.finding.source == Source::SecurityHub => Answer::NotAsked,
            Self::NoId | Self::Off if acts_in_its_name(plan) => Answer::Unknown,
            Self::NoId | Self::Off => Answer::NotAsked,
        }
    }
}

/// Asks, and remembers the detector of each Region.
pub(crate) struct Confirmer {
    config: SdkConfig,
    detectors: Mutex<HashMap<String, String>>,
}

/// A GuardDuty finding ARN's parts: `arn:aws:guardduty:<region>:<account>:detector/<id>/finding/<id>`.
struct FindingArn<'a> {
    region: &'a str,
    id: &'a str,
}

impl Confirmer {
    pub(crate) fn new(config: SdkConfig) -> Self {
        Self { config, detectors: Mutex::new(HashMap::new()) }
    }

    /// What GuardDuty says now, when `plan` would contain something at once, may do so once the account has answered, or asks a person
    /// about what was not understood.
    pub(crate) async fn ask(&self, plan: &Plan, confirmation: Confirmation) -> Heard {
        if confirmation == Confirmation::Off || !(depends(plan) || plan.may_rise()) {
            return Heard::Answer(Answer::NotAsked);
        }
        // Only the Region the finding is about: its id is the sender's text, and becomes part of a host name.
        let is_its = |arn: &FindingArn<'_>| plan.finding.region.as_ref().is_some_and(|region| region.as_str() == arn.region);
        let Some(finding) = plan.finding.id.as_deref().and_then(parse).filter(is_its) else { return Heard::NoId };
        if !plan.findings.is_empty() {
            // One answer cannot stand for several findings. `ingest` splits such events; this one was started by hand.
            return Heard::Answer(Answer::Unknown);
        }
        match tokio::time::timeout(PATIENCE, self.answer(plan, &finding)).await {
            Ok(Ok(Some(answer))) => Heard::Answer(answer),
            Ok(Ok(None)) => {
                tracing::warn!("GuardDuty is off in the Region of the finding");
                Heard::Off
            }
            Ok(Err(fault)) => {
                tracing::warn!(fault.message = %fault.message, "GuardDuty could not be asked");
                Heard::Answer(Answer::NotAsked)
            }
            Err(_) => {
                tracing::warn!("GuardDuty did not answer in time");
                Heard::Answer(Answer::NotAsked)
            }
        }
    }

    /// Nothing where GuardDuty is off.
    async fn answer(&self, plan: &Plan, finding: &FindingArn<'_>) -> Result<Option<Answer>, Fault> {
        let answer = self.answer_once(plan, finding).await;
        if answer.is_err() && self.forget(finding.region) {
            // The detector may have been deleted and made anew since it was looked up.
            return self.answer_once(plan, finding).await;
        }
        answer
    }

    async fn answer_once(&self, plan: &Plan, finding: &FindingArn<'_>) -> Result<Option<Answer>, Fault> {
        let config = self.config.to_builder().region(Region::new(finding.region.to_owned())).build();
        let guardduty = Client::new(&config);
        let Some(detector) = self.detector(&guardduty, finding.region).await? else { return Ok(None) };
        // The SDK knows the fields of its version; the finding is what GuardDuty sent.
        let wire = WireAnswer::default();
        let get = guardduty.get_findings().detector_id(detector).finding_ids(finding.id);
        let answer = get.customize().interceptor(wire.clone()).send().await.or_fault("guardduty:GetFindings")?;
        // An id alone could be borrowed: the finding must be about the same account and of the same type.
        let account = plan.finding.account.as_ref().map(|account| account.as_str());
        let found = answer.findings().iter().find(|found| {
            found.id() == Some(finding.id)
                && found.account_id() == account
                && found.r#type() == plan.finding.finding_type.as_deref()
        });
        Ok(Some(match found {
            None => Answer::Unknown,
            Some(found) if found.service().and_then(|service| service.archived()) == Some(true) => Answer::Settled,
            Some(_) => as_event(&wire, finding.id).map_or(Answer::Unknown, Answer::Stands),
        }))
    }

    /// Firebreak's own detector in the Region; nothing where GuardDuty is off.
    async fn detector(&self, guardduty: &Client, region: &str) -> Result<Option<String>, Fault> {
        let known = self.detectors.lock().ok().and_then(|detectors| detectors.get(region).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let answer = guardduty.list_detectors().max_results(1).send().await.or_fault("guardduty:ListDetectors")?;
        let detector = answer.detector_ids().first().cloned();
        if let (Some(detector), Ok(mut detectors)) = (&detector, self.detectors.lock()) {
            detectors.insert(region.to_owned(), detector.clone());
        }
        Ok(detector)
    }
}

impl Confirmer {
    /// Drops a remembered detector. False when none was remembered.
    fn forget(&self, region: &str) -> bool {
        self.detectors.lock().is_ok_and(|mut detectors| detectors.remove(region).is_some())
    }
}

/// Whether it matters what GuardDuty says: something would be contained at once, or people would be called at once.
fn depends(plan: &Plan) -> bool {
    plan.decisions.iter().any(|decision| is_at_once(decision) || is_asked(decision, ReasonCode::Unread))
}

/// Contained at once, or only not because it is the account's last administrator.
fn is_at_once(decision: &Decision) -> bool {
    decision.mode == Mode::Auto || is_asked(decision, ReasonCode::LastAdministrator)
}

fn is_asked(decision: &Decision, code: ReasonCode) -> bool {
    decision.mode == Mode::Gate && decision.code == code
}

/// Whether something would be contained at once because GuardDuty says so, directly or through Security Hub: of Security Hub's findings
/// only GuardDuty's are acted on without a person. AWS Health, scan results and requests have ids of their own.
fn acts_in_its_name(plan: &Plan) -> bool {
    let in_its_name = |one: &Plan| matches!(one.finding.source, Source::GuardDuty | Source::SecurityHub);
    let at_once = plan.decisions.iter().any(is_at_once);
    at_once && std::iter::once(plan).chain(&plan.findings).any(in_its_name)
}

/// One finding of an answer, in the envelope that EventBridge would give it. The answer's fields have the names of events.
fn as_event(answer: &WireAnswer, id: &str) -> Option<Value> {
    let (_, body) = answer.take()?;
    let its = |event: &Value| event.pointer("/detail/id").and_then(Value::as_str) == Some(id);
    finding::events(&body).ok()?.into_iter().flatten().find(its)
}

fn parse(arn: &str) -> Option<FindingArn<'_>> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "guardduty", region, _, resource] = parts.as_slice() else { return None };
    let (_, id) = resource.split_once("/finding/")?;
    let valid = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then_some(FindingArn { region, id })
}
