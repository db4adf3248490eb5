//! What an approval would stop is read before people are asked.

use crate::{ONE_PAGE, SUSPECT, Stage, names};
use firebreak::decision::{Decision, Mode};
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error, ok};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sweep::Phase;

/// Whoever is asked about exists, and has called nothing.
pub(crate) fn serve(aws: &ScriptedAws) {
    let about = |call: &Call| {
        let (user, role) = (call.param("UserName"), call.param("RoleName"));
        let id =
            if user == SUSPECT { "AIDAA5E9285DC9025F327".to_owned() } else { format!("AIDAEXAMPLE000{}", user.to_uppercase()) };
        let date = "<CreateDate>2026-01-01T00:00:00Z</CreateDate>";
        let arn = |kind: &str, name: &str| format!("<Path>/</Path><Arn>arn:aws:iam::{}:{kind}/{name}</Arn>{date}", room::ACCOUNT);
        Some(match call.operation.as_str() {
            "GetUser" => format!("<User><UserName>{user}</UserName><UserId>{id}</UserId>{}</User>", arn("user", user)),
            "GetRole" => {
                format!("<Role><RoleName>{role}</RoleName><RoleId>AROAEXAMPLEDEPLOY0001</RoleId>{}</Role>", arn("role", role))
            }
            "GenerateServiceLastAccessedDetails" => "<JobId>none</JobId>".to_owned(),
            "GetServiceLastAccessedDetails" => {
                "<JobStatus>COMPLETED</JobStatus><ServicesLastAccessed/><IsTruncated>false</IsTruncated>".to_owned()
            }
            _ => return None,
        })
    };
    aws.on("iam:*", move |call| about(call).map(ok));
    aws.answer("lambda:*", ok(json!({ "hits": [ALONE] }).to_string()));
}

/// What an instance on which nothing hangs says.
const ALONE: &str = "nothing else is known to depend on it";
const INSTANCE: &str = "i-0123456789abcdef0";

/// An incident in which the isolation of an instance waits.
async fn with_an_isolation_that_waits() -> Stage {
    let mut stage = Stage::start().await;
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let waits = json!({ "target": target, "containment": "isolate-ec2", "mode": "gate", "reason": "a finding" });
    let waits: Decision = serde_json::from_value(waits).expect("a decision");
    stage.append(std::slice::from_ref(&waits)).await;
    stage.incident.decisions.push(waits);
    stage
}

/// The decision about the instance, as the ledger has it.
async fn isolation(stage: &Stage) -> Decision {
    let decisions = stage.view().await.record.incident.decisions;
    decisions.into_iter().find(|decision| decision.target.id == INSTANCE).expect("a decision")
}

#[tokio::test]
async fn what_isolating_an_instance_would_hit_is_kept_before_people_are_asked() {
    let mut stage = with_an_isolation_that_waits().await;
    let hits = ["Auto Scaling group web: 3 of 4 hosts are healthy", "\u{1b}[2J"];
    stage.aws.answer("lambda:*", ok(json!({ "hits": hits }).to_string()));
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    let says = isolation(&stage).await.says_hits().expect("it was read");
    assert!(says.starts_with(hits[0]) && !says.contains('\u{1b}'), "{says}");
    assert!(!answer.report.sweep.missing.iter().any(|line| line.contains("isolating")), "{:?}", answer.report.sweep.missing);
    let calls: Vec<Call> = stage.aws.calls().into_iter().filter(|call| call.service == "lambda").collect();
    assert!(calls.len() == 1 && calls[0].path.contains("firebreak-isolate-ec2/"), "{calls:?}");
    assert_eq!(calls[0].param("Qualifier"), "impact", "the alias takes no other task");
    let asked: Value = serde_json::from_str(&calls[0].body).expect("JSON");
    assert_eq!((&asked["phase"], &asked["target"]["id"]), (&json!("impact"), &json!(INSTANCE)), "it contains nothing");

    stage.incident = answer.incident;
    stage.aws.forget();
    stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(!stage.aws.calls().iter().any(|call| call.service == "lambda"), "it is known");
}

#[tokio::test]
async fn an_instance_that_says_nothing_is_asked_again_at_the_next_look() {
    let stage = with_an_isolation_that_waits().await;
    let failed = json!({ "errorType": "Firebreak.Denied", "errorMessage": "it may not look" }).to_string();
    stage.aws.answer("lambda:*", ok(failed).with_header("x-amz-function-error", "Unhandled"));
    let first = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    let is_said =
        |line: &String| line.starts_with(&format!("what isolating EC2 instance {INSTANCE} would hit: Firebreak.Denied"));
    assert!(first.report.sweep.missing.iter().any(is_said), "{:?}", first.report.sweep.missing);
    assert_eq!(isolation(&stage).await.impact, None);

    stage.aws.answer("lambda:*", ok(json!({ "hits": [ALONE] }).to_string()));
    stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(isolation(&stage).await.says_hits().as_deref(), Some(ALONE));
}

#[tokio::test]
async fn an_instance_that_is_gone_is_asked_about_once() {
    let mut stage = with_an_isolation_that_waits().await;
    let gone = json!({ "errorType": "Firebreak.Gone", "errorMessage": "it does not exist" }).to_string();
    stage.aws.answer("lambda:*", ok(gone).with_header("x-amz-function-error", "Unhandled"));
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(isolation(&stage).await.says_hits().is_some_and(|says| says.contains("does not exist any more")));
    stage.incident = answer.incident;
    stage.aws.forget();
    stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(!stage.aws.calls().iter().any(|call| call.service == "lambda"), "other instances take their turn");
}

