//! Whether a suspect could undo a quarantine: the guard, a service control policy at the organization's root.
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

const GUARD: &str = "guard";
const SHIPPED: &str = include_str!("../../../policies/scp-guard.json");
const FIX: &str =
    "make deploy ENV=<env> STACK=management-account; if that was done: docs/runbooks.md, \"A resource was changed by hand\"";

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let listed = client.list_policies().filter(PolicyType::ServiceControlPolicy).into_paginator().send();
    let pages: Vec<_> = match listed.try_collect().await {
        Ok(pages) => pages,
        Err(error) => {
            let denied = code(&error) == Some("AccessDeniedException");
            return vec![unlisted(denied, &fault("organizations:ListPolicies", &error))];
        }
    };
    let guard = pages.iter().flat_map(|page| page.policies()).find(|policy| policy.name() == Some(names::GUARD_SCP));
    let Some(id) = guard.and_then(|guard| guard.id.clone()) else {
        return vec![Observation::broken(GUARD, names::GUARD_SCP, "missing: a suspect can undo a quarantine", FIX)];
    };
    let (text, attached) = futures::join!(text(client, &id, deployment), attached(client, &id));
    vec![text, attached]
}

fn unlisted(denied: bool, fault: &Fault) -> Observation {
    if denied {
        let fix = "run it in an account that is a delegated administrator of the organization, or look in the management account";
        return Observation::unknown(GUARD, names::GUARD_SCP, fault.message.clone(), fix);
    }
    unread(GUARD, names::GUARD_SCP, fault)
}

async fn text(client: &Client, id: &str, deployment: &Deployment) -> Observation {
    let known = [("Partition", deployment.partition.as_str()), ("SecurityAccount", deployment.account.as_str())];
    let answer = client.describe_policy().policy_id(id).send().await.or_fault("organizations:DescribePolicy");
    match answer.map(|answer| answer.policy.and_then(|policy| policy.content).unwrap_or_default()) {
        Ok(text) if is_as_shipped(SHIPPED, &text, &known) => Observation::sound(GUARD, names::GUARD_SCP, "as shipped"),
        Ok(_) => Observation::broken(GUARD, names::GUARD_SCP, "its text is not the shipped one of this version", FIX),
        Err(fault) => unread(GUARD, names::GUARD_SCP, &fault),
    }
}

async fn attached(client: &Client, id: &str) -> Observation {
    let subject = format!("{} attached", names::GUARD_SCP);
    let pages: Result<Vec<_>, _> = client.list_targets_for_policy().policy_id(id).into_paginator().send().try_collect().await;
    let targets = pages.map(|pages| pages.into_iter().flat_map(|page| page.targets.unwrap_or_default()).collect::<Vec<_>>());
    match targets.or_fault("organizations:ListTargetsForPolicy") {
        Ok(targets) if targets.iter().any(|target| target.r#type() == Some(&TargetType::Root)) => {
            Observation::sound(GUARD, subject, "to the root")
        }
        Ok(targets) => {
            let fix = format!("aws organizations attach-policy --policy-id {id} --target-id <the root, r-…>");
            match targets.len() {
                0 => Observation::broken(GUARD, subject, "to nothing: a suspect can undo a quarantine", fix),
                some => Observation::advice(GUARD, subject, format!("to {some} units or accounts, not to the root"), fix),
            }
        }
        Err(fault) => unread(GUARD, subject, &fault),
    }
}
