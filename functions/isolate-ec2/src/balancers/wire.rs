//! The calls about one registration.

use super::{Balancer, Registration};
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancing::types::Instance;
use aws_sdk_elasticloadbalancingv2 as v2;
use aws_sdk_elasticloadbalancingv2::config::http::HttpResponse;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::Call;

/// Error codes of both APIs that say that there is no such balancer, or no such target in it (their API references).
const NO_GROUP: &str = "TargetGroupNotFound";
const NO_TARGET: &str = "InvalidTarget";
const NO_BALANCER: &str = "LoadBalancerNotFound";
const NO_INSTANCE: &str = "InvalidInstance";

pub(super) struct Balancing {
    instance: String,
    v2: v2::Client,
    classic: classic::Client,
}

impl Balancing {
    pub(super) fn of(call: &Call) -> Self {
        Self { instance: call.target.id.clone(), v2: v2::Client::new(&call.config), classic: classic::Client::new(&call.config) }
    }

    /// Whether the balancer has the instance. Nothing: there is no such balancer.
    pub(super) async fn has(&self, registration: &Registration) -> Result<Option<bool>, Fault> {
        let (code, refused) = match &registration.balancer {
            Balancer::TargetGroup { arn, .. } => {
                let asked = self.v2.describe_target_health().target_group_arn(arn);
                match asked.set_targets(target(&registration.balancer, false)).send().await {
                    Ok(answer) => return Ok(Some(answer.target_health_descriptions().iter().any(is_registered))),
                    Err(error) => refusal("elasticloadbalancing:DescribeTargetHealth", &error),
                }
            }
            Balancer::Classic { name } => match self.classic.describe_load_balancers().load_balancer_names(name).send().await {
                Ok(answer) => {
                    let mut instances = answer.load_balancer_descriptions().iter().flat_map(|one| one.instances());
                    return Ok(Some(instances.any(|one| one.instance_id() == Some(self.instance.as_str()))));
                }
                Err(error) => refusal("elasticloadbalancing:DescribeLoadBalancers", &error),
            },
        };
        match code.as_deref() {
            Some(NO_GROUP | NO_BALANCER) => Ok(None),
            Some(NO_TARGET) => Ok(Some(false)),
            _ => Err(refused),
        }
    }

    pub(super) async fn leave(&self, registration: &Registration) -> Result<Outcome, Fault> {
        let (code, refused) = match &registration.balancer {
            Balancer::TargetGroup { arn, .. } => {
                let asked = self.v2.deregister_targets().target_group_arn(arn);
                match asked.set_targets(target(&registration.balancer, false)).send().await {
                    Ok(_) => return Ok(Outcome::Applied),
                    Err(error) => refusal("elasticloadbalancing:DeregisterTargets", &error),
                }
            }
            Balancer::Classic { name } => {
                let asked = self.classic.deregister_instances_from_load_balancer().load_balancer_name(name);
                match asked.instances(self.instance()).send().await {
                    Ok(_) => return Ok(Outcome::Applied),
                    Err(error) => refusal("elasticloadbalancing:DeregisterInstancesFromLoadBalancer", &error),
                }
            }
        };
        // Out already.
        let is_out = code.is_some_and(|code| [NO_GROUP, NO_TARGET, NO_BALANCER, NO_INSTANCE].contains(&code.as_str()));
        if is_out { Ok(Outcome::Already) } else { Err(refused) }
    }

    pub(super) async fn join(&self, registration: &Registration) -> Result<Outcome, Fault> {
        match &registration.balancer {
            Balancer::TargetGroup { arn, .. } => {
                let asked = self.v2.register_targets().target_group_arn(arn);
                let joined = asked.set_targets(target(&registration.balancer, true)).send().await;
                joined.or_fault("elasticloadbalancing:RegisterTargets")?;
            }
            Balancer::Classic { name } => {
                let asked = self.classic.register_instances_with_load_balancer().load_balancer_name(name);
                let joined = asked.instances(self.instance()).send().await;
                joined.or_fault("elasticloadbalancing:RegisterInstancesWithLoadBalancer")?;
            }
        }
        Ok(Outcome::Applied)
    }

    fn instance(&self) -> Instance {
        Instance::builder().instance_id(&self.instance).build()
    }
}

/// The code of an error, and its fault.
fn refusal<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> (Option<String>, Fault) {
    (code(error).map(str::to_owned), fault(operation, error))
}

/// The target of a target group. With its zone only to register it.
fn target(balancer: &Balancer, with_zone: bool) -> Option<Vec<TargetDescription>> {
    let Balancer::TargetGroup { target, port, zone, .. } = balancer else { return None };
    let zone = zone.clone().filter(|_| with_zone);
    Some(vec![TargetDescription::builder().id(target).set_port(*port).set_availability_zone(zone).build()])
}

/// A target that is leaving, and one that AWS does not know, are not registered.
pub(super) fn is_registered(found: &TargetHealthDescription) -> bool {
    let health = found.target_health();
    let state = health.and_then(TargetHealth::state);
    let is_leaving = state == Some(&TargetHealthStateEnum::Draining);
    !is_leaving && health.and_then(TargetHealth::reason) != Some(&TargetHealthReasonEnum::NotRegistered)
}
