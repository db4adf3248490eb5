//! How many hosts of an Auto Scaling group are isolated at once.

use crate::admit::{contain_under, decision, open};
use crate::release::release;
use crate::{INSTANCE, base, stage};
use firebreak::decision::Mode;
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_ledger::Fleet;
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error};
use std::collections::BTreeSet;

/// The other hosts of the group.
const OTHERS: [&str; 7] = ["i-01", "i-02", "i-03", "i-04", "i-05", "i-06", "i-07"];
const TARGETS: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/0123456789abcdef";
/// A quarter of the hosts.
const POLICY: &str = "";

/// What an operation of the query protocol answers.
fn answer(operation: &str, inner: &str) -> Answer {
    let result = format!("<{operation}Result>{inner}</{operation}Result>");
    let metadata = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>";
    Answer::raw(200, format!("<{operation}Response>{result}{metadata}</{operation}Response>"))
}

/// The group `web` of eight healthy hosts, with health checks of this kind.
fn group(aws: &ScriptedAws, checks: &'static str) {
    let mut lifecycle = "InService";
    aws.on("autoscaling:*", move |call| {
        let member = |id: &str, state: &str| {
            let zone = "<AvailabilityZone>eu-central-1a</AvailabilityZone><ProtectedFromScaleIn>false</ProtectedFromScaleIn>";
            let group = "<AutoScalingGroupName>web</AutoScalingGroupName>";
            let state = format!("<LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>");
            format!("<member><InstanceId>{id}</InstanceId>{group}{zone}{state}</member>")
        };
        let own = member(INSTANCE, lifecycle);
        let inner = match call.operation.as_str() {
            "DescribeAutoScalingInstances" => format!("<AutoScalingInstances>{own}</AutoScalingInstances>"),
            "DescribeAutoScalingGroups" => {
                let others: String = OTHERS.iter().map(|id| member(id, "InService")).collect();
                let names = "<AutoScalingGroupName>web</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>20</MaxSize>";
                let checks = format!("<HealthCheckType>{checks}</HealthCheckType>");
                let targets = format!("<TargetGroupARNs><member>{TARGETS}</member></TargetGroupARNs>");
                let hosts = format!("<Instances>{own}{others}</Instances>");
                format!("<AutoScalingGroups><member>{names}{checks}{targets}{hosts}</member></AutoScalingGroups>")
            }
            "EnterStandby" | "ExitStandby" => {
                lifecycle = if call.operation == "EnterStandby" { "Standby" } else { "InService" };
                "<Activities/>".to_owned()
            }
            "SetInstanceProtection" => String::new(),
            _ => return None,
        };
        Some(answer(&call.operation, &inner))
    });
}

/// Other incidents have isolated these hosts.
async fn isolated(aws: &ScriptedAws, ids: &[&str]) {
    for id in ids {
        let host = room::target(TargetKind::Ec2Instance, id);
        let fleet = Fleet { host: &host, group: "web" };
        let taken = room::ledger(aws).take_share(fleet, &room::incident("before"), &BTreeSet::new(), clock::now()).await;
        taken.expect("written");
    }
}

/// The hosts with a place.
fn places(aws: &ScriptedAws) -> Vec<String> {
    let table = aws.table();
    match table.item("fleet#111122223333#eu-central-1#web", "hosts").and_then(|row| row.get("hosts")) {
        Some(Value::M(hosts)) => hosts.keys().cloned().collect(),
        _ => vec![],
    }
}

fn share(receipt: &Receipt) -> &Step {
    receipt.steps.iter().find(|step| step.is(StepKind::ReserveShare)).expect("a step")
}

#[tokio::test]
async fn a_group_that_has_lost_its_share_loses_no_more_without_a_person() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    group(&aws, "ELB");
    isolated(&aws, &OTHERS[..2]).await;
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes(), base(&aws)), (Status::Waits, vec![], None));
    assert!(aws.calls_of("autoscaling:EnterStandby").is_empty());
    let waiting = decision(&aws).await;
    assert_eq!(waiting.mode, Mode::Gate);
    let says = "2 of 8 healthy hosts of Auto Scaling group web are isolated already; policy allows 2 (25 %)";
    assert!(waiting.reason.contains(says), "{}", waiting.reason);
    assert_eq!(places(&aws), OTHERS[..2]);

    contain_under(&aws, POLICY, true).await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
    assert_eq!(places(&aws).len(), 3, "what is approved counts");
}

#[tokio::test]
async fn a_host_within_the_share_keeps_its_place_until_it_is_released() {
    let (aws, ec2) = stage().await;
    group(&aws, "ELB");
    isolated(&aws, &OTHERS[..1]).await;
    let first = contain_under(&aws, POLICY, false);
    let killed = aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, false, first).await;
    assert!(killed.is_none());
    isolated(&aws, &OTHERS[..4]).await;
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert!(receipt.holds_something() && ec2.now().is_cut_off(), "its place was its own: {receipt:?}");
    assert!(places(&aws).iter().any(|id| id == INSTANCE));
    Box::pin(release(&aws, &[])).await.expect("a release");
    assert_eq!(places(&aws), OTHERS[..4]);
}

