//! How fast and how well a finding was contained, as metrics.
//!
//! Written as one line of the log, from which CloudWatch makes the metrics (embedded metric format): no call, no permission, and
//! nothing to wait for. The alarms `firebreak-time-to-contain`, `firebreak-containment-failed` and `firebreak-unanswered-gate` watch
//! them. An alarm needs a metric without dimensions here: one set of them, empty.

use firebreak::incident::Incident;
use firebreak::notice::NoticeKind;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The namespace.
const NAMESPACE: &str = "Firebreak";

/// The line for a notice that tells how containments ended, or that nobody answers; nothing for the others.
///
/// `UnansweredGateSeconds`: seconds from the finding's execution to the notice that its gate is overdue.
/// `TimeToContain`: milliseconds from the finding's execution to the last containment that holds; left out when nothing was contained.
/// `ContainmentsFailed`: how many targets are not or only partly contained.
pub(crate) fn line(kind: NoticeKind, incident: &Incident, report: &Report, at: Timestamp) -> Option<String> {
    let receipts = match kind {
        NoticeKind::Outcome => report.containment.receipts.iter(),
        // Only what an approval had contained is new here.
        NoticeKind::Closed => report.gated.iter(),
        NoticeKind::ReviewOverdue => return Some(unanswered(incident, at)),
        _ => return None,
    };
    // What was done before its finding joined was measured by the execution that did it.
    let is_own = |receipt: &&Receipt| incident.joining.is_none() || receipt.finished_at.is_none_or(|at| at >= incident.opened_at);
    let receipts: Vec<&Receipt> = receipts.filter(is_own).collect();
    let branch_failed = match kind {
        NoticeKind::Outcome => report.containment.status == "failed",
        _ => report.approval.error.is_some(),
    };
    let failed = receipts.iter().filter(|receipt| matches!(receipt.status, Status::Failed | Status::Partial)).count();
    let mut metrics = vec![json!({ "Name": "ContainmentsFailed", "Unit": "Count" })];
    let mut root = json!({ "ContainmentsFailed": failed.max(usize::from(branch_failed)), "incident": incident.id });
    // After an approval the time would be the analyst's.
    if let Some(time) = time_to_contain(incident, &receipts).filter(|_| kind == NoticeKind::Outcome) {
        metrics.push(json!({ "Name": "TimeToContain", "Unit": "Milliseconds" }));
        root["TimeToContain"] = json!(time);
    }
    Some(declared(root, &metrics, at))
}

fn unanswered(incident: &Incident, at: Timestamp) -> String {
    let seconds = (at.as_second() - incident.opened_at.as_second()).max(0);
    let metrics = [json!({ "Name": "UnansweredGateSeconds", "Unit": "Seconds" })];
    declared(json!({ "UnansweredGateSeconds": seconds, "incident": incident.id }), &metrics, at)
}

/// The line with these values, of which CloudWatch makes these metrics.
fn declared(mut root: Value, metrics: &[Value], at: Timestamp) -> String {
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics });
    root["_aws"] = json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] });
    root.to_string()
}

