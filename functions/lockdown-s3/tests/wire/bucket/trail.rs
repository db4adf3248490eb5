//! CloudTrail, with the records that a test gave it.

use super::state::State;
use firebreak_testkit::scripted::{Answer, Call, ok};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The records of the bucket's Region that are asked for, the newest first, page by page.
pub(super) fn lookup(state: &State, call: &Call) -> Answer {
    let mut found: Vec<&Value> = state.events.iter().filter(|record| is_asked_for(record, &call.params)).collect();
    if call.region != state.region {
        found.clear();
    }
    found.sort_by_key(|record| std::cmp::Reverse(at(record)));
    let from: usize = call.param("NextToken").parse().unwrap_or(0);
    let until = (from + state.events_page).min(found.len());
    let next = (until < found.len()).then(|| until.to_string());
    let page: Vec<Value> = found[from.min(until)..until].iter().enumerate().map(|(n, record)| event(from + n, record)).collect();
    ok(json!({ "Events": page, "NextToken": next }).to_string())
}

fn is_asked_for(record: &Value, params: &Value) -> bool {
    let has = |asked: &Value| {
        let path = match asked["AttributeKey"].as_str() {
            Some("ResourceName") => "/requestParameters/bucketName",
            Some("EventName") => "/eventName",
            Some("EventSource") => "/eventSource",
            Some("Username") => "/userIdentity/userName",
            other => panic!("{other:?}"),
        };
        record.pointer(path) == Some(&asked["AttributeValue"])
    };
    let is_attributed = params["LookupAttributes"].as_array().is_none_or(|attributes| attributes.iter().all(has));
    let time = |name: &str| params[name].as_f64().and_then(|seconds| format!("{seconds:.0}").parse::<i64>().ok());
    let (at, since, until) = (at(record).as_second(), time("StartTime"), time("EndTime"));
    is_attributed && since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until)
}

fn at(record: &Value) -> Timestamp {
    record["eventTime"].as_str().expect("a time").parse().expect("a time")
}

fn event(number: usize, record: &Value) -> Value {
    json!({
        "EventId": format!("event-{number}"),
        "EventName": record["eventName"],
        "EventSource": record["eventSource"],
        "EventTime": at(record).as_second(),
        "Username": record["userIdentity"]["userName"],
        "Resources": [{ "ResourceType": "AWS::S3::Bucket", "ResourceName": record["requestParameters"]["bucketName"] }],
        "CloudTrailEvent": record.to_string(),
    })
}
