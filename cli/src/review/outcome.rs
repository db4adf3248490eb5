//! What came of an answer: waits until the execution has carried it out, or asks again.

use crate::CommandError;
use crate::restore::closed_holder;
use console::style;
use firebreak::answer::{Answer, Decided};
use firebreak::decision::Decision;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::revision::code;
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_ledger::{IncidentView, Ledger};
use std::time::Duration;
use tokio::time::Instant;

/// A containment has a minute, and the look after an approval comes seconds later.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

/// Where the incident is after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Still being carried out.
    Working,
    /// Done.
    Done,
    /// The incident asks again: something could not be carried out.
    AsksAgain,
    /// The execution broke down.
    Broken,
}

/// Waits until the answer is carried out.
///
/// # Errors
/// Something was not carried out, or is not known yet.
pub(super) async fn carried_out(ledger: &Ledger, id: &IncidentId, decided: &Decided) -> Result<IncidentView, CommandError> {
    let (after, view) = ended(ledger, id, decided).await?;
    judged(after, &view, decided)?;
    Ok(view)
}

/// Waits until it is known what came of the answer, or for two minutes.
///
/// # Errors
/// The ledger could not be read, or does not know the incident.
pub(super) async fn ended(ledger: &Ledger, id: &IncidentId, decided: &Decided) -> Result<(After, IncidentView), CommandError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let view = ledger.incident(id).await?;
        let view = view.ok_or_else(|| CommandError::Bad(format!("there is no incident {id}")))?;
        let after = after(&view, decided);
        if after != After::Working || Instant::now() > until {
            return Ok((after, view));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What came of the answer, in one line.
///
/// # Errors
/// Something was not carried out, or is not known yet.
pub(super) fn judged(after: After, view: &IncidentView, decided: &Decided) -> Result<String, CommandError> {
    let id = &view.record.incident.id;
    Err(CommandError::Bad(match after {
        After::Done => return Ok(done(view, decided)),
        After::AsksAgain => not_done(view, decided),
        After::Broken => format!("the execution of {id} broke down: firebreak incidents show {id}"),
        After::Working => format!("still running: firebreak incidents show {id}"),
    }))
}

fn after(view: &IncidentView, decided: &Decided) -> After {
    let asks = view.review.as_ref().is_some_and(|review| {
        // The gate that took the answer has it; a later one has none.
        review.decision.is_none() && review.answers.iter().any(|answer| answer.at == decided.at)
    });
    let is_done = || view.record.incident.open_of(decided).next().is_none();
    match view.record.status {
        IncidentStatus::Closed | IncidentStatus::Released => After::Done,
        IncidentStatus::Failed => After::Broken,
        // An answer about some targets is carried out, and the incident asks about the others.
        IncidentStatus::AwaitingReview if asks && !decided.targets.is_all() && is_done() => After::Done,
        IncidentStatus::AwaitingReview if asks => After::AsksAgain,
        _ => After::Working,
    }
}

fn done(view: &IncidentView, decided: &Decided) -> String {
    if view.record.status == IncidentStatus::AwaitingReview {
        let part = inert(&decided.targets.says().unwrap_or_default(), 300);
        return format!(
            "{} {part}; the incident asks about the rest: firebreak review list",
            style("carried out:").green().bold()
        );
    }
    if decided.answer == Answer::Release {
        let steps = view.releases.iter().flat_map(|receipt| &receipt.steps);
        let kept = steps.filter(|step| step.is(StepKind::KeepInactive)).count();
        let kept = if kept > 0 { format!("; {kept} exposed credential(s) stay inactive: replace them") } else { String::new() };
        let others: Vec<&str> = view.releases.iter().filter_map(|receipt| Some(receipt.held_by.as_ref()?.as_str())).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            let closed: Vec<String> = view.releases.iter().filter_map(closed_holder).collect();
            return format!(
                "{} STILL CONTAINED for incident {others}{kept}{}",
                style("closed:").yellow().bold(),
                closed.concat()
            );
        }
        // Passed after an analyst saw it: such a resource is not as before.
        let is_left = |receipt: &Receipt| receipt.steps.iter().any(|step| step.is(StepKind::CheckDrift));
        let left: Vec<String> = view.releases.iter().filter(|r| is_left(r)).map(|receipt| receipt.target.to_string()).collect();
        if !left.is_empty() {
            let left = inert(&left.join(", "), 300);
            return format!(
                "{} put back, but for what somebody else changed; look yourself whether anything of Firebreak is left there: {left}{kept}",
                style("released:").yellow().bold()
            );
        }
        return format!("{} what Firebreak changed is put back{kept}", style("released:").green().bold());
    }
    if decided.answer != Answer::Approve {
        return format!("{} nothing more is done", style("closed:").green().bold());
    }
    let open: Vec<String> = open(view).map(|receipt| receipt.target.to_string()).collect();
    if !open.is_empty() {
        return format!("{} NOT contained, or not in full: {}", style("closed:").yellow().bold(), inert(&open.join(", "), 300));
    }
    if !view.receipts.iter().any(Receipt::holds_something) {
        return format!("{} Firebreak contains nothing of it", style("closed:").green().bold());
    }
    format!("{} everything that was decided is contained", style("closed:").green().bold())
}

