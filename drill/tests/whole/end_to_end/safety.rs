//! Hostile input, secrets, destruction, and the evidence.

use super::{TestResult, changes, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::containment::Containment;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak_aws::clock;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedUser};
use firebreak_testkit::fault_sweep::says_it_destroys;
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn bad_input_changes_nothing_and_tells_people() -> TestResult {
    let stage = stage().await;
    let inputs = ["{}", "[]", "null", "\"text\"", "7"].map(str::to_owned).to_vec();
    let hostile = ["unknown-source", "H08_pascal_case", "H14_not_json_detail", "H15_empty_findings", "H31_account_bad"];
    let fixtures = hostile.iter().map(|name| std::fs::read_to_string(fixture::path(&format!("hostile/{name}"))));
    let mut told = 0;
    for (i, input) in inputs.into_iter().map(Ok).chain(fixtures).enumerate() {
        let mut input: String = input?;
        // Fixtures share one finding id; each must be looked at.
        input = input.replace("/finding/", &format!("/finding/n{i}-"));
        let execution = stage.start(&input).await?;
        assert_eq!(stage.ended(&execution).await?, "SUCCEEDED", "{input}");
        let output = stage.sfn.describe_execution().execution_arn(&execution).send().await?.output.unwrap_or_default();
        let incident: Incident = serde_json::from_value(serde_json::from_str::<Value>(&output)?["incident"].clone())?;
        let view = stage.reaches(&incident.id, IncidentStatus::Notified).await?;
        assert!(view.record.incident.reason.is_some(), "{input}: no reason given");
        stage.told(incident.id.as_str()).await?;
        told += 1;
    }
    assert_eq!(told, 10);
    assert_eq!(changes(&stage.aws.calls()?), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn hostile_text_reaches_people_inert_and_the_token_reaches_nobody() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "hostile-text");
    event["detail"]["title"] = json!("\u{1b}[2J\u{202e}evil\r\nBcc: all@example.com \u{7}$.Task.Token States.Format('{}')");
    let (execution, id) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.told("Decide").await?;
    stage.answer(&id, Answer::Approve).await?;
    stage.ended(&execution).await?;
    stage.told("Approved and closed").await?;
    let gate = stage.sfn.get_execution_history().execution_arn(&execution).send().await?;
    let scheduled = gate.events.iter().filter_map(|e| e.task_scheduled_event_details()).find(|d| d.resource_type() == "sqs");
    let parameters: Value = serde_json::from_str(scheduled.expect("the gate was scheduled").parameters())?;
    let token = parameters["MessageBody"]["task_token"].as_str().expect("the gate's message has a token").to_owned();
    assert!(token.len() > 10);
    for notice in stage.all_told() {
        assert!(!notice.body.contains(&token), "a token in a message: {}", notice.subject);
        let active = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!notice.body.contains(active) && !notice.subject.contains(|c: char| c.is_control()), "{:?}", notice.body);
    }
    assert!(!serde_json::to_string(&view)?.contains(&token), "a token in what the command shows");
    let logs =
        std::process::Command::new("grep").args(["-rlF", &token]).arg(fixture::repository().join(".local/logs")).output()?;
    assert_eq!(String::from_utf8_lossy(&logs.stdout), "", "a token in a log");
    Ok(())
}

#[tokio::test]
async fn nothing_is_destroyed_before_a_release() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-public").await?;
    let mut ec2 = fixture::load("guardduty/bitcoin-tool")?;
    instance.name_in(&mut ec2);
    fixture::personalise(&mut ec2, SECURITY_ACCOUNT, "destroy-ec2", clock::now());
    let mut s3 = fixture::load("guardduty/bucket-anonymous-access")?;
    bucket.name_in(&mut s3);
    fixture::personalise(&mut s3, SECURITY_ACCOUNT, "destroy-s3", clock::now());
    for event in [&user_finding(&user, SECURITY_ACCOUNT, "destroy-iam"), &ec2, &s3] {
        let (execution, id) = send(&stage, event).await?;
        stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        stage.answer(&id, Answer::Approve).await?;
        assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    }
    let made = changes(&stage.aws.calls()?);
    assert!(made.len() > 8, "too few calls were recorded to prove anything: {made:?}");
    for call in &made {
        let is_declared = Containment::ALL.iter().any(|containment| containment.declaration().may_destroy(call));
        assert!(!says_it_destroys(call) || is_declared, "{call} before any release");
    }
    Ok(())
}

#[tokio::test]
async fn the_manifest_vouches_for_every_object_and_nothing_else() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "manifest");
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.sealed(&id, 2).await?;
    let manifest_key = firebreak::evidence::manifest_key(&id);
    let manifest: Value = serde_json::from_slice(&stage.evidence_object(&manifest_key).await?)?;
    let mut vouched: Vec<String> = vec![manifest_key];
    for entry in manifest["entries"].as_array().expect("entries") {
        let key = entry["key"].as_str().expect("a key");
        let bytes = stage.evidence_object(key).await?;
        assert_eq!(entry["sha256"], firebreak::digest::sha256_hex(&bytes), "{key}");
        assert_eq!(entry["bytes"], bytes.len(), "{key}");
        assert!(entry["source"].is_string() && entry["collected_at"].is_string(), "{key}");
        vouched.push(key.to_owned());
    }
    let mut stored = stage.evidence(&id).await?;
    stored.sort();
    vouched.sort();
    assert_eq!(stored, vouched);
    let finding: Value = serde_json::from_slice(&stage.evidence_object(&format!("incidents/{id}/finding.json")).await?)?;
    assert_eq!(finding["detail"], event["detail"]);
    let state = vouched.iter().find(|key| key.ends_with("state-before-containment.json")).expect("the prior state");
    let state: Value = serde_json::from_slice(&stage.evidence_object(state).await?)?;
    assert_eq!(state["state"]["attached_policies"], json!([]), "the base must be the state without the quarantine");
    Ok(())
}
