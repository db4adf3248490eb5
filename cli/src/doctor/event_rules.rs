//! Whether findings reach Firebreak.

use super::deployment::{DEPLOY, Deployment, unread};
use super::shipped::is_as_shipped;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{RuleState, Target};
use firebreak::diagnosis::Observation;
use firebreak::names;
use firebreak_aws::classify::OrFault;
use futures::future::join_all;

const EVENT_RULE: &str = "event-rule";

/// The rules of `infra/event-rules`, by the name of their file.
const RULES: [(&str, &str); 6] = [
    ("guardduty", include_str!("../../../infra/event-rules/guardduty.json")),
    ("guardduty-tampering", include_str!("../../../infra/event-rules/guardduty-tampering.json")),
    ("health", include_str!("../../../infra/event-rules/health.json")),
    ("isolation-request", include_str!("../../../infra/event-rules/isolation-request.json")),
    ("security-hub", include_str!("../../../infra/event-rules/security-hub.json")),
    ("security-hub-v2", include_str!("../../../infra/event-rules/security-hub-v2.json")),
];

/// Requests of people are taken on the account's own bus only.
const ONLY_ON_THE_DEFAULT_BUS: &str = "isolation-request";

/// The account's own bus, and the one that the forwarders of other accounts and Regions write to.
const BUSES: [&str; 2] = ["default", names::SECURITY_BUS];

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let ingest = &deployment.arn("lambda", &format!("function:{}", names::function("ingest")));
    let rules = BUSES.iter().flat_map(|bus| RULES.iter().map(move |(stem, pattern)| (*bus, *stem, *pattern)));
    let there = rules.filter(|(bus, stem, _)| *bus == "default" || *stem != ONLY_ON_THE_DEFAULT_BUS);
    join_all(there.map(|(bus, stem, pattern)| rule(client, bus, stem, pattern, ingest))).await
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
        return Observation::broken(EVENT_RULE, subject, "disabled: these findings do nothing", fix);
    }
    if !is_as_shipped(pattern, rule.event_pattern().unwrap_or_default(), &[]) {
        return Observation::broken(EVENT_RULE, subject, "its pattern is not the shipped one", DEPLOY);
    }
    target(subject, targets.iter().find(|target| target.arn == ingest))
}

fn target(rule: String, ingest: Option<&Target>) -> Observation {
    let Some(ingest) = ingest else {
        return Observation::broken(EVENT_RULE, rule, "firebreak-ingest is not its target: these findings do nothing", DEPLOY);
    };
    if ingest.dead_letter_config().and_then(|letters| letters.arn()).is_none() {
        return Observation::broken(EVENT_RULE, rule, "no dead-letter queue: what is not delivered is lost", DEPLOY);
    }
    if ingest.input().is_some() || ingest.input_path().is_some() || ingest.input_transformer().is_some() {
        return Observation::broken(EVENT_RULE, rule, "its target gets something else than the event", DEPLOY);
    }
    Observation::sound(EVENT_RULE, rule, "enabled, pattern as shipped, delivers to firebreak-ingest")
}
