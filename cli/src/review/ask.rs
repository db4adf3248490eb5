//! Before an answer from a terminal: what it changes here, and a question. A program is not asked.

use crate::layout;
use crate::standing::{Facts, Now, Stand};
use crate::{CommandError, paint};
use console::style;
use firebreak::answer::{Answer, Targets};
use firebreak::notice::ticket;
use firebreak::review::DecideRequest;
use firebreak::revision::code;
use firebreak::target::Target;
use firebreak_ledger::{IncidentView, Ledger};
use std::io::{IsTerminal as _, Write as _};

/// Asks whether to go on, and returns the request as it was agreed to: about what was shown here. Nothing when the person says no.
///
/// # Errors
/// The ledger or the terminal could not be read.
pub(super) async fn agreed(ledger: &Ledger, request: DecideRequest, yes: bool) -> Result<Option<DecideRequest>, CommandError> {
    let is_seen = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if yes || !is_seen {
        return Ok(Some(request));
    }
    // Where no gate waits, the function says what is wrong.
    let view = ledger.incident(&request.incident_id).await?;
    let Some(view) = view.filter(|view| view.review.as_ref().is_some_and(|review| review.decision.is_none())) else {
        return Ok(Some(request));
    };
    print!("{}Go on? [y/N] ", question(&view, &request, layout::width()));
    let unread = |error: std::io::Error| CommandError::Bad(format!("the terminal does not answer: {error}"));
    std::io::stdout().flush().map_err(unread)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(unread)?;
    if !matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(None);
    }
    let shown = request.shown.clone().or_else(|| Some(code(&view.record.incident.shown())));
    Ok(Some(DecideRequest { shown, ..request }))
}

/// What an answer changes here.
fn question(view: &IncidentView, request: &DecideRequest, width: usize) -> String {
    let facts = Facts::from(view);
    let round = view.review.as_ref().map_or(1, |review| review.round);
    let choices = ticket(facts.incident, &facts.report(), round).answers;
    let means = choices.iter().find(|choice| choice.answer == request.answer).map(|choice| format!(": {}", choice.means));
    let answer = style(request.answer.word()).bold();
    let mut out = layout::wrap("", &format!("{answer} {}{}", request.incident_id, means.unwrap_or_default()), width);
    let stands: Vec<Stand<'_>> = facts.stands().into_iter().filter(|stand| is_meant(&request.targets, stand.target)).collect();
    let mut list = |title: &str, is: fn(&Stand<'_>) -> bool| {
        let listed: Vec<&Stand<'_>> = stands.iter().filter(|stand| is(stand)).collect();
        if !listed.is_empty() {
            out.push_str(&format!("  {title}:\n"));
        }
        for stand in listed {
            let does = stand.decision.map(|decision| format!(": {}", decision.does())).unwrap_or_default();
            out.push_str(&layout::wrap("    ", &format!("{}{does}", stand.target), width));
        }
    };
    if request.answer == Answer::Release {
        list("Puts back", is_held);
        list("Does not do", |stand| is_left(stand) && !is_held(stand));
    } else if request.answer == Answer::Approve {
        list("Contains", is_left);
        list("Keeps", |stand| is_held(stand) && !is_left(stand));
    } else {
        list("Keeps", is_held);
        list("Does not do", |stand| is_left(stand) && !is_held(stand));
    }
    list("Only a person can act", |stand| stand.now == Now::ByHand);
    let opened = paint::time(view.record.incident.opened_at);
    out.push_str(&layout::wrap("  ", &format!("The incident was opened {opened}."), width));
    out
}

/// Whether a release has something to put back.
fn is_held(stand: &Stand<'_>) -> bool {
    matches!(stand.now, Now::Contained | Now::Unconfirmed | Now::Partly | Now::Unclear(_))
}

/// Whether an approval tries to contain it.
fn is_left(stand: &Stand<'_>) -> bool {
    let can = stand.decision.is_some_and(|decision| decision.containment.is_some());
    can && matches!(stand.now, Now::Waits | Now::Failed | Now::Gone | Now::NotTried | Now::Partly)
}

/// Whether an answer is about a target.
pub(super) fn is_meant(targets: &Targets, target: &Target) -> bool {
    let names = |names: &[String]| names.iter().any(|name| *name == target.id || *name == target.to_string());
    (targets.only.is_empty() || names(&targets.only)) && !names(&targets.except)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::screens::states;
    use firebreak::ids::IncidentId;

    fn asked(state: &str, answer: Answer, targets: Targets) -> String {
        let view = states().into_iter().find(|known| known.name == state).expect("a state").view;
        let id = IncidentId::parse("fb-0123456789abcdef").expect("an id");
        let request = DecideRequest { targets, ..DecideRequest::new(id, answer, "we looked at it") };
        console::strip_ansi_codes(&question(&view, &request, 80)).into_owned()
    }

    #[test]
    fn who_answers_reads_what_the_answer_changes() {
        for (state, answer, title) in [
            ("contained", Answer::Release, "  Puts back:\n    IAM user alice: "),
            ("contained", Answer::Approve, "  Keeps:\n    IAM user alice: "),
            ("gated", Answer::Approve, "  Contains:\n    IAM user alice: "),
            ("gated", Answer::Release, "  Does not do:\n    IAM user alice: "),
            ("failed", Answer::Approve, "  Contains:\n    IAM user alice: "),
            ("partial", Answer::Approve, "  Contains:\n    IAM user alice: "),
        ] {
            let text = asked(state, answer, Targets::default());
            assert!(text.contains(title), "{state}: {text}");
            assert!(text.starts_with(&format!("{} fb-0123456789abcdef: ", answer.word())), "{text}");
        }
    }

    #[test]
    fn a_target_that_the_answer_leaves_out_is_not_listed() {
        for targets in [
            Targets { only: vec!["bob".to_owned()], ..Targets::default() },
            Targets { except: vec!["IAM user alice".to_owned()], ..Targets::default() },
        ] {
            assert!(!asked("contained", Answer::Release, targets).contains("Puts back"));
        }
        let only = Targets { only: vec!["alice".to_owned()], ..Targets::default() };
        assert!(asked("contained", Answer::Release, only).contains("Puts back"));
    }
}
