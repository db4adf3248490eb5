//! Whether a person has paused what is automatic: then a finding that comes in now waits.

use super::deployment::{Deployment, unread};
use firebreak::diagnosis::Observation;
use firebreak::fault::FaultKind;
use firebreak_aws::clock;

const PAUSE: &str = "pause";
const SUBJECT: &str = "what is automatic";

/// A pause is somebody's decision and ends by itself: a warning, and no fault.
pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    match deployment.ledger.pauses_everywhere(clock::now()).await {
        Ok(pauses) if pauses.is_empty() => vec![Observation::sound(PAUSE, SUBJECT, "not paused")],
        Ok(pauses) => {
            pauses.all().map(|pause| Observation::advice(PAUSE, pause.place(), pause.line(), pause.ended_by())).collect()
        }
        Err(fault) if fault.kind == FaultKind::Denied => {
            let fix = "allow the caller dynamodb:GetItem on firebreak-ledger for pause#*, and kms:Decrypt through DynamoDB";
            vec![Observation::unknown(PAUSE, SUBJECT, fault.message, fix)]
        }
        Err(fault) => vec![unread(PAUSE, SUBJECT, &fault)],
    }
}
