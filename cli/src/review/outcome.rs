//! What came of an answer: waits until the execution has carried it out, or asks again.

use crate::CommandError;
use crate::restore::still_held;
use crate::standing::{Facts, Now, Stand};
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
    let steps = view.releases.iter().flat_map(|receipt| &receipt.steps);
    let kept = steps.filter(|step| step.is(StepKind::KeepInactive)).count();
    let kept = if kept > 0 { format!("; {kept} exposed credential(s) stay inactive: replace them") } else { String::new() };
    let held: String = view.releases.iter().filter_map(still_held).collect();
    let mut lacks = Vec::new();
    if !held.is_empty() {
        lacks.push("STILL CONTAINED for another incident".to_owned());
    }
    // Passed after an analyst saw it: such a resource is not as before.
    let is_passed = |receipt: &&Receipt| !receipt.found_drift() && receipt.steps.iter().any(|step| step.is(StepKind::CheckDrift));
    let changed = view.releases.iter().filter(is_passed);
    if let Some(changed) = names(changed.map(|receipt| receipt.target.to_string())) {
        lacks.push(format!(
            "put back, but for what somebody else changed; look yourself whether anything of Firebreak is left there: {changed}"
        ));
    }
    if let Some(open) = names(not_contained(view, decided)) {
        lacks.push(format!("NOT contained, or not in full: {open}"));
    }
    let released = view.record.status == IncidentStatus::Released && held.is_empty();
    let word = if released { "released:" } else { "closed:" };
    let mixed = view.record.incident.answered_mixed().map(|mixed| format!("{mixed};"));
    let head = style(mixed.clone().unwrap_or_else(|| word.to_owned())).bold();
    if lacks.is_empty() {
        return format!("{} {}{kept}", head.green(), nothing_lacks(view, decided, mixed.is_some()));
    }
    format!("{} {}{kept}{held}", head.yellow(), lacks.join("; "))
}

/// The end of an incident of which nothing is open.
fn nothing_lacks(view: &IncidentView, decided: &Decided, is_mixed: bool) -> &'static str {
    let is_contained = || Facts::from(view).stands().iter().any(|stand| stand.now == Now::Contained);
    match decided.answer {
        _ if is_mixed => "nothing is left to answer",
        Answer::Release if view.record.status == IncidentStatus::Released => "what Firebreak changed is put back",
        Answer::Release => "nothing is left to answer",
        Answer::Keep => "nothing more is done",
        Answer::Approve if is_contained() => "everything that was decided is contained",
        Answer::Approve => "Firebreak contains nothing of it",
    }
}

/// What Firebreak could contain, does not, and nobody released.
fn not_contained(view: &IncidentView, decided: &Decided) -> Vec<String> {
    let (facts, status) = (Facts::from(view), view.record.status);
    // An incident of an earlier version does not say what was answered about which target.
    if status == IncidentStatus::Released || decided.answer == Answer::Release && facts.incident.settled.is_empty() {
        return vec![];
    }
    let is_open = |stand: &Stand<'_>| match stand.now {
        Now::Left(answer) => answer != Answer::Release,
        now => now.is_open(),
    };
    let can = |stand: &Stand<'_>| stand.decision.is_none_or(|decision| decision.containment.is_some());
    let open = facts.stands().into_iter().filter(|stand| can(stand) && is_open(stand));
    open.map(|stand| facts.name(stand.target)).collect()
}

