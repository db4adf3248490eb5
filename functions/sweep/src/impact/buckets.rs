//! Whom a level of the lockdown of a bucket would hit. Each level that waits is asked about by itself: they hit different people.

use super::Weighed;
use super::asked::{Kind, weigh};
use crate::Function;
use aws_sdk_lambda::Client;
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use tokio::time::Instant;

const BUCKETS: Kind = Kind {
    containment: Containment::LockdownS3,
    gone: "it does not exist any more: there is nothing left to lock down",
    impact: Impact::of_bucket,
};

impl Function {
    /// Asks about each level, side by side.
    pub(super) async fn weigh_buckets(&self, incident: &Incident, decisions: Vec<&Decision>, deadline: Instant) -> Vec<Weighed> {
        if decisions.is_empty() {
            return vec![];
        }
        weigh(&Client::new(self.aws.own()), BUCKETS, incident, decisions, deadline).await
    }
}
