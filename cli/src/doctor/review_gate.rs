//! Whether a review reaches an analyst, and whether anything was left lying.

use super::deployment::{DEPLOY, Deployment, unread};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use firebreak::diagnosis::Observation;
use firebreak::fault::Fault;
use firebreak::names;
use firebreak_aws::classify::OrFault;
use futures::future::join_all;
use serde_json::Value;
use std::collections::HashMap;

const QUEUE: &str = "queue";
const DEAD_LETTERS: &str = "dead-letters";

type Attributes = HashMap<Name, String>;

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let (gate, letters) = futures::join!(
        gate(client, deployment),
        join_all(names::DEAD_LETTER_QUEUES.map(|name| dead_letters(client, deployment, name)))
    );
    let mut seen = vec![gate, mapping(deployment).await];
    seen.extend(letters.concat());
    seen
}

async fn attributes(client: &Client, deployment: &Deployment, name: &str) -> Result<Attributes, Fault> {
    let url = deployment.queue_url(name);
    let answer = client.get_queue_attributes().queue_url(url).attribute_names(Name::All).send().await;
    Ok(answer.or_fault("sqs:GetQueueAttributes")?.attributes.unwrap_or_default())
}

async fn gate(client: &Client, deployment: &Deployment) -> Observation {
    let name = names::REVIEW_QUEUE;
    match attributes(client, deployment, name).await {
        Err(fault) => unread(QUEUE, name, &fault),
        Ok(attributes) => {
            let redrive: Value =
                attributes.get(&Name::RedrivePolicy).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let target = redrive["deadLetterTargetArn"].as_str().unwrap_or_default();
            if target == deployment.arn("sqs", names::REVIEW_DEAD_LETTERS) {
                Observation::sound(QUEUE, name, "there, with dead letters")
            } else {
                Observation::broken(QUEUE, name, "no dead-letter queue: a review that fails is lost", DEPLOY)
            }
        }
    }
}

async fn dead_letters(client: &Client, deployment: &Deployment, name: &str) -> Vec<Observation> {
    let attributes = match attributes(client, deployment, name).await {
        Ok(attributes) => attributes,
        Err(fault) => return vec![unread(DEAD_LETTERS, name, &fault)],
    };
    // Whoever has just received a message hides it from the others for a while.
    let counted = [
        Name::ApproximateNumberOfMessages,
        Name::ApproximateNumberOfMessagesNotVisible,
        Name::ApproximateNumberOfMessagesDelayed,
    ];
    let counts: Option<Vec<u64>> = counted.iter().map(|name| attributes.get(name)?.parse().ok()).collect();
    let Some(waiting) = counts.map(|counts| counts.iter().sum::<u64>()) else {
        return vec![Observation::unknown(DEAD_LETTERS, name, "SQS did not say how many", "run `firebreak doctor` again")];
    };
    vec![if waiting == 0 {
        Observation::sound(DEAD_LETTERS, name, "empty")
    } else {
        let fix = if name == names::REVIEW_DEAD_LETTERS {
            // The messages hold task tokens: the queues' policies let nobody move them.
            "see why in the log of firebreak-open-review; the gate asks again in its next round".to_owned()
        } else {
            // EventBridge and Lambda wrap events in their own way: only a person knows whether they are still worth an answer.
            format!(
                "aws sqs receive-message --queue-url {}: read why, and replay the event with `firebreak replay`",
                deployment.queue_url(name)
            )
        };
        Observation::broken(DEAD_LETTERS, name, format!("{waiting} waiting: something did not get through"), fix)
    }]
}

/// Lambda polls the review queue by an event source mapping; without it no ticket is ever opened.
async fn mapping(deployment: &Deployment) -> Observation {
    let function = names::function("open-review");
    let subject = format!("{} to {function}", names::REVIEW_QUEUE);
    let client = aws_sdk_lambda::Client::new(&deployment.config);
    let answer = client.list_event_source_mappings().function_name(&function).send().await;
    let mappings = match answer.or_fault("lambda:ListEventSourceMappings") {
        Ok(answer) => answer.event_source_mappings.unwrap_or_default(),
        Err(fault) => return unread(QUEUE, subject, &fault),
    };
    let queue = deployment.arn("sqs", names::REVIEW_QUEUE);
    let Some(mapping) = mappings.into_iter().find(|mapping| mapping.event_source_arn() == Some(&queue)) else {
        return Observation::broken(QUEUE, subject, "not connected: no review reaches an analyst", DEPLOY);
    };
    if let Some(problem) = mapping.last_processing_result().filter(|result| result.starts_with("PROBLEM")) {
        let fix = "see the log of firebreak-open-review and its role's policy; docs/runbooks.md#firebreak-review-gate-age";
        return Observation::broken(QUEUE, subject, firebreak::text::inert(problem, 200), fix);
    }
    match mapping.state() {
        Some("Enabled" | "Enabling" | "Updating" | "Creating") => Observation::sound(QUEUE, subject, "connected"),
        _ => {
            let id = mapping.uuid().unwrap_or("<uuid>");
            let fix = format!("aws lambda update-event-source-mapping --uuid {id} --enabled");
            Observation::broken(QUEUE, subject, "disabled: no review reaches an analyst", fix)
        }
    }
}
