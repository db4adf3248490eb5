//! Whether anybody hears it.

use super::deployment::{DEPLOY, Deployment, unread};
use aws_sdk_sns::Client;
use aws_sdk_sns::types::Subscription;
use firebreak::diagnosis::Observation;
use firebreak::names;
use firebreak_aws::classify::OrFault;
use futures::future::join_all;

const TOPIC: &str = "topic";

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let topics = [names::NOTICES_TOPIC, names::TICKETS_TOPIC, names::FAILURES_TOPIC];
    join_all(topics.map(|name| topic(client, name, deployment.arn("sns", name)))).await.concat()
}

async fn topic(client: &Client, name: &str, arn: String) -> Vec<Observation> {
    let answer = client.get_topic_attributes().topic_arn(&arn).send().await;
    let attributes = match answer.or_fault("sns:GetTopicAttributes") {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(fault) => return vec![unread(TOPIC, name, &fault)],
    };
    let key = match attributes.get("KmsMasterKeyId").map(String::as_str) {
        None | Some("") => Observation::broken(TOPIC, format!("{name} key"), "none: messages are stored unencrypted", DEPLOY),
        // CloudWatch may not use it (CloudWatch user guide, "Notifying users on alarm changes").
        Some(key) if key.contains("alias/aws/") => {
            Observation::broken(TOPIC, format!("{name} key"), "AWS managed: no alarm can be told", DEPLOY)
        }
        Some(_) => Observation::sound(TOPIC, format!("{name} key"), "a key of its own"),
    };
    vec![heard(client, name, &arn).await, key]
}

/// An e-mail address counts once its owner has confirmed it: until then its subscription has no ARN.
async fn heard(client: &Client, name: &str, arn: &str) -> Observation {
    let listed = client.list_subscriptions_by_topic().topic_arn(arn).into_paginator().items().send().try_collect().await;
    let subscriptions: Vec<Subscription> = match listed.or_fault("sns:ListSubscriptionsByTopic") {
        Ok(subscriptions) => subscriptions,
        Err(fault) => return unread(TOPIC, name, &fault),
    };
    let confirmed = |subscription: &&Subscription| subscription.subscription_arn().is_some_and(|arn| arn.starts_with("arn:"));
    match subscriptions.iter().filter(confirmed).count() {
        0 => {
            let fix =
                format!("aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint <address>, and confirm it");
            Observation::broken(TOPIC, name, "nobody has subscribed: nobody is told", fix)
        }
        some => Observation::sound(TOPIC, name, format!("{some} subscribed")),
    }
}
