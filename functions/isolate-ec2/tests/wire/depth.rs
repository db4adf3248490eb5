//! How many calls to the member account wait for each other, `sts:AssumeRole` among them, and that a larger instance needs no more. The
//! ledger's calls are left out: they are the security account's.

use crate::autoscaling_aws::{AutoScaling, GROUP};
use crate::balancing_aws::{Balancing, Kind, arn, target};
use crate::ec2::{Ec2, Group, Interface, Volume};
use crate::{VPC_A, contain_under, cutting, stage};
use firebreak::policy::CutTracked;
use firebreak::receipt::Status;
use firebreak_testkit::scripted::{Call, ScriptedAws, ok};
use std::time::{Duration, Instant};

/// Of every call. Longer than calls that go out together are apart, and shorter than a client waits.
const PACE: Duration = Duration::from_millis(100);
/// A busy machine makes calls that go out together look like one after the other. Nothing hides a real wait.
const RUNS: usize = 4;
/// Network interfaces, and as many volumes.
const SIZES: [usize; 3] = [1, 5, 15];
const IDS: [&str; 15] = [
    "eni-a", "eni-b", "eni-c", "eni-d", "eni-e", "eni-f", "eni-g", "eni-h", "eni-i", "eni-j", "eni-k", "eni-l", "eni-m", "eni-n",
    "eni-o",
];

