//! Plans of bytes: what people and functions have in hand.

use super::{Circumstances, Plan, notice_only, plan, several};
use crate::finding::{self, BadJson};
use serde_json::Value;

/// The input is not JSON at all.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(BadJson);

/// Decides what to do about an event given as JSON text.
///
/// JSON that cannot be trusted or held (a field named twice, nesting deeper than 128, half a surrogate pair, a number beyond
/// `f64`) is still a finding that somebody must look at: it becomes a notice.
///
/// # Errors
/// [`NotJson`] with the place, never the text.
pub fn plan_json(bytes: &[u8], circumstances: &Circumstances<'_>) -> Result<Plan, NotJson> {
    match finding::parse(bytes) {
        Ok(event) => Ok(plan(&event, circumstances)),
        Err(error @ BadJson::Malformed { .. }) => Err(NotJson(error)),
        Err(error) => {
            let raw = Value::String(String::from_utf8_lossy(bytes).into_owned());
            Ok(notice_only(&raw, &error.to_string()))
        }
    }
}

/// Decides what to do about everything in a file: an event, or findings as an export has them (see [`finding::events`]). Of several
/// findings the plan has one part each in `findings`.
///
/// # Errors
/// [`NotJson`] with the place, never the text.
pub fn plan_file(bytes: &[u8], circumstances: &Circumstances<'_>) -> Result<Plan, NotJson> {
    let events = match finding::events(bytes) {
        Ok(events) => events,
        Err(error @ BadJson::Malformed { .. }) => return Err(NotJson(error)),
        Err(_) => return plan_json(bytes, circumstances),
    };
    let mut plans = events.iter().map(|event| match event {
        Ok(event) => plan(event, circumstances),
        Err(error) => notice_only(&Value::Null, &error.to_string()),
    });
    if events.len() == 1
        && let Some(only) = plans.next()
    {
        return Ok(only);
    }
    let parts = plans.flat_map(|plan| if plan.findings.is_empty() { vec![plan] } else { plan.findings }).collect();
    Ok(several(&Value::String(String::from_utf8_lossy(bytes).into_owned()), parts))
}
