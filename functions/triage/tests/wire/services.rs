//! GuardDuty and Step Functions, as triage asks them.

use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A GuardDuty with one detector in every Region where it is on, and the findings that a test gives it.
#[derive(Clone)]
pub(crate) struct GuardDuty(Arc<Mutex<Known>>);

struct Known {
    detector: String,
    off: BTreeSet<String>,
    findings: BTreeMap<String, Value>,
}

impl GuardDuty {
    pub(crate) fn start(aws: &ScriptedAws) -> Self {
        let known = Known { detector: "d".to_owned(), off: BTreeSet::new(), findings: BTreeMap::new() };
        let guardduty = Self(Arc::new(Mutex::new(known)));
        let served = guardduty.clone();
        aws.on("guardduty:*", move |call| served.serve(call));
        guardduty
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has the finding that an event carries.
    pub(crate) fn learn(&self, event: &Value) {
        let mut finding = event["detail"].clone();
        let id = finding["id"].as_str().expect("an id").to_owned();
        finding["service"]["archived"] = json!(false);
        self.known().findings.insert(id, finding);
    }

    /// It never had the finding.
    pub(crate) fn forget(&self, id: &str) {
        self.known().findings.remove(id);
    }

    /// Somebody archives the finding, or takes that back.
    pub(crate) fn archive(&self, id: &str, archived: bool) {
        self.known().findings.get_mut(id).expect("a known finding")["service"]["archived"] = json!(archived);
    }

    /// A field of the finding is other than the event says.
    pub(crate) fn change(&self, id: &str, field: &str, value: Value) {
        self.known().findings.get_mut(id).expect("a known finding")[field] = value;
    }

    /// The detector is deleted, and made anew under another id.
    pub(crate) fn replace_detector(&self, id: &str) {
        id.clone_into(&mut self.known().detector);
    }

    /// Nobody has a detector in the Region.
    pub(crate) fn switch_off(&self, region: &str) {
        self.known().off.insert(region.to_owned());
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        let known = self.known();
        match call.operation.as_str() {
            "ListDetectors" if known.off.contains(&call.region) => Some(ok(json!({ "detectorIds": [] }).to_string())),
            "ListDetectors" => Some(ok(json!({ "detectorIds": [known.detector] }).to_string())),
            "GetFindings" if call.path == format!("/detector/{}/findings/get", known.detector) => {
                let asked: Value = serde_json::from_str(&call.body).unwrap_or_default();
                let ids = asked["findingIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let found: Vec<&Value> = ids.filter_map(|id| known.findings.get(id)).collect();
                Some(ok(json!({ "findings": found }).to_string()))
            }
            "GetFindings" => Some(error(400, "BadRequestException")),
            _ => None,
        }
    }
}

/// Step Functions, and how its executions are.
#[derive(Clone)]
pub(crate) struct Executions(Arc<Mutex<BTreeMap<String, String>>>);

impl Executions {
    pub(crate) fn start(aws: &ScriptedAws) -> Self {
        let executions = Self(Arc::default());
        let served = executions.clone();
        aws.on("states:DescribeExecution", move |call| Some(served.serve(call)));
        executions
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, arn: &str, status: &str) {
        self.all().insert(arn.to_owned(), status.to_owned());
    }

    /// It ended so long ago that Step Functions has nothing about it any more.
    pub(crate) fn forget(&self, arn: &str) {
        self.all().remove(arn);
    }

    fn serve(&self, call: &Call) -> Answer {
        let arn = call.param("executionArn");
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:firebreak";
        match self.all().get(arn) {
            Some(status) => {
                let execution =
                    json!({ "executionArn": arn, "stateMachineArn": machine, "status": status, "startDate": 1_795_000_000 });
                ok(execution.to_string())
            }
            None => error(400, "ExecutionDoesNotExist"),
        }
    }
}
