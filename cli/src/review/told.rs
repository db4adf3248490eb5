//! What an answer led to, target by target, in plain words: for a person and for a program.

use super::outcome::{After, ended, judged};
use crate::standing::{Facts, Now, Stand};
use crate::{CommandError, layout};
use firebreak::answer::{Answer, Decided};
use firebreak::ids::IncidentId;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::review::DecideOutcome;
use firebreak::text::inert;
use firebreak_ledger::{IncidentView, Ledger};
use serde::Serialize;

/// What the function answered, and what came of that.
#[derive(Serialize)]
pub(super) struct Answered<'a> {
    #[serde(flatten)]
    pub(super) outcome: &'a DecideOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Carried>,
}

/// How an answer was carried out.
#[derive(Serialize)]
pub(super) struct Carried {
    /// Everything that it asked for was done.
    done: bool,
    /// `done`, `asks-again`, `failed`, or `running`: not known in time.
    state: &'static str,
    /// One line for each target.
    targets: Vec<String>,
}

impl Carried {
    pub(super) fn of(after: After, view: &IncidentView, decided: &Decided) -> Self {
        let state = match after {
            After::Done => "done",
            After::AsksAgain => "asks-again",
            After::Broken => "failed",
            After::Working => "running",
        };
        Self { done: judged(after, view, decided).is_ok(), state, targets: targets(view, decided) }
    }
}

/// Waits, and says what came of the answer.
///
/// # Errors
/// Something was not carried out, or is not known yet.
pub(super) async fn wait(ledger: &Ledger, id: &IncidentId, decided: &Decided) -> Result<(), CommandError> {
    let (after, view) = ended(ledger, id, decided).await?;
    // A line with a command stays in one piece: it is copied.
    let has_command = view.releases.iter().any(|receipt| receipt.restore.is_some());
    let width = if has_command { layout::PIPE } else { layout::width() };
    for line in targets(&view, decided) {
        print!("{}", layout::wrap("  ", &line, width));
    }
    println!("{}", judged(after, &view, decided)?);
    Ok(())
}

/// How each target stands after the answer.
pub(super) fn targets(view: &IncidentView, decided: &Decided) -> Vec<String> {
    let facts = Facts::from(view);
    if decided.answer == Answer::Release {
        return view.releases.iter().filter(|receipt| facts.tells(receipt)).map(released).collect();
    }
    let stands = facts.stands();
    let is_wanted = |stand: &&Stand<'_>| match stand.now {
        Now::Told => false,
        Now::Offered => is_taken(stand, decided),
        _ => true,
    };
    let wanted = stands.iter().filter(is_wanted);
    wanted
        .map(|stand| {
            let says = match stand.now {
                Now::Left(answer) => {
                    return format!("{}: {}, as answered: {}", facts.name(stand.target), stand.left(), answer.word());
                }
                Now::Contained => "contained",
                Now::Unconfirmed => "contained, NOT confirmed by the last check",
                Now::Partly => "PARTLY contained",
                Now::Failed | Now::NotTried | Now::Offered => "NOT contained",
                Now::Gone => "NOT contained: it does not exist",
                Now::Waits => "NOT contained: it waits for an approval",
                Now::ByHand => "only a person can act",
                Now::Unclear(standing) | Now::LetGo(standing) => standing.says().unwrap_or("put back"),
                Now::Told => "for information",
            };
            format!("{}: {says}", facts.name(stand.target))
        })
        .collect()
}

/// Whether an approval names what is offered.
fn is_taken(stand: &Stand<'_>, decided: &Decided) -> bool {
    let is_named = stand.decision.is_some_and(|decision| decided.is_about(decision));
    decided.answer == Answer::Approve && is_named && !decided.accepts_open(stand.target)
}

/// What a release did to a target. "Kept inactive" is no failure, and what was so before is none either.
fn released(receipt: &Receipt) -> String {
    let steps: Vec<String> = receipt.steps.iter().filter_map(Step::says).collect();
    let failed = receipt.steps.iter().any(|step| step.outcome == Outcome::Failed);
    let says = match (receipt.still_contained(), receipt.told()) {
        (Some(held), _) => held,
        (None, Some(error)) if matches!(receipt.status, Status::Contained | Status::Skipped) => error,
        (None, Some(error)) => format!("NOT put back: {error}"),
        (None, None) if steps.is_empty() => "nothing had to be put back".to_owned(),
        (None, None) if failed => format!("NOT all is put back: {}", steps.join("; ")),
        (None, None) => format!("put back: {}", steps.join("; ")),
    };
    format!("{}: {}", receipt.target, inert(&says, 900))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::screens::states;
    use firebreak::answer::Targets;
    use serde_json::{Value, json};

    fn says(steps: &Value, more: (&str, Value)) -> String {
        let mut receipt = json!({ "containment": "quarantine-iam", "status": "contained", "steps": steps,
            "target": { "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" } });
        receipt[more.0] = more.1;
        released(&serde_json::from_value(receipt).expect("a receipt"))
    }

    #[test]
    fn nothing_is_said_of_an_offer_that_no_answer_named() {
        let mut view = states().into_iter().find(|known| known.name == "frozen").expect("a state").view;
        let (seal, opened) = ("every access to S3 bucket acme-exports", view.record.incident.opened_at);
        let decided = |answer, only: &[&str]| {
            let targets = Targets { only: only.iter().map(|name| (*name).to_owned()).collect(), except: vec![] };
            Decided { targets, ..Decided::new(answer, "ann", "it was so", opened) }
        };
        for answer in [Answer::Approve, Answer::Keep] {
            assert_eq!(targets(&view, &decided(answer, &[])), ["freeze of S3 bucket acme-exports: contained"]);
        }
        let named = targets(&view, &decided(Answer::Approve, &[seal]));
        assert!(named.contains(&format!("{seal}: NOT contained")) && named.len() == 2, "{named:?}");
        view.releases = view.receipts.clone();
        assert_eq!(targets(&view, &decided(Answer::Release, &[])).len(), 1, "what was never done needs no way back");
    }

    #[test]
    fn a_credential_that_stays_inactive_is_said_to_be_so() {
        let step = |name: &str, outcome: &str| json!({ "name": name, "outcome": outcome, "started_at": "2026-11-21T02:00:01Z", "ms": 1 });
        let steps = json!([
            step("detach-deny", "applied"),
            step("keep-inactive AKIAEXAMPLE", "skipped"),
            step("restore-tags", "already"),
            step("check-drift", "skipped"),
            step("free-slot", "applied"),
        ]);
        assert_eq!(
            says(&steps, ("held_by", Value::Null)),
            "IAM user alice: put back: took the denial away; stays inactive because it was exposed: AKIAEXAMPLE; as before already: tags"
        );
        let other = says(&json!([]), ("held_by", json!("fb-0123456789abcdef")));
        assert_eq!(other, "IAM user alice: still contained for incident fb-0123456789abcdef");
        let mut closed = json!({ "containment": "quarantine-iam", "status": "skipped", "held_by": "fb-0123456789abcdef",
            "target": { "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" } });
        closed["restore"] = closed["held_by"].clone();
        let closed = released(&serde_json::from_value(closed).expect("a receipt"));
        assert!(closed.contains("which is closed: firebreak restore fb-0123456789abcdef --comment \"WHY\""), "{closed}");
        assert!(says(&json!([step("detach-deny", "failed")]), ("status", json!("partial"))).contains("NOT all is put back"));
    }
}
