//! Names that people, tools and policies outside this repository rely on.

/// The state machine.
pub const STATE_MACHINE: &str = "firebreak-incident-response";
/// The ledger's table.
pub const LEDGER_TABLE: &str = "firebreak-ledger";
/// The review gate's queue.
pub const REVIEW_QUEUE: &str = "firebreak-review-gate";
/// The topic people subscribe to.
pub const NOTICES_TOPIC: &str = "firebreak-notices";
/// The topic of last resort.
pub const FAILURES_TOPIC: &str = "firebreak-failures";

/// The Lambda function of a folder under `functions/`.
#[must_use]
pub fn function(folder: &str) -> String {
    format!("firebreak-{folder}")
}

/// The evidence bucket of the account Firebreak runs in.
#[must_use]
pub fn evidence_bucket(account: &str) -> String {
    format!("firebreak-evidence-{account}")
}
