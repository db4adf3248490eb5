//! What isolating an instance would hit. `isolate-ec2` reads it: no other function has the rights. It is asked under an alias that takes
//! nothing else: a look isolates nothing.

use super::{LATE, Weighed};
use crate::Function;
use aws_sdk_lambda::Client;
use firebreak::containment::Containment;
use firebreak::coverage::decision_key;
use firebreak::decision::Decision;
use firebreak::fault::FaultKind;
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use firebreak::names::IMPACT_ALIAS;
use firebreak::target::Target;
use firebreak::task::{Hits, Phase};
use firebreak_invoke::invoke_alias;
use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

/// What is kept of an instance that is gone.
const GONE: &str = "it does not exist any more: there is nothing left to isolate";

impl Function {
    /// Asks about each instance, side by side.
    pub(super) async fn weigh_instances(
        &self,
        incident: &Incident,
        decisions: Vec<&Decision>,
        deadline: Instant,
    ) -> Vec<Weighed> {
        if decisions.is_empty() {
            return vec![];
        }
        let lambda = &Client::new(self.aws.own());
        let each = decisions.into_iter().map(|decision| async move {
            let read = timeout_at(deadline, Box::pin(hits(lambda, incident, &decision.target))).await;
            let impact = read.unwrap_or_else(|_| Err(LATE.to_owned()));
            Weighed { key: decision_key(decision), target: decision.target.clone(), impact }
        });
        join_all(each).await
    }
}

async fn hits(lambda: &Client, incident: &Incident, target: &Target) -> Result<Impact, String> {
    let payload = json!({ "phase": Phase::Impact, "incident": incident, "target": target });
    let answer = invoke_alias(lambda, (Containment::IsolateEc2.name(), IMPACT_ALIAS), &payload).await;
    // It never comes back. Asked again at each look, such instances would take the place of the others.
    if answer.as_ref().is_err_and(|failure| failure.error.kind() == Some(FaultKind::Gone)) {
        return Ok(Impact::of_instance(&[GONE.to_owned()]));
    }
    let answer = answer.map_err(|failure| format!("{} {}", failure.error.as_str(), failure.message))?;
    let read = serde_json::from_value(answer).map_err(|_| "isolate-ec2 answered in an unknown form".to_owned());
    let Hits { hits } = read?;
    if hits.is_empty() { Err("isolate-ec2 said nothing".to_owned()) } else { Ok(Impact::of_instance(&hits)) }
}
