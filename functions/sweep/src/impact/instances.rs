//! What isolating an instance would hit.

use super::Weighed;
use super::asked::{Kind, weigh};
use crate::Function;
use aws_sdk_lambda::Client;
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use tokio::time::Instant;

const INSTANCES: Kind = Kind {
    containment: Containment::IsolateEc2,
    gone: "it does not exist any more: there is nothing left to isolate",
    impact: Impact::of_instance,
};

impl Function {
    /// Asks about each instance, side by side.
    pub(super) async fn weigh_instances(
        &self,
        incident: &Incident,
        decisions: Vec<&Decision>,
        deadline: Instant,
    ) -> Vec<Weighed> {
        if decisions.is_empty() {
            return vec![];
        }
        weigh(&Client::new(self.aws.own()), INSTANCES, incident, decisions, deadline).await
    }
}
