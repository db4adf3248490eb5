//! Names that people, tools and policies outside this repository rely on.

/// The state machine.
pub const STATE_MACHINE: &str = "firebreak-incident-response";
/// The one that collects evidence, beside it.
pub const EVIDENCE_STATE_MACHINE: &str = "firebreak-evidence";
/// The one that looks again while the gate waits.
pub const WATCH_STATE_MACHINE: &str = "firebreak-watch";
/// The one that puts a closed incident back.
pub const RESTORE_STATE_MACHINE: &str = "firebreak-restore";
/// The ledger's table.
pub const LEDGER_TABLE: &str = "firebreak-ledger";
/// The review gate's queue.
pub const REVIEW_QUEUE: &str = "firebreak-review-gate";
/// Where reviews go that `open-review` could not take.
pub const REVIEW_DEAD_LETTERS: &str = "firebreak-review-gate-dlq";
/// Every queue of what was not delivered: of the event rules, of `ingest`, of the review gate.
pub const DEAD_LETTER_QUEUES: [&str; 3] = ["firebreak-events-dlq", "firebreak-ingest-dlq", REVIEW_DEAD_LETTERS];
/// The bus that forwarders of other accounts and Regions write to.
pub const SECURITY_BUS: &str = "firebreak";
/// The topic of what people are told.
pub const NOTICES_TOPIC: &str = "firebreak-notices";
/// The topic of what people are asked: one ticket for each gate. What a flood announces does not reach it.
pub const TICKETS_TOPIC: &str = "firebreak-tickets";
/// The topic of last resort.
pub const FAILURES_TOPIC: &str = "firebreak-failures";
/// The alias under which a function answers `firebreak doctor` and takes no task: IAM tells aliases apart, and no payloads.
pub const DOCTOR_ALIAS: &str = "doctor";
/// The alias under which `isolate-ec2` takes a preparation and no task.
pub const PREPARE_ALIAS: &str = "prepare";
/// The alias under which `isolate-ec2` and `lockdown-s3` say what a containment would hit, and take no other task: who asks may not
/// contain.
pub const IMPACT_ALIAS: &str = "impact";
/// The alias under which `lockdown-s3` says which objects of a bucket were lost, and takes no task: who asks may not contain.
pub const RECOVERY_ALIAS: &str = "recovery";

/// The service control policy that keeps a quarantine from being undone.
pub const GUARD_SCP: &str = "FirebreakGuard";
/// The resource control policy beside it, for callers whom no service control policy reaches.
pub const GUARD_RCP: &str = "FirebreakResourceGuard";
/// Every alarm. Each tells [`FAILURES_TOPIC`].
pub const ALARMS: [&str; 18] = [
    "firebreak-executions-failed",
    "firebreak-executions-timed-out",
    "firebreak-executions-aborted",
    "firebreak-watch-failed",
    "firebreak-executions-throttled",
    "firebreak-ledger-throttled",
    "firebreak-events-refused",
    "firebreak-events-dlq",
    "firebreak-events-lost",
    "firebreak-ingest-dlq",
    "firebreak-ingest-dropped",
    "firebreak-review-gate-dlq",
    "firebreak-review-gate-age",
    "firebreak-unanswered-gate",
    "firebreak-time-to-contain",
    "firebreak-containment-failed",
    "firebreak-functions-failed",
    "firebreak-commands-failed",
];

/// The rule of a file under `infra/event-rules/`.
#[must_use]
pub fn event_rule(file: &str) -> String {
    format!("firebreak-{file}")
}

/// The Lambda function of a folder under `functions/`.
#[must_use]
pub fn function(folder: &str) -> String {
    format!("firebreak-{folder}")
}

/// The evidence bucket: of the forensics account, which may be the one Firebreak runs in.
#[must_use]
pub fn evidence_bucket(account: &str) -> String {
    format!("firebreak-evidence-{account}")
}
