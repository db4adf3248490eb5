//! What an isolation would hit is read before people decide, and nothing is changed.

use crate::{INSTANCE, function, stage};
use firebreak::fault::{Fault, FaultKind};
use firebreak::target::{Target, TargetKind};
use firebreak::task::{Hits, Phase};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use isolate_ec2::Answer;

async fn hits_of(aws: &ScriptedAws, target: Target) -> Result<Vec<String>, Fault> {
    let request = room::request(Phase::Impact, "one", target);
    match Box::pin(function(aws).answer(request)).await? {
        Answer::Hits(Hits { hits }) => Ok(hits),
        Answer::Task(task) => panic!("{task:?}"),
    }
}

async fn hits(aws: &ScriptedAws) -> Vec<String> {
    hits_of(aws, room::target(TargetKind::Ec2Instance, INSTANCE)).await.expect("an answer")
}

/// A node of a cluster with an Elastic IP, on Spot.
fn serve_node(aws: &ScriptedAws) {
    let interface = "<item><networkInterfaceId>eni-1</networkInterfaceId><association><publicIp>198.51.100.7</publicIp>\
         <ipOwnerId>111122223333</ipOwnerId></association></item>";
    let profile = "<iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/web/node</arn></iamInstanceProfile>";
    let tag = "<tagSet><item><key>kubernetes.io/cluster/shop</key><value>owned</value></item></tagSet>";
    let instance = format!(
        "<item><instanceId>{INSTANCE}</instanceId><instanceState><code>16</code><name>running</name></instanceState>\
         <instanceLifecycle>spot</instanceLifecycle><networkInterfaceSet>{interface}</networkInterfaceSet>{profile}{tag}</item>"
    );
    let all = format!("<reservationSet><item><instancesSet>{instance}</instancesSet></item></reservationSet>");
    aws.answer("ec2:DescribeInstances", ok(all));
}

/// One of two hosts of a group is healthy.
fn serve_group(aws: &ScriptedAws) {
    let member = |id: &str, health: &str| {
        format!(
            "<member><InstanceId>{id}</InstanceId><AvailabilityZone>eu-central-1a</AvailabilityZone>\
             <AutoScalingGroupName>shop</AutoScalingGroupName><LifecycleState>InService</LifecycleState>\
             <HealthStatus>{health}</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
        )
    };
    let instances = format!("<AutoScalingInstances>{}</AutoScalingInstances>", member(INSTANCE, "HEALTHY"));
    aws.answer("autoscaling:DescribeAutoScalingInstances", ok(instances));
    let hosts = member(INSTANCE, "Healthy") + &member("i-0123456789abcdef1", "Unhealthy");
    let group = format!(
        "<AutoScalingGroups><member><AutoScalingGroupName>shop</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>3</MaxSize>\
         <DesiredCapacity>2</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><HealthCheckType>EC2</HealthCheckType>\
         <CreatedTime>2026-01-01T00:00:00Z</CreatedTime><AvailabilityZones><member>eu-central-1a</member></AvailabilityZones>\
         <Instances>{hosts}</Instances></member></AutoScalingGroups>"
    );
    aws.answer("autoscaling:DescribeAutoScalingGroups", ok(group));
}

#[tokio::test]
async fn a_node_of_a_group_says_what_hangs_on_it_and_stays_as_it_is() {
    let (aws, ec2) = stage().await;
    serve_node(&aws);
    serve_group(&aws);
    let before = ec2.now();
    let hits = hits(&aws).await;
    let says = |words: &str| hits.iter().any(|line| line.contains(words));
    assert!(says("Auto Scaling group shop: 1 of 2 hosts are healthy"), "{hits:?}");
    assert!(says("containers share (tag kubernetes.io/cluster/shop)"), "{hits:?}");
    assert!(says("198.51.100.7 (Elastic IP") && says("Spot") && says("instance profile node"), "{hits:?}");
    assert_eq!((aws.changes(), ec2.now()), (vec![], before));
    assert!(room::base(&aws, "ec2-instance", INSTANCE).is_none(), "nothing is held");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_line_and_what_is_gone_is_a_fault() {
    let (aws, _ec2) = stage().await;
    serve_node(&aws);
    aws.always("autoscaling:DescribeAutoScalingInstances", error(403, "AccessDenied"));
    let hits = hits(&aws).await;
    assert!(hits.iter().any(|line| line.starts_with("not known whether it is in an Auto Scaling group")), "{hits:?}");
    aws.answer("ec2:DescribeInstances", error(400, "InvalidInstanceID.NotFound"));
    let gone = hits_of(&aws, room::target(TargetKind::Ec2Instance, INSTANCE)).await.expect_err("nothing to say");
    assert_eq!(gone.kind, FaultKind::Gone);
    let bucket = hits_of(&aws, room::target(TargetKind::S3Bucket, "shop")).await.expect_err("nothing to say");
    assert_eq!(bucket.kind, FaultKind::Malformed);
}

#[tokio::test]
async fn the_frame_takes_the_question_for_no_task() {
    let (aws, _ec2) = stage().await;
    let request = room::request(Phase::Impact, "one", room::target(TargetKind::Ec2Instance, INSTANCE));
    let refused = Box::pin(function(&aws).handle(request)).await.expect_err("no task");
    assert_eq!((refused.kind, aws.calls().len()), (FaultKind::Malformed, 0));
}
