//! A finding that names other resources, as if it had just been sent.
//!
//! What Firebreak itself reads in the finding is replaced, wherever the text stands: so every format that Firebreak reads works, also
//! one whose fields nobody here knows. GuardDuty's samples name nothing real (`GeneratedFindingUserName`, `i-99999999`); their
//! placeholders are replaced by the form of the field.

use crate::resource::{Found, Kind};
use firebreak::decision::Decision;
use firebreak::digest::sha256_hex;
use firebreak::plan::{Circumstances, Plan, plan};
use firebreak::policy::{Policy, SampleHandling};
use firebreak::target::TargetKind;
use firebreak::text::inert;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// Why a finding cannot name the resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is an event with several findings, or none.
    #[error("the event does not carry exactly one finding")]
    NotOne,
    /// It is about something else.
    #[error("the finding is not about a resource of that kind: {0}")]
    NotAbout(String),
    /// It would be about something real besides.
    #[error("the finding is also about {0}: give a throw-away one for it, too")]
    AlsoAbout(String),
}

/// GuardDuty's placeholders for an instance and for buckets ("Sample findings", GuardDuty user guide).
const SAMPLE_INSTANCE: &str = "i-99999999";

/// The finding of `event`, about the resources `found`, sent at `now`: under an id that no finding has, without a sample's mark, with
/// the resources' own tags.
///
/// # Errors
/// The finding is about no such resource, or about others besides.
pub fn retarget(event: &Value, found: &[Found], now: Timestamp) -> Result<Value, Mismatch> {
    let mut event = event.clone();
    unmark(&mut event);
    let instance = found.iter().find(|found| found.resource.kind == Kind::Instance).map(|found| found.resource.name.as_str());
    found.iter().for_each(|found| overlay(&mut event, found, instance));
    let before = decided(&event, now);
    if !before.findings.is_empty() || before.decisions.is_empty() && before.finding.finding_type.is_none() {
        return Err(Mismatch::NotOne);
    }
    let names = replacements(&event, &before, found, now);
    let moved = shift(&event, now);
    rewrite(&mut event, &names, moved);
    retag(&mut event, found);
    event["time"] = json!(written(now));
    event["id"] = json!(fresh(&event, now));
    check(&decided(&event, now), found)?;
    Ok(event)
}

/// What would be decided where nothing restrains Firebreak.
fn decided(event: &Value, now: Timestamp) -> Plan {
    let policy = Policy { samples: SampleHandling::Respond, ..Policy::unrestricted() };
    plan(event, &Circumstances::new(&policy, now))
}

fn check(plan: &Plan, found: &[Found]) -> Result<(), Mismatch> {
    let about = |found: &Found| {
        let kind = found.resource.kind.target();
        plan.decisions
            .iter()
            .any(|d| d.target.kind == kind && d.target.id == found.resource.name && d.target.account == found.account)
    };
    if let Some(missed) = found.iter().find(|found| !about(found)) {
        return Err(Mismatch::NotAbout(missed.resource.to_string()));
    }
    let is_given = |decision: &Decision| {
        let target = &decision.target;
        let is = |found: &Found| {
            (found.resource.kind.target(), &found.resource.name, &found.account) == (target.kind, &target.id, &target.account)
        };
        found.iter().any(is)
    };
    // Whose a key or a session is, triage finds out: it can be a real user's.
    let leads_on = |d: &Decision| matches!(d.target.kind, TargetKind::AccessKey | TargetKind::FederatedUser);
    let acts = |d: &&Decision| d.containment.is_some() || leads_on(d);
    let other = plan.decisions.iter().filter(acts).find(|decision| !is_given(decision));
    other.map_or(Ok(()), |decision| Err(Mismatch::AlsoAbout(inert(&decision.target.to_string(), 280))))
}

