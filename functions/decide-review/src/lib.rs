#![doc = include_str!("../README.md")]

mod approvers;
mod covers;
mod parts;
mod restore;
mod two_persons;

pub use approvers::Approvers;
use aws_sdk_sfn::types::ExecutionStatus;
use covers::Covered;
use firebreak::answer::Decided;
use firebreak::comment::is_reason;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::policy::TwoPersons;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::environment;
use firebreak_function::signed::Caller;
use firebreak_gate::{HandOver, hand_over};
use firebreak_ledger::{Gate, Ledger};
use parts::Resolved;
use two_persons::Second;

/// So often an answer is judged anew because another gate opened meanwhile.
const ATTEMPTS: usize = 3;

/// The function and what it needs.
pub struct Function {
    executions: aws_sdk_sfn::Client,
    ledger: Ledger,
    approvers: Approvers,
    two_persons: TwoPersons,
    /// The state machine that puts closed incidents back, an ARN; empty where there is none.
    restores: String,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        let approvers = Approvers::parse(&environment::optional(environment::APPROVERS));
        let two_persons = environment::response_policy()?.review.two_persons;
        let restores = environment::optional(environment::RESTORE_MACHINE_ARN);
        Ok(Self { two_persons, restores, ..Self::new(&aws, ledger, approvers) })
    }

    /// Answers executions of the account of `aws`. `approvers` may approve, and `FirebreakApprover`. Two persons ask for a restore.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, approvers: Approvers) -> Self {
        let (two_persons, restores) = (TwoPersons::default(), String::new());
        Self { executions: aws_sdk_sfn::Client::new(aws.own()), ledger, approvers, two_persons, restores }
    }

    /// The same, with other terms of two persons, and the state machine that puts closed incidents back.
    #[must_use]
    pub fn with(self, two_persons: TwoPersons, restores: &str) -> Self {
        Self { two_persons, restores: restores.to_owned(), ..self }
    }

    /// Records the first answer under the name that signed it, then hands it to the waiting execution.
    ///
    /// # Errors
    /// When `caller` may not give this answer, and when the ledger or Step Functions do not answer. The recorded answer stands; asking
    /// again hands it over again.
    pub async fn handle(&self, caller: &Caller, request: DecideRequest) -> Result<DecideOutcome, Fault> {
        is_reason(&request.comment).map_err(|no| Fault::malformed(no.to_string()))?;
        let resolved = self.resolved(request).await?;
        let id = &resolved.request.incident_id;
        for _ in 0..ATTEMPTS {
            let Some(open) = self.ledger.gate(id).await? else { return Ok(DecideOutcome::NoReview) };
            if let Some(recorded) = open.decision.clone() {
                // Nothing of this request was judged, so nothing of it is recorded, whatever gate is open in a moment.
                return Box::pin(self.deliver(id, &open, recorded, false)).await;
            }
            let decision = match Box::pin(self.judged(caller, &resolved, &open)).await? {
                Second::Given(decision) => decision,
                Second::Wanted(outcome) => return Ok(outcome),
            };
            if self.ledger.decide_at(id, &open, &decision).await? {
                return Box::pin(self.deliver_own(id, &open, decision)).await;
            }
            // Somebody was first, or another gate is open by now: it is judged anew.
        }
        Err(Fault::new(FaultKind::Transient, "the gate was opened anew at the same time: answer once more"))
    }

    /// Judges an answer to a gate that has none.
    ///
    /// # Errors
    /// When `caller` may not give it, and when the ledger or Step Functions do not answer.
    async fn judged(&self, caller: &Caller, resolved: &Resolved, open: &Gate) -> Result<Second, Fault> {
        let Resolved { request, means } = resolved;
        let id = &request.incident_id;
        if self.execution_status(&open.execution_arn).await? != Some(ExecutionStatus::Running) {
            // Not recorded: it must not keep a later execution of this finding from asking.
            return Ok(Second::Wanted(DecideOutcome::TooLate));
        }
        let (covers, shown) = match self.covered(caller, request, open).await? {
            Covered::UpTo { revision, shown } => (revision, shown),
            Covered::Nothing(refusal) => return Ok(Second::Wanted(refusal)),
        };
        let decision = Decided { shown, covers, ..said(caller, request) };
        let refusal = match self.nothing_to_do(id, &decision, open).await? {
            None => self.refusal(caller, request, covers).await?,
            refusal => refusal,
        };
        match refusal {
            Some(refusal) => Err(refusal),
            None => Box::pin(self.second(caller, id, decision, means.clone())).await,
        }
    }

    /// Hands over what this request has just recorded for the gate `judged`.
    async fn deliver_own(&self, id: &IncidentId, judged: &Gate, decision: Decided) -> Result<DecideOutcome, Fault> {
        // Read after the answer is recorded: a gate that reopened meanwhile either saw the answer or left its token here.
        let Some(gate) = self.ledger.gate(id).await? else { return Ok(DecideOutcome::NoReview) };
        if gate.decision.as_ref() == Some(&decision) {
            return Box::pin(self.deliver(id, &gate, decision, true)).await;
        }
        // The answer is spent: somebody else handed it over. The gate that is open by now asks something else.
        let is_taken = gate.execution_arn == judged.execution_arn;
        Ok(if is_taken { DecideOutcome::Accepted { decision } } else { DecideOutcome::TooLate })
    }

    /// Hands what is recorded for this gate to its execution. `first` is true when this request recorded it.
    async fn deliver(&self, id: &IncidentId, gate: &Gate, recorded: Decided, first: bool) -> Result<DecideOutcome, Fault> {
        // Closed just now: `open-review` answers the next gate with what is recorded.
        let reached = gate.delivered || hand_over(&self.executions, &gate.task_token, &recorded).await? == HandOver::Taken;
        if reached && !gate.delivered {
            let part = recorded.targets.says().map(|part| format!(" ({part})")).unwrap_or_default();
            let line = format!("{}{part} by {}: {}", recorded.answer.word(), recorded.by, recorded.comment);
            let delivered = self.ledger.answer_delivered(id, &gate.task_token).await;
            for result in [delivered, self.ledger.note(id, recorded.at, &line).await] {
                // The execution has the answer; a record that is missing must not look like an answer that was not taken.
                if let Err(fault) = result {
                    tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
                }
            }
        }
        if reached {
            return Ok(if first {
                DecideOutcome::Accepted { decision: recorded }
            } else {
                DecideOutcome::AlreadyDecided { decision: recorded }
            });
        }
        Ok(match self.execution_status(&gate.execution_arn).await? {
            Some(ExecutionStatus::Running) if first => DecideOutcome::Queued { decision: recorded },
            // It took the answer although the acknowledgement was lost.
            Some(ExecutionStatus::Running | ExecutionStatus::Succeeded) => DecideOutcome::AlreadyDecided { decision: recorded },
            _ => DecideOutcome::TooLate,
        })
    }

    /// Only a running execution can open another gate. Nothing when Step Functions no longer knows it.
    async fn execution_status(&self, execution_arn: &str) -> Result<Option<ExecutionStatus>, Fault> {
        let described = self.executions.describe_execution().execution_arn(execution_arn).send().await;
        match described.or_fault("states:DescribeExecution") {
            Ok(execution) => Ok(Some(execution.status)),
            Err(fault) if fault.kind == FaultKind::Gone => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// What the caller said, made inert and cut. The names were resolved: they are the incident's own.
fn said(caller: &Caller, request: &DecideRequest) -> Decided {
    let from = request.from.as_deref().map(|text| inert(text, 100));
    let said = Decided::new(request.answer, &inert(&caller.arn, 200), &inert(&request.comment, 1000), clock::now());
    Decided { targets: request.targets.clone(), accept_open: request.accept_open.clone(), from, ..said }
}
