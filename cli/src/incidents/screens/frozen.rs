//! A bucket that is frozen, beside which wider levels are offered: nobody waits for those, so no screen makes them look open.

use super::{Whole, read, says_now, shown, step};
use crate::incidents::list::shown as listed;
use crate::standing::{Facts, Now};
use firebreak::answer::{Answer, Decided};
use firebreak::receipt::Receipt;
use firebreak_ledger::{IncidentView, Overview};
use serde_json::{Value, json};

const BUCKET: &str = "S3 bucket acme-exports";
const OFFERS: [&str; 2] = ["destructive actions in S3 bucket acme-exports", "every access to S3 bucket acme-exports"];

fn target(level: &str) -> Value {
    json!({ "kind": "s3-bucket", "id": "acme-exports", "account": "111122223333", "region": "eu-central-1", "partition": "aws",
        "scope": level })
}

/// What triage decides about a bucket that a finding says was read: a freeze at once, and two offers.
fn decision(level: &str) -> Value {
    let (mode, only_by_name) = if level == "freeze" { ("auto", false) } else { ("gate", true) };
    json!({ "target": target(level), "containment": "lockdown-s3", "mode": mode, "reason": "why", "only_by_name": only_by_name })
}

/// Without steps it is what the state machine writes for a decision that waits.
fn receipt(level: &str, status: &str, steps: &[Value]) -> Receipt {
    let error = steps.is_empty().then_some("waits for approval");
    let finished_at = (!steps.is_empty()).then_some("2026-11-20T02:01:00Z");
    read(json!({ "target": target(level), "containment": "lockdown-s3", "status": status, "steps": steps, "error": error,
        "finished_at": finished_at }))
}

/// The freeze is in force, and both offers are open.
pub(super) fn view(status: &str) -> IncidentView {
    let mut view = super::view("auto", status, vec![], vec![]);
    view.record.incident.decisions = ["freeze", "destruction", "seal"].map(|level| read(decision(level))).into();
    let frozen =
        receipt("freeze", "contained", &[step("deny-suspects", "applied", None), step("deny-outsiders", "applied", None)]);
    let offered = ["destruction", "seal"].map(|level| receipt(level, "skipped", &[]));
    view.receipts = std::iter::once(frozen).chain(offered).collect();
    view
}

/// The same after the seal was tried.
fn sealed(status: &str) -> IncidentView {
    let mut view = view("awaiting-review");
    let outcome = if status == "contained" { "applied" } else { "failed" };
    view.receipts[2] = receipt("seal", status, &[step("seal-bucket", outcome, None)]);
    view
}

fn state(view: &IncidentView) -> Whole {
    Facts::from(view).state()
}

#[test]
fn what_is_only_offered_leaves_a_frozen_bucket_contained() {
    let view = view("awaiting-review");
    assert_eq!(state(&view), Whole::Contained);
    let now = says_now(&view);
    assert!(now.contains(&format!("NOW        freeze of {BUCKET}: contained")), "{now}");
    for open in ["waits for your approval", "waits for approval", "can do what it could before"] {
        assert!(!now.contains(open), "{open}: {now}");
    }
    let (above, _) = now.split_once("CLOUDTRAIL").expect("a part");
    assert!(!OFFERS.iter().any(|offer| above.contains(offer)), "{above}");
    let row = listed(&[Overview::from(view)], "2026-11-20T02:04:00Z".parse().expect("a time"), 120);
    let row = console::strip_ansi_codes(&row).into_owned();
    assert!(row.contains("contained") && row.contains(&format!("freeze of {BUCKET}")) && !row.contains('+'), "{row}");
}

#[test]
fn each_offer_is_one_line_behind_the_answers_with_the_command_that_takes_it() {
    let text = shown(&view("awaiting-review"));
    let (answers, offered) = text.split_once("\nOFFERED ").expect("a part");
    assert!(answers.contains("firebreak review release "), "behind what waits for an answer: {text}");
    let (offered, _) = offered.split_once("\nDecisions\n").expect("a part");
    let lines: Vec<&str> = offered.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (offer, lines) in OFFERS.iter().zip(lines.chunks(2)) {
        assert!(lines[0].starts_with(&format!("{offer}: deny ")), "{lines:?}");
        let command = "firebreak review approve fb-0123456789abcdef --shown ";
        assert!(
            lines[1].starts_with(command) && lines[1].ends_with(&format!("--only=\"{offer}\" --comment \"WHY\"")),
            "{lines:?}"
        );
    }
    assert!(!text.contains("others use"), "an approval lacks nothing: {text}");
    assert!(!shown(&view("closed")).contains("OFFERED"), "an answer would come too late");
}

#[test]
fn an_answer_to_all_of_it_settles_no_offer_as_something_that_was_left_open() {
    for answer in [Answer::Keep, Answer::Approve, Answer::Release] {
        let mut view = view("closed");
        let decided = Decided::new(answer, "ann", "it was so", view.record.incident.opened_at);
        view.record.incident.settle(&decided, |_| true);
        assert_eq!(state(&view), Whole::Contained, "{answer:?}");
        let offered = Facts::from(&view).stands().iter().filter(|stand| stand.now == Now::Offered).count();
        assert_eq!((offered, says_now(&view).contains("NOT contained")), (2, false), "{answer:?}");
    }
}

#[test]
fn an_offer_that_somebody_took_is_shown_like_everything_else() {
    let done = sealed("contained");
    assert_eq!(state(&done), Whole::Contained);
    assert!(says_now(&done).contains(&format!("{}: contained", OFFERS[1])), "{}", says_now(&done));
    let failed = sealed("failed");
    assert_eq!(state(&failed), Whole::Partly, "somebody asked for it");
    assert!(says_now(&failed).contains(&format!("{}: NOT contained", OFFERS[1])), "{}", says_now(&failed));
}
