#![doc = include_str!("../README.md")]

mod contain;
mod look;
mod verify;

use firebreak::answer::Answer;
use firebreak::fault::Fault;
use firebreak::policy::Policy;
use firebreak::watch::{NextLook, Schedule, WatchInput, WatchOutput, is_long, is_watched};
use firebreak_aws::{Aws, clock};
use firebreak_function::{about, environment};
use firebreak_ledger::{IncidentView, Ledger};
use jiff::Timestamp;
use look::Looked;

/// So long an answer may take to be carried out. A look waits for it; what was contained is then looked after again.
const ANSWER_SECONDS: i64 = 15 * 60;
/// Seconds until it is asked again whether the answer was carried out.
const UNTIL_ANSWERED: u64 = 15;

/// The function and what it needs.
pub struct Function {
    lambda: aws_sdk_lambda::Client,
    ledger: Ledger,
    schedule: Schedule,
}

impl Function {
    /// Reads the environment and the response policy.
    ///
    /// # Errors
    /// A fault that names the variable or the line of the policy.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(&aws, ledger, &environment::response_policy()?))
    }

    /// Looks as often as `policy` says.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, policy: &Policy) -> Self {
        Self { lambda: aws_sdk_lambda::Client::new(aws.own()), ledger, schedule: Schedule::of(policy) }
    }

    /// Makes one look, if it is due, the incident is open and no answer to release it is carried out.
    ///
    /// # Errors
    /// The ledger does not answer. What another function could not do is part of the answer.
    pub async fn handle(&self, input: WatchInput) -> Result<WatchOutput, Fault> {
        let now = clock::now();
        about::incident(&input.incident_id);
        let elapsed = elapsed(&input, now);
        // The first state of an execution comes before its first look.
        if !self.schedule.is_due(input.look, elapsed) {
            let seconds = self.schedule.due(input.look).saturating_sub(elapsed).max(1);
            return Ok(nothing(NextLook { seconds, over: false, ..NextLook::over(input.look) }));
        }
        let view = self.ledger.incident(&input.incident_id).await?;
        // Whoever takes an incident over starts another watch.
        let is_its =
            |view: &IncidentView| input.execution_arn.as_ref().is_none_or(|arn| *arn == view.record.incident.execution_arn);
        let Some(view) = view.filter(|view| is_watched(view.record.status) && is_its(view)) else {
            return Ok(nothing(NextLook::over(input.look)));
        };
        let successor = is_long(input.generation, elapsed);
        if is_released(&view, now) {
            let seconds = UNTIL_ANSWERED;
            return Ok(nothing(NextLook { seconds, over: false, successor, ..NextLook::over(input.look) }));
        }
        let Looked { incident, report, alarm, asks_again, unjudged } = Box::pin(self.look(input.look, view)).await?;
        // The same look once more: the next one would take as known what this one did not tell. An alarm tells all that it saw.
        let again = unjudged && !alarm;
        let (look, seconds) = if again {
            (input.look, UNTIL_ANSWERED)
        } else {
            self.schedule.after(input.look, self::elapsed(&input, clock::now()))
        };
        let watch = NextLook { look, seconds, over: false, alarm, asks_again: asks_again && !again, successor };
        Ok(WatchOutput { incident: Some(incident), report: Some(report), watch })
    }
}

fn elapsed(input: &WatchInput, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(input.started_at).as_secs()).unwrap_or(0)
}

fn nothing(watch: NextLook) -> WatchOutput {
    WatchOutput { incident: None, report: None, watch }
}

/// Whether an answer to release the incident is on its way, or just carried out: a look must not write again what it takes off.
pub(crate) fn is_released(view: &IncidentView, now: Timestamp) -> bool {
    let answered = view.review.as_ref().and_then(|review| review.decision.as_ref());
    answered.is_some_and(|decided| decided.answer == Answer::Release && now.duration_since(decided.at).as_secs() < ANSWER_SECONDS)
}
