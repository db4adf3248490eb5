//! One look into CloudTrail, and what is decided about what it shows.

use crate::{AUTO, ONE_PAGE, SUSPECT, Stage, key, modes, names};
use firebreak::containment::Containment;
use firebreak::coverage::{Responsible, decision_key};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::holders::Holder;
use firebreak::ids::PrincipalId;
use firebreak::target::Target;
use firebreak_ledger::Held;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use serde_json::json;
use std::collections::BTreeSet;
use sweep::Phase;

/// A key that the suspect makes for itself, which IAM answers with.
const NEW_KEY: &str = "AKIAEXAMPLENEWKEY001";

fn new_key(stage: &Stage) {
    let answer = json!({ "accessKey": { "userName": SUSPECT, "accessKeyId": NEW_KEY, "status": "Active" } });
    stage.trail.iam("CreateAccessKey", json!(null), answer);
}

#[tokio::test]
async fn what_the_suspect_created_is_reserved_counted_written_and_goes_back_to_be_contained() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    assert_eq!(modes(&answer.incident.decisions), [(SUSPECT, Mode::Auto), ("mallory", Mode::Auto)]);
    assert!(answer.watch.alarm && !answer.watch.idle);
    let view = stage.view().await;
    assert_eq!(view.record.incident.decisions, answer.incident.decisions);
    assert!(view.timeline.iter().any(|line| line.what.starts_with("sweep: ") && line.what.contains("mallory")));
    assert_eq!(view.sweep.expect("a look"), answer.report.sweep);
    assert_eq!((answer.report.sweep.found.len(), answer.report.sweep.missing.len()), (1, 0), "{:?}", answer.report.sweep);
    let known = stage.ledger().coverage(&stage.incident.id).await.expect("the ledger answers");
    let owner = &known.decided[&decision_key(&answer.incident.decisions[1])];
    assert_eq!((&owner.incident, owner.told_only), (&stage.incident.id, false));
    assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]));

    let lookups = stage.aws.calls_of("cloudtrail:LookupEvents");
    let asked: BTreeSet<(&str, &str)> = lookups
        .iter()
        .map(|call| (call.region.as_str(), call.params["LookupAttributes"][0]["AttributeValue"].as_str().expect("a value")))
        .collect();
    let both = [SUSPECT, "mallory"].into_iter().flat_map(|user| [("us-east-1", user), (room::REGION, user)]);
    let both: BTreeSet<(&str, &str)> = both.collect();
    assert_eq!(asked, both, "what it made is looked after, too");
    let roles: Vec<String> = stage.aws.calls_of("sts:AssumeRole").iter().map(|call| call.param("RoleArn").to_owned()).collect();
    assert_eq!(roles, [format!("arn:aws:iam::{}:role/firebreak/FirebreakMemberSweep", room::ACCOUNT)]);
    assert_eq!(stage.aws.changes(), [""; 0], "a look changes nothing");
}

#[tokio::test]
async fn what_exceeds_the_budget_waits_and_is_not_contained() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    let rules = format!("{ONE_PAGE}[budget]\nquarantine-iam = 0\n");
    let answer = stage.run(Phase::Look, &rules).await.expect("an answer");
    assert_eq!((names(&answer.watch.contain), answer.watch.alarm), (vec![], true));
    let decided = &answer.incident.decisions[1];
    assert_eq!((decided.mode, decided.code, answer.incident.over_budget), (Mode::Gate, ReasonCode::OverBudget, 1));
    let kept = stage.view().await.record.incident;
    assert_eq!((kept.decisions, kept.over_budget), (answer.incident.decisions, 1));
}

#[tokio::test]
async fn what_another_incident_of_the_finding_answers_for_is_left_to_it() {
    for (told_only, ours) in [(false, 0), (true, 1)] {
        let stage = Stage::start().await;
        stage.trail.created_user("mallory");
        let key = decision_key(&stage.decision("mallory", Mode::Auto));
        let owner = Responsible { incident: room::incident("an update"), told_only };
        assert!(stage.ledger().reserve(&stage.incident.id, &key, &owner).await.expect("the ledger takes it"));
        let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
        assert_eq!(answer.watch.contain.len(), ours, "what was only told can still be contained");
        assert_eq!(answer.incident.decisions.len(), 1 + ours);
        assert_eq!(stage.view().await.record.incident.decisions, answer.incident.decisions);
        assert_eq!((stage.counted().len(), answer.report.sweep.found.len()), (ours, 1));
    }
}

#[tokio::test]
async fn a_key_that_the_suspect_made_is_remembered_for_the_release() {
    let stage = Stage::start().await;
    new_key(&stage);
    let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
    assert_eq!(modes(&answer.incident.decisions), [(SUSPECT, Mode::Auto)], "it is contained with its user");
    let base = stage
        .aws
        .table()
        .item(&format!("target#{}", stage.incident.decisions[0].target.ledger_key()), "base")
        .cloned()
        .expect("a row");
    assert_eq!(base["exposed"], Attribute::Ss(BTreeSet::from([NEW_KEY.to_owned()])));

    let stage = Stage::start().await;
    new_key(&stage);
    stage.aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
    let missing = answer.report.sweep.missing.join("\n");
    assert!(missing.contains(NEW_KEY), "what a release would bring back is said: {missing}");
}

