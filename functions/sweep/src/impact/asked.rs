//! What containing a resource would hit. The function that contains it reads it: no other one has the rights. It is asked under an alias
//! that takes nothing else: a look contains nothing.

use super::{LATE, Weighed};
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

/// Resources of one kind.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What contains them.
    pub(super) containment: Containment,
    /// What is kept of one that is gone.
    pub(super) gone: &'static str,
    /// What is kept of the others.
    pub(super) impact: fn(&[String]) -> Impact,
}

/// Asks about each of them, side by side.
pub(super) async fn weigh(
    lambda: &Client,
    kind: Kind,
    incident: &Incident,
    decisions: Vec<&Decision>,
    deadline: Instant,
) -> Vec<Weighed> {
    let each = decisions.into_iter().map(|decision| async move {
        let read = timeout_at(deadline, Box::pin(hits(lambda, kind, incident, &decision.target))).await;
        let impact = read.unwrap_or_else(|_| Err(LATE.to_owned()));
        Weighed { key: decision_key(decision), target: decision.target.clone(), impact }
    });
    join_all(each).await
}

async fn hits(lambda: &Client, kind: Kind, incident: &Incident, target: &Target) -> Result<Impact, String> {
    let function = kind.containment.name();
    let payload = json!({ "phase": Phase::Impact, "incident": incident, "target": target });
    let answer = invoke_alias(lambda, (function, IMPACT_ALIAS), &payload).await;
    // It never comes back. Asked again at each look, such resources would take the place of the others.
    if answer.as_ref().is_err_and(|failure| failure.error.kind() == Some(FaultKind::Gone)) {
        return Ok((kind.impact)(&[kind.gone.to_owned()]));
    }
    let answer = answer.map_err(|failure| format!("{} {}", failure.error.as_str(), failure.message))?;
    let read = serde_json::from_value(answer).map_err(|_| format!("{function} answered in an unknown form"));
    let Hits { hits } = read?;
    if hits.is_empty() { Err(format!("{function} said nothing")) } else { Ok((kind.impact)(&hits)) }
}
