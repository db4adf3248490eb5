//! `fixtures/scenarios` on the local AWS: each family of findings contains, and releases, what its file says.

use crate::command;
use firebreak::target::Scope;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedRole, PlantedUser, Result, Stage};
use firebreak_rehearsal::{Decides, EndState, Kind, Resource, Scenario};
use firebreak_testkit::{Options, fixture};
use serde_json::Value;
use std::process::Output;

type TestResult = Result<()>;

async fn stage(policy: Option<&str>) -> Result<Stage> {
    let policy = match policy {
        Some(text) => {
            let (_, path) = tempfile::NamedTempFile::new()?.keep()?;
            std::fs::write(&path, text)?;
            Some(path)
        }
        None => None,
    };
    Stage::set(&Options { policy, logs: Some(tempfile::tempdir()?.keep()) }).await
}

/// A throw-away resource of this kind.
async fn plant(stage: &Stage, kind: Kind, name: &str) -> Result<Resource> {
    let (name, session) = match kind {
        Kind::User => (PlantedUser::plant(stage.config(), name).await?.name, None),
        Kind::Role => (PlantedRole::plant(stage.config(), name).await?.name, Some("build-7".to_owned())),
        Kind::Instance => (PlantedInstance::plant(stage.config(), name).await?.id, None),
        Kind::Bucket => (PlantedBucket::plant_private(stage.config(), name).await?.name, None),
    };
    Ok(Resource { kind, name, session })
}

fn firebreak(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    command::run(stage, arguments)
}

