//! Whether the state machine is the shipped one, and what it writes into its log.

use super::deployment::{DEPLOY, Deployment, unread};
use super::shipped::is_as_shipped;
use firebreak::diagnosis::Observation;
use firebreak::names::{self, STATE_MACHINE};
use firebreak_aws::classify::OrFault;

const CHECK: &str = "state-machine";
const DEFINITION: &str = include_str!("../../../state-machine/incident-response.asl.json");

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = aws_sdk_sfn::Client::new(&deployment.config);
    let described = client.describe_state_machine().state_machine_arn(&deployment.state_machine_arn).send().await;
    let machine = match described.or_fault("states:DescribeStateMachine") {
        Ok(machine) => machine,
        Err(fault) => return vec![unread(CHECK, STATE_MACHINE, &fault)],
    };
    let functions = deployment.arn("lambda", &format!("function:{}", names::function("")));
    let (failures, gate) = (deployment.arn("sns", names::FAILURES_TOPIC), deployment.gate_of(&machine.definition));
    // The gate's messages hold task tokens, and the functions do the work: they must be this deployment's.
    let known = [
        ("Partition", deployment.partition.as_str()),
        ("FunctionArnPrefix", functions.as_str()),
        ("FailuresTopicArn", failures.as_str()),
        ("LedgerTable", names::LEDGER_TABLE),
        ("ReviewQueueUrl", gate.as_str()),
    ];
    let definition = if is_as_shipped(DEFINITION, &machine.definition, &known) {
        Observation::sound(CHECK, STATE_MACHINE, "as shipped")
    } else {
        Observation::broken(CHECK, STATE_MACHINE, "its definition is not the shipped one of this version", DEPLOY)
    };
    let log = format!("{STATE_MACHINE} log");
    // The history holds task tokens: who has one can answer for the analyst.
    let logging = if machine.logging_configuration().is_some_and(|logging| logging.include_execution_data) {
        Observation::broken(CHECK, log, "holds execution data: task tokens can be read in it", DEPLOY)
    } else {
        Observation::sound(CHECK, log, "without execution data")
    };
    vec![definition, logging]
}