/// What somebody reads whose code stands for nothing that could be answered now.
pub(super) fn changed(id: &IncidentId, decisions: &[Decision], shown: Option<&str>) -> String {
    let line = |d: &Decision| format!("\n  {}", inert(&format!("{}: {}, {}", d.target, d.does(), d.when()), 300));
    let what = if decisions.is_empty() {
        format!("this is not the code of the newest ticket of {id}")
    } else {
        format!("{id} is no longer what that ticket showed. Decided since:{}", decisions.iter().map(line).collect::<String>())
    };
    let now = shown.map(|digest| format!(" and answer with --shown {}", code(digest))).unwrap_or_default();
    format!("{what}\nNothing was recorded. Answer the newest ticket, or read firebreak incidents show {id}{now}")
}

fn not_done(view: &IncidentView, decided: &Decided) -> String {
    let id = &view.record.incident.id;
    let line = |receipt: &Receipt| {
        format!("  {}: {}", receipt.target, inert(&receipt.told().unwrap_or_else(|| "see the ticket".to_owned()), 200))
    };
    let lines: Vec<String> = match decided.answer {
        Answer::Keep => vec![],
        Answer::Approve => open(view).map(line).collect(),
        Answer::Release => {
            let left = view.releases.iter().filter(|receipt| matches!(receipt.status, Status::Failed | Status::Partial));
            let drift = "somebody changed it since; answer release again to leave that as it is";
            let told = |receipt: &Receipt| {
                if receipt.found_drift() { format!("  {}: {drift}", receipt.target) } else { line(receipt) }
            };
            left.map(told).collect()
        }
    };
    let later: Vec<String> = view.record.incident.beyond(decided).iter().map(|line| format!("  {}", inert(line, 300))).collect();
    if lines.is_empty() && !later.is_empty() {
        return format!("Carried out, and the incident asks again:\n{}\nAnswer the new ticket.", later.join("\n"));
    }
    match decided.answer {
        Answer::Keep | Answer::Approve => {
            let what = if lines.is_empty() { "  see the ticket".to_owned() } else { lines.join("\n") };
            format!(
                "NOT contained:\n{what}\nThe incident stays open. Mend the cause (firebreak doctor) and approve again, or close it as it is: \
                 firebreak review approve {id} --comment \"WHY\" --accept-open TARGET"
            )
        }
        Answer::Release => {
            format!("NOT all is put back:\n{}\nThe ticket says what is left; answer again.", lines.join("\n"))
        }
    }
}

fn open(view: &IncidentView) -> impl Iterator<Item = &Receipt> {
    view.receipts.iter().filter(|receipt| matches!(receipt.status, Status::Failed | Status::Partial))
}
