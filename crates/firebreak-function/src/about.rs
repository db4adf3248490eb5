//! What an invocation is about: the fields that every line of its log carries.
//!
//! Read from the payload before the handler gets it, and leniently: a payload of any other form has no fields, and is no error here.
//! Only an incident's id in its own form, and text made inert, reach the log.

use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak::text::inert;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracing::Span;
use tracing::field::Empty;

/// The parts of a payload that say what it is about. Each is read on its own.
#[derive(Default, Deserialize)]
struct About<'a> {
    #[serde(borrow)]
    incident: Option<&'a RawValue>,
    #[serde(borrow)]
    incident_id: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    phase: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    id: IncidentId,
}

/// The span of an invocation: at the level of errors, so that a quieter log still names the incident. A function that learns later which incident it works on says so with [`incident`].
pub(crate) fn span(payload: &str) -> Span {
    let span = tracing::error_span!("task", incident = Empty, target = Empty, phase = Empty);
    let about: About<'_> = serde_json::from_str(payload).unwrap_or_default();
    let id = read::<Named>(about.incident).map(|named| named.id).or_else(|| read(about.incident_id));
    if let Some(id) = id {
        span.record("incident", id.as_str());
    }
    if let Some(target) = read::<Target>(about.target) {
        span.record("target", target.to_string());
    }
    if let Some(phase) = read::<String>(about.phase).or_else(|| read(about.kind)) {
        span.record("phase", inert(&phase, 32));
    }
    span
}

/// From here on, every line of this invocation carries the incident.
pub fn incident(id: &IncidentId) {
    Span::current().record("incident", id.as_str());
}

/// The span of work on one of several targets.
pub fn target(target: &Target) -> Span {
    tracing::error_span!("target", target = %target)
}

fn read<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}
