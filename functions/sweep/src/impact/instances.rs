//! What isolating an instance would hit. `isolate-ec2` reads it: no other function has the rights.

use super::{LATE, Weighed};
use crate::Function;
use aws_sdk_lambda::Client;
use firebreak::containment::Containment;
use firebreak::coverage::decision_key;
use firebreak::decision::Decision;
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use firebreak::target::Target;
use firebreak::task::{Hits, Phase};
use firebreak_invoke::invoke;
use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

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
    let answer = invoke(lambda, Containment::IsolateEc2.name(), &payload).await;
    let answer = answer.map_err(|failure| format!("{} {}", failure.error.as_str(), failure.message))?;
    let read = serde_json::from_value(answer).map_err(|_| "isolate-ec2 answered in an unknown form".to_owned());
    let Hits { hits } = read?;
    if hits.is_empty() { Err("isolate-ec2 said nothing".to_owned()) } else { Ok(Impact::of_instance(&hits)) }
}
