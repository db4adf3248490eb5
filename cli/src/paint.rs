//! Colours with a meaning. `console` drops them in a pipe and under `NO_COLOR`.

use console::{StyledObject, style};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::step::StepKind;
use jiff::Timestamp;

/// A time as people read it: UTC, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How an incident stands.
pub(crate) fn incident_status(status: IncidentStatus) -> StyledObject<&'static str> {
    let word = style(status.word());
    match status {
        IncidentStatus::AwaitingReview => word.yellow().bold(),
        IncidentStatus::Failed => word.red().bold(),
        IncidentStatus::Closed | IncidentStatus::Released => word.green(),
        IncidentStatus::Triaged | IncidentStatus::Containing => word.cyan(),
        IncidentStatus::Notified | IncidentStatus::Ignored => word.dim(),
    }
}

/// How a target stands.
pub(crate) fn status(status: Status) -> StyledObject<&'static str> {
    match status {
        Status::Contained => style("contained").green().bold(),
        Status::Partial => style("PARTLY contained").red().bold(),
        Status::Skipped => style("nothing was changed").dim(),
        Status::Failed => style("NOT contained").red().bold(),
        Status::Waits => style("needs your approval").yellow(),
    }
}

/// How a step ended.
pub(crate) fn step(step: &Step) -> StyledObject<&'static str> {
    match step.outcome {
        // Not done on purpose: the name of the step says what stays.
        Outcome::Skipped if step.is(StepKind::KeepInactive) => style("kept").yellow(),
        Outcome::Applied => style("applied").green(),
        Outcome::Already => style("was so before").dim(),
        Outcome::Skipped => style("nothing done").dim(),
        Outcome::Failed => style("FAILED").red().bold(),
    }
}
