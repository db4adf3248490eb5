//! Whether the state machines are the shipped ones, and what they write into their logs.

use super::deployment::{DEPLOY, Deployment, unread};
use super::shipped::is_as_shipped;
use firebreak::diagnosis::Observation;
use firebreak::names::{self, EVIDENCE_STATE_MACHINE, RESTORE_STATE_MACHINE, STATE_MACHINE, WATCH_STATE_MACHINE};
use firebreak_aws::classify::OrFault;
use futures::future::join_all;

const CHECK: &str = "state-machine";
const DEFINITIONS: [(&str, &str); 4] = [
    (STATE_MACHINE, include_str!("../../../state-machine/incident-response.asl.json")),
    (EVIDENCE_STATE_MACHINE, include_str!("../../../state-machine/evidence.asl.json")),
    (WATCH_STATE_MACHINE, include_str!("../../../state-machine/watch.asl.json")),
    (RESTORE_STATE_MACHINE, include_str!("../../../state-machine/restore.asl.json")),
];

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    join_all(DEFINITIONS.iter().map(|(name, definition)| look_at(deployment, name, definition)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn look_at(deployment: &Deployment, name: &str, shipped: &str) -> Vec<Observation> {
    let client = aws_sdk_sfn::Client::new(&deployment.config);
    let of = |name: &str| deployment.arn("states", &format!("stateMachine:{name}"));
    let described = client.describe_state_machine().state_machine_arn(of(name)).send().await;
    let machine = match described.or_fault("states:DescribeStateMachine") {
        Ok(machine) => machine,
        Err(fault) => return vec![unread(CHECK, name, &fault)],
    };
    let functions = deployment.arn("lambda", &format!("function:{}", names::function("")));
    let (failures, gate) = (deployment.arn("sns", names::FAILURES_TOPIC), deployment.gate_of(&machine.definition));
    let (evidence, watch) = (of(EVIDENCE_STATE_MACHINE), of(WATCH_STATE_MACHINE));
    // The gate's messages hold task tokens, and the functions do the work: they must be this deployment's.
    let known = [
        ("Partition", deployment.partition.as_str()),
        ("FunctionArnPrefix", functions.as_str()),
        ("FailuresTopicArn", failures.as_str()),
        ("LedgerTable", names::LEDGER_TABLE),
        ("ReviewQueueUrl", gate.as_str()),
        ("EvidenceArn", evidence.as_str()),
        ("WatchArn", watch.as_str()),
    ];
    let definition = if is_as_shipped(shipped, &machine.definition, &known) {
        Observation::sound(CHECK, name, "as shipped")
    } else {
        Observation::broken(CHECK, name, "its definition is not the shipped one of this version", DEPLOY)
    };
    let log = format!("{name} log");
    // The history holds task tokens: who has one can answer for the analyst.
    let logging = if machine.logging_configuration().is_some_and(|logging| logging.include_execution_data) {
        Observation::broken(CHECK, log, "holds execution data: task tokens can be read in it", DEPLOY)
    } else {
        Observation::sound(CHECK, log, "without execution data")
    };
    vec![definition, logging]
}
