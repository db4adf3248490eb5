//! Who must not answer, and what a second person must ask for, too.

use crate::Function;
use firebreak::answer::{Answer, Decided};
use firebreak::decision::Decision;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::policy::Back;
use firebreak::report::Report;
use firebreak::review::DecideOutcome;
use firebreak::two_persons::Asked;
use firebreak_function::signed::Caller;
use firebreak_ledger::Consent;

/// What becomes of an answer before it is recorded.
pub(crate) enum Second {
    /// It counts.
    Given(Decided),
    /// Another person must give it, too.
    Wanted(DecideOutcome),
}

impl Function {
    /// Whether `decision` counts by itself, or by what another person asked for before. By what its names mean, where it has any.
    ///
    /// # Errors
    /// `Denied` when the caller must not give this answer; when the ledger does not answer.
    pub(crate) async fn second(
        &self,
        caller: &Caller,
        id: &IncidentId,
        decision: Decided,
        means: Option<String>,
    ) -> Result<Second, Fault> {
        let Some(record) = self.ledger.record(id).await? else { return Ok(Second::Given(decision)) };
        let takes_back = decision.answer == Answer::Release;
        may_ask(&record.incident, &caller.arn, takes_back)?;
        if !self.needs_second(record.incident.clone(), &decision).await? {
            return Ok(Second::Given(decision));
        }
        let wish = Asked { means, ..Asked::of(&decision) };
        // Whoever asked first may be a suspect by now.
        let may = |by: &str| may_ask(&record.incident, by, takes_back).is_ok();
        Ok(match self.ledger.consent_to_answer(id, &wish, may).await? {
            Consent::Waits(first) => {
                let Asked { what, by, comment, expires_at, .. } = self.announced(id, &wish, first).await;
                let first_comment = Some(comment);
                Second::Wanted(DecideOutcome::NeedsSecond { asked: what, first_by: by, first_comment, expires_at })
            }
            Consent::Given(first) => {
                let covers = first.covers_with(decision.covers);
                let shown = decision.shown.clone().filter(|_| covers == decision.covers);
                Second::Given(Decided { first_by: Some(first.by), shown, covers, ..decision })
            }
        })
    }

    /// Writes a wish that has begun to wait on the timeline. Returns what waits.
    pub(crate) async fn announced(&self, id: &IncidentId, wish: &Asked, first: Asked) -> Asked {
        if first == *wish {
            let line = format!("{} asked for by {}, waits for a second person: {}", first.what, first.by, first.comment);
            self.ledger.note_or_warn(id, first.at, &line).await;
        }
        first
    }

    /// Whether policy wants two persons for the answer. What an approval would contain is read from the ledger.
    async fn needs_second(&self, mut incident: Incident, decision: &Decided) -> Result<bool, Fault> {
        if decision.answer == Answer::Release {
            return Ok(self.two_persons.go(Back::Release));
        }
        if decision.answer != Answer::Approve || !self.two_persons.any_approval() {
            return Ok(false);
        }
        let mut report = Report::default();
        // A gate opens after the first containments ended. What has no receipt by now was not carried out.
        "ok".clone_into(&mut report.containment.status);
        self.ledger.gather_answered(&mut incident, &mut report).await?;
        let needs = |d: &Decision| d.containment.is_some_and(|containment| self.two_persons.approve(containment));
        let needs_two = report.approvable(&incident, decision.covers, &decision.targets).any(needs);
        Ok(needs_two)
    }
}

/// Refuses whom the incident is about, and who asked for the isolation: that person may only take it back at the gate.
///
/// # Errors
/// `Denied`: who signs as `arn` must not ask for this.
pub(crate) fn may_ask(incident: &Incident, arn: &str, takes_back: bool) -> Result<(), Fault> {
    let refused = |why: &str| Err(Fault::new(FaultKind::Denied, format!("{why}: another person must answer")));
    if incident.is_about(arn) {
        return refused("this incident is about you");
    }
    if !takes_back && incident.was_requested_by(arn) {
        return refused("you asked for this isolation, and can only release it");
    }
    Ok(())
}
