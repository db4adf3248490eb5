//! The session of an instance's role, which a look decides where triage could not.

use crate::stages::look;
use crate::{Stage, names, receipt};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_testkit::room::{self, Break, Point, each_break};
use firebreak_testkit::scripted::{error, ok};
use sweep::Stage as Look;

const INSTANCE: &str = "i-0123456789abcdef0";

/// What IAM says of the profile; without a role, or with this one.
fn serve(stage: &Stage, role: Option<&str>) {
    let date = "<CreateDate>2026-01-01T00:00:00Z</CreateDate>";
    let arn = |what: &str| format!("<Arn>arn:aws:iam::{}:{what}</Arn>{date}", room::ACCOUNT);
    let member = |name: &str| {
        let arn = arn(&format!("role/{name}"));
        format!("<member><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAEXAMPLEAPPROLE001</RoleId>{arn}</member>")
    };
    let roles = role.map(member).unwrap_or_default();
    let profile = format!(
        "<InstanceProfile><Path>/</Path><InstanceProfileName>app-profile</InstanceProfileName>\
         <InstanceProfileId>AIPAEXAMPLE0000000001</InstanceProfileId>{}<Roles>{roles}</Roles></InstanceProfile>",
        arn("instance-profile/web/app-profile")
    );
    stage.aws.answer("iam:GetInstanceProfile", ok(profile));
}

/// An instance whose isolation read the profile, beside the suspect.
async fn isolated(mode: Mode, status: Option<Status>) -> Stage {
    let mut stage = Stage::start().await;
    serve(&stage, Some("AppRole"));
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let isolation = Decision {
        target: target.clone(),
        containment: Some(Containment::IsolateEc2),
        mode,
        ..stage.incident.decisions[0].clone()
    };
    stage.append(std::slice::from_ref(&isolation)).await;
    stage.incident.decisions.push(isolation);
    stage.report.containment.receipts = vec![receipt(&stage.incident.decisions[0].target, Status::Contained)];
    stage.report.containment.receipts.extend(status.map(|status| read_profile(&target, status)));
    stage
}

fn read_profile(target: &Target, status: Status) -> Receipt {
    let name = StepName::about(StepKind::ReadProfile, "app-profile");
    let step = Step { name, outcome: Outcome::Applied, error: None, digest: None, started_at: clock::now(), ms: 1 };
    Receipt { containment: Some(Containment::IsolateEc2), steps: vec![step], ..receipt(target, status) }
}

/// The decisions about the session of the instance, as the ledger has them.
async fn sessions(stage: &Stage) -> Vec<Decision> {
    let decisions = stage.view().await.record.incident.decisions;
    decisions.into_iter().filter(|decision| decision.target.session.as_deref() == Some(INSTANCE)).collect()
}

#[tokio::test]
async fn the_session_of_an_isolated_instance_is_denied_at_once_and_once() {
    let mut stage = isolated(Mode::Auto, Some(Status::Contained)).await;
    let answer = look(&stage, Look::First).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["AppRole"]);
    let decided = sessions(&stage).await;
    assert_eq!((decided.len(), decided[0].mode), (1, Mode::Auto));
    assert_eq!(decided[0].target.principal_id.as_ref().map(ToString::to_string).as_deref(), Some("AROAEXAMPLEAPPROLE001"));
    assert_eq!(stage.aws.calls_of("iam:GetInstanceProfile").len(), 1);
    assert_eq!(stage.aws.changes(), [""; 0], "a look changes nothing");
    (stage.incident, stage.report) = (answer.incident, answer.report);
    look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!(sessions(&stage).await.len(), 1);
}

#[tokio::test]
async fn where_the_isolation_waits_the_session_waits_with_it() {
    let stage = isolated(Mode::Gate, None).await;
    let asked = |stage: &Stage| stage.aws.calls_of("iam:GetInstanceProfile").len();
    look(&stage, Look::First).await.expect("an answer");
    assert_eq!((sessions(&stage).await.len(), asked(&stage)), (0, 0), "nobody knows its profile");

    let stage = isolated(Mode::Gate, Some(Status::Waits)).await;
    let answer = look(&stage, Look::First).await.expect("an answer");
    let decided = sessions(&stage).await;
    assert_eq!((decided.len(), decided[0].mode, decided[0].waits_with_a_suspect()), (1, Mode::Gate, true));
    assert!(answer.watch.contain.is_empty(), "{:?}", answer.watch);
}

