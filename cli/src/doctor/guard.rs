//! Whether a suspect could undo a quarantine: the guards, a service control policy and a resource control policy at the
//! organization's root.
//!
//! Organizations answers a delegated administrator, which a security account usually is (Organizations API, `ListPolicies`).

use super::deployment::{Deployment, unread};
use super::shipped::is_as_shipped;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{PolicyType, TargetType};
use firebreak::diagnosis::Observation;
use firebreak::fault::Fault;
use firebreak::names;
use firebreak_aws::classify::{OrFault, code, fault};

const CHECK: &str = "guard";
const FIX: &str =
    "make deploy ENV=<env> STACK=management-account; if that was done: docs/runbooks.md, \"A resource was changed by hand\"";

/// One policy that guards what Firebreak did.
struct Guard {
    name: &'static str,
    kind: PolicyType,
    shipped: &'static str,
    /// What is possible without it.
    without: &'static str,
    /// Some organizations have no such policies: then its absence is a choice.
    optional: bool,
}

static GUARDS: [Guard; 2] = [
    Guard {
        name: names::GUARD_SCP,
        kind: PolicyType::ServiceControlPolicy,
        shipped: include_str!("../../../policies/scp-guard.json"),
        without: "a suspect can undo a quarantine",
        optional: false,
    },
    Guard {
        name: names::GUARD_RCP,
        kind: PolicyType::ResourceControlPolicy,
        shipped: include_str!("../../../policies/rcp-guard.json"),
        without: "who signs in from outside can pass tags that hide a role's quarantine",
        optional: true,
    },
];

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let [first, second] = &GUARDS;
    let (mut seen, more) = futures::join!(one(client, first, deployment), one(client, second, deployment));
    seen.extend(more);
    seen
}

async fn one(client: &Client, guard: &Guard, deployment: &Deployment) -> Vec<Observation> {
    let listed = client.list_policies().filter(guard.kind.clone()).into_paginator().send();
    let pages: Vec<_> = match listed.try_collect().await {
        Ok(pages) => pages,
        Err(error) => {
            let denied = code(&error) == Some("AccessDeniedException");
            return vec![unlisted(guard, denied, &fault("organizations:ListPolicies", &error))];
        }
    };
    let policy = pages.iter().flat_map(|page| page.policies()).find(|policy| policy.name() == Some(guard.name));
    let Some(id) = policy.and_then(|policy| policy.id.clone()) else {
        return vec![guard.lacks(guard.name, "missing", FIX)];
    };
    let (text, attached) = futures::join!(text(client, guard, &id, deployment), attached(client, guard, &id));
    vec![text, attached]
}

impl Guard {
    /// What is not there, and what follows.
    fn lacks(&self, subject: impl Into<String>, what: &str, fix: impl Into<String>) -> Observation {
        let found = format!("{what}: {}", self.without);
        if self.optional {
            return Observation::advice(CHECK, subject, found, fix);
        }
        Observation::broken(CHECK, subject, found, fix)
    }
}

fn unlisted(guard: &Guard, denied: bool, fault: &Fault) -> Observation {
    if denied {
        let fix = "run it in an account that is a delegated administrator of the organization, or look in the management account";
        return Observation::unknown(CHECK, guard.name, fault.message.clone(), fix);
    }
    unread(CHECK, guard.name, fault)
}

async fn text(client: &Client, guard: &Guard, id: &str, deployment: &Deployment) -> Observation {
    let known = [("Partition", deployment.partition.as_str()), ("SecurityAccount", deployment.account.as_str())];
    let answer = client.describe_policy().policy_id(id).send().await.or_fault("organizations:DescribePolicy");
    match answer.map(|answer| answer.policy.and_then(|policy| policy.content).unwrap_or_default()) {
        Ok(text) if is_as_shipped(guard.shipped, &text, &known) => Observation::sound(CHECK, guard.name, "as shipped"),
        Ok(_) => Observation::broken(CHECK, guard.name, "its text is not the shipped one of this version", FIX),
        Err(fault) => unread(CHECK, guard.name, &fault),
    }
}

async fn attached(client: &Client, guard: &Guard, id: &str) -> Observation {
    let subject = format!("{} attached", guard.name);
    let pages: Result<Vec<_>, _> = client.list_targets_for_policy().policy_id(id).into_paginator().send().try_collect().await;
    let targets = pages.map(|pages| pages.into_iter().flat_map(|page| page.targets.unwrap_or_default()).collect::<Vec<_>>());
    match targets.or_fault("organizations:ListTargetsForPolicy") {
        Ok(targets) if targets.iter().any(|target| target.r#type() == Some(&TargetType::Root)) => {
            Observation::sound(CHECK, subject, "to the root")
        }
        Ok(targets) => {
            let fix = format!("aws organizations attach-policy --policy-id {id} --target-id <the root, r-…>");
            match targets.len() {
                0 => guard.lacks(subject, "to nothing", fix),
                some => Observation::advice(CHECK, subject, format!("to {some} units or accounts, not to the root"), fix),
            }
        }
        Err(fault) => unread(CHECK, subject, &fault),
    }
}