/// Takes the mark of a sample off: `sample` as a field, or inside a field that holds JSON as text.
fn unmark(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.eq_ignore_ascii_case("sample") && !name.to_ascii_lowercase().ends_with("/sample"));
            fields.values_mut().for_each(unmark);
        }
        Value::Array(items) => items.iter_mut().for_each(unmark),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(mut inner) = serde_json::from_str::<Map<String, Value>>(text) {
                inner.retain(|name, _| !name.eq_ignore_ascii_case("sample"));
                *text = Value::Object(inner).to_string();
            }
        }
        _ => {}
    }
}

/// Writes the resource where GuardDuty's own form has a place for it.
fn overlay(event: &mut Value, found: &Found, instance: Option<&str>) {
    let name = &found.resource.name;
    let principal = found.principal_id.clone().unwrap_or_default();
    let Some(resource) = event.pointer_mut("/detail/resource") else { return };
    let named = match found.resource.kind {
        Kind::User => {
            Some(json!({ "accessKeyId": found.access_key_id, "principalId": principal, "userType": "IAMUser", "userName": name }))
        }
        Kind::Role => {
            let session = session(resource, found, instance);
            let id = format!("{principal}:{session}");
            Some(json!({ "accessKeyId": TEMPORARY_KEY, "principalId": id, "userType": "AssumedRole", "userName": name }))
        }
        Kind::Instance | Kind::Bucket => None,
    };
    if let (Some(named), Some(details)) = (named, resource.get_mut("accessKeyDetails")) {
        *details = named;
    }
    if found.resource.kind == Kind::Instance
        && let Some(id) = resource.pointer_mut("/instanceDetails/instanceId")
    {
        *id = json!(name);
    }
    if found.resource.kind == Kind::Bucket
        && let Some(bucket) = resource.pointer_mut("/s3BucketDetails/0")
    {
        bucket["name"] = json!(name);
        bucket["arn"] = json!(format!("arn:aws:s3:::{name}"));
    }
}

/// EC2 names the session of an instance's role after the instance: such a finding is about both.
fn session(resource: &Value, found: &Found, instance: Option<&str>) -> String {
    let old = resource.pointer("/accessKeyDetails/principalId").and_then(Value::as_str).and_then(|id| id.split_once(':'));
    let of_instance = instance.filter(|_| old.is_some_and(|(_, session)| session.starts_with("i-")));
    of_instance.map(str::to_owned).or_else(|| found.resource.session.clone()).unwrap_or_default()
}

/// AWS's own example of a temporary key.
const TEMPORARY_KEY: &str = "ASIAIOSFODNN7EXAMPLE";

/// Old text and new text. The longest first: one can be a part of another.
fn replacements(event: &Value, plan: &Plan, found: &[Found], now: Timestamp) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    let has_instance = found.iter().any(|found| found.resource.kind == Kind::Instance);
    for found in found {
        let kind = found.resource.kind;
        let name = &found.resource.name;
        for target in plan.decisions.iter().map(|decision| &decision.target).filter(|target| target.kind == kind.target()) {
            names.push((target.id.clone(), name.clone()));
            names.extend(target.principal_id.iter().zip(&found.principal_id).map(|(old, new)| (old.to_string(), new.clone())));
            names.extend(target.keys().zip(&found.access_key_id).map(|(old, new)| (old.to_string(), new.clone())));
            // The session of an instance's role has the instance's name.
            let session = target.session.as_ref().filter(|session| !(has_instance && session.starts_with("i-")));
            names.extend(session.zip(found.resource.session.as_ref()).map(|(old, new)| (old.clone(), new.clone())));
        }
        let placeholders = match kind {
            Kind::User => vec![
                ("GeneratedFindingUserName", Some(name)),
                ("GeneratedFindingAccessKeyId", found.access_key_id.as_ref()),
                ("GeneratedFindingPrincipalId", found.principal_id.as_ref()),
            ],
            Kind::Instance => vec![(SAMPLE_INSTANCE, Some(name))],
            Kind::Role | Kind::Bucket => vec![],
        };
        names.extend(placeholders.into_iter().filter_map(|(old, new)| Some((old.to_owned(), new?.clone()))));
        names.extend(plan.finding.account.as_ref().map(|old| (old.to_string(), found.account.to_string())));
        names.extend(plan.finding.region.as_ref().map(|old| (old.to_string(), found.region.to_string())));
    }
    if let Some(id) = plan.finding.id.as_deref().and_then(|id| id.rsplit('/').next()) {
        names.push((id.to_owned(), fresh(event, now)));
    }
    let is_ours = |old: &String| found.iter().any(|found| found.resource.name == *old);
    names.retain(|(old, new)| !old.is_empty() && old != new && !is_ours(old));
    names.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    names.dedup();
    names
}

