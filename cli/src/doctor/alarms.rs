//! Whether a Firebreak that fails is noticed.

use super::deployment::{DEPLOY, Deployment, unread};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use firebreak::diagnosis::Observation;
use firebreak::names;
use firebreak_aws::classify::OrFault;

const ALARM: &str = "alarm";

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = Client::new(&deployment.config);
    let described = client.describe_alarms().set_alarm_names(Some(names::ALARMS.map(str::to_owned).to_vec())).send().await;
    match described.or_fault("cloudwatch:DescribeAlarms") {
        Err(fault) => vec![unread(ALARM, "all", &fault)],
        Ok(answer) => {
            let (alarms, topic) = (answer.metric_alarms.unwrap_or_default(), deployment.arn("sns", names::FAILURES_TOPIC));
            let named = |name: &str| alarms.iter().find(|alarm| alarm.alarm_name() == Some(name));
            names::ALARMS.iter().map(|name| alarm(name, named(name), &topic)).collect()
        }
    }
}

fn alarm(name: &str, alarm: Option<&MetricAlarm>, topic: &str) -> Observation {
    let Some(alarm) = alarm else { return Observation::broken(ALARM, name, "missing", DEPLOY) };
    if !alarm.alarm_actions().iter().any(|action| action == topic) {
        return Observation::broken(ALARM, name, "does not tell the topic firebreak-failures", DEPLOY);
    }
    if alarm.actions_enabled() != Some(true) {
        let fix = format!("aws cloudwatch enable-alarm-actions --alarm-names {name}");
        return Observation::broken(ALARM, name, "its actions are switched off: nobody is told", fix);
    }
    if alarm.state_value() == Some(&StateValue::Alarm) {
        let why = alarm.state_reason().map(|text| firebreak::text::inert(text, 160)).unwrap_or_default();
        let fix = format!("aws cloudwatch describe-alarm-history --alarm-name {name}, and docs/runbooks.md#{name}");
        return Observation::broken(ALARM, name, format!("in ALARM: {why}"), fix);
    }
    Observation::sound(ALARM, name, "tells firebreak-failures")
}
