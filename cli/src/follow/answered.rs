//! What came of an answer, as the states after the gate tell it.

use super::field;
use console::style;
use firebreak::receipt::{Receipt, Status};

/// What the release answered: how each target stands, and how many credentials and changes it left as they are.
pub(super) fn released(answer: &str) -> String {
    let count = |pointer| field::<usize>(answer, pointer).unwrap_or_default();
    let receipts = field::<Vec<Receipt>>(answer, "/receipts").unwrap_or_default();
    let another = receipts.iter().filter(|receipt| receipt.held_by.is_some()).count();
    let released = style("released").green().bold();
    match field::<String>(answer, "/status").as_deref() {
        Some("ok") if another > 0 => {
            format!("{} {another} target(s), for another incident", style("STILL CONTAINED").yellow().bold())
        }
        Some("ok") if count("/kept_inactive") > 0 => format!("{released} back as it was, the exposed credential stays inactive"),
        Some("ok") if receipts.iter().all(|receipt| receipt.status != Status::Contained) => {
            format!("{released} nothing had to be put back")
        }
        Some("ok") if count("/drifted") > 0 => format!("{released} back as it was, but for what somebody else changed"),
        Some("ok") => format!("{released} everything is back as it was"),
        Some("not-covered") => style("put back as answered; more was decided since the ticket").yellow().to_string(),
        _ if count("/drifted") > 0 => {
            let what = "somebody changed it since, the ticket says what; answer release again to leave that as it is";
            style(what).yellow().bold().to_string()
        }
        _ => style("NOT everything could be put back").red().bold().to_string(),
    }
}

/// The last mail. An approval that could not be carried out leads back to the gate.
pub(super) fn closed(output: &str) -> String {
    let releases = field::<String>(output, "/answer/answer").as_deref() == Some("release");
    match field::<usize>(output, "/closing/unfinished") {
        Some(unfinished) if unfinished > 0 && !releases => {
            style("mail sent: NOT everything was carried out, the incident asks again").red().bold().to_string()
        }
        _ => "mail sent: the incident is closed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn receipt(status: &str) -> Value {
        json!({ "target": { "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" },
            "containment": "quarantine-iam", "status": status, "steps": [], "finished_at": "2026-11-21T02:00:02Z" })
    }

    #[test]
    fn a_release_says_what_is_back_and_what_is_not() {
        let said = |status: &str, receipts: Value, more: (&str, usize)| {
            let mut answer = json!({ "status": status, "receipts": receipts, "kept_inactive": 0, "drifted": 0 });
            answer[more.0] = json!(more.1);
            console::strip_ansi_codes(&released(&answer.to_string())).into_owned()
        };
        let back = json!([receipt("contained")]);
        assert!(said("ok", back.clone(), ("kept_inactive", 1)).contains("stays inactive"));
        assert!(said("ok", back.clone(), ("kept_inactive", 0)).contains("everything is back"));
        assert!(said("ok", back, ("drifted", 1)).contains("but for what somebody else changed"));
        assert!(said("ok", json!([receipt("skipped")]), ("drifted", 0)).contains("nothing had to be put back"));
        assert!(said("failed", json!([receipt("partial")]), ("drifted", 0)).contains("NOT everything"));
        assert!(said("failed", json!([receipt("partial")]), ("drifted", 1)).contains("answer release again"));
        let mut another = receipt("skipped");
        another["held_by"] = json!("fb-0123456789abcdef");
        let text = said("ok", json!([another]), ("drifted", 0));
        assert!(text.contains("STILL CONTAINED") && !text.contains("released"), "{text}");
    }

    #[test]
    fn an_incident_that_asks_again_is_not_called_closed() {
        let said = |answer: &str, unfinished: usize| {
            closed(&json!({ "answer": { "answer": answer }, "closing": { "unfinished": unfinished } }).to_string())
        };
        assert!(said("approve", 1).contains("asks again"));
        assert!(said("approve", 0).contains("is closed") && said("release", 0).contains("is closed"));
    }
}