#[tokio::test]
async fn a_question_without_an_answer_is_said_and_asked_again() {
    let mut stage = isolated(Mode::Auto, Some(Status::Contained)).await;
    stage.aws.always("iam:GetInstanceProfile", error(403, "AccessDenied"));
    let first = look(&stage, Look::First).await.expect("an answer");
    let missing = first.report.sweep.missing.join("\n");
    assert!(missing.contains(&format!("which role EC2 instance {INSTANCE} has")), "{missing}");
    assert!(sessions(&stage).await.is_empty());
    stage.aws.mend();
    (stage.incident, stage.report) = (first.incident, first.report);
    let second = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!(names(&second.watch.contain), ["AppRole"]);
    assert!(!second.report.sweep.missing.join("\n").contains("which role"));
}

/// Whoever has the credentials takes the role out of the profile: the credentials work on.
#[tokio::test]
async fn of_a_profile_without_a_role_a_person_is_told_unless_a_session_is_decided() {
    for is_decided in [false, true] {
        let mut stage = isolated(Mode::Auto, Some(Status::Contained)).await;
        if is_decided {
            let first = look(&stage, Look::First).await.expect("an answer");
            (stage.incident, stage.report) = (first.incident, first.report);
        }
        serve(&stage, None);
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        let told = answer.report.sweep.left_out.join("\n");
        assert_eq!(
            told.contains("profile app-profile of EC2 instance i-0123456789abcdef0 has no role now"),
            !is_decided,
            "{told}"
        );
        assert_eq!(sessions(&stage).await.len(), usize::from(is_decided));
        assert!(!answer.report.sweep.missing.join("\n").contains("which role"));
    }
}

/// Anybody can name a session of another role after the instance.
#[tokio::test]
async fn a_session_of_another_role_with_the_name_of_the_instance_hides_nothing() {
    let mut stage = isolated(Mode::Auto, Some(Status::Contained)).await;
    let place = room::target(TargetKind::IamRole, "Other");
    let other = Target { scope: Scope::Session, session: Some(INSTANCE.to_owned()), ..place };
    let decoy = Decision { target: other, ..stage.incident.decisions[0].clone() };
    stage.append(std::slice::from_ref(&decoy)).await;
    stage.incident.decisions.push(decoy);
    look(&stage, Look::First).await.expect("an answer");
    let mut roles: Vec<String> = sessions(&stage).await.into_iter().map(|decision| decision.target.id).collect();
    roles.sort();
    assert_eq!(roles, ["AppRole", "Other"]);
}

#[tokio::test]
async fn however_a_call_breaks_the_session_is_decided_once() {
    let calls = {
        let stage = isolated(Mode::Auto, Some(Status::Contained)).await;
        stage.aws.forget();
        look(&stage, Look::First).await.expect("an answer");
        stage.aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = isolated(Mode::Auto, Some(Status::Contained)).await;
        stage.aws.forget();
        let _broken = how.run(&stage.aws, point, look(&stage, Look::First)).await;
        stage.aws.mend();
        let again = look(&stage, Look::First).await.expect("an answer");
        assert_eq!(names(&again.watch.contain), ["AppRole"], "{point:?} {how:?}");
        assert_eq!(sessions(&stage).await.len(), 1, "{point:?} {how:?}");
    })
    .await;
    println!("sweep, session of a host: {tried} broken calls");
}

/// The isolation is its only reason.
#[tokio::test]
async fn a_session_that_a_pause_holds_back_is_let_go_with_its_instance() {
    for is_released in [false, true] {
        let mut stage = isolated(Mode::Gate, Some(Status::Waits)).await;
        let first = look(&stage, Look::First).await.expect("an answer");
        (stage.incident, stage.report) = (first.incident, first.report);
        let instance = room::target(TargetKind::Ec2Instance, INSTANCE);
        let suspect = receipt(&stage.incident.decisions[0].target, Status::Contained);
        stage.report.containment.receipts = vec![suspect, read_profile(&instance, Status::Contained)];
        room::pause(&stage.aws, None, clock::now()).await;
        let paused = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!((names(&paused.watch.contain), sessions(&stage).await[0].mode), (vec![], Mode::Gate));
        stage.report.sweep = paused.report.sweep;
        stage.ledger().resume(None, "ann", clock::now()).await.expect("the ledger takes it");
        if is_released {
            stage.report.release.receipts = vec![read_profile(&instance, Status::Contained)];
        }
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        let expected: &[&str] = if is_released { &[] } else { &["AppRole"] };
        assert_eq!(names(&answer.watch.contain), expected, "released: {is_released}");
        assert_eq!(sessions(&stage).await[0].mode == Mode::Auto, !is_released);
    }
}
