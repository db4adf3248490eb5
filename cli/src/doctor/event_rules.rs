//! Whether findings reach Firebreak.

use super::deployment::{DEPLOY, Deployment, unread};
use super::shipped::is_as_shipped;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{RuleState, Target};
use firebreak::arrival;
use firebreak::diagnosis::Observation;
use firebreak::fault::FaultKind;
use firebreak::names;
use firebreak::playbook::Playbook;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use futures::future::join_all;
use serde_json::Value;

const EVENT_RULE: &str = "event-rule";

/// The rules of `infra/event-rules` that no row changes, by the name of their file.
const RULES: [(&str, &str); 6] = [
    ("guardduty", include_str!("../../../infra/event-rules/guardduty.json")),
    ("health", include_str!("../../../infra/event-rules/health.json")),
    ("isolation-request", include_str!("../../../infra/event-rules/isolation-request.json")),
    ("malware-scan", include_str!("../../../infra/event-rules/malware-scan.json")),
    ("security-hub", include_str!("../../../infra/event-rules/security-hub.json")),
    ("security-hub-v2", include_str!("../../../infra/event-rules/security-hub-v2.json")),
];

/// The rule that tells of executions that ended: no event of it is a finding.
const LAST_RESORT: &str = include_str!("../../../infra/security-account/execution-ended.json");

/// Requests of people are taken on the account's own bus only.
const ONLY_ON_THE_DEFAULT_BUS: &str = "isolation-request";

/// The account's own bus, and the one that the forwarders of other accounts and Regions write to.
const BUSES: [&str; 2] = ["default", names::SECURITY_BUS];

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let ingest = &deployment.arn("lambda", &format!("function:{}", names::function("ingest")));
    let rules = &shipped();
    let rules = BUSES.iter().flat_map(|bus| rules.iter().map(move |(stem, pattern)| (*bus, stem.as_str(), pattern.as_str())));
    let there = rules.filter(|(bus, stem, _)| *bus == "default" || *stem != ONLY_ON_THE_DEFAULT_BUS);
    let looks = join_all(there.map(|(bus, stem, pattern)| rule(client, bus, stem, pattern, ingest)));
    let machine = |name: &str| deployment.arn("states", &format!("stateMachine:{name}"));
    let ended = LAST_RESORT
        .replace("${StateMachineArn}", &deployment.state_machine_arn)
        .replace("${EvidenceStateMachineArn}", &machine(names::EVIDENCE_STATE_MACHINE))
        .replace("${WatchStateMachineArn}", &machine(names::WATCH_STATE_MACHINE))
        .replace("${RestoreStateMachineArn}", &machine(names::RESTORE_STATE_MACHINE));
    let function = deployment.arn("lambda", &format!("function:{}", names::function("execution-ended")));
    let (mut looks, last) = futures::join!(looks, rule(client, "default", "execution-ended", &ended, &function));
    looks.push(last);
    looks
}

/// Whether findings of the types arrive that rows of the response policy name and the shipped rules do not, and the controls of the
/// products that it lists.
pub(super) async fn own(deployment: &Deployment, types: &[String], products: &[String]) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let products: Vec<&str> = products.iter().map(String::as_str).collect();
    let rules = &arrival::rules_of_own(&types).into_iter().chain(arrival::rules_of_controls(&products)).collect::<Vec<_>>();
    let rules = BUSES.iter().flat_map(|bus| rules.iter().map(move |(stem, pattern)| (*bus, stem.as_str(), pattern)));
    join_all(rules.map(|(bus, stem, pattern)| own_rule(client, bus, stem, pattern))).await
}

