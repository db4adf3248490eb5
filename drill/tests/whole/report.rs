//! `firebreak report observe` reads hundreds of incidents, page after page, and counts what mode `auto` would have done.

use crate::command;
use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::{AccountId, Partition, Region};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::report::Report;
use firebreak::review::GateMessage;
use firebreak::target::{Place, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_drill::{Result, Stage};
use firebreak_ledger::RawEvent;
use firebreak_testkit::{Call, MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT, fixture, room};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

const KIND: &str = "Exfiltration:IAMUser/AnomalousBehavior";
/// The account that is only observed.
const OBSERVED: &str = SECURITY_ACCOUNT;
/// The account that rehearses.
const REHEARSES: &str = MEMBER_ACCOUNT;
/// DynamoDB ends a page at 1 MB.
const PAGE_BYTES: usize = 1_000_000;

/// Incidents that are alike.
struct Alike {
    incidents: usize,
    /// How many users they are about.
    users: usize,
    account: &'static str,
    code: ReasonCode,
    would: Option<Mode>,
    status: IncidentStatus,
    days_ago: i64,
}

/// 460 incidents of the last 30 days and 40 before: half of them observed, half of them rehearsed.
fn planted() -> [Alike; 9] {
    use IncidentStatus::{AwaitingReview, Closed, Failed, Ignored, Notified, Released};
    use ReasonCode::{DryRun, Observed, Suppressed};
    let (at_once, asked, told) = (Some(Mode::Auto), Some(Mode::Gate), Some(Mode::Notify));
    let alike = |incidents, users, account, (code, would), status, days_ago| Alike {
        incidents,
        users,
        account,
        code,
        would,
        status,
        days_ago,
    };
    [
        alike(100, 25, OBSERVED, (Observed, at_once), Notified, 1),
        alike(60, 6, OBSERVED, (Observed, asked), Notified, 2),
        alike(40, 40, OBSERVED, (Observed, told), Notified, 3),
        alike(30, 30, OBSERVED, (Suppressed, None), Ignored, 4),
        alike(120, 12, REHEARSES, (DryRun, at_once), Closed, 5),
        alike(20, 4, REHEARSES, (DryRun, at_once), Released, 6),
        alike(50, 50, REHEARSES, (DryRun, asked), AwaitingReview, 7),
        // An earlier version took this decision.
        alike(40, 5, REHEARSES, (DryRun, None), Failed, 8),
        alike(40, 40, OBSERVED, (Observed, at_once), Notified, 40),
    ]
}

fn target(account: &str, name: &str) -> Target {
    let place = Place {
        account: AccountId::parse(account).expect("an account"),
        region: Region::parse(REGION).expect("a Region"),
        partition: Partition::parse("aws").expect("a partition"),
    };
    Target::new(TargetKind::IamUser, name, place)
}

/// One incident for each of `alike`, seconds apart within one clock hour.
fn incidents(alike: &Alike, now: Timestamp) -> Vec<Incident> {
    let Alike { users, account, code, would, days_ago, .. } = *alike;
    let hour = now.as_second() - now.as_second() % 3600 - days_ago * 24 * 3600;
    let opened_at = |n: usize| Timestamp::from_second(hour + i64::try_from(n).expect("few")).expect("a time");
    let suppressed = code == ReasonCode::Suppressed;
    let reason = if suppressed { "suppressed until 2999-12-31 by network team: our own scanner" } else { "a reason" };
    (0..alike.incidents)
        .map(|n| {
            let decision = Decision {
                code,
                suppressed,
                would,
                ..Decision::new(
                    target(account, &format!("user-{days_ago}-{}", n % users)),
                    Some(Containment::QuarantineIam),
                    Mode::Notify,
                    reason,
                )
            };
            let opened = room::opened(&format!("planted {days_ago} {n}"));
            let mut incident = Incident { decisions: vec![decision], opened_at: opened_at(n), ..opened };
            incident.finding.finding_type = Some(KIND.to_owned());
            incident.finding.title = Some("long ".repeat(400));
            incident
        })
        .collect()
}

/// Plants all of them; returns what the index holds of the last 30 days, in bytes, and an incident that was released.
async fn plant(stage: &Stage) -> Result<(usize, Incident)> {
    let (now, raw) = (clock::now(), RawEvent::Inline("{}"));
    let (mut bytes, mut released) = (0, None);
    for alike in planted() {
        let incidents = incidents(&alike, now);
        for some in incidents.chunks(10) {
            try_join_all(some.iter().map(|incident| stage.ledger.open_incident(incident, alike.status, &raw))).await?;
        }
        if alike.days_ago < 30 {
            bytes += incidents.iter().map(|incident| serde_json::to_string(incident).map_or(0, |doc| doc.len())).sum::<usize>();
        }
        if alike.status == IncidentStatus::Released {
            released = incidents.last().cloned();
        }
    }
    Ok((bytes, released.ok_or("none was released")?))
}

/// An analyst's answer, as the ledger keeps it.
async fn answer(stage: &Stage, incident: &Incident, comment: &str) -> Result<()> {
    let gate = GateMessage {
        task_token: "a token of no gate".to_owned(),
        execution_arn: incident.execution_arn.clone(),
        entered_at: incident.opened_at,
        retry: 0,
        round: 1,
        after_answer: false,
        takes: firebreak::review::Takes::default(),
        incident: incident.clone(),
        report: Report::default(),
    };
    stage.ledger.open_gate(&gate).await?;
    let decided = Decided::new(Answer::Release, "analyst@example.com", comment, incident.opened_at);
    assert!(stage.ledger.decide(&incident.id, &decided).await?, "the gate takes the answer");
    Ok(())
}

fn report(stage: &Stage, arguments: &[&str]) -> Result<Value> {
    let output = command::run(stage, &[&["report", "observe", "--json"][..], arguments].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// `111122223333 3 targets, 9 findings`, one per line of the report.
fn lines(report: &Value, of: &str) -> Vec<String> {
    let line = |line: &Value| {
        assert_eq!((&line["type"], &line["containment"]), (&json!(KIND), &json!("quarantine-iam")));
        let targets = line["targets"].as_array().map_or(0, Vec::len);
        format!("{} {targets} targets, {} findings", line["account"].as_str().unwrap_or_default(), line["findings"])
    };
    report[of].as_array().into_iter().flatten().map(line).collect()
}

/// How many partitions of the index were read since the record of calls was forgotten.
fn partitions(stage: &Stage) -> Result<usize> {
    let is_one = |call: &&Call| call.operation == "Query" && call.params["IndexName"] == "feed";
    Ok(stage.aws.calls()?.iter().filter(is_one).count())
}

#[tokio::test]
async fn a_month_of_observing_and_rehearsing_is_counted_over_all_partitions() -> Result<()> {
    let logs = fixture::repository().join(format!(".local/logs/report-{}", std::process::id()));
    let stage = Stage::set(&Options { policy: None, logs: Some(logs) }).await?;
    let (bytes, released) = plant(&stage).await?;
    assert!(bytes > PAGE_BYTES, "{bytes} bytes fit into one page");
    answer(&stage, &released, "the nightly export\u{1b}[2J").await?;

    stage.aws.forget_calls()?;
    let month = report(&stage, &["--since", "30d"])?;
    assert!(partitions(&stage)? >= 17, "a partition was left out");
    assert_eq!(month["incidents"], 390, "460 without those that were suppressed, or decided by an earlier version");
    assert_eq!(lines(&month, "at_once"), ["111122223333 16 targets, 140 findings", "123456789012 25 targets, 100 findings"]);
    assert_eq!(lines(&month, "gated"), ["111122223333 50 targets, 50 findings", "123456789012 6 targets, 60 findings"]);
    assert_eq!((&month["told"], &month["earlier"]), (&json!(40), &json!(40)));
    let suppressed = json!([{ "reason": "suppressed until 2999-12-31 by network team: our own scanner",
        "accounts": [OBSERVED], "decisions": 30 }]);
    assert_eq!(month["suppressed"], suppressed);
    assert_eq!(month["answers"], json!({ "approved": 120, "released": 20, "waiting": 50, "under_way": 0, "failed": 40 }));
    let fullest = &month["hours"][0];
    assert_eq!(
        (&fullest["account"], &fullest["targets"], &fullest["over_budget"]),
        (&json!(OBSERVED), &json!(25), &json!(15)),
        "{fullest}"
    );
    let answers = month["released"].as_array().ok_or("no list")?;
    assert_eq!(answers.len(), 20);
    let why = answers.iter().find(|released| !released["answer"].is_null()).ok_or("no answer")?;
    assert_eq!((&why["incident"], &why["answer"]["by"]), (&json!(released.id), &json!("analyst@example.com")));

    let longer = report(&stage, &["--since", "1000d", "--account", OBSERVED])?;
    assert_eq!(lines(&longer, "at_once"), ["123456789012 65 targets, 140 findings"]);
    assert_eq!((&longer["answers"]["approved"], &longer["released"]), (&json!(0), &json!([])), "of the other account");

    let page = String::from_utf8(command::run(&stage, &["report", "observe"])?.stdout)?;
    for words in ["In mode auto 41 target(s)", "15 over the default budget", "40 more were decided before", "the nightly export"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "{page:?}");
    Ok(())
}
