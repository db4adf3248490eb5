//! `firebreak restore`: the way back of a closed incident.
//!
//! The function `decide-review` records who asks and why, and starts the execution that puts everything back. The command waits for it.

use crate::arguments::RestoreArguments;
use crate::incidents::incident_id;
use crate::standing::{Facts, Stand};
use crate::{CommandError, Connection, confirm, layout, paint, print_json, signed};
use console::style;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::restore::{Restore, RestoreEnd, RestoreOutcome, RestoreRequest};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_ledger::{IncidentView, Ledger};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// The function has a minute, and is tried again.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(500);

/// What the command prints as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    outcome: &'a RestoreOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<RestoreEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    releases: Option<&'a [Receipt]>,
}

pub(crate) async fn run(arguments: &RestoreArguments) -> Result<(), CommandError> {
    let id = incident_id(&arguments.id)?;
    let connection = Connection::open().await?;
    // A program that reads JSON is not asked.
    if !arguments.yes && !arguments.json && !agreed(&connection.ledger, &id).await? {
        return Err(CommandError::Bad("nothing was asked for".to_owned()));
    }
    let request = RestoreRequest { from: Some("command".to_owned()), ..RestoreRequest::new(id.clone(), &arguments.comment) };
    let outcome: RestoreOutcome = signed::call(&connection, "decide-review", &request).await?;
    let waited = match &outcome {
        RestoreOutcome::Started { restore } | RestoreOutcome::Running { restore } => {
            if !arguments.json {
                println!("restore {} of {id} {}", restore.number, begun(&outcome));
            }
            ended(&connection.ledger, &id, restore).await.map(Some)
        }
        _ => Ok(None),
    };
    // The outcome is known, whatever keeps its end from being known.
    let known = waited.as_ref().ok().and_then(Option::as_ref);
    if arguments.json {
        let releases = known.map(|(_, view)| view.releases.as_slice());
        print_json(&Shown { outcome: &outcome, ended: known.map(|(end, _)| *end), releases })?;
    }
    match (waited?, outcome) {
        (Some((end, view)), _) if end.is_back => {
            if !arguments.json {
                println!("{}", back(&view));
            }
            Ok(())
        }
        (Some((_, view)), _) => Err(CommandError::Bad(not_back(&view))),
        (None, RestoreOutcome::NeedsSecond { asked, first_by, first_comment, expires_at }) => {
            Err(CommandError::Bad(needs_second(&asked, &first_by, first_comment.as_deref(), expires_at)))
        }
        (None, RestoreOutcome::NotClosed { status }) => Err(CommandError::Bad(format!(
            "{id} is {}: only a closed incident is restored; an open one is answered: firebreak incidents show {id}",
            status.word()
        ))),
        (None, _) => Err(CommandError::Bad(format!("there is no incident {id}"))),
    }
}

/// Shows what a restore puts back, and asks whether to go on. What is not closed, the function refuses.
async fn agreed(ledger: &Ledger, id: &IncidentId) -> Result<bool, CommandError> {
    if !confirm::is_seen() {
        return Ok(true);
    }
    match ledger.incident(id).await?.filter(|view| view.record.status == IncidentStatus::Closed) {
        Some(view) => confirm::goes_on(&question(&view, layout::width())),
        None => Ok(true),
    }
}

fn question(view: &IncidentView, width: usize) -> String {
    let (facts, id) = (Facts::from(view), &view.record.incident.id);
    let stands = facts.stands();
    let held: Vec<&Stand<'_>> = stands.iter().filter(|stand| stand.is_held()).collect();
    let means = if held.is_empty() { "it holds nothing that could be put back" } else { "what it holds is contained no longer" };
    let (title, opened) = (format!("{} {id}: {means}", style("restore").bold()), paint::time(view.record.incident.opened_at));
    let opened = layout::wrap("  ", &format!("The incident was opened {opened}."), width);
    format!("{}{}{opened}", layout::wrap("", &title, width), confirm::listed("Puts back", &held, facts, width))
}

fn begun(outcome: &RestoreOutcome) -> String {
    match outcome {
        RestoreOutcome::Running { restore } => format!("is under way, asked for by {}", inert(&restore.by, 200)),
        _ => "has begun".to_owned(),
    }
}

