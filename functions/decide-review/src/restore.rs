//! The way back of a closed incident: recorded first, then carried out by an execution of its own.

use crate::Function;
use crate::two_persons::may_ask;
use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::comment::is_reason;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::Back;
use firebreak::restore::{Restore, RestoreOutcome, RestoreRequest, ReviewOutcome, ReviewRequest};
use firebreak::text::inert;
use firebreak::two_persons::Asked;
use firebreak_aws::classify::{code, fault};
use firebreak_aws::clock;
use firebreak_function::environment::RESTORE_MACHINE_ARN;
use firebreak_function::signed::Caller;
use firebreak_ledger::Consent;
use serde_json::json;

impl Function {
    /// Takes whatever a person asks for.
    ///
    /// # Errors
    /// Those of [`handle`](Self::handle) and [`restore`](Self::restore).
    pub async fn ask(&self, caller: &Caller, request: ReviewRequest) -> Result<ReviewOutcome, Fault> {
        Ok(match request {
            ReviewRequest::Restore(request) => ReviewOutcome::Restore(Box::pin(self.restore(caller, &request)).await?),
            ReviewRequest::Answer(request) => ReviewOutcome::Answer(Box::pin(self.handle(caller, request)).await?),
        })
    }

    /// Records who wants a closed incident back, and why, then starts the execution that puts it back. An earlier one that is recorded
    /// and not started is started instead.
    ///
    /// # Errors
    /// When `caller` must not ask for it, or gives no reason; when the ledger or Step Functions do not answer. To ask again leads to
    /// the same end.
    pub async fn restore(&self, caller: &Caller, request: &RestoreRequest) -> Result<RestoreOutcome, Fault> {
        let (id, now) = (&request.incident_id, clock::now());
        let (by, comment) = (inert(&caller.arn, 200), inert(request.comment.trim(), 1000));
        is_reason(&comment).map_err(|no| Fault::malformed(no.to_string()))?;
        let Some(known) = self.ledger.record(id).await? else { return Ok(RestoreOutcome::NotKnown) };
        if known.status != IncidentStatus::Closed {
            return Ok(RestoreOutcome::NotClosed { status: known.status });
        }
        may_ask(&known.incident, &caller.arn, false)?;
        let last = self.ledger.restores(id).await?.pop();
        if let Some(restore) = last.clone().filter(|last| last.ended.is_none()) {
            match self.execution_status(&self.execution_of(id, &restore)?).await? {
                Some(ExecutionStatus::Running) => return Ok(RestoreOutcome::Running { restore }),
                // Recorded, and killed before it began.
                None => return self.begin(id, &known.incident, restore).await,
                // It broke down: what is left is asked for anew.
                Some(_) => {}
            }
        }
        let first_by = if self.two_persons.go(Back::Restore) {
            let wish = Asked::new("restore", &by, &comment, now);
            let may = |by: &str| may_ask(&known.incident, by, false).is_ok();
            match self.ledger.consent_to_restore(id, &wish, may).await? {
                Consent::Given(first) => Some(first.by),
                Consent::Waits(first) => {
                    let Asked { what, by, comment: why, expires_at, .. } = self.announced(id, &wish, first).await;
                    let first_comment = Some(why);
                    return Ok(RestoreOutcome::NeedsSecond { asked: what, first_by: by, first_comment, expires_at });
                }
            }
        } else {
            None
        };
        let number = last.map_or(1, |last| last.number + 1);
        let from = request.from.as_deref().map(|from| inert(from, 100));
        let restore = Restore { number, by, first_by, from, comment, at: now, ended: None };
        if self.ledger.begin_restore(id, &restore).await? {
            return self.begin(id, &known.incident, restore).await;
        }
        // Another person was faster, or an attempt of this one whose answer was lost.
        match self.ledger.restores(id).await?.pop().filter(|last| last.number == number && last.ended.is_none()) {
            Some(restore) => self.begin(id, &known.incident, restore).await,
            None => Err(Fault::new(FaultKind::Transient, "others asked at the same time")),
        }
    }

    /// Starts the execution of a recorded restore. One of its name is the same restore.
    async fn begin(&self, id: &IncidentId, incident: &Incident, restore: Restore) -> Result<RestoreOutcome, Fault> {
        let input = json!({ "incident": incident, "report": {}, "answer": restore.answer(), "restore": restore.number });
        let start = self.executions.start_execution().state_machine_arn(self.restore_machine()?);
        let started = start.name(restore.execution_name(id)).input(input.to_string()).send().await;
        if let Err(error) = started
            && code(&error) != Some("ExecutionAlreadyExists")
        {
            return Err(fault("states:StartExecution", &error));
        }
        let first = restore.first_by.as_ref().map(|first| format!(", after {first}")).unwrap_or_default();
        self.ledger.note_or_warn(id, restore.at, &format!("restore by {}{first}: {}", restore.by, restore.comment)).await;
        Ok(RestoreOutcome::Started { restore })
    }

    fn execution_of(&self, id: &IncidentId, restore: &Restore) -> Result<String, Fault> {
        let machine = self.restore_machine()?.replacen(":stateMachine:", ":execution:", 1);
        Ok(format!("{machine}:{}", restore.execution_name(id)))
    }

    fn restore_machine(&self) -> Result<&str, Fault> {
        let missing = || Fault::bug(format!("the environment variable {RESTORE_MACHINE_ARN} is not set (docs/environment.md)"));
        Some(self.restores.as_str()).filter(|arn| !arn.is_empty()).ok_or_else(missing)
    }
}
