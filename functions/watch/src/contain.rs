//! What a look decided for at once is contained, as the state machine would.

use crate::verify::{AT_ONCE, answers, is_meant};
use crate::{Function, is_released};
use firebreak::answer::{Answer, Decided, is_left_out};
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::Target;
use firebreak::watch::is_watched;
use firebreak_aws::clock;
use firebreak_invoke::{Failure, invoke};
use firebreak_ledger::IncidentView;
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::json;

/// A containment that the sweep asks for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Next {
    /// Of which target.
    pub(crate) target: Target,
    /// By which function.
    #[serde(rename = "containment")]
    pub(crate) function: String,
}

impl Function {
    /// Contains each that nobody has answered about meanwhile. A function that fails leaves a receipt all the same, in the ledger, too:
    /// nobody else writes one.
    pub(crate) async fn contain(&self, incident: &Incident, next: &[Next]) -> Vec<Receipt> {
        let contained = next.iter().map(|next| Box::pin(self.contain_one(incident, next)));
        let all: Vec<Option<Receipt>> = futures::stream::iter(contained).buffered(AT_ONCE).collect().await;
        all.into_iter().flatten().collect()
    }

    /// Whether the incident is open and waits for the containment: a search takes its time, and so do containments before this one. An
    /// answer about the target leaves that to the execution which has the answer. Where the ledger does not say, the next look finds the
    /// same.
    async fn is_wanted(&self, id: &IncidentId, containment: Containment, target: &Target) -> bool {
        let view = self.ledger.incident(id).await.ok().flatten();
        view.filter(|view| is_watched(view.record.status) && !is_released(view, clock::now())).is_some_and(|view| {
            let (incident, all, in_the_way) = (&view.record.incident, answers(&view), in_the_way(&view));
            let all: Vec<&Decided> = all.iter().collect();
            let is_answered = |d: &Decision| is_left_out(&all, d) || in_the_way.iter().any(|answer| answer.speaks_of(d));
            let is_open = |d: &Decision| incident.settled(d).is_none() && !is_answered(d);
            incident.decisions.iter().filter(|d| is_meant(d, containment, target)).any(is_open)
        })
    }

    async fn contain_one(&self, incident: &Incident, next: &Next) -> Option<Receipt> {
        // A name that no containment has is never invoked.
        let containment = Containment::of_function(&next.function)?;
        if !self.is_wanted(&incident.id, containment, &next.target).await {
            tracing::info!(of = %next.target, "answered meanwhile: it is not contained");
            return None;
        }
        let payload = json!({ "phase": "contain", "incident": incident, "target": next.target });
        let answer = match invoke(&self.lambda, &next.function, &payload).await {
            Ok(answer) => {
                serde_json::from_value(answer).map_err(|_| Failure::from(Fault::bug("it did not answer with a receipt")))
            }
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(receipt) => Some(receipt),
            Err(Failure { error, message }) => {
                let text = Some(format!("{} {message}", error.as_str()));
                let failed = Receipt::of(next.target.clone(), containment, Status::Failed);
                let receipt = Receipt { error: text, fault: Some(error), ..failed }.dated(clock::now());
                if let Err(fault) = self.ledger.keep_machine_receipt(&incident.id, &receipt).await {
                    tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
                }
                Some(receipt)
            }
        }
    }
}

/// The answers that keep a look from containing what they are about. An approval does only while its execution can carry it out: one that
/// could not be carried out leaves a target uncontained, and wants it contained. Whoever said something else did not want that.
fn in_the_way(view: &IncidentView) -> Vec<Decided> {
    let is_lost = view.record.status == IncidentStatus::Failed;
    let on_its_way = view.review.as_ref().and_then(|review| review.decision.as_ref()).filter(|_| !is_lost);
    answers(view).into_iter().filter(|answer| answer.answer != Answer::Approve || on_its_way == Some(answer)).collect()
}
