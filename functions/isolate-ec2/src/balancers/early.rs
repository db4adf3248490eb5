//! What target groups are asked before the first change: whether one of them has the instance, and how many hosts it has.

use super::scan::{self, Limit};
use super::{Early, Place};
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;
use firebreak::fault::FaultKind;
use firebreak_function::containment::Call;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the isolation waits for the list of target groups, and once more for their targets. What has not been answered by then holds
/// nothing back: whoever slows these calls down must not stop the isolation.
const PATIENCE: Duration = Duration::from_secs(2);
/// Calls that are under way at the same time: an account has 40 reads of load balancers at once, and 10 more each second (ELB user guide,
/// "Request throttling for the ELB API").
const AT_ONCE: usize = 32;

/// Lists the target groups of the Region. Nothing that is known of the instance is needed for that.
pub(crate) async fn list(call: &Call) -> Early {
    Early { listed: scan::listed(call, Limit::of(PATIENCE)).await, ..Early::default() }
}

/// Looks for the instance in the target groups of its VPCs.
///
/// AWS takes no instance into a target group of another VPC (ELB API reference, `RegisterTargets`, `InvalidTarget`), and one of its
/// addresses is another host's there. So the groups of other VPCs need not be asked before the isolation.
pub(crate) async fn look(call: &Call, addresses: &[Place], vpcs: &BTreeSet<&str>, early: Early) -> Early {
    let near: Vec<TargetGroup> = early.listed.groups.iter().filter(|group| is_near(group, vpcs)).cloned().collect();
    let answers = scan::look(call, addresses, &near, (Limit::of(PATIENCE), AT_ONCE)).await;
    let read = near.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
    let looked = read.filter_map(|(group, _)| group.target_group_arn().map(str::to_owned)).collect();
    let mut faults = answers.iter().filter_map(|answer| answer.as_ref().err()).chain(&early.listed.failed);
    let passing = faults.find(|fault| fault.kind == FaultKind::Transient).cloned();
    let found = scan::gathered(answers, early.listed.more.clone());
    Early { looked, found, passing, ..early }
}

/// Whether a target group can send traffic to an instance with interfaces in these VPCs. Where one of both is not known, it can. A group
/// that no load balancer uses sends none: the scan beside the isolation looks for the instance there.
fn is_near(group: &TargetGroup, vpcs: &BTreeSet<&str>) -> bool {
    let is_used = !group.load_balancer_arns().is_empty();
    is_used && group.vpc_id().is_none_or(|vpc| vpcs.is_empty() || vpcs.contains(vpc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_another_vpc_or_without_a_load_balancer_is_not_asked_and_one_that_could_send_traffic_is() {
        let group = |vpc: Option<&str>| {
            TargetGroup::builder().load_balancer_arns("arn:x:loadbalancer/1").set_vpc_id(vpc.map(str::to_owned)).build()
        };
        let own = BTreeSet::from(["vpc-a", "vpc-b"]);
        let near = [Some("vpc-a"), Some("vpc-b"), Some("vpc-c"), None].map(|vpc| is_near(&group(vpc), &own));
        assert_eq!(near, [true, true, false, true]);
        assert!(is_near(&group(Some("vpc-c")), &BTreeSet::new()), "its VPCs could not be read");
        assert!(!is_near(&TargetGroup::builder().vpc_id("vpc-a").build(), &own));
    }
}
