//! The organization's quarantine policy, as Organizations keeps it.

use crate::POLICY;
use firebreak_testkit::fixture;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The policy that is shipped, with some principals in it.
#[derive(Clone)]
pub(crate) struct Policy(Arc<Mutex<String>>);

impl Policy {
    pub(crate) fn denying(aws: &ScriptedAws, principals: &[&str]) -> Self {
        let template = fixture::repository().join("policies/scp-quarantine.template.json");
        let text = std::fs::read_to_string(template).expect("the template").replace("${Partition}", "aws");
        let mut document: Value = serde_json::from_str(&text).expect("JSON");
        *place(&mut document) = json!(principals);
        let policy = Self(Arc::new(Mutex::new(document.to_string())));
        let served = policy.clone();
        aws.on("organizations:*", move |call| served.serve(call));
        policy
    }

    fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The principals that it denies.
    pub(crate) fn principals(&self) -> Vec<String> {
        let mut document: Value = serde_json::from_str(&self.text()).expect("JSON");
        serde_json::from_value(place(&mut document).take()).expect("a list")
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        if call.param("PolicyId") != POLICY {
            return Some(error(400, "PolicyNotFoundException"));
        }
        match call.operation.as_str() {
            "DescribePolicy" => {}
            "UpdatePolicy" => call.param("Content").clone_into(&mut self.text()),
            _ => return None,
        }
        let summary = json!({ "Id": POLICY, "Type": "SERVICE_CONTROL_POLICY" });
        Some(ok(json!({ "Policy": { "PolicySummary": summary, "Content": *self.text() } }).to_string()))
    }
}

/// Where the principals stand.
fn place(document: &mut Value) -> &mut Value {
    document.pointer_mut("/Statement/0/Condition/ArnEquals/aws:PrincipalArn").expect("the list of principals")
}
