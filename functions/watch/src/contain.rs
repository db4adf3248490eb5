//! What a look decided for at once is contained, as the state machine would.

use crate::Function;
use crate::invoke::{Failure, invoke};
use crate::verify::AT_ONCE;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status};
use firebreak::target::Target;
use firebreak_aws::clock;
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::json;

/// A containment that the sweep asks for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Next {
    /// Of which target.
    pub(crate) target: Target,
    /// By which function.
    #[serde(rename = "containment")]
    pub(crate) function: String,
}

impl Function {
    /// Contains each. A function that fails leaves a receipt all the same, in the ledger, too: nobody else writes one.
    pub(crate) async fn contain(&self, incident: &Incident, next: &[Next]) -> Vec<Receipt> {
        let contained = next.iter().map(|next| Box::pin(self.contain_one(incident, next)));
        let all: Vec<Option<Receipt>> = futures::stream::iter(contained).buffered(AT_ONCE).collect().await;
        all.into_iter().flatten().collect()
    }

    async fn contain_one(&self, incident: &Incident, next: &Next) -> Option<Receipt> {
        // A name that no containment has is never invoked.
        let containment = Containment::of_function(&next.function)?;
        let payload = json!({ "phase": "contain", "incident": incident, "target": next.target });
        let answer = match invoke(&self.lambda, &next.function, &payload).await {
            Ok(answer) => {
                serde_json::from_value(answer).map_err(|_| Failure::from(Fault::bug("it did not answer with a receipt")))
            }
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(receipt) => Some(receipt),
            Err(Failure { error, message }) => {
                let text = Some(format!("{} {message}", error.as_str()));
                let failed = Receipt::of(next.target.clone(), containment, Status::Failed);
                let receipt = Receipt { error: text, fault: Some(error), ..failed }.dated(clock::now());
                if let Err(fault) = self.ledger.keep_machine_receipt(&incident.id, &receipt).await {
                    tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
                }
                Some(receipt)
            }
        }
    }
}