fn names(names: impl IntoIterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| inert(&names.join(", "), 300))
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
    let (incident, id) = (&view.record.incident, &view.record.incident.id);
    let line = |receipt: &Receipt| {
        format!("  {}: {}", receipt.target, inert(&receipt.told().unwrap_or_else(|| "see the ticket".to_owned()), 200))
    };
    let lines: Vec<String> = match decided.answer {
        Answer::Keep => vec![],
        Answer::Approve => tried(view, decided),
        Answer::Release => {
            let left = view.releases.iter().filter(|receipt| matches!(receipt.status, Status::Failed | Status::Partial));
            let drift = "somebody changed it since; answer release again to leave that as it is";
            let told = |receipt: &Receipt| {
                if receipt.found_drift() { format!("  {}: {drift}", receipt.target) } else { line(receipt) }
            };
            left.map(told).collect()
        }
    };
    let later: Vec<String> = incident.beyond(decided).iter().map(|line| format!("  {}", inert(line, 300))).collect();
    if lines.is_empty() && !later.is_empty() {
        return format!("Carried out, and the incident asks again:\n{}\nAnswer the new ticket.", later.join("\n"));
    }
    let is_left = |d: &&Decision| d.only_by_name && d.is_covered(decided.covers) && !decided.is_about(d);
    let left = incident.unanswered().filter(is_left).map(|decision| decision.target.to_string());
    if lines.is_empty()
        && let Some(left) = names(left).filter(|_| decided.answer == Answer::Approve)
    {
        let how = "To contain it, name it with --only; to leave it, answer keep";
        return format!("Carried out. Left, because others use it: {left}. {how}: firebreak incidents show {id}");
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

/// What an approval asked for and is not contained, with the reason. What is settled, or accepted as open, it did not ask for.
fn tried(view: &IncidentView, decided: &Decided) -> Vec<String> {
    let facts = Facts::from(view);
    let is_asked = |stand: &Stand<'_>| match stand.decision {
        Some(decision) => decided.is_about(decision) && facts.incident.settled(decision).is_none(),
        None => decided.targets.includes(stand.target),
    };
    let is_open = |now| matches!(now, Now::Failed | Now::Gone | Now::NotTried | Now::Waits | Now::Offered | Now::Partly);
    let open = facts.stands().into_iter().filter(|stand| is_open(stand.now) && is_asked(stand));
    let line = |stand: Stand<'_>| {
        let why = stand.receipt.and_then(Receipt::told).unwrap_or_else(|| "see the ticket".to_owned());
        format!("  {}: {}", facts.name(stand.target), inert(&why, 200))
    };
    open.filter(|stand| !decided.accepts_open(stand.target)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::screens::{OTHER, states};
    use firebreak::answer::Targets;

    fn view(state: &str, status: IncidentStatus) -> IncidentView {
        let mut view = states().into_iter().find(|known| known.name == state).expect("a state").view;
        view.record.status = status;
        view
    }

    /// One more user, of whom nothing is known.
    fn with(mut view: IncidentView, user: &str, only_by_name: bool) -> IncidentView {
        let mut decision = view.record.incident.decisions[0].clone();
        user.clone_into(&mut decision.target.id);
        decision.only_by_name = only_by_name;
        view.record.incident.decisions.push(decision);
        view
    }

    fn says(view: &IncidentView, answer: Answer, only: &[&str]) -> Decided {
        let targets = Targets { only: only.iter().map(|name| (*name).to_owned()).collect(), except: vec![] };
        Decided { targets, ..Decided::new(answer, "ann", "it was so", view.record.incident.opened_at) }
    }

    /// The last line after these answers, one after the other.
    fn ends(mut view: IncidentView, answers: &[(Answer, &[&str])]) -> String {
        let answers: Vec<Decided> = answers.iter().map(|(answer, only)| says(&view, *answer, only)).collect();
        for decided in &answers {
            view.record.incident.settle(decided, |_| true);
        }
        console::strip_ansi_codes(&done(&view, answers.last().expect("an answer"))).into_owned()
    }

    #[test]
    fn the_last_line_is_about_all_answers_and_about_how_the_targets_stand() {
        let closed = IncidentStatus::Closed;
        let two = || with(view("contained", closed), "bob", false);
        let approve: (Answer, &[&str]) = (Answer::Approve, &[]);
        assert_eq!(ends(view("contained", closed), &[approve]), "closed: everything that was decided is contained");
        // Accepted as open, or never tried.
        assert_eq!(ends(view("failed", closed), &[approve]), "closed: NOT contained, or not in full: IAM user alice");
        assert_eq!(ends(two(), &[approve]), "closed: NOT contained, or not in full: IAM user bob");
        let mixed = ends(two(), &[(Answer::Keep, &["bob"]), approve]);
        assert_eq!(mixed, "closed, with several answers: 1 kept, 1 approved; NOT contained, or not in full: IAM user bob");
        let mixed = ends(two(), &[(Answer::Release, &["bob"]), approve]);
        assert_eq!(mixed, "closed, with several answers: 1 approved, 1 released; nothing is left to answer");
        let kept = ends(two(), &[(Answer::Keep, &["alice"]), (Answer::Release, &[])]);
        assert!(!kept.contains("put back") && kept.starts_with("closed, with several answers"), "{kept}");
        let released = ends(view("released", IncidentStatus::Released), &[(Answer::Release, &[])]);
        assert_eq!(released, "released: what Firebreak changed is put back");
    }

    #[test]
    fn an_offer_that_nobody_took_is_no_bad_end_and_one_that_was_taken_and_not_done_is() {
        let closed = || view("frozen", IncidentStatus::Closed);
        assert_eq!(ends(closed(), &[(Answer::Approve, &[])]), "closed: everything that was decided is contained");
        assert_eq!(ends(closed(), &[(Answer::Keep, &[])]), "closed: nothing more is done");
        let asks = view("frozen", IncidentStatus::AwaitingReview);
        let seal = "every access to S3 bucket acme-exports";
        let text = not_done(&asks, &says(&asks, Answer::Approve, &[seal]));
        assert!(text.starts_with(&format!("NOT contained:\n  {seal}: ")) && !text.contains("destructive"), "{text}");
        let bare = not_done(&asks, &says(&asks, Answer::Approve, &[]));
        assert!(!bare.contains(seal) && !bare.contains("destructive"), "{bare}");
    }

    #[test]
    fn what_another_incident_holds_is_not_called_released() {
        let mut held = view("released by one holder", IncidentStatus::Released);
        let text = ends(held.clone(), &[(Answer::Release, &[])]);
        assert!(text.starts_with("closed: STILL CONTAINED") && text.contains(&format!("for incident {OTHER}")), "{text}");
        held.releases[0].restore = Some(IncidentId::parse(OTHER).expect("an id"));
        let text = ends(held, &[(Answer::Release, &[])]);
        assert!(text.contains(&format!("firebreak restore {OTHER}")), "{text}");
    }

    #[test]
    fn what_an_approval_left_because_others_use_it_did_not_fail() {
        let left = with(view("contained", IncidentStatus::AwaitingReview), "bob", true);
        let bare = says(&left, Answer::Approve, &[]);
        let text = not_done(&left, &bare);
        assert!(text.starts_with("Carried out. Left, because others use it: IAM user bob. "), "{text}");
        let failed = with(view("failed", IncidentStatus::AwaitingReview), "bob", true);
        let text = not_done(&failed, &bare);
        assert!(text.starts_with("NOT contained:\n  IAM user alice: ") && !text.contains("bob"), "{text}");
        let accepted = Decided { accept_open: vec!["alice".to_owned()], ..bare };
        assert!(!not_done(&failed, &accepted).contains("alice"));
    }
}
