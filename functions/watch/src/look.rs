//! One look: controls, CloudTrail, what follows, and what of it is new.

use crate::contain::Next;
use crate::verify::{Before, answers, in_force, lines};
use crate::{Function, is_released};
use firebreak::decision::Mode;
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::Verification;
use firebreak::report::{Report, SweepBranch};
use firebreak_aws::clock;
use firebreak_invoke::invoke;
use firebreak_ledger::{IncidentView, KnownBefore};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// What a look led to.
pub(crate) struct Looked {
    pub(crate) incident: Incident,
    pub(crate) report: Report,
    pub(crate) alarm: bool,
    pub(crate) asks_again: bool,
    /// An answer was on its way: whether a control was reverted, nobody could say.
    pub(crate) unjudged: bool,
}

/// What the sweep answers.
#[derive(Deserialize)]
struct Swept {
    incident: Incident,
    report: Report,
    watch: Found,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    contain: Vec<Next>,
    #[serde(default)]
    alarm: bool,
}

impl Function {
    /// Looks. People are told of what they did not know when the look began, also when an earlier try of the same look was killed.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub(crate) async fn look(&self, look: u32, view: IncidentView) -> Result<Looked, Fault> {
        let held = in_force(&view);
        let mut incident = view.record.incident.clone();
        let before = self.ledger.begin_look(&incident.id, known_now(look, &view)).await?;
        let mut report = Report::default();
        "ok".clone_into(&mut report.containment.status);
        self.ledger.gather_answered(&mut incident, &mut report).await?;
        let known = Before { answers: answers(&view), checks: view.verifications };
        report.verification = self.verify(&incident, &known, &held).await;
        report.gated_verification.clear();
        report.sweep.clone_from(&before.sweep);
        let is_reverted = self.is_reverted(&incident, &before).await?;
        let (incident, report, is_found) = self.sweep(look, incident, report).await;
        let asks_again = self.waits_anew(&incident, before.revision).await?;
        let (is_reverted, unjudged) = (is_reverted == Some(true), is_reverted.is_none());
        tracing::info!(look, held = held.len(), reverted = is_reverted, unjudged, found = is_found, asks_again, "looked again");
        Ok(Looked { incident, report, alarm: is_reverted || is_found, asks_again, unjudged })
    }

    /// Whether a control was reverted, or does not hold, and people do not know. The ledger has the lines whole. What was released
    /// meanwhile need not hold. Nothing while an answer to release is on its way: it can be about others, and it can fail.
    async fn is_reverted(&self, incident: &Incident, before: &KnownBefore) -> Result<Option<bool>, Fault> {
        let known: BTreeSet<&String> = before.controls.iter().collect();
        let Some(now) = self.ledger.incident(&incident.id).await? else { return Ok(Some(false)) };
        if now.record.status == IncidentStatus::Released {
            return Ok(Some(false));
        }
        if is_released(&now, clock::now()) {
            return Ok(None);
        }
        let held = in_force(&now);
        let key = |check: &Verification| (check.containment, check.target.merge_key());
        let holds: Vec<_> = held.iter().map(|receipt| (receipt.containment, receipt.target.merge_key())).collect();
        let checks = now.verifications.iter().filter(|check| holds.contains(&key(check)));
        Ok(Some(lines(checks).any(|line| !known.contains(&line))))
    }

    /// Searches CloudTrail, and contains what follows. Where that fails the report says so, and people are told once.
    async fn sweep(&self, look: u32, incident: Incident, mut report: Report) -> (Incident, Report, bool) {
        let carried = Carry::Facts.incident(incident);
        let payload = json!({ "phase": "look", "stage": "watch", "incident": carried, "report": report,
            "watch": { "round": look }, "carry": "facts" });
        let swept = match self.swept(&payload).await {
            Ok(swept) => swept,
            Err(error) => {
                let is_new = report.sweep.error.as_ref() != Some(&error);
                report.sweep.error = Some(error);
                if let Err(fault) = self.ledger.keep_sweep(&carried.id, None, &report.sweep).await {
                    tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
                }
                return (carried, Carry::Facts.report(report), is_new);
            }
        };
        let Swept { incident, mut report, watch } = swept;
        report.derived = self.contain(&incident, &watch.contain).await;
        if report.derived.is_empty() {
            return (incident, report, watch.alarm);
        }
        let payload =
            json!({ "phase": "gather", "incident": incident, "report": report, "watch": { "round": look }, "carry": "facts" });
        match self.swept(&payload).await {
            Ok(gathered) => (gathered.incident, gathered.report, true),
            // Notices and tickets gather for themselves.
            Err(_) => (incident, report, true),
        }
    }

    /// What the sweep answers, or the name of its error.
    async fn swept(&self, payload: &serde_json::Value) -> Result<Swept, String> {
        let answer = invoke(&self.lambda, "sweep", payload).await;
        let answer = answer.and_then(|answer| {
            serde_json::from_value(answer).map_err(|_| Fault::bug("sweep answered in an unknown form").into())
        });
        answer.map_err(|failure| {
            tracing::warn!(error = failure.error.as_str(), said = failure.message.as_str(), "the sweep failed");
            failure.error.as_str().to_owned()
        })
    }

    /// Whether something waits for an answer that did not when the look began.
    async fn waits_anew(&self, incident: &Incident, revision: u32) -> Result<bool, Fault> {
        let record = self.ledger.record(&incident.id).await?;
        let decisions = record.map(|record| record.incident.decisions).unwrap_or_default();
        Ok(decisions.iter().any(|decision| decision.since > revision && decision.mode == Mode::Gate))
    }
}

/// What people know, or will hear from whoever did it.
fn known_now(look: u32, view: &IncidentView) -> KnownBefore {
    let incident = &view.record.incident;
    // One more decision than now is news.
    let sweep = SweepBranch { decided: Some(incident.decisions.len()), ..view.sweep.clone().unwrap_or_default() };
    KnownBefore { look, sweep, revision: incident.revision, controls: lines(&view.verifications).collect() }
}