/// Where a finding of `fixtures/findings` is.
fn path(name: &str) -> String {
    fixture::path(name).display().to_string()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn replay(stage: &Stage, resources: &[&Resource], more: &[&str]) -> Result<Output> {
    let named: Vec<String> = resources.iter().map(ToString::to_string).collect();
    let mut arguments = vec!["replay"];
    named.iter().for_each(|resource| arguments.extend(["--as", resource.as_str()]));
    arguments.extend(more);
    firebreak(stage, &arguments)
}

#[tokio::test]
async fn every_scenario_ends_as_its_file_says_and_is_released() -> TestResult {
    let stage = stage(None).await?;
    // As many at once as two cores answer in time.
    for some in Scenario::all().chunks(4) {
        let mut running = Vec::new();
        for scenario in some {
            let mut arguments = vec!["replay".to_owned(), "--assert".to_owned(), "--release".to_owned(), path(&scenario.finding)];
            for kind in scenario.resources.keys() {
                arguments.extend(["--as".to_owned(), plant(&stage, *kind, scenario.name).await?.to_string()]);
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            running.push((scenario, command::start(&stage, &arguments)?));
        }
        for (scenario, child) in running {
            let output = child.wait_with_output()?;
            assert!(output.status.success(), "{}: {}", scenario.name, told(&output));
            let at_once = scenario.resources.values().any(|decides| *decides == Decides::Auto);
            let says = if at_once { "contained as it must be" } else { "unchanged, as nobody has approved it" };
            assert!(told(&output).contains(says), "{}: {}", scenario.name, told(&output));
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_waits_for_an_approval_ends_as_its_file_says_once_it_is_approved() -> TestResult {
    let stage = stage(None).await?;
    for scenario in Scenario::all().iter().filter(|scenario| scenario.resources.values().all(|d| *d == Decides::Gate)) {
        let mut resources = Vec::new();
        for kind in scenario.resources.keys() {
            resources.push(plant(&stage, *kind, scenario.name).await?);
        }
        let [resource] = resources.as_slice() else { panic!("{}: one resource", scenario.name) };
        let before = resource.observe(stage.config()).await?;
        let finding = path(&scenario.finding);
        let output = replay(&stage, &[resource], &["--assert", "--json", &finding])?;
        assert!(output.status.success(), "{}: {}", scenario.name, told(&output));
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let id: firebreak::ids::IncidentId = serde_json::from_value(answer["incident"]["id"].clone())?;
        stage.reaches(&id, firebreak::incident::IncidentStatus::AwaitingReview).await?;
        stage.answer(&id, firebreak::answer::Answer::Approve).await?;
        stage.reaches(&id, firebreak::incident::IncidentStatus::Closed).await?;
        let now = resource.observe(stage.config()).await?;
        let end = EndState::of(resource.kind, Scope::Principal);
        assert_eq!(end.wrong_contained(&before, &now), [""; 0], "{}", scenario.name);
    }
    Ok(())
}

#[tokio::test]
async fn samples_of_guardduty_are_contained_when_they_name_what_exists_and_are_announced_else() -> TestResult {
    let announced = "verify_after_seconds = 1\n[accounts.123456789012]\nmode = \"auto\"\ntest = true\n";
    let stage = stage(Some(announced)).await?;
    firebreak(&stage, &["local", "plant"])?;
    let (user, instance) = (plant(&stage, Kind::User, "alice").await?, plant(&stage, Kind::Instance, "web").await?);
    for (resource, kind) in [(&user, "Exfiltration:IAMUser/AnomalousBehavior"), (&instance, "CryptoCurrency:EC2/BitcoinTool.B")] {
        let output = replay(&stage, &[resource], &["--sample", kind, "--assert", "--release"])?;
        assert!(output.status.success() && told(&output).contains("contained as it must be"), "{}", told(&output));
        let output = firebreak(&stage, &["replay", "--sample", kind, "--follow"])?;
        assert!(output.status.success() && told(&output).contains("samples are only announced"), "{}", told(&output));
    }
    for fixture in ["sample-iam-user", "sample-ec2"] {
        let output = firebreak(&stage, &["replay", &path(&format!("scenarios/{fixture}")), "--follow"])?;
        assert!(told(&output).contains("samples are only announced"), "{}", told(&output));
    }
    Ok(())
}

#[tokio::test]
async fn what_might_be_real_is_refused_in_one_line_and_nothing_starts() -> TestResult {
    let policy = "[accounts.123456789012]\nmode = \"auto\"\ntest = true\n[protected]\nprincipals = [\"break-glass\"]\n";
    let stage = stage(Some(policy)).await?;
    let finding = &path("guardduty/exfiltration-iam-user");
    let protected = plant(&stage, Kind::User, "break-glass").await?;
    let in_use = PlantedUser::plant(stage.config(), "billing").await?;
    let tag = aws_sdk_iam::types::Tag::builder().key("Environment").value("Production").build()?;
    in_use.iam().tag_user().user_name("billing").tags(tag).send().await?;
    let in_use = Resource { kind: Kind::User, name: "billing".to_owned(), session: None };
    for (resource, why) in
        [(&protected, "user=break-glass is protected"), (&in_use, "user=billing has the tag Environment=Production")]
    {
        let output = replay(&stage, &[resource], &["--assert", "--release", finding])?;
        let error = String::from_utf8(output.stderr)?;
        assert!(output.status.code() == Some(2) && error.contains(why) && error.lines().count() == 1, "{error}");
    }
    assert_eq!(stage.ledger.incidents(10).await?.len(), 0);

    let stage = self::stage(Some("[accounts.123456789012]\nmode = \"auto\"\n")).await?;
    let user = plant(&stage, Kind::User, "alice").await?;
    let output = replay(&stage, &[&user], &["--assert", finding])?;
    let error = String::from_utf8(output.stderr)?;
    assert!(error.contains("account 123456789012 is not marked for tests") && error.lines().count() == 1, "{error}");
    assert_eq!(stage.ledger.incidents(10).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_difference_is_told_and_is_exit_code_1() -> TestResult {
    let stage = stage(Some("verify_after_seconds = 1\n[accounts.123456789012]\nmode = \"auto\"\ntest = true\n")).await?;
    let user = plant(&stage, Kind::User, "alice").await?;
    let denied = serde_json::json!([{ "match": "iam:UpdateAccessKey", "status": 403, "code": "AccessDenied", "times": 0 }]);
    stage.aws.plan_faults(&denied)?;
    let output = replay(&stage, &[&user], &["--assert", &path("guardduty/exfiltration-iam-user")])?;
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("NOT contained as it must be") && text.contains("Active, and must be Inactive"), "{text}");
    assert!(text.contains("firebreak review release fb-"), "the way back: {text}");
    Ok(())
}

#[tokio::test]
async fn what_looks_contained_already_or_is_only_told_passes_for_nothing() -> TestResult {
    let stage = stage(Some("verify_after_seconds = 1\n[accounts.123456789012]\nmode = \"observe\"\ntest = true\n")).await?;
    let (user, bucket) = (plant(&stage, Kind::User, "alice").await?, plant(&stage, Kind::Bucket, "closed").await?);
    let output = replay(&stage, &[&user], &["--assert", &path("scenarios/rds-modify-authentication")])?;
    assert!(output.status.code() == Some(1) && told(&output).contains("nothing is decided about it"), "{}", told(&output));
    let all = aws_sdk_s3::types::PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let s3 = aws_sdk_s3::Client::new(stage.config());
    s3.put_public_access_block().bucket("closed").public_access_block_configuration(all).send().await?;
    let output = replay(&stage, &[&bucket], &["--assert", &path("guardduty/bucket-anonymous-access")])?;
    assert!(output.status.code() == Some(2) && told(&output).contains("looks contained already"), "{}", told(&output));
    Ok(())
}

#[tokio::test]
async fn an_incident_that_a_real_finding_opened_is_not_released_by_a_rehearsal() -> TestResult {
    let stage = stage(None).await?;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = fixture::load("scenarios/rds-modify-authentication")?;
    user.name_in(&mut event);
    fixture::personalise(&mut event, firebreak_testkit::SECURITY_ACCOUNT, "real", firebreak_aws::clock::now());
    let execution = stage.start(&event.to_string()).await?;
    let id = stage.incident_of_execution(&execution).await?;
    stage.reaches(&id, firebreak::incident::IncidentStatus::AwaitingReview).await?;
    let resource = Resource { kind: Kind::User, name: user.name.clone(), session: None };
    let output = replay(&stage, &[&resource], &["--assert", "--release", &path("scenarios/rds-modify-authentication")])?;
    assert!(output.status.code() == Some(1) && told(&output).contains("it lists other findings"), "{}", told(&output));
    let known = stage.ledger.record(&id).await?.ok_or("an incident")?;
    assert_eq!(known.status, firebreak::incident::IncidentStatus::AwaitingReview);
    Ok(())
}
