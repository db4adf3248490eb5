//! What is answered before the first change.

use crate::base::BaseState;
use firebreak::decision::Waits;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak_function::containment::Call;

/// Whether an instance may be isolated.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may; what was done for that.
    Go(Vec<Step>),
    /// Never, also not after an approval.
    Protected(Fault),
    /// After an approval.
    Waits(Waits),
}

/// Whether an earlier run, or another incident, has recorded the base: the next call was a change.
pub(crate) async fn has_begun(call: &Call) -> Result<bool, Fault> {
    Ok(call.ledger.base::<BaseState>(call.held()).await?.is_some())
}
