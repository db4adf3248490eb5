//! The quarantine policy as Organizations shows it, and what it is attached to.

use crate::POLICY;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the management account deploys.
const TEMPLATE: &str = include_str!("../../../../policies/scp-quarantine.template.json");
/// AWS takes no longer policy.
const MOST_CHARACTERS: usize = 10_240;

/// The policy as it is deployed: nobody is denied.
pub(crate) fn shipped() -> Value {
    serde_json::from_str(&TEMPLATE.replace("${Partition}", "aws")).expect("JSON")
}

/// The deployed policy, with these values in the list of users and roles.
pub(crate) fn denying(values: &[&str]) -> Value {
    let mut policy = shipped();
    add(&mut policy["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"], values);
    policy
}

/// The deployed policy, with these values in the list of sessions.
pub(crate) fn denying_sessions(values: &[&str]) -> Value {
    let mut policy = shipped();
    add(&mut policy["Statement"][1]["Condition"]["StringLike"]["aws:userid"], values);
    policy
}

/// The deployed policy, with these values in the list of people.
pub(crate) fn denying_people(values: &[&str]) -> Value {
    let mut policy = shipped();
    add(&mut policy["Statement"][2]["Condition"]["StringLike"]["aws:userid"], values);
    policy
}

fn add(list: &mut Value, values: &[&str]) {
    list.as_array_mut().expect("a list").extend(values.iter().map(|value| json!(value)));
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    /// Nothing: there is no such policy.
    pub(crate) content: Option<Value>,
    /// For example `SERVICE_CONTROL_POLICY`.
    pub(crate) kind: &'static str,
    /// Roots, units and accounts.
    pub(crate) targets: Vec<&'static str>,
}

impl Policy {
    fn describe(&self) -> Result<Value, &'static str> {
        let content = self.content.as_ref().ok_or("PolicyNotFoundException")?;
        let summary = json!({ "Id": POLICY, "Name": "firebreak-quarantine", "Type": self.kind, "AwsManaged": false });
        Ok(json!({ "Policy": { "PolicySummary": summary, "Content": content.to_string() } }))
    }

    /// Written whole, whatever was there.
    fn update(&mut self, content: &str) -> Result<Value, &'static str> {
        if content.chars().count() > MOST_CHARACTERS {
            return Err("ConstraintViolationException");
        }
        let content = serde_json::from_str(content).map_err(|_| "MalformedPolicyDocumentException")?;
        self.content.as_mut().map(|known| *known = content).ok_or("PolicyNotFoundException")?;
        self.describe()
    }

    /// The first page is empty although there is more, as Organizations may answer.
    fn list_targets(&self, token: Option<&str>) -> Value {
        if token.is_none() {
            return json!({ "Targets": [], "NextToken": "more" });
        }
        let targets: Vec<Value> =
            self.targets.iter().map(|id| json!({ "TargetId": id, "Name": "Root", "Type": "ROOT" })).collect();
        json!({ "Targets": targets })
    }
}

/// Organizations, with one policy.
#[derive(Clone)]
pub(crate) struct Organizations(Arc<Mutex<Policy>>);

impl Organizations {
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let policy = Policy { content: Some(shipped()), kind: "SERVICE_CONTROL_POLICY", targets: vec!["r-root"] };
        let organizations = Self(Arc::new(Mutex::new(policy)));
        let served = organizations.clone();
        aws.on("organizations:*", move |call| served.serve(call));
        organizations
    }

    /// All of it as it is now.
    pub(crate) fn now(&self) -> Policy {
        self.lock().clone()
    }

    /// The text of the policy as it is now.
    pub(crate) fn content(&self) -> Value {
        self.lock().content.clone().expect("a policy")
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut Policy)) {
        how(&mut self.lock());
    }

    /// Somebody writes the policy.
    pub(crate) fn write(&self, content: Value) {
        self.change(|policy| policy.content = Some(content));
    }

    fn lock(&self) -> MutexGuard<'_, Policy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.region, "us-east-1", "Organizations has one home in the partition");
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of an assumed role");
        assert_eq!(call.param("PolicyId"), POLICY, "another policy");
        let mut policy = self.lock();
        let answered = match call.operation.as_str() {
            "DescribePolicy" => policy.describe(),
            "UpdatePolicy" => policy.update(call.param("Content")),
            "ListTargetsForPolicy" => Ok(policy.list_targets(call.params["NextToken"].as_str())),
            _ => return None,
        };
        Some(match answered {
            Ok(body) => ok(body.to_string()),
            Err(code) => error(400, code),
        })
    }
}
