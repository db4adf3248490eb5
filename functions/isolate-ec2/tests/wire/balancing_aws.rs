//! Target groups and Classic Load Balancers, as Elastic Load Balancing shows them.

use crate::INSTANCE;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A target: its id, and its port as text.
pub(crate) type Target = (String, String);

/// What a target group is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Of every target that is registered.
    pub(crate) state: &'static str,
    pub(crate) has_balancer: bool,
    /// Its targets are addresses, in this VPC. Nothing: they are instances.
    pub(crate) by_address_in: Option<&'static str>,
}

impl Default for Kind {
    /// Of healthy instances, behind a load balancer.
    fn default() -> Self {
        Self { state: "healthy", has_balancer: true, by_address_in: None }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Balancers {
    /// By name.
    pub(crate) groups: BTreeMap<String, BTreeSet<Target>>,
    /// Of the groups that are not like most.
    pub(crate) kinds: BTreeMap<String, Kind>,
    /// By name, the ids of the instances.
    pub(crate) classic: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone)]
pub(crate) struct Balancing(Arc<Mutex<Balancers>>);

pub(crate) fn target(id: &str, port: &str) -> Target {
    (id.to_owned(), port.to_owned())
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/{name}/0123456789abcdef")
}

impl Balancing {
    /// No balancer at all.
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let balancing = Self(Arc::new(Mutex::new(Balancers::default())));
        let served = balancing.clone();
        aws.on("elasticloadbalancing:*", move |call| served.serve(call));
        balancing
    }

    /// The instance in a target group on two ports, in a classic balancer, and others beside it.
    pub(crate) fn with_instance(aws: &ScriptedAws) -> Self {
        let balancing = Self::of(aws);
        balancing.change(|all| {
            let shop = [target(INSTANCE, "80"), target(INSTANCE, "8080"), target("i-0fedcba9876543210", "80")];
            all.groups.insert("shop".to_owned(), shop.into());
            all.groups.insert("other".to_owned(), [target("i-0fedcba9876543210", "80")].into());
            all.classic.insert("old".to_owned(), [INSTANCE.to_owned(), "i-0fedcba9876543210".to_owned()].into());
        });
        balancing
    }

    pub(crate) fn now(&self) -> Balancers {
        self.lock().clone()
    }

    pub(crate) fn change(&self, how: impl FnOnce(&mut Balancers)) {
        how(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Balancers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of the member account");
        let mut all = self.lock();
        let answered = match call.operation.as_str() {
            "DescribeTargetGroups" => Ok(all.target_groups()),
            "DescribeTargetHealth" => all.health(call),
            "RegisterTargets" | "DeregisterTargets" => all.change_targets(call),
            "DescribeLoadBalancers" => all.classics(call),
            "RegisterInstancesWithLoadBalancer" | "DeregisterInstancesFromLoadBalancer" => all.change_instances(call),
            _ => return None,
        };
        Some(answered.map_or_else(|code| error(400, code), ok))
    }
}

impl Balancers {
    fn target_groups(&self) -> String {
        let one = |name: &String| {
            let Kind { has_balancer, by_address_in, .. } = self.kind(name);
            let vpc = by_address_in.map(|vpc| format!("<VpcId>{vpc}</VpcId>")).unwrap_or_default();
            let balancers = if has_balancer { "<member>arn:aws:elasticloadbalancing:x:loadbalancer/1</member>" } else { "" };
            let kind = if by_address_in.is_some() { "ip" } else { "instance" };
            let place = format!("{vpc}<LoadBalancerArns>{balancers}</LoadBalancerArns>");
            format!("<member><TargetGroupArn>{}</TargetGroupArn><TargetType>{kind}</TargetType>{place}</member>", arn(name))
        };
        format!("<TargetGroups>{}</TargetGroups>", self.groups.keys().map(one).collect::<String>())
    }

    fn kind(&self, name: &str) -> Kind {
        self.kinds.get(name).cloned().unwrap_or_default()
    }

    fn group(&mut self, call: &Call) -> Result<&mut BTreeSet<Target>, &'static str> {
        let wanted = call.param("TargetGroupArn");
        let found = self.groups.iter_mut().find(|(name, _)| arn(name) == wanted);
        found.map(|(_, targets)| targets).ok_or("TargetGroupNotFound")
    }

    /// Of the targets that were asked for, or of all.
    fn health(&mut self, call: &Call) -> Result<String, &'static str> {
        let asked = target(call.param("Targets.member.1.Id"), call.param("Targets.member.1.Port"));
        let targets = self.group(call)?.clone();
        let wanted = call.param("TargetGroupArn");
        let state = self.groups.keys().find(|name| arn(name) == wanted).map_or("healthy", |name| self.kind(name).state);
        let shown = if asked.0.is_empty() { targets.clone() } else { [asked].into() };
        let mut list = String::new();
        for (id, port) in shown {
            let health = if targets.contains(&target(&id, &port)) {
                format!("<State>{state}</State>")
            } else {
                "<State>unused</State><Reason>Target.NotRegistered</Reason>".to_owned()
            };
            let found = format!("<Target><Id>{id}</Id><Port>{port}</Port></Target><TargetHealth>{health}</TargetHealth>");
            write!(list, "<member>{found}</member>").expect("a string");
        }
        Ok(format!("<TargetHealthDescriptions>{list}</TargetHealthDescriptions>"))
    }

    fn change_targets(&mut self, call: &Call) -> Result<String, &'static str> {
        let changed = target(call.param("Targets.member.1.Id"), call.param("Targets.member.1.Port"));
        let targets = self.group(call)?;
        if call.operation == "RegisterTargets" {
            targets.insert(changed);
        } else if !targets.remove(&changed) {
            return Err("InvalidTarget");
        }
        Ok(String::new())
    }

    fn classics(&self, call: &Call) -> Result<String, &'static str> {
        let wanted = call.param("LoadBalancerNames.member.1");
        if !wanted.is_empty() && !self.classic.contains_key(wanted) {
            return Err("LoadBalancerNotFound");
        }
        let mut list = String::new();
        for (name, instances) in self.classic.iter().filter(|(name, _)| wanted.is_empty() || *name == wanted) {
            let of = |id: &String| format!("<member><InstanceId>{id}</InstanceId></member>");
            let instances: String = instances.iter().map(of).collect();
            let one = format!("<LoadBalancerName>{name}</LoadBalancerName><Instances>{instances}</Instances>");
            write!(list, "<member>{one}</member>").expect("a string");
        }
        Ok(format!("<LoadBalancerDescriptions>{list}</LoadBalancerDescriptions>"))
    }

    fn change_instances(&mut self, call: &Call) -> Result<String, &'static str> {
        let id = call.param("Instances.member.1.InstanceId").to_owned();
        let instances = self.classic.get_mut(call.param("LoadBalancerName")).ok_or("LoadBalancerNotFound")?;
        if call.operation.starts_with("Register") {
            instances.insert(id);
        } else if !instances.remove(&id) {
            return Err("InvalidInstance");
        }
        Ok(String::new())
    }
}
