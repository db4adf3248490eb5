//! Findings that cannot be understood: how many people are asked about in an hour, and that nothing hides behind that number.

use crate::{Stage, at, deliver};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::incident::Incident;
use firebreak::pause::Pauses;
use firebreak::plan::Verdict;
use firebreak::policy::Budget;
use firebreak::target::TargetKind;
use firebreak_ledger::Commit;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

/// One target may wait; Security Hub's findings of another product are listed.
const POLICY: &str = "default_mode = \"auto\"\nunread_per_hour = 1\n[security_hub]\nproducts = [\"acme/scanner\"]\n";

/// A finding of a type that nobody knows, about a principal whose name has no form.
fn unread(stage: &Stage, serial: &str, severity: f64) -> Value {
    let mut event = stage.finding(serial);
    event["detail"]["type"] = json!("NewTactic:Quantum/Thing");
    event["detail"]["severity"] = json!(severity);
    event["detail"]["resource"] = json!({ "instanceDetails": { "instanceId": format!("i-bad-{serial}") } });
    stage.guardduty.learn(&event);
    event
}

async fn of(stage: &Stage, event: &Value, execution: &str) -> Incident {
    let execution = format!("arn:aws:states:eu-central-1:123456789012:execution:firebreak:{execution}");
    deliver(&stage.aws, POLICY, event, &execution).await.expect("an incident")
}

#[tokio::test]
async fn beyond_the_hours_number_one_mail_tells_of_all_and_a_critical_finding_is_always_told() {
    let stage = Stage::start().await;
    let first = of(&stage, &unread(&stage, "u1", 8.0), "u1").await;
    assert_eq!((first.verdict, first.decisions[0].mode), (Verdict::Respond, Mode::Gate));
    let second = of(&stage, &unread(&stage, "u2", 8.0), "u2").await;
    assert_eq!(second.verdict, Verdict::Notify, "one mail stands for the rest");
    let third = of(&stage, &unread(&stage, "u3", 8.0), "u3").await;
    assert_eq!(third.verdict, Verdict::Ignore, "{third:?}");
    let critical = of(&stage, &unread(&stage, "u4", 9.5), "u4").await;
    assert_ne!(critical.verdict, Verdict::Ignore, "the worst is never one of many");
    let known = of(&stage, &stage.about(stage.finding("u5"), "alice"), "u5").await;
    assert_eq!(known.verdict, Verdict::Respond, "what is understood is answered as always");
}

#[tokio::test]
async fn who_may_import_findings_cannot_use_up_what_guarddutys_findings_may_ask() {
    let stage = Stage::start().await;
    let imported = |serial: &str| {
        let arn = "arn:aws:securityhub:eu-central-1::product/acme/scanner";
        let account = unread(&stage, serial, 8.0)["detail"]["accountId"].clone();
        let resource = json!({ "Type": "AwsEc2Instance", "Id": format!("i-bad-{serial}"), "Region": "eu-central-1" });
        json!({ "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "account": account,
            "region": "eu-central-1", "detail": { "findings": [{ "SchemaVersion": "2018-10-08", "Id": serial, "ProductArn": arn,
                "AwsAccountId": account, "Region": "eu-central-1", "Types": ["Software/New/Thing"],
                "Severity": { "Label": "HIGH" }, "UpdatedAt": "2026-11-20T02:05:00Z", "Resources": [resource] }] } })
    };
    for serial in ["i1", "i2", "i3"] {
        of(&stage, &imported(serial), serial).await;
    }
    let guarddutys = of(&stage, &unread(&stage, "u1", 8.0), "u1").await;
    assert_eq!((guarddutys.verdict, guarddutys.decisions[0].mode), (Verdict::Respond, Mode::Gate), "{guarddutys:?}");
}

#[tokio::test]
async fn an_update_that_nobody_could_be_asked_about_is_asked_about_later() {
    let aws = ScriptedAws::start().await.expect("a port");
    let (ledger, budget) = (room::ledger(&aws), Budget::default());
    let (first, update, later) = (room::incident("first"), room::incident("update"), room::incident("later"));
    let target = room::target(TargetKind::Other, "i-bad");
    let unread =
        json!({ "target": target, "containment": null, "mode": "gate", "reason": "no valid instance", "code": "unread" });
    let unread: Decision = serde_json::from_value(unread).expect("a decision");
    let pauses = Pauses::default();
    let commit =
        Commit { first: &first, incident: &update, budget: &budget, unread: 0, vouched: true, at: at(), pauses: &pauses };
    let told = ledger.commit(commit, vec![unread.clone()]).await.expect("the ledger takes it").decisions;
    assert_eq!((told[0].mode, told[0].code), (Mode::Notify, ReasonCode::OverBudget));
    let again = Commit { incident: &later, unread: 1, ..commit };
    let asked = ledger.commit(again, vec![unread]).await.expect("the ledger takes it").decisions;
    assert_eq!(asked.iter().map(|decision| decision.mode).collect::<Vec<_>>(), [Mode::Gate], "nobody answers for it yet");
}