/// What else a test changes before the isolation.
type Scene = fn(&ScriptedAws, &Ec2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Depths {
    /// Until every interface is cut off.
    cut_off: usize,
    /// Until nothing more is to be done.
    answer: usize,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    depths: Depths,
    took: Duration,
}

impl Run {
    /// The lesser of each.
    fn least(self, other: Self) -> Self {
        let (one, two) = (self.depths, other.depths);
        let depths = Depths { cut_off: one.cut_off.min(two.cut_off), answer: one.answer.min(two.answer) };
        Self { depths, took: self.took.min(other.took) }
    }
}

impl Depths {
    fn of(aws: &ScriptedAws) -> Self {
        let calls: Vec<Call> = aws.calls().into_iter().filter(|call| call.service != "dynamodb").collect();
        let mut placed: Vec<(&Call, usize)> = Vec::new();
        for call in &calls {
            let before = placed.iter().filter(|(other, _)| other.answered_at.is_some_and(|at| at <= call.arrived_at));
            let depth = 1 + before.map(|(_, depth)| *depth).max().unwrap_or(0);
            placed.push((call, depth));
        }
        let deepest = |is: fn(&Call) -> bool| placed.iter().filter(|(call, _)| is(call)).map(|(_, depth)| *depth).max();
        Self { cut_off: deepest(moves).expect("an interface is moved"), answer: deepest(|_| true).expect("a call") }
    }
}

/// Whether a call moves an interface into other groups.
fn moves(call: &Call) -> bool {
    call.operation == "ModifyNetworkInterfaceAttribute" && !call.param("SecurityGroupId.1").is_empty()
}

/// Isolates an instance behind NAT whose VPC is prepared, unless the scene says otherwise.
async fn run(size: usize, scene: Scene) -> Run {
    let (aws, ec2) = stage().await;
    ec2.change(|world| {
        world.groups.extend([Group::isolation("sg-iso", VPC_A), Group::open("sg-open", VPC_A)]);
        world.interfaces = IDS[..size].iter().copied().map(|id| Interface::new(id, VPC_A, &["sg-web"])).collect();
    });
    let volume = |id: &&str| Volume { device: format!("/dev/{id}"), id: format!("vol-{id}"), delete_on_termination: true };
    ec2.change_instance(|instance| instance.volumes = IDS[..size].iter().map(volume).collect());
    scene(&aws, &ec2);
    aws.pace(PACE);
    let began = Instant::now();
    let receipt = Box::pin(contain_under(&aws, "one", cutting(CutTracked::Private))).await.expect("a receipt");
    let took = began.elapsed();
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{:?}", receipt.steps);
    let volumes = ec2.now().instance.expect("an instance").volumes;
    assert!(volumes.iter().all(|volume| !volume.delete_on_termination), "{volumes:?}");
    Run { depths: Depths::of(&aws), took }
}

/// Whether the longest of these runs is less than 1.3 times as long as the shortest.
fn about_as_long(runs: &[Run]) -> bool {
    let took = || runs.iter().map(|run| run.took.as_millis());
    took().max().zip(took().min()).is_some_and(|(longest, shortest)| longest * 10 < shortest * 13)
}

/// As deep as expected, whatever the size, and about as long.
async fn holds(sizes: &[usize], cut_off: usize, answer: usize, scene: Scene) {
    let expected = Depths { cut_off, answer };
    let mut best: Vec<Run> = Vec::new();
    for _ in 0..RUNS {
        let mut runs = Vec::new();
        for size in sizes {
            runs.push(Box::pin(run(*size, scene)).await);
        }
        best = if best.is_empty() { runs } else { best.into_iter().zip(runs).map(|(one, other)| one.least(other)).collect() };
        if best.iter().all(|run| run.depths == expected) && about_as_long(&best) {
            println!("isolate-ec2, interfaces and volumes {sizes:?}: {best:?}");
            return;
        }
    }
    panic!("interfaces and volumes {sizes:?}, expected {expected:?}: {best:?}");
}

/// No route leads out of the VPCs: open connections are cut.
fn private(_: &ScriptedAws, ec2: &Ec2) {
    ec2.change(|world| world.routes.iter_mut().for_each(|table| table.ways.clear()));
}

/// The instance serves in an Auto Scaling group.
fn member(aws: &ScriptedAws, _: &Ec2) {
    AutoScaling::with_member(aws, "InService");
}

#[tokio::test]
async fn three_calls_wait_for_each_other_the_role_the_reads_and_the_swap() {
    holds(&SIZES, 3, 3, |_, _| ()).await;
}

/// Idle timeouts come after: nothing is in the way of closing an interface.
#[tokio::test]
async fn one_more_cuts_open_connections() {
    holds(&SIZES, 4, 5, private).await;
}

#[tokio::test]
async fn two_more_read_the_share_of_the_group_and_put_the_member_on_standby() {
    holds(&SIZES, 5, 5, member).await;
}

#[tokio::test]
async fn a_private_member_needs_all_of_them() {
    let scene: Scene = |aws, ec2| {
        private(aws, ec2);
        member(aws, ec2);
    };
    holds(&[1, 15], 6, 7, scene).await;
}

/// Classic ones are looked through beside the swap, and all are left after it.
#[tokio::test]
async fn one_more_reads_the_share_of_target_groups_whether_or_not_they_have_the_instance() {
    let scene: Scene = |aws, _| {
        Balancing::with_instance(aws);
    };
    holds(&[1], 4, 5, scene).await;
    let scene: Scene = |aws, _| others(&Balancing::of(aws));
    holds(&[1], 4, 4, scene).await;
}

/// A target group with another host in it.
fn others(balancing: &Balancing) {
    balancing.change(|all| {
        all.groups.insert("other".to_owned(), [target("i-0fedcba9876543210", "80")].into());
    });
}

#[tokio::test]
async fn target_groups_that_no_balancer_uses_are_looked_through_beside_the_swap() {
    let scene: Scene = |aws, _| {
        let balancing = Balancing::of(aws);
        others(&balancing);
        balancing.change(|all| {
            all.kinds.insert("other".to_owned(), Kind { has_balancer: false, ..Kind::default() });
        });
    };
    holds(&[1], 3, 3, scene).await;
}

#[tokio::test]
async fn target_groups_of_other_vpcs_are_looked_through_beside_the_swap() {
    let scene: Scene = |aws, _| {
        others(&Balancing::of(aws));
        let group = format!("<TargetGroupArn>{}</TargetGroupArn><TargetType>instance</TargetType>", arn("other"));
        let used = "<LoadBalancerArns><member>arn:aws:elasticloadbalancing:x:loadbalancer/1</member></LoadBalancerArns>";
        let group = format!("<member>{group}<VpcId>vpc-elsewhere</VpcId>{used}</member>");
        aws.answer("elasticloadbalancing:DescribeTargetGroups", ok(format!("<TargetGroups>{group}</TargetGroups>")));
    };
    holds(&[1], 3, 3, scene).await;
}

#[tokio::test]
async fn a_group_that_does_not_ask_its_balancers_costs_one_more() {
    let scene: Scene = |aws, ec2| {
        member(aws, ec2);
        aws.on("autoscaling:DescribeAutoScalingGroups", |_| {
            let arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/0123456789abcdef";
            let targets = format!("<TargetGroupARNs><member>{arn}</member></TargetGroupARNs>");
            let group = format!("<AutoScalingGroupName>{GROUP}</AutoScalingGroupName><HealthCheckType>EC2</HealthCheckType>");
            Some(ok(format!("<AutoScalingGroups><member>{group}{targets}</member></AutoScalingGroups>")))
        });
    };
    holds(&[1], 6, 6, scene).await;
}

#[tokio::test]
async fn a_vpc_that_nobody_prepared_costs_three_more_to_make_read_and_empty_its_group() {
    let scene: Scene = |_, ec2| ec2.change(|world| world.groups.retain(|group| !group.is_ours() && !group.is_open()));
    holds(&[1], 6, 6, scene).await;
}