/// An id that no finding has.
fn fresh(event: &Value, now: Timestamp) -> String {
    sha256_hex(format!("{event} {now}").as_bytes()).chars().take(32).collect()
}

/// By how much every time moves, so that the newest is now.
fn shift(event: &Value, now: Timestamp) -> SignedDuration {
    fn newest(value: &Value) -> Option<Timestamp> {
        match value {
            Value::Object(fields) => fields.values().filter_map(newest).max(),
            Value::Array(items) => items.iter().filter_map(newest).max(),
            Value::String(text) => time(text),
            _ => None,
        }
    }
    newest(event).map_or(SignedDuration::ZERO, |newest| now.duration_since(newest))
}

fn time(text: &str) -> Option<Timestamp> {
    (text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T')).then(|| text.parse().ok()).flatten()
}

fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn rewrite(value: &mut Value, names: &[(String, String)], shift: SignedDuration) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| rewrite(value, names, shift)),
        Value::Array(items) => items.iter_mut().for_each(|value| rewrite(value, names, shift)),
        Value::String(text) => {
            if let Some(moved) = time(text).and_then(|at| at.checked_add(shift).ok()) {
                *text = written(moved);
            } else {
                names.iter().for_each(|(old, new)| *text = replaced(text, old, new));
            }
        }
        _ => {}
    }
}

/// Replaces whole words only: `i-1` must not change `i-10`.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(old) {
        let (before, after) = rest.split_at(at);
        let after = after.get(old.len()..).unwrap_or_default();
        let is_whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        out.push_str(before);
        out.push_str(if is_whole { new } else { old });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Policy protects and suppresses by tags: those of the resources count, not those that the finding was sent with.
fn retag(value: &mut Value, found: &[Found]) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::Array(items) if name.eq_ignore_ascii_case("tags") => {
                        let upper = name.starts_with('T');
                        *items = found.iter().flat_map(|found| &found.tags).map(|tag| tagged(tag, upper)).collect();
                    }
                    // Security Hub's form.
                    Value::Object(tags) if name == "Tags" => {
                        let all = found.iter().flat_map(|found| found.tags.clone());
                        *tags = all.map(|(key, value)| (key, json!(value))).collect();
                    }
                    _ => retag(value, found),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| retag(item, found)),
        _ => {}
    }
}

fn tagged((key, value): &(String, String), upper: bool) -> Value {
    if upper { json!({ "Key": key, "Value": value }) } else { json!({ "key": key, "value": value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(replaced("i-1 i-10 xi-1 arn:i-1/i-1", "i-1", "i-2"), "i-2 i-10 xi-1 arn:i-2/i-2");
        assert_eq!(replaced("nothing", "i-1", "i-2"), "nothing");
    }

    #[test]
    fn a_sample_s_mark_is_taken_off_wherever_it_stands() {
        let mut event = json!({ "detail": { "service": { "additionalInfo": { "sample": true, "value": "{\"sample\":true,\"x\":1}" } },
            "ProductFields": { "aws/guardduty/service/additionalInfo/sample": "true", "kept": "1" } } });
        unmark(&mut event);
        let text = event.to_string();
        assert!(!text.contains("sample") && text.contains("kept") && text.contains("{\\\"x\\\":1}"), "{text}");
    }
}