/// Waits until the restore has ended.
async fn ended(ledger: &Ledger, id: &IncidentId, restore: &Restore) -> Result<(RestoreEnd, IncidentView), CommandError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut restores = ledger.restores(id).await?.into_iter();
        if let Some(end) = restores.find(|known| known.number == restore.number).and_then(|known| known.ended) {
            let view = ledger.incident(id).await?;
            return Ok((end, view.ok_or_else(|| CommandError::Bad(format!("there is no incident {id}")))?));
        }
        if Instant::now() > until {
            let say = "the restore has not ended after 3 minutes; a mail says how it ends";
            return Err(CommandError::Bad(format!("{say}: firebreak incidents show {id}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a person reads once everything is back, and what is left to do.
fn back(view: &IncidentView) -> String {
    let steps = || view.releases.iter().flat_map(|receipt| &receipt.steps);
    let id = &view.record.incident.id;
    let held: String = view.releases.iter().filter_map(still_held).collect();
    let is_back = view.releases.iter().any(|receipt| receipt.status == Status::Contained);
    let mut lines = vec![match (held.is_empty(), is_back) {
        (true, _) => format!("{} {id} is put back", style("restored:").green().bold()),
        (false, true) => format!("{} {id} is put back in part, the rest is STILL CONTAINED", style("restored:").yellow().bold()),
        (false, false) => format!("{} nothing of {id} is put back", style("STILL CONTAINED:").yellow().bold()),
    }];
    let kept = steps().filter(|step| step.is(StepKind::KeepInactive)).count();
    if kept > 0 {
        lines.push(format!("  {kept} exposed credential(s) stay inactive: replace them"));
    }
    let changed = view.releases.iter().filter(|receipt| receipt.steps.iter().any(|step| step.is(StepKind::CheckDrift)));
    lines.extend(changed.map(|receipt| format!("  {}: what somebody else changed stays as it is", receipt.target)));
    format!("{}{held}", lines.join("\n"))
}

fn not_back(view: &IncidentView) -> String {
    let id = &view.record.incident.id;
    let left = view.releases.iter().filter(|receipt| matches!(receipt.status, Status::Failed | Status::Partial));
    let told = |receipt: &Receipt| {
        let why = if receipt.found_drift() {
            "somebody changed it since; the same command again leaves that as it is".to_owned()
        } else {
            inert(&receipt.told().unwrap_or_else(|| format!("see firebreak incidents show {id}")), 200)
        };
        format!("\n  {}: {why}{}", receipt.target, still_held(receipt).unwrap_or_default())
    };
    format!(
        "NOT all of {id} is put back, it stays closed:{}\nAsk again once the cause is mended.",
        left.map(told).collect::<String>()
    )
}

/// What another incident still holds; the command that puts it back, where that one is closed.
pub(crate) fn still_held(receipt: &Receipt) -> Option<String> {
    Some(format!("\n  {}: {}", receipt.target, receipt.still_contained()?))
}

/// What somebody reads whose wish waits for another person.
pub(crate) fn needs_second(asked: &str, first_by: &str, first_comment: Option<&str>, expires_at: Timestamp) -> String {
    let (asked, by, until) = (inert(asked, 300), inert(first_by, 200), paint::time(expires_at));
    let why = first_comment.map(|comment| format!(" (\"{}\")", inert(comment, 300))).unwrap_or_default();
    format!(
        "nothing is done yet: two persons must ask for it. {asked} was asked for by {by}{why}; another person must ask for exactly this \
         before {until}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn view(releases: Value) -> IncidentView {
        let record = json!({ "status": "closed", "id": "fb-0123456789abcdef", "verdict": "respond", "reason": null, "dedupe_key": "k",
            "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
                "region": null, "title": null },
            "decisions": [], "execution_arn": "arn", "opened_at": "2026-11-20T02:00:00Z",
            "timing": { "review_timeout_seconds": 1, "review_max_rounds": 1 } });
        IncidentView {
            missing: vec![],
            record: serde_json::from_value(record).expect("a record"),
            receipts: vec![],
            verifications: vec![],
            releases: serde_json::from_value(releases).expect("receipts"),
            sweep: None,
            evidence: vec![],
            review: None,
            timeline: vec![],
        }
    }

    fn receipt(status: &str, more: Value) -> Value {
        let target =
            json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" });
        let mut receipt = json!({ "target": target, "containment": "quarantine-iam", "status": status, "steps": [],
            "finished_at": "2026-11-21T02:00:02Z" });
        receipt.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        receipt
    }

    fn step(name: &str, outcome: &str) -> Value {
        json!({ "name": name, "outcome": outcome, "started_at": "2026-11-20T02:00:01Z", "ms": 7 })
    }

    #[test]
    fn after_a_restore_a_person_knows_what_is_left() {
        let other = "fb-86be0123456789ab";
        let held = receipt("skipped", json!({ "held_by": other, "restore": other }));
        let kept = receipt("contained", json!({ "steps": [step("keep-inactive AKIAEXAMPLE", "applied")] }));
        let text = back(&view(json!([held, kept])));
        assert!(text.contains(&format!("firebreak restore {other}")) && text.contains("1 exposed credential"), "{text}");
        assert!(text.contains("put back in part, the rest is STILL CONTAINED"), "{text}");
        let all = back(&view(json!([receipt("skipped", json!({ "held_by": other }))])));
        let line = format!("IAM user alice: still contained for incident {other}");
        assert!(all.contains("nothing of fb-0123456789abcdef is put back") && all.contains(&line), "{all}");
        let drifted = receipt("partial", json!({ "steps": [step("check-drift", "failed")] }));
        let denied = receipt("failed", json!({ "error": "Firebreak.Denied: iam:DetachUserPolicy", "fault": "Firebreak.Denied" }));
        let text = not_back(&view(json!([drifted, denied])));
        assert!(
            text.contains("stays closed") && text.contains("the same command again") && text.contains("DetachUserPolicy"),
            "{text}"
        );
    }

    #[test]
    fn who_must_wait_for_another_person_knows_for_what_and_until_when() {
        let until = "2026-11-21T02:00:00Z".parse().expect("a time");
        let text = needs_second("restore", "ann\u{1b}[2J", Some("rotated\u{1b}[2J"), until);
        for words in ["restore was asked for by ann", "(\"rotated", "another person", "2026-11-21 02:00:00 UTC"] {
            assert!(text.contains(words) && !text.contains('\u{1b}'), "{words}: {text}");
        }
    }

    #[test]
    fn who_restores_reads_what_is_put_back() {
        let states = crate::incidents::screens::states();
        let asked = |name: &str| {
            let view = &states.iter().find(|state| state.name == name).expect("a state").view;
            console::strip_ansi_codes(&question(view, 80)).into_owned()
        };
        assert!(asked("contained").contains("  Puts back:\n    IAM user alice: deny everything\n"), "{}", asked("contained"));
        let nothing = asked("released");
        assert!(nothing.contains("holds nothing") && !nothing.contains("Puts back"), "{nothing}");
    }
}