/// It counts, but that it is within the share would be wrong.
#[tokio::test]
async fn what_an_earlier_run_began_goes_on_above_the_share_and_says_so() {
    for keeps_its_place in [true, false] {
        let (aws, ec2) = stage().await;
        group(&aws, "ELB");
        let killed = aws.kill_at("autoscaling:EnterStandby", 1, false, contain_under(&aws, POLICY, false)).await;
        assert!(killed.is_none() && base(&aws).is_some());
        if !keeps_its_place {
            let host = room::target(TargetKind::Ec2Instance, INSTANCE);
            let fleet = Fleet { host: &host, group: "web" };
            room::ledger(&aws).give_share_back(fleet).await.expect("written");
        }
        isolated(&aws, &OTHERS[..4]).await;
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        let step = share(&receipt);
        let why = step.error.as_ref().expect("words").message.as_str();
        assert!(ec2.now().is_cut_off() && step.outcome == Outcome::Skipped, "{receipt:?}");
        assert!(why.contains("Auto Scaling group web has lost more than its share: 4 of 8 hosts"), "{why}");
        assert_eq!(places(&aws).len(), 5);
    }
}

#[tokio::test]
async fn a_host_that_its_balancer_calls_unhealthy_does_not_count_as_one_that_serves() {
    for (checks, waits) in [("EC2", true), ("EC2,ELB", false)] {
        let (aws, _) = stage().await;
        open(&aws).await;
        group(&aws, checks);
        isolated(&aws, &OTHERS[6..]).await;
        aws.on("elasticloadbalancing:DescribeTargetHealth", |call| {
            let target = |id: &str, state: &str| {
                format!("<member><Target><Id>{id}</Id></Target><TargetHealth><State>{state}</State></TargetHealth></member>")
            };
            let failing: String = OTHERS[..5].iter().map(|id| target(id, "unhealthy")).collect();
            let all = failing + &target(OTHERS[5], "healthy");
            Some(answer(&call.operation, &format!("<TargetHealthDescriptions>{all}</TargetHealthDescriptions>")))
        });
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert_eq!(receipt.status == Status::Waits, waits, "{checks}: {receipt:?}");
        assert!(!waits || decision(&aws).await.reason.contains("1 of 3 healthy hosts"));
    }
}

#[tokio::test]
async fn a_place_is_given_back_where_nothing_was_changed_or_the_instance_is_gone() {
    let (aws, _) = stage().await;
    group(&aws, "ELB");
    aws.on("dynamodb:UpdateItem", |call| (call.params["Key"]["sk"]["S"] == "base").then(|| error(400, "AccessDeniedException")));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, places(&aws)), (Status::Failed, vec![]));

    let (aws, ec2) = stage().await;
    group(&aws, "ELB");
    contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!(places(&aws), [INSTANCE]);
    ec2.change(|world| world.instance = None);
    Box::pin(release(&aws, &[])).await.expect_err("it is gone");
    assert_eq!(places(&aws), [""; 0]);
}

/// Whoever has a hundred hosts isolated at once has Auto Scaling throttled, too.
#[tokio::test]
async fn hosts_that_cannot_be_read_now_count_as_when_they_were_read_last() {
    let (aws, _) = stage().await;
    open(&aws).await;
    group(&aws, "ELB");
    let throttled = || {
        let error = "<Error><Code>Throttling</Code><Message>no</Message></Error>";
        Answer::raw(400, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
    };
    aws.always("autoscaling:DescribeAutoScalingGroups", throttled());
    let fault = contain_under(&aws, POLICY, false).await.expect_err("one more try");
    assert_eq!((fault.kind, base(&aws)), (FaultKind::Transient, None));
    contain_under(&aws, POLICY, false).await.expect("never read: nothing is held back");
    Box::pin(release(&aws, &[])).await.expect("a release");

    let (aws, _) = stage().await;
    open(&aws).await;
    group(&aws, "ELB");
    contain_under(&aws, POLICY, false).await.expect("a receipt");
    Box::pin(release(&aws, &[])).await.expect("a release");
    isolated(&aws, &OTHERS[..2]).await;
    let host = room::target(TargetKind::Ec2Instance, "i-08");
    let fleet = Fleet { host: &host, group: "web" };
    let share = room::ledger(&aws).reserve_share_as_seen(fleet, &room::incident("one"), 25, clock::now()).await.expect("read");
    assert_eq!(share.map(|share| (share.granted, share.isolated, share.hosts, share.allowed)), Some((false, 2, 8, 2)));
}

#[tokio::test]
async fn hosts_that_cannot_be_read_hold_no_isolation_back_and_the_receipt_says_so() {
    let (aws, ec2) = stage().await;
    group(&aws, "ELB");
    isolated(&aws, &OTHERS).await;
    aws.on("autoscaling:DescribeAutoScalingGroups", |_| {
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        Some(Answer::raw(403, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")))
    });
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
    let step = share(&receipt);
    assert_eq!(step.outcome, Outcome::Skipped);
    assert!(step.error.as_ref().is_some_and(|fault| fault.message.contains("NOT compared with policy")), "{step:?}");
    assert_eq!(places(&aws).len(), OTHERS.len() + 1, "it counts for the next one");
}

/// The share is not passed over where another try would have compared it.
#[tokio::test]
async fn a_passing_fault_of_the_ledger_holds_an_isolation_back() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    group(&aws, "ELB");
    isolated(&aws, &OTHERS).await;
    aws.on("autoscaling:DescribeAutoScalingGroups", |_| {
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        Some(Answer::raw(403, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")))
    });
    aws.on("dynamodb:GetItem", |call| {
        let is_row = call.params["Key"]["pk"]["S"].as_str().is_some_and(|key| key.starts_with("fleet#"));
        is_row.then(|| error(400, "ThrottlingException"))
    });
    let fault = contain_under(&aws, POLICY, false).await.expect_err("another try");
    assert_eq!((fault.kind, base(&aws)), (FaultKind::Transient, None));
    assert!(!ec2.now().is_cut_off());
}