/// The row by name is about somebody who gave the name away; the user whom the incident contains has a row by id.
#[tokio::test]
async fn a_key_that_the_suspect_made_is_remembered_for_each_user_whom_the_incident_saw_under_the_name() {
    let mut stage = Stage::start().await;
    let by_name = stage.incident.decisions[0].target.by_name();
    stage.incident.decisions[0].target = by_name.clone();
    let amended = stage.ledger().amend(&stage.incident.id, |known| known.decisions[0].target = by_name.clone()).await;
    amended.expect("the ledger takes it").expect("an incident");
    let held = Held { target: &by_name, containment: Containment::QuarantineIam };
    for (name, id) in [(&stage.incident.id, "AIDAEXAMPLEVICTIM0001"), (&room::incident("another"), "AIDAEXAMPLESUSPECT001")] {
        stage.ledger().lead(held, &Holder::Own(name.clone()), id).await.expect("the ledger takes it");
    }
    new_key(&stage);
    stage.run(Phase::Look, AUTO).await.expect("an answer");
    let table = stage.aws.table();
    let exposed = |id: &str| {
        let row = Target { principal_id: PrincipalId::parse(id).ok(), by_identity: true, ..by_name.clone() };
        table.item(&format!("target#{}", row.ledger_key()), "base").and_then(|item| item.get("exposed")).cloned()
    };
    let new = Some(Attribute::Ss(BTreeSet::from([NEW_KEY.to_owned()])));
    assert_eq!((exposed("AIDAEXAMPLEVICTIM0001"), exposed("AIDAEXAMPLESUSPECT001")), (new.clone(), None));
    let by_name = table.item(&format!("target#{}", by_name.ledger_key()), "base").and_then(|item| item.get("exposed"));
    assert_eq!(by_name, new.as_ref());
}

#[tokio::test]
async fn no_role_is_assumed_in_an_account_that_nobody_named() {
    let stage = Stage::start().await;
    let theirs = "arn:aws:iam::999999999999:role/deploy";
    let answer = json!({ "credentials": { "accessKeyId": "ASIAEXAMPLESESSION01" },
                         "assumedRoleUser": { "assumedRoleId": "AROAEXAMPLEDEPLOY0001:night" } });
    stage.trail.sts("AssumeRole", json!({ "roleArn": theirs, "roleSessionName": "night" }), answer);
    let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
    let roles = stage.aws.calls_of("sts:AssumeRole");
    assert!(roles.iter().all(|call| call.param("RoleArn").contains(room::ACCOUNT)), "{roles:?}");
    assert!(answer.watch.contain.is_empty());
    let told = &answer.incident.decisions[1];
    assert_eq!((told.containment, told.mode), (None, Mode::Gate), "a person has to");
    assert!(told.target.id.contains("999999999999"), "{}", told.target.id);
}

#[tokio::test]
async fn a_cloudtrail_that_does_not_answer_is_listed_and_no_error() {
    for (action, refusal, lines) in [
        ("cloudtrail:LookupEvents", error(400, "ThrottlingException"), 2),
        ("cloudtrail:LookupEvents", error(400, "AccessDeniedException"), 2),
        ("sts:AssumeRole", error(403, "AccessDenied"), 2),
    ] {
        let stage = Stage::start().await;
        stage.trail.created_user("mallory");
        stage.aws.always(action, refusal.clone());
        let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
        let sweep = &answer.report.sweep;
        assert_eq!((sweep.status.as_str(), sweep.missing.len()), ("ok", lines), "{refusal:?}: {:?}", sweep.missing);
        assert_eq!((sweep.found.len(), answer.watch.contain.len()), (0, 0));
        assert_eq!(stage.view().await.sweep.as_ref(), Some(sweep), "people see it in the ledger");
        assert_eq!(stage.view().await.record.incident.decisions, stage.incident.decisions);
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_told_and_followed_and_takes_no_decision() {
    for (hours, contained) in [(1, vec!["deploy"]), (11, vec!["deploy"]), (13, vec![]), (2000, vec![])] {
        let stage = Stage::start().await;
        let role = format!("arn:aws:iam::{}:role/deploy", room::ACCOUNT);
        let answer = json!({ "credentials": { "accessKeyId": "ASIAEXAMPLESESSION01" },
                             "assumedRoleUser": { "assumedRoleId": "AROAEXAMPLEDEPLOY0001:night" } });
        stage.trail.earlier(hours).sts("AssumeRole", json!({ "roleArn": role, "roleSessionName": "night" }), answer);
        let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
        assert_eq!(names(&answer.watch.contain), contained, "{hours} hours");
        assert_eq!(answer.incident.decisions.len(), 1 + contained.len(), "a decision is a slot of the role");
        assert_eq!(stage.counted().len(), contained.len());
        assert_eq!(answer.report.sweep.found.len(), 1, "people see it: {:?}", answer.report.sweep.found);
        let asked = stage.aws.calls_of("cloudtrail:LookupEvents");
        let is_followed = asked.iter().any(|call| call.params["LookupAttributes"][0]["AttributeValue"] == "night");
        assert!(is_followed, "what was done with it is the suspect's doing");
    }
}

#[tokio::test]
async fn a_key_that_was_made_long_ago_waits() {
    for (hours, mode) in [(1, Mode::Auto), (23, Mode::Auto), (25, Mode::Gate), (2000, Mode::Gate)] {
        let stage = Stage::start().await;
        let answer = json!({ "accessKey": { "userName": "bob", "accessKeyId": NEW_KEY, "status": "Active" } });
        stage.trail.earlier(hours).iam("CreateAccessKey", json!({ "userName": "bob" }), answer);
        let answer = stage.run(Phase::Look, AUTO).await.expect("an answer");
        assert_eq!(modes(&answer.incident.decisions), [(SUSPECT, Mode::Auto), ("bob", mode)], "{hours} hours");
        assert_eq!(answer.watch.contain.len(), usize::from(mode == Mode::Auto));
    }
}