async fn own_rule(client: &Client, bus: &str, stem: &str, pattern: &Value) -> Observation {
    let name = names::event_rule(stem);
    let subject = if bus == "default" { name.clone() } else { format!("{name} on the bus {bus}") };
    let rule = match client.describe_rule().name(&name).event_bus_name(bus).send().await.or_fault("events:DescribeRule") {
        Ok(rule) => Some(rule),
        Err(fault) if fault.kind == FaultKind::Gone => None,
        Err(fault) => return unread(EVENT_RULE, subject, &fault),
    };
    let there = rule.filter(|rule| rule.state == Some(RuleState::Enabled));
    if there.is_some_and(|rule| is_as_shipped(&pattern.to_string(), rule.event_pattern().unwrap_or_default(), &[])) {
        return Observation::sound(EVENT_RULE, subject, "enabled, brings what the response policy adds");
    }
    let types = pattern.pointer("/detail/type").and_then(Value::as_array).into_iter().flatten();
    let types: Vec<String> = types.filter_map(Value::as_str).take(3).map(|kind| inert(kind, 64)).collect();
    let lost = match types.as_slice() {
        [] => "controls of the listed products do not arrive".to_owned(),
        types => format!("below severity 7 findings do not arrive of {} and others", types.join(", ")),
    };
    let found = format!("missing, or of another policy: {lost}");
    Observation::broken(EVENT_RULE, subject, found, DEPLOY)
}

fn shipped() -> Vec<(String, String)> {
    let of_rows = arrival::rules(Playbook::shipped()).into_iter().map(|(stem, pattern)| (stem, pattern.to_string()));
    RULES.iter().map(|(stem, pattern)| ((*stem).to_owned(), (*pattern).to_owned())).chain(of_rows).collect()
}

async fn rule(client: &Client, bus: &str, stem: &str, pattern: &str, ingest: &str) -> Observation {
    let name = names::event_rule(stem);
    let subject = if bus == "default" { name.clone() } else { format!("{name} on the bus {bus}") };
    let (rule, targets) = futures::join!(
        client.describe_rule().name(&name).event_bus_name(bus).send(),
        client.list_targets_by_rule().rule(&name).event_bus_name(bus).send()
    );
    let (rule, targets) = match (rule.or_fault("events:DescribeRule"), targets.or_fault("events:ListTargetsByRule")) {
        (Ok(rule), Ok(targets)) => (rule, targets.targets.unwrap_or_default()),
        (Err(fault), _) | (_, Err(fault)) => return unread(EVENT_RULE, subject, &fault),
    };
    if rule.state != Some(RuleState::Enabled) {
        let fix = format!("aws events enable-rule --name {name} --event-bus-name {bus}");
        return Observation::broken(EVENT_RULE, subject, "disabled: these events do nothing", fix);
    }
    if !is_as_shipped(pattern, rule.event_pattern().unwrap_or_default(), &[]) {
        return Observation::broken(EVENT_RULE, subject, "its pattern is not the shipped one", DEPLOY);
    }
    target(subject, ingest, targets.iter().find(|target| target.arn == ingest))
}

fn target(rule: String, function: &str, found: Option<&Target>) -> Observation {
    let function = function.rsplit(':').next().unwrap_or(function);
    let Some(ingest) = found else {
        return Observation::broken(EVENT_RULE, rule, format!("{function} is not its target: these events do nothing"), DEPLOY);
    };
    if ingest.dead_letter_config().and_then(|letters| letters.arn()).is_none() {
        return Observation::broken(EVENT_RULE, rule, "no dead-letter queue: what is not delivered is lost", DEPLOY);
    }
    if ingest.input().is_some() || ingest.input_path().is_some() || ingest.input_transformer().is_some() {
        return Observation::broken(EVENT_RULE, rule, "its target gets something else than the event", DEPLOY);
    }
    Observation::sound(EVENT_RULE, rule, format!("enabled, pattern as shipped, delivers to {function}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_that_is_shipped_is_looked_at() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/event-rules");
        let files = std::fs::read_dir(folder).expect("infra/event-rules").map(|file| file.expect("a file").file_name());
        let files: BTreeSet<String> = files.filter_map(|name| name.to_str()?.strip_suffix(".json").map(str::to_owned)).collect();
        assert_eq!(shipped().into_iter().map(|(stem, _)| stem).collect::<BTreeSet<_>>(), files);
    }
}