/// The role, whom it lets in, and which services it called: one an hour ago, one two days ago.
fn serve_role(aws: &ScriptedAws, now: Timestamp) {
    let trust = "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%7D%5D%7D";
    aws.answer(
        "iam:GetRole",
        ok(format!(
            "<Role><Path>/ops/</Path><RoleName>deploy</RoleName><RoleId>AROAEXAMPLEDEPLOY0001</RoleId>\
             <Arn>arn:aws:iam::{}:role/ops/deploy</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
             <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role>",
            room::ACCOUNT
        )),
    );
    aws.answer("iam:GenerateServiceLastAccessedDetails", ok("<JobId>one</JobId>"));
    let service = |name: &str, hours: i64| {
        let at = (now - SignedDuration::from_hours(hours)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        format!(
            "<member><ServiceName>{name}</ServiceName><ServiceNamespace>{name}</ServiceNamespace>\
             <LastAuthenticated>{at}</LastAuthenticated></member>"
        )
    };
    let report = |status: &str, services: &str| {
        ok(format!(
            "<JobStatus>{status}</JobStatus><JobCreationDate>2026-01-01T00:00:00Z</JobCreationDate>\
             <JobCompletionDate>2026-01-01T00:00:01Z</JobCompletionDate>\
             <ServicesLastAccessed>{services}</ServicesLastAccessed><IsTruncated>false</IsTruncated>"
        ))
    };
    aws.next("iam:GetServiceLastAccessedDetails", report("IN_PROGRESS", ""));
    aws.answer("iam:GetServiceLastAccessedDetails", report("COMPLETED", &(service("s3", 1) + &service("sqs", 48))));
}

#[tokio::test]
async fn a_role_that_a_suspect_changed_must_be_named_and_says_who_else_uses_it() {
    let stage = Stage::start().await;
    serve_role(&stage.aws, clock::now());
    stage.trail.iam("AttachRolePolicy", json!({ "roleName": "deploy" }), Value::Null);
    stage.trail.created_user("mallory");
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    let role = answer.incident.decisions.iter().find(|decision| decision.target.id == "deploy").expect("a decision");
    assert_eq!((role.mode, role.only_by_name), (Mode::Gate, true));
    let impact = role.impact.as_ref().expect("it was read");
    assert_eq!(
        (impact.services.as_slice(), impact.workloads.as_slice()),
        (&["s3".to_owned()][..], &["ec2.amazonaws.com".to_owned()][..])
    );
    let known = stage.view().await.record.incident;
    assert_eq!((&known.decisions, known.revision), (&answer.incident.decisions, answer.incident.revision));
    assert!(!answer.report.sweep.missing.iter().any(|line| line.contains("who else")), "{:?}", answer.report.sweep.missing);
    assert_eq!(stage.aws.changes(), [""; 0], "a look changes nothing");
    let asked = stage.aws.calls_of("iam:GenerateServiceLastAccessedDetails");
    assert_eq!(asked.len(), 1, "nobody else uses what the suspect made");
    assert_eq!(asked[0].param("Arn"), format!("arn:aws:iam::{}:role/ops/deploy", room::ACCOUNT), "with its path");
    assert_eq!(stage.aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn what_could_not_be_read_is_said_and_read_at_the_next_look() {
    let mut stage = Stage::start().await;
    serve_role(&stage.aws, clock::now());
    stage.trail.iam("AttachRolePolicy", json!({ "roleName": "deploy" }), Value::Null);
    stage.aws.always("iam:GetRole", error(403, "AccessDenied"));
    let first = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(first.report.sweep.missing.iter().any(|line| line.starts_with("who else uses IAM role deploy: ")));
    let role = &first.incident.decisions[1];
    assert!(role.impact.is_none() && role.says_impact().is_some_and(|says| says.starts_with("not known")));

    stage.aws.mend();
    (stage.incident, stage.report) = (first.incident.clone(), first.report);
    let second = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(second.incident.decisions[1].impact.is_some() && !second.watch.alarm, "it is no news");
    assert_eq!(second.incident.revision, first.incident.revision, "a ticket that was shown is still good");
    assert_eq!(stage.view().await.record.incident.decisions, second.incident.decisions);
}

#[tokio::test]
async fn somebody_else_under_the_name_is_not_taken_for_the_target() {
    let mut stage = Stage::start().await;
    let other = "<User><Path>/</Path><UserName>svc-659353</UserName><UserId>AIDAEXAMPLEOTHER00001</UserId>\
                 <Arn>arn:aws:iam::111122223333:user/svc-659353</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></User>";
    stage.aws.answer("iam:GetUser", ok(other));
    let gate = |decisions: &mut Vec<Decision>| decisions[0].mode = Mode::Gate;
    stage.ledger().amend(&stage.incident.id, |known| gate(&mut known.decisions)).await.expect("the ledger takes it");
    gate(&mut stage.incident.decisions);
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(answer.incident.decisions[0].impact.is_none());
    assert!(answer.report.sweep.missing.iter().any(|line| line.ends_with("somebody else has its name now")));
}
