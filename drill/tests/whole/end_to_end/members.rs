//! Hosts of an Auto Scaling group: kept alive, out of their balancers, and not more of them at once than policy allows.
//!
//! moto's Standby takes a host out of no target group and is reached at once. The states on the way, a maximum that keeps a host on
//! standby, and an instance refresh are shown at the scripted server (`functions/isolate-ec2/tests/wire/scaling.rs`).

use super::hosts::{Fleet, GROUP, Place, answered, calls_of, finding_about, isolation, moves};
use super::{TestResult, send, stage};
use firebreak::answer::Answer;
use firebreak::decision::{Mode, ReasonCode};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Status, Step};

const SERVING: Place = Place { lifecycle: "in service", is_protected: false, is_target: true, is_in_classic: true };
const AWAY: Place = Place { lifecycle: "on standby", is_protected: true, is_target: false, is_in_classic: false };

/// What AWS changes by itself: `ExitStandby` adds one to the desired capacity, because the replacement goes on running.
#[tokio::test]
async fn a_member_is_on_standby_before_it_is_cut_off_and_back_in_its_balancers_after_the_release() -> TestResult {
    let stage = stage().await;
    let fleet = Box::pin(Fleet::plant(stage.config())).await?;
    let member = fleet.members().await?.remove(0);
    let before = fleet.observe(&member).await?;
    assert_eq!(fleet.place(&member).await?, SERVING);
    let (execution, id) = send(&stage, &finding_about(&member, None, "member")?).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let receipt = isolation(&view);
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    assert!(view.verifications.iter().all(|check| check.holds), "{:?}", view.verifications);
    assert_eq!(fleet.place(&member).await?, AWAY);
    assert_eq!((fleet.desired().await?, fleet.members().await?.len()), (Some(4), 5), "the group starts a replacement");

    let calls = stage.aws.calls()?;
    let swap = moves(&calls).first().ok_or("no swap")?.0;
    let standby = calls_of(&calls, "autoscaling:EnterStandby");
    assert_eq!(standby.len(), 1);
    assert!(answered(standby[0]) <= swap.started_at, "standby after the swap: the group would terminate the host");
    // A host on standby is not scaled in: its protection need not come before the swap.
    assert_eq!(calls_of(&calls, "autoscaling:SetInstanceProtection").len(), 1);
    let tagged = calls_of(&calls, "ec2:CreateTags");
    assert!(tagged.iter().any(|call| call.started_at <= swap.started_at), "the guard knows the host before it is moved");

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(fleet.place(&member).await?, SERVING);
    assert_eq!(before.differences(&fleet.observe(&member).await?), [], "a release must put every field back");
    assert_eq!(fleet.desired().await?, Some(5));
    let said: Vec<String> = view.releases.iter().flat_map(|release| &release.steps).filter_map(Step::says).collect();
    assert!(said.iter().any(|line| line.contains("raised the desired capacity")), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn of_three_hosts_of_one_group_two_wait_for_a_person_who_sees_what_an_isolation_would_hit() -> TestResult {
    let stage = stage().await;
    let fleet = Box::pin(Fleet::plant(stage.config())).await?;
    let members = fleet.members().await?;
    let mut sent = Vec::new();
    for member in &members[..3] {
        let (execution, id) = send(&stage, &finding_about(member, None, &format!("of-{member}"))?).await?;
        sent.push((member, execution, id));
    }
    let mut waiting = Vec::new();
    for (member, execution, id) in sent {
        let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        let receipt = isolation(&view);
        let lifecycle = fleet.place(member).await?.lifecycle;
        if receipt.status == Status::Contained {
            assert_eq!(lifecycle, "on standby");
            continue;
        }
        assert_eq!((receipt.status, lifecycle), (Status::Waits, "in service"), "{receipt:?}");
        let waits = receipt.waits.as_ref().ok_or("no reason")?;
        assert!(waits.impact.starts_with("1 of ") && waits.impact.contains("policy allows 1 (25 %)"), "{waits:?}");
        let decisions = &view.record.incident.decisions;
        assert!(decisions.iter().any(|one| one.mode == Mode::Gate && one.code == ReasonCode::Impact), "{decisions:?}");
        waiting.push((member, execution, id));
    }
    assert_eq!(waiting.len(), 2, "of four hosts one is isolated without a person");
    stage.told(&format!("of Auto Scaling group {GROUP} are isolated already")).await?;
    stage.told("hosts are healthy").await?;

    // The person overrules the share.
    let (member, execution, id) = waiting.remove(0);
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(fleet.place(member).await?.lifecycle, "on standby");
    let (other, ..) = waiting.remove(0);
    assert_eq!(fleet.place(other).await?.lifecycle, "in service");
    Ok(())
}
