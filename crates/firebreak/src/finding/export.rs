//! Findings as people have them at hand: exports, which lack the envelope that EventBridge gives an event.
//!
//! Only `firebreak plan` reads these forms. What arrives at triage is always an event, and anything else stays a notice there.

use super::json::{self, BadJson};
use serde_json::{Map, Value, json};

/// The events in a file: one event, an export of findings, or one of these per line (JSON Lines).
///
/// Read as findings are: GuardDuty's export to S3 (camelCase), the answers of `guardduty get-findings` and `securityhub
/// get-findings` (`Findings`), single findings of GuardDuty, ASFF and OCSF, and arrays of these. Each gets the envelope of its
/// format, without a time: EventBridge's is unknown. Anything else is handed on as it is.
///
/// A line that is JSON and cannot be trusted or held stands as its error, beside the others.
///
/// # Errors
/// [`BadJson`] of the whole file. Where its first line can be read: `Malformed` of the first line that cannot.
pub fn events(bytes: &[u8]) -> Result<Vec<Result<Value, BadJson>>, BadJson> {
    let whole = match json::parse(bytes) {
        Ok(whole) => return Ok(enveloped(whole).into_iter().map(Ok).collect()),
        Err(whole) => whole,
    };
    let lines: Vec<(usize, &[u8])> =
        (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty()).collect();
    let is_one = |line: &[u8]| match json::parse(line) {
        Ok(value) => value.is_object(),
        Err(error) => !matches!(error, BadJson::Malformed { .. }),
    };
    let is_lines = lines.len() > 1 && lines.first().is_some_and(|(_, first)| is_one(first));
    if !matches!(whole, BadJson::Malformed { .. }) || !is_lines {
        return Err(whole);
    }
    let mut events = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match json::parse(line) {
            Ok(value) => events.extend(enveloped(value).into_iter().map(Ok)),
            Err(BadJson::Malformed { column, .. }) => return Err(BadJson::Malformed { line: number, column }),
            Err(error) => events.push(Err(error)),
        }
    }
    Ok(events)
}

fn enveloped(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.into_iter().map(event).collect(),
        Value::Object(mut fields) if !is_event(&fields) => match list_of(&mut fields) {
            Some(items) => items.into_iter().map(event).collect(),
            None => vec![event(Value::Object(fields))],
        },
        other => vec![other],
    }
}

fn is_event(fields: &Map<String, Value>) -> bool {
    fields.contains_key("detail-type") || fields.contains_key("detail")
}

/// The list of an export. A finding of its own may have a field of that name, and is no list.
fn list_of(fields: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let name = ["Findings", "findings"].into_iter().find(|name| fields.get(*name).is_some_and(Value::is_array))?;
    match fields.remove(name)? {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// One finding as the event that EventBridge would have made of it.
fn event(finding: Value) -> Value {
    let Value::Object(fields) = &finding else { return finding };
    if is_event(fields) {
        return finding;
    }
    let has = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
    if has(&["ProductArn", "AwsAccountId"]) {
        let place = (fields.get("AwsAccountId").cloned(), fields.get("Region").cloned());
        return envelope("aws.securityhub", "Security Hub Findings - Imported", place, json!({ "findings": [finding] }));
    }
    if has(&["finding_info", "class_uid"]) {
        let cloud = |pointer: &str| finding.pointer(pointer).cloned();
        let place = (cloud("/cloud/account/uid"), cloud("/cloud/region"));
        return envelope("aws.securityhub", "Findings Imported V2", place, json!({ "findings": [finding] }));
    }
    let native = if has(&["Type", "AccountId"]) { small(finding) } else { finding };
    let is_guardduty = native.get("type").is_some_and(Value::is_string) && native.get("accountId").is_some();
    if !is_guardduty {
        return native;
    }
    let place = (native.get("accountId").cloned(), native.get("region").cloned());
    envelope("aws.guardduty", "GuardDuty Finding", place, native)
}

fn envelope(source: &str, detail_type: &str, (account, region): (Option<Value>, Option<Value>), detail: Value) -> Value {
    json!({ "source": source, "detail-type": detail_type, "account": account, "region": region, "detail": detail })
}

/// The names of the API (`AccessKeyDetails`) as GuardDuty's events have them (`accessKeyDetails`).
fn small(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (first_letter_small(&name), small(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(small).collect()),
        other => other,
    }
}

fn first_letter_small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
