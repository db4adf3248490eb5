//! While a person has paused what is automatic, nothing is contained without one, and the decision says who paused, and why.

use crate::{AUTO, ONE, Stage, THREE, TWO, USER, at, counted, deliver, key, modes, stored};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::ids::IncidentId;
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use jiff::SignedDuration;

/// How often a pause was read.
fn reads(aws: &ScriptedAws) -> usize {
    aws.calls_of("dynamodb:GetItem").iter().filter(|call| call.params["Key"]["sk"]["S"] == "pause").count()
}

#[tokio::test]
async fn during_a_pause_what_would_be_contained_at_once_waits_and_says_who_paused_and_why() {
    for account in [None, Some(room::ACCOUNT)] {
        let stage = Stage::start().await;
        room::pause(&stage.aws, account, at()).await;
        let event = stage.finding("f1");
        let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        assert_eq!((modes(&incident), incident.over_budget), (vec![(USER, Mode::Gate)], 0));
        let decision = &incident.decisions[0];
        assert_eq!(decision.code, ReasonCode::Paused);
        for words in ["paused until 2026-11-20 04:10:00 UTC", PAUSER, "a rollout misfires"] {
            assert!(decision.reason.contains(words), "{words}: {}", decision.reason);
        }
        assert_eq!(stored(&stage.aws, &incident.id).await.expect("an incident").incident, incident);
        let again = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        assert_eq!(again, incident, "another attempt says the same");
        assert_eq!(counted(&stage.aws), [""; 0], "what waits is not counted");
    }
}

#[tokio::test]
async fn a_pause_that_is_over_ended_or_of_another_account_holds_nothing_back() {
    let stage = Stage::start().await;
    room::pause(&stage.aws, None, at() - SignedDuration::from_hours(2)).await;
    room::pause(&stage.aws, Some("444455556666"), at()).await;
    let over = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!(modes(&over), [(USER, Mode::Auto)], "this one ends just now");
    room::pause(&stage.aws, None, at()).await;
    let paused = deliver(&stage.aws, AUTO, &stage.about(stage.finding("f2"), "alice"), TWO).await.expect("an incident");
    assert_eq!(modes(&paused), [("alice", Mode::Gate)]);
    let ended = room::ledger(&stage.aws).resume(None, "bob", at()).await.expect("the ledger answers");
    assert!(ended.is_some_and(|ended| ended.by == "bob"));
    let after = deliver(&stage.aws, AUTO, &stage.about(stage.finding("f3"), "carol"), THREE).await.expect("an incident");
    assert_eq!(modes(&after), [("carol", Mode::Auto)], "the next finding is automatic again");
    assert_eq!(counted(&stage.aws), [key("carol"), key(USER)]);
}

#[tokio::test]
async fn the_pause_is_read_beside_the_claim_and_no_call_waits_for_it() {
    let stage = Stage::start().await;
    stage.aws.always("dynamodb:PutItem", error(400, "AccessDeniedException"));
    deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect_err("nothing can be claimed");
    assert_eq!(reads(&stage.aws), 2, "it did not wait for the claim: that of all accounts, and the account's");

    let stage = Stage::start().await;
    let event = stage.finding("f1");
    stage.aws.always("dynamodb:GetItem", error(400, "ThrottlingException"));
    deliver(&stage.aws, AUTO, &event, ONE).await.expect_err("what is paused is not known yet");
    let incident = IncidentId::of(event["detail"]["arn"].as_str().expect("an ARN"));
    let table = stage.aws.table();
    assert!(table.item(&format!("incident#{incident}"), "claim").is_some(), "the claim did not wait for it");
    assert_eq!(counted(&stage.aws), [""; 0], "and nothing is contained");
    stage.aws.mend();
    let again = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!(modes(&again), [(USER, Mode::Auto)]);
}

#[tokio::test]
async fn a_pause_that_cannot_be_read_gates_the_finding_and_loses_nothing() {
    let stage = Stage::start().await;
    let is_pause = |call: &Call| call.params["Key"]["sk"]["S"] == "pause";
    stage.aws.on("dynamodb:GetItem", move |call| is_pause(call).then(|| error(400, "AccessDeniedException")));
    let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    let decision = &incident.decisions[0];
    assert_eq!((decision.mode, decision.code), (Mode::Gate, ReasonCode::Paused));
    assert!(decision.reason.contains("whether it is paused is not known"), "{}", decision.reason);
    assert_eq!(stored(&stage.aws, &incident.id).await.expect("an incident").incident, incident);
}

#[tokio::test]
async fn what_a_broken_response_decided_keeps_its_mode_and_what_is_new_waits() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!(modes(&first), [(USER, Mode::Auto)]);
    stage.executions.set(ONE, "FAILED");
    room::pause(&stage.aws, None, at()).await;
    let second = deliver(&stage.aws, AUTO, &stage.about(event, "alice"), TWO).await.expect("an incident");
    assert_eq!(modes(&second), [(USER, Mode::Auto), ("alice", Mode::Gate)], "the first one may be contained already");
    assert_eq!((&second.id, second.decisions[1].code), (&first.id, ReasonCode::Paused));
}

#[tokio::test]
async fn where_nothing_is_automatic_a_pause_is_not_asked_about_and_changes_no_reason() {
    for (policy, mode, code) in [
        ("default_mode = \"observe\"\n", Mode::Notify, ReasonCode::Observed),
        ("default_mode = \"gate-first\"\n", Mode::Gate, ReasonCode::Row),
    ] {
        let stage = Stage::start().await;
        room::pause(&stage.aws, None, at()).await;
        let incident = deliver(&stage.aws, policy, &stage.finding("f1"), ONE).await.expect("an incident");
        assert_eq!((incident.decisions[0].mode, incident.decisions[0].code), (mode, code));
        assert_eq!(reads(&stage.aws), 0, "{policy}");
    }
}