fn time_to_contain(incident: &Incident, receipts: &[&Receipt]) -> Option<i64> {
    let contained = receipts.iter().filter(|receipt| receipt.status == Status::Contained);
    let last = contained.filter_map(|receipt| receipt.finished_at).max()?;
    Some((last.as_millisecond() - incident.opened_at.as_millisecond()).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident() -> Incident {
        serde_json::from_value(json!({
            "id": "fb-0123456789abcdef", "verdict": "respond", "dedupe_key": "k", "decisions": [], "execution_arn": "arn",
            "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
                "region": null, "title": null },
            "reason": null, "opened_at": "2026-11-21T02:00:00Z",
            "timing": { "review_timeout_seconds": 1, "review_max_rounds": 1 }
        }))
        .expect("an incident")
    }

    fn receipt(status: &str, finished_at: &str) -> Value {
        let target =
            json!({ "kind": "iam-user", "id": "u", "account": "111122223333", "region": "eu-central-1", "partition": "aws" });
        json!({ "target": target, "status": status, "steps": [], "finished_at": finished_at })
    }

    fn written(kind: NoticeKind, report: Value) -> Option<Value> {
        let report: Report = serde_json::from_value(report).expect("a report");
        let line = line(kind, &incident(), &report, Timestamp::UNIX_EPOCH)?;
        assert!(!line.contains('\n'), "CloudWatch reads line by line");
        serde_json::from_str(&line).ok()
    }

    #[test]
    fn the_slowest_containment_counts_and_what_failed_is_counted() {
        let receipts = [
            receipt("contained", "2026-11-21T02:00:01.5Z"),
            receipt("contained", "2026-11-21T02:00:09Z"),
            receipt("partial", "2026-11-21T02:01:00Z"),
        ];
        let line = written(NoticeKind::Outcome, json!({ "containment": { "receipts": receipts } })).expect("a line");
        assert_eq!((&line["TimeToContain"], &line["ContainmentsFailed"]), (&json!(9000), &json!(1)));
        let names: Vec<_> =
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("metrics").iter().map(|m| &m["Name"]).collect();
        assert_eq!(names, ["ContainmentsFailed", "TimeToContain"], "each is declared, or CloudWatch makes no metric of it");
    }

    #[test]
    fn each_notice_of_a_gate_that_nobody_answers_says_how_long_its_incident_is_open() {
        let told = |at: &str| {
            let at = at.parse().expect("a time");
            let line = line(NoticeKind::ReviewOverdue, &incident(), &Report::default(), at).expect("a line");
            serde_json::from_str::<Value>(&line).expect("JSON")
        };
        let line = told("2026-11-21T06:01:10.9Z");
        assert_eq!(line["UnansweredGateSeconds"], 4 * 3600 + 70);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"], json!([{ "Name": "UnansweredGateSeconds", "Unit": "Seconds" }]));
        assert_eq!((&metrics["Namespace"], &metrics["Dimensions"]), (&json!("Firebreak"), &json!([[]])));
        assert_eq!(told("2026-11-21T10:01:10Z")["UnansweredGateSeconds"], 8 * 3600 + 70, "of the incident, not of the round");
        assert_eq!(told("2026-11-21T01:59:59Z")["UnansweredGateSeconds"], 0, "clocks differ");
    }

    #[test]
    fn what_was_done_before_a_finding_joined_is_not_measured_again() {
        let receipts = [
            receipt("contained", "2026-11-20T22:00:01Z"),
            receipt("failed", "2026-11-20T22:00:02Z"),
            receipt("contained", "2026-11-21T02:00:04Z"),
        ];
        let measured = |receipts: &[Value]| {
            let report = serde_json::from_value(json!({ "containment": { "receipts": receipts } })).expect("a report");
            let joining = Some(firebreak::ids::IncidentId::of("the finding that joined"));
            let line = line(NoticeKind::Outcome, &Incident { joining, ..incident() }, &report, Timestamp::UNIX_EPOCH);
            let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            (line["TimeToContain"].as_i64(), line["ContainmentsFailed"].as_u64())
        };
        assert_eq!(measured(&receipts), (Some(4000), Some(0)));
        assert_eq!(measured(&receipts[..2]), (None, Some(0)), "hours are no time to contain, and no time is none");
    }

    #[test]
    fn a_branch_that_failed_as_a_whole_is_a_failure_without_a_time() {
        let line = written(NoticeKind::Outcome, json!({ "containment": { "status": "failed" } })).expect("a line");
        assert_eq!(line["ContainmentsFailed"], 1);
        assert!(line.get("TimeToContain").is_none());
        let approval = written(NoticeKind::Closed, json!({ "approval": { "status": "failed", "error": "States.Timeout" } }));
        assert_eq!(approval.expect("a line")["ContainmentsFailed"], 1);
        assert!(written(NoticeKind::Opened, json!({})).is_none());
    }
}
