//! Which role an instance has that is isolated: its session is denied, too.

use crate::directory::Directory;
use crate::{AUTO, ONE, Stage, TWO, deliver, function, modes, request};
use firebreak::decision::Mode;
use firebreak::target::{Scope, TargetKind};
use firebreak_testkit::scripted::{error, ok};
use serde_json::{Value, json};
use std::time::Duration;

const ROLE: &str = "AROAEXAMPLEAPPROLE001";

/// A finding about an instance, whose profile is under a path.
fn finding(stage: &Stage, serial: &str) -> Value {
    let mut event = stage.finding_of("guardduty/bitcoin-tool", serial);
    event["detail"]["resource"]["instanceDetails"]["iamInstanceProfile"]["arn"] =
        json!(format!("arn:aws:iam::{}:instance-profile/web/app-profile", firebreak_testkit::room::ACCOUNT));
    stage.guardduty.learn(&event);
    event
}

fn known(role: Option<&'static str>) -> Directory {
    Directory { roles: vec![("AppRole", ROLE, "/")], profiles: vec![("app-profile", role)], ..Directory::default() }
}

#[tokio::test]
async fn the_session_of_an_instance_is_decided_beside_its_isolation() {
    let stage = Stage::start().await;
    known(Some("AppRole")).answers(&stage.aws);
    let event = finding(&stage, "f1");
    let instance = event["detail"]["resource"]["instanceDetails"]["instanceId"].as_str().expect("an id");
    let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [(instance, Mode::Auto), ("AppRole", Mode::Auto)]);
    let denied = &incident.decisions[1].target;
    assert_eq!((denied.kind, denied.scope, denied.session.as_deref()), (TargetKind::IamRole, Scope::Session, Some(instance)));
    assert_eq!(denied.principal_id.as_ref().map(firebreak::ids::PrincipalId::as_str), Some(ROLE));
    let asked = stage.aws.calls_of("iam:GetInstanceProfile");
    assert_eq!((asked.len(), asked[0].param("InstanceProfileName")), (1, "app-profile"), "without its path");
}

#[tokio::test]
async fn a_profile_without_a_role_and_one_that_is_gone_are_an_answer() {
    for directory in [known(None), Directory::default()] {
        let stage = Stage::start().await;
        directory.answers(&stage.aws);
        let incident = deliver(&stage.aws, AUTO, &finding(&stage, "f1"), ONE).await.expect("an incident");
        assert_eq!(incident.decisions.len(), 1);
        let reason = &incident.decisions[0].reason;
        assert!(reason.contains("its instance profile has no role now"), "{reason}");
    }
}

#[tokio::test]
async fn without_an_answer_the_instance_is_isolated_and_its_profile_is_left_to_the_first_look() {
    for answer in [error(403, "AccessDenied"), error(400, "Throttling"), ok("").after(Duration::from_secs(10))] {
        let stage = Stage::start().await;
        known(Some("AppRole")).answers(&stage.aws);
        stage.aws.always("iam:GetInstanceProfile", answer.clone());
        let hasty = function(&stage.aws, AUTO).patient_for(Duration::from_millis(500));
        let incident = Box::pin(hasty.handle(request(&finding(&stage, "f1"), ONE))).await.expect("an incident");
        let profile = incident.decisions[0].target.profile.as_ref().map(ToString::to_string);
        assert_eq!((incident.decisions.len(), profile.as_deref()), (1, Some("app-profile")), "{answer:?}");
        assert_eq!(incident.decisions[0].mode, Mode::Auto, "{answer:?}");
    }
}

/// GuardDuty has the finding with another profile by now: the instance is what both are about.
#[tokio::test]
async fn a_profile_that_was_swapped_since_the_event_is_left_to_the_first_look() {
    let stage = Stage::start().await;
    known(Some("AppRole")).answers(&stage.aws);
    let event = finding(&stage, "f1");
    let mut since = event.clone();
    since["detail"]["resource"]["instanceDetails"]["iamInstanceProfile"]["arn"] =
        json!(format!("arn:aws:iam::{}:instance-profile/other", firebreak_testkit::room::ACCOUNT));
    stage.guardduty.learn(&since);
    let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!((incident.decisions.len(), incident.decisions[0].mode), (1, Mode::Auto), "{incident:?}");
    assert_eq!(incident.decisions[0].target.profile, None);
}

/// The ledger lets the isolation wait, and the session with it.
#[tokio::test]
async fn beyond_the_budget_of_isolations_the_session_waits_with_its_instance() {
    let stage = Stage::start().await;
    known(Some("AppRole")).answers(&stage.aws);
    let none = "default_mode = \"auto\"\n[budget]\nisolate-ec2 = 0\n";
    let incident = deliver(&stage.aws, none, &finding(&stage, "f1"), ONE).await.expect("an incident");
    let modes: Vec<Mode> = incident.decisions.iter().map(|decision| decision.mode).collect();
    assert_eq!(modes, [Mode::Gate, Mode::Gate], "{incident:?}");
    assert!(incident.decisions[1].waits_with_a_suspect(), "{incident:?}");
}

#[tokio::test]
async fn a_second_delivery_decides_the_same() {
    let stage = Stage::start().await;
    known(Some("AppRole")).answers(&stage.aws);
    let event = finding(&stage, "f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    let stored = crate::stored(&stage.aws, &first.id).await.expect("an incident");
    assert_eq!(stored.incident.decisions, first.decisions);
}
