//! CloudTrail, with what a test recorded in it.

use crate::{KEY, SUSPECT};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, ok};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// The trails of an account: the records of each Region.
#[derive(Clone)]
pub(crate) struct Trail {
    records: Arc<Mutex<Vec<Value>>>,
    at: Timestamp,
}

impl Trail {
    /// Empty trails. What is recorded happens at `at`.
    pub(crate) fn start(aws: &ScriptedAws, at: Timestamp) -> Self {
        let trail = Self { records: Arc::default(), at };
        let served = trail.clone();
        aws.on("cloudtrail:LookupEvents", move |call| Some(served.serve(call)));
        trail
    }

    /// The same trails, where what is recorded happened so many hours before.
    pub(crate) fn earlier(&self, hours: i64) -> Self {
        Self { at: self.at - SignedDuration::from_hours(hours), ..self.clone() }
    }

    /// The suspect calls IAM with the key of the finding.
    pub(crate) fn iam(&self, event: &str, request: Value, response: Value) {
        self.record(&json!({ "eventSource": "iam.amazonaws.com", "eventName": event,
                             "requestParameters": request, "responseElements": response }));
    }

    /// The suspect calls STS with the key of the finding, at its global endpoint.
    pub(crate) fn sts(&self, event: &str, request: Value, response: Value) {
        self.record(&json!({ "eventSource": "sts.amazonaws.com", "eventName": event,
                             "requestParameters": request, "responseElements": response }));
    }

    /// The suspect makes a user.
    pub(crate) fn created_user(&self, name: &str) {
        let id = format!("AIDAEXAMPLE000{}", name.to_uppercase());
        self.iam("CreateUser", json!({ "userName": name }), json!({ "user": { "userName": name, "userId": id, "path": "/" } }));
    }

    /// Another user makes a user.
    pub(crate) fn created_user_by(&self, by: &str, name: &str) {
        let identity = json!({ "type": "IAMUser", "principalId": format!("AIDAEXAMPLE000{}", by.to_uppercase()),
                               "accountId": room::ACCOUNT, "accessKeyId": "AKIAEXAMPLEANOTHER01", "userName": by });
        self.record(&json!({ "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "userIdentity": identity,
                             "requestParameters": { "userName": name }, "responseElements": null }));
    }

    fn record(&self, call: &Value) {
        let mut record = json!({
            "eventTime": self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "awsRegion": "us-east-1",
            "recipientAccountId": room::ACCOUNT,
            "userIdentity": { "type": "IAMUser", "principalId": "AIDAA5E9285DC9025F327", "accountId": room::ACCOUNT,
                              "accessKeyId": KEY, "userName": SUSPECT },
        });
        for (field, value) in call.as_object().into_iter().flatten() {
            record[field.as_str()] = value.clone();
        }
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// The records of one Region that have the attribute, newest first.
    fn serve(&self, call: &Call) -> Answer {
        let asked = &call.params["LookupAttributes"][0];
        let path = match asked["AttributeKey"].as_str() {
            Some("Username") => "/userIdentity/userName",
            Some("AccessKeyId") => "/userIdentity/accessKeyId",
            Some("EventName") => "/eventName",
            _ => "/requestParameters/roleArn",
        };
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let of_region = records.iter().rev().filter(|record| record["awsRegion"] == call.region.as_str());
        let found = of_region.filter(|record| record.pointer(path) == Some(&asked["AttributeValue"]));
        let events: Vec<Value> = found.map(|record| json!({ "CloudTrailEvent": record.to_string() })).collect();
        ok(json!({ "Events": events }).to_string())
    }
}
