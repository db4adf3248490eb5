//! Before an answer from a terminal: what it changes here, and a question. A program is not asked.

use crate::standing::{Facts, Now, Stand};
use crate::{CommandError, confirm, layout, paint};
use console::style;
use firebreak::answer::{Answer, Decided};
use firebreak::incident::Incident;
use firebreak::notice::ticket;
use firebreak::review::DecideRequest;
use firebreak::revision::code;
use firebreak::text::inert;
use firebreak_ledger::{IncidentView, Ledger};

/// Asks whether to go on, and returns the request as it was agreed to: about what was shown here. Nothing when the person says no.
///
/// # Errors
/// The ledger or the terminal could not be read.
pub(super) async fn agreed(ledger: &Ledger, request: DecideRequest, yes: bool) -> Result<Option<DecideRequest>, CommandError> {
    if yes || !confirm::is_seen() {
        return Ok(Some(request));
    }
    // Where no gate waits, the function says what is wrong.
    let view = ledger.incident(&request.incident_id).await?;
    let Some(view) = view.filter(|view| view.review.as_ref().is_some_and(|review| review.decision.is_none())) else {
        return Ok(Some(request));
    };
    if !confirm::goes_on(&question(&view, &request, layout::width()))? {
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
    let means = choices.iter().find(|choice| choice.answer == request.answer).map(|choice| choice.means.clone());
    // The ticket speaks of all targets.
    let means = request.targets.says().map(|part| inert(&part, 300)).or(means).map(|means| format!(": {means}"));
    let answer = style(request.answer.word()).bold();
    let mut out = layout::wrap("", &format!("{answer} {}{}", request.incident_id, means.unwrap_or_default()), width);
    let (targets, accept_open) = (request.targets.clone(), request.accept_open.clone());
    let (opened_at, comment) = (view.record.incident.opened_at, &request.comment);
    let decided = Decided { targets, accept_open, ..Decided::new(request.answer, "", comment, opened_at) };
    let stands = facts.stands();
    let asked: Vec<&Stand<'_>> = stands.iter().filter(|stand| is_asked(stand, &decided, facts.incident)).collect();
    let mut list = |title: &str, is: &dyn Fn(&Stand<'_>) -> bool| {
        let listed: Vec<&Stand<'_>> = asked.iter().copied().filter(|stand| is(stand)).collect();
        out.push_str(&confirm::listed(title, &listed, facts, width));
    };
    if request.answer == Answer::Release {
        list("Puts back", &is_held);
        list("Does not do", &|stand| is_left(stand) && !stand.is_held());
    } else if request.answer == Answer::Approve {
        let accepts = |stand: &Stand<'_>| decided.accepts_open(stand.target);
        list("Contains", &|stand| is_tried(stand, &decided) && !accepts(stand));
        list("Tries, and closes even if that fails", &|stand| is_tried(stand, &decided) && accepts(stand));
        list("Leaves, because others use it; --only names it", &|stand| is_left(stand) && !is_tried(stand, &decided));
        list("Keeps", &|stand| stand.is_held() && !is_left(stand));
    } else {
        list("Keeps", &is_held);
        list("Does not do", &|stand| is_left(stand) && !stand.is_held());
    }
    list("Only a person can act", &|stand| stand.now == Now::ByHand);
    out.push_str(&hits(&asked, &decided, facts, width));
    let opened = paint::time(opened_at);
    out.push_str(&layout::wrap("  ", &format!("The incident was opened {opened}."), width));
    out
}

/// Whether the answer is about it: no answer touches again what is settled.
fn is_asked(stand: &Stand<'_>, decided: &Decided, incident: &Incident) -> bool {
    let is_open = stand.decision.is_none_or(|decision| incident.settled(decision).is_none());
    is_open && decided.targets.includes(stand.target)
}

/// Whether a release has something to put back.
fn is_held(stand: &Stand<'_>) -> bool {
    stand.is_held()
}

/// Whether an approval can contain it.
fn is_left(stand: &Stand<'_>) -> bool {
    let can = stand.decision.is_some_and(|decision| decision.containment.is_some());
    can && matches!(stand.now, Now::Waits | Now::Failed | Now::Gone | Now::NotTried | Now::Partly)
}

/// Whether this approval tries it. What others use, and what is offered, only its name contains: accepted as open, it is left alone.
fn is_tried(stand: &Stand<'_>, decided: &Decided) -> bool {
    let is_named = || decided.targets.names(stand.target);
    let can = is_left(stand) || stand.now == Now::Offered;
    can && stand.decision.is_some_and(|d| decided.is_about(d) && (!d.needs_its_name() || is_named()))
}

/// What an approval hits, as far as somebody has read that. Of an offer the ticket does not say it.
fn hits(asked: &[&Stand<'_>], decided: &Decided, facts: Facts<'_>, width: usize) -> String {
    let is_meant = |stand: &&&Stand<'_>| decided.answer == Answer::Approve && is_tried(stand, decided);
    let line = |stand: &&Stand<'_>| {
        let hits = stand.decision?.says_hits()?;
        Some(layout::wrap("  ", &format!("{} hits: {}", facts.name(stand.target), inert(&hits, 2_000)), width))
    };
    asked.iter().filter(is_meant).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::screens::states;
    use firebreak::answer::Targets;
    use firebreak::ids::IncidentId;
    use firebreak::impact::Impact;

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

    /// Alice waits, and so does bob, whom others use.
    fn two() -> IncidentView {
        let mut view = states().into_iter().find(|known| known.name == "gated").expect("a state").view;
        let mut shared = view.record.incident.decisions[0].clone();
        "bob".clone_into(&mut shared.target.id);
        shared.only_by_name = true;
        view.record.incident.decisions.push(shared);
        view
    }

    fn of_two(view: &IncidentView, targets: Targets, accept_open: &[&str]) -> String {
        let id = IncidentId::parse("fb-0123456789abcdef").expect("an id");
        let accept_open = accept_open.iter().map(|name| (*name).to_owned()).collect();
        let request = DecideRequest { targets, accept_open, ..DecideRequest::new(id, Answer::Approve, "we looked at it") };
        console::strip_ansi_codes(&question(view, &request, 80)).into_owned()
    }

    #[test]
    fn a_bare_approval_does_not_claim_to_contain_what_others_use() {
        let leaves = "  Leaves, because others use it; --only names it:\n    IAM user bob: ";
        let bare = of_two(&two(), Targets::default(), &[]);
        assert!(bare.contains("  Contains:\n    IAM user alice: ") && bare.contains(leaves), "{bare}");
        let accepted = of_two(&two(), Targets::default(), &["bob"]);
        assert!(accepted.contains(leaves), "{accepted}");
        let named = of_two(&two(), Targets { only: vec!["bob".to_owned()], ..Targets::default() }, &[]);
        assert!(named.contains("  Contains:\n    IAM user bob: ") && !named.contains("    IAM user alice"), "{named}");
    }

    #[test]
    fn what_is_offered_is_no_part_of_an_answer_that_does_not_name_it() {
        let offers = ["destructive actions in S3 bucket acme-exports", "every access to S3 bucket acme-exports"];
        for answer in [Answer::Approve, Answer::Keep, Answer::Release] {
            let text = asked("frozen", answer, Targets::default());
            assert!(
                text.contains("freeze of S3 bucket acme-exports") && !offers.iter().any(|offer| text.contains(offer)),
                "{text}"
            );
        }
        let mut view = states().into_iter().find(|known| known.name == "frozen").expect("a state").view;
        view.record.incident.decisions[2].impact = Some(Impact::of_bucket(&["loses access: the \u{1b}[2Jpartner".to_owned()]));
        let named = of_two(&view, Targets { only: vec![offers[1].to_owned()], ..Targets::default() }, &[]);
        assert!(named.contains(&format!("  Contains:\n    {}: deny every call", offers[1])), "{named}");
        assert!(named.contains("hits: loses access: the") && named.contains("partner") && !named.contains('\u{1b}'), "{named}");
        assert!(!named.contains(offers[0]) && !named.contains("freeze of"), "{named}");
    }

    #[test]
    fn what_is_settled_is_no_part_of_the_answer_and_what_is_accepted_may_stay_open() {
        let mut view = two();
        view.record.incident.decisions[1].only_by_name = false;
        let tries = "  Tries, and closes even if that fails:\n    IAM user bob: ";
        let accepted = of_two(&view, Targets::default(), &["bob"]);
        assert!(accepted.contains("  Contains:\n    IAM user alice: ") && accepted.contains(tries), "{accepted}");
        let only = Targets { only: vec!["alice".to_owned()], ..Targets::default() };
        let kept = Decided { targets: only, ..Decided::new(Answer::Keep, "ann", "it was so", view.record.incident.opened_at) };
        view.record.incident.settle(&kept, |_| true);
        let rest = of_two(&view, Targets::default(), &[]);
        assert!(rest.contains("  Contains:\n    IAM user bob: ") && !rest.contains("    IAM user alice"), "{rest}");
    }
}
