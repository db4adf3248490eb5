//! An incident as large as one can be: it reaches the gate, far from what Step Functions takes.

use super::{TestResult, send, stage};
use firebreak::incident::IncidentStatus;
use firebreak::plan::MAX_DECISIONS;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

/// What a state's input and its result may take (Step Functions quotas).
const LIMIT: usize = 256 * 1024;

/// An attack by as many users as an incident holds, with names as long as IAM takes them.
fn attack() -> firebreak_drill::Result<Value> {
    let mut event = fixture::load("types/AttackSequence-S3-CompromisedData")?;
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "large", clock::now());
    let sequence = &mut event["detail"]["service"]["detection"]["sequence"];
    let actor = |n: usize| {
        json!({ "id": format!("a{n}"), "user": { "name": format!("user-{n:02}-{}", "x".repeat(56)), "type": "IAMUser",
            "uid": format!("AIDAEXAMPLE00000000{n:02}"), "credentialUid": format!("AKIAEXAMPLE000000{n:03}"),
            "account": { "uid": SECURITY_ACCOUNT } } })
    };
    sequence["actors"] = (0..MAX_DECISIONS).map(actor).collect();
    Ok(event)
}

#[tokio::test]
async fn twenty_targets_of_which_every_step_fails_at_full_length_reach_the_gate() -> TestResult {
    let stage = stage().await;
    let refusal = json!({ "status": 403, "code": "AccessDenied", "message": "no ".repeat(4_000), "times": 0 });
    let of = |function: &str| {
        let mut rule = refusal.clone();
        rule["match"] = json!("iam:*");
        rule["function"] = json!(function);
        rule
    };
    stage.aws.plan_faults(&json!([of("firebreak-quarantine-iam"), of("firebreak-preserve-evidence")]))?;
    let (execution, id) = send(&stage, &attack()?).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let failed = view.receipts.iter().filter(|receipt| receipt.status == Status::Failed).count();
    // A wider level of the bucket may be among them: it waits, so nobody tries it.
    assert!(failed + 2 >= MAX_DECISIONS, "{failed} of {}", view.record.incident.decisions.len());
    let mut largest: Vec<(usize, String)> = Vec::new();
    let mut pages = stage.sfn.get_execution_history().execution_arn(&execution).into_paginator().items().send();
    while let Some(event) = pages.next().await {
        let event = event?;
        let entered = event.state_entered_event_details().map(|d| (d.name(), d.input().unwrap_or_default().len()));
        let exited = event.state_exited_event_details().map(|d| (d.name(), d.output().unwrap_or_default().len()));
        largest.extend(entered.into_iter().chain(exited).map(|(name, size)| (size, name.to_owned())));
    }
    largest.sort_unstable_by(|one, other| other.cmp(one));
    for (size, state) in largest.iter().take(3) {
        println!("{state}: {size} bytes, {} % of {LIMIT}", size * 100 / LIMIT);
    }
    assert!(largest[0].0 < LIMIT / 2, "{largest:?}");
    Ok(())
}
