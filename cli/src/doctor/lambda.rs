//! The functions: whether they are there, whether reviews reach one of them, and how to ask them.

use super::deployment::{DEPLOY, Deployment, unread};
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::diagnosis::{Diagnosis, Observation, Places, Question};
use firebreak::fault::{Fault, FaultKind};
use firebreak::names;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, code};
use firebreak_functions::FUNCTIONS;
use futures::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

pub(super) const FUNCTION: &str = "function";

/// Longer than any function's time limit.
const LONGEST: Duration = Duration::from_secs(310);

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    join_all(FUNCTIONS.iter().map(|one| function(client, names::function(one.name)))).await
}

async fn function(client: &Client, name: String) -> Observation {
    let answer = client.get_function_configuration().function_name(&name).send().await;
    match answer.or_fault("lambda:GetFunctionConfiguration") {
        Err(fault) => unread(FUNCTION, name, &fault),
        Ok(function) => match (function.state, function.last_update_status) {
            (Some(State::Failed), _) | (_, Some(LastUpdateStatus::Failed)) => {
                Observation::broken(FUNCTION, name, "its last update failed", DEPLOY)
            }
            _ => concurrency(client, name).await,
        },
    }
}

/// Concurrency 0 is how somebody stops a function in a hurry (docs/runbooks.md, "Stop all containment"), and forgets.
async fn concurrency(client: &Client, name: String) -> Observation {
    let answer = client.get_function_concurrency().function_name(&name).send().await;
    match answer.or_fault("lambda:GetFunctionConcurrency").map(|answer| answer.reserved_concurrent_executions) {
        Ok(Some(0)) => {
            let fix = format!("aws lambda delete-function-concurrency --function-name {name}");
            Observation::broken(FUNCTION, name, "stopped: its concurrency is 0", fix)
        }
        Ok(_) => Observation::sound(FUNCTION, name, "ready"),
        Err(fault) => unread(FUNCTION, name, &fault),
    }
}

/// Whether the organization's quarantine policy is configured. `None` when that could not be read.
pub(super) async fn has_second_tier(deployment: &Deployment) -> Option<bool> {
    let function = names::function("quarantine-scp");
    let answer = Client::new(&deployment.config).get_function_configuration().function_name(function).send().await.ok()?;
    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
    Some(variables.contains_key("FIREBREAK_QUARANTINE_SCP"))
}

/// Asks a function what it sees in `places`, under the alias that takes no task: who may invoke only that cannot contain anything.
pub(crate) async fn ask(config: &SdkConfig, folder: &str, places: &Places) -> Result<Diagnosis, Fault> {
    let question = Question { diagnose: places.clone() };
    invoke(config, (folder, names::DOCTOR_ALIAS), &question).await
}

/// Invokes a function under an alias, and waits for its answer.
pub(crate) async fn invoke<Q: Serialize, A: DeserializeOwned>(
    config: &SdkConfig,
    (folder, alias): (&str, &str),
    question: &Q,
) -> Result<A, Fault> {
    let name = names::function(folder);
    let question = serde_json::to_vec(question).map_err(|error| Fault::bug(error.to_string()))?;
    // A question takes as long as the function looks, and one that is asked twice looks twice.
    let patient = aws_sdk_lambda::config::Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(LONGEST).operation_timeout(LONGEST).build());
    let alias = format!("{name}:{alias}");
    let invoke = Client::new(config).invoke().function_name(&alias).payload(Blob::new(question));
    let answer = invoke.customize().config_override(patient).send().await;
    if answer.as_ref().err().and_then(code) == Some("ResourceNotFoundException") {
        let what = format!("there is no {alias}, under which the function answers people: deploy this version of Firebreak");
        return Err(Fault::new(FaultKind::Gone, what));
    }
    let answer = answer.or_fault("lambda:Invoke")?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if answer.function_error.is_some() {
        let text = inert(&String::from_utf8_lossy(&payload), 300);
        return Err(Fault::malformed(format!("{name} failed: {text}")));
    }
    serde_json::from_slice(&payload)
        .map_err(|_| Fault::malformed(format!("{name} is of another version: it does not know the question")))
}
