//! An instance as EC2 shows it, with its network interfaces and the security groups of its VPCs.

use crate::documents::{self, filters, list};
pub(crate) use crate::security_groups::{Group, our_tag};
use crate::{FIRST, INSTANCE, SECOND, VPC_A, VPC_B};
use firebreak_testkit::room::REGION;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) type Tags = BTreeMap<String, String>;
/// What stands inside the envelope, or the code of an error.
pub(crate) type Answered = Result<String, &'static str>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// For example `running`.
    pub(crate) state: &'static str,
    pub(crate) spot: bool,
    /// `disableApiTermination`.
    pub(crate) protected: bool,
    /// `disableApiStop`.
    pub(crate) stop_protected: bool,
    /// `stop` or `terminate`.
    pub(crate) shutdown: &'static str,
    pub(crate) volumes: Vec<Volume>,
    /// ARN of the instance profile.
    pub(crate) profile: Option<&'static str>,
    pub(crate) hibernates: bool,
    /// `ebs` or `instance-store`.
    pub(crate) root_device: &'static str,
    pub(crate) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) device: String,
    pub(crate) id: String,
    pub(crate) delete_on_termination: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) id: &'static str,
    pub(crate) vpc: &'static str,
    pub(crate) subnet: &'static str,
    pub(crate) groups: Vec<String>,
    /// An Elastic IP address.
    pub(crate) public: Option<&'static str>,
    pub(crate) ipv6: Vec<&'static str>,
    pub(crate) ipv6_prefix: Option<&'static str>,
    /// Nothing: 432,000 seconds.
    pub(crate) tcp_timeout: Option<i32>,
    pub(crate) tags: Tags,
    /// To the instance itself: a branch is not.
    pub(crate) attached: bool,
    /// `interface`, `trunk` or `branch`.
    pub(crate) kind: &'static str,
}

impl Interface {
    pub(crate) fn new(id: &'static str, vpc: &'static str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(ToString::to_string).collect();
        let (public, ipv6, tcp_timeout, tags) = (None, vec![], None, Tags::new());
        let (subnet, ipv6_prefix, attached, kind) = ("subnet-a", None, true, "interface");
        Self { id, vpc, subnet, groups, public, ipv6, ipv6_prefix, tcp_timeout, tags, attached, kind }
    }
}

/// A route table: of a subnet, or the main one of its VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) vpc: &'static str,
    pub(crate) subnet: Option<&'static str>,
    /// Where default routes lead: the element of EC2's answer, and the id.
    pub(crate) ways: Vec<(&'static str, &'static str)>,
}

/// All that EC2 knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    /// Nothing: EC2 has forgotten it.
    pub(crate) instance: Option<Instance>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) groups: Vec<Group>,
    /// Behind NAT at first: connections are tracked in any case.
    pub(crate) routes: Vec<Table>,
    /// VPCs with a Network Load Balancer.
    pub(crate) balanced: Vec<&'static str>,
    /// Interfaces that `DescribeNetworkInterfaces` does not show yet.
    pub(crate) hidden: BTreeSet<&'static str>,
    /// How many security groups are on one page.
    pub(crate) page: usize,
}

impl World {
    /// A running instance in two VPCs, with a tag that an earlier incident left on it.
    fn at_first() -> Self {
        let tags = [("Name", "shop"), ("firebreak-incident", "fb-of-last-year")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Self {
            instance: Some(Instance {
                state: "running",
                spot: false,
                protected: false,
                stop_protected: false,
                shutdown: "stop",
                volumes: vec![Volume { device: "/dev/xvda".to_owned(), id: "vol-1".to_owned(), delete_on_termination: true }],
                profile: None,
                hibernates: false,
                root_device: "ebs",
                tags,
            }),
            interfaces: vec![Interface::new(FIRST, VPC_A, &["sg-db", "sg-web"]), Interface::new(SECOND, VPC_B, &["sg-app"])],
            groups: vec![
                Group::theirs("sg-db", "db", VPC_A),
                Group::theirs("sg-web", "web", VPC_A),
                Group::theirs("sg-app", "app", VPC_B),
            ],
            routes: [VPC_A, VPC_B].map(|vpc| Table { vpc, subnet: None, ways: vec![("natGatewayId", "nat-1")] }).into(),
            balanced: vec![],
            hidden: BTreeSet::new(),
            page: usize::MAX,
        }
    }

    /// Whether every interface is alone in an isolation group of its own VPC that lets nothing through.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.interfaces.iter().all(|interface| {
            let group = self.groups.iter().find(|group| interface.groups == [group.id.as_str()]);
            group.is_some_and(|group| {
                group.is_ours() && group.vpc == interface.vpc && group.ingress.is_empty() && group.egress.is_empty()
            })
        })
    }

    /// The groups of each interface.
    pub(crate) fn memberships(&self) -> Vec<(String, Vec<String>)> {
        self.interfaces.iter().map(|interface| (interface.id.to_owned(), interface.groups.clone())).collect()
    }

    /// The isolation groups.
    pub(crate) fn isolation_groups(&self) -> Vec<&Group> {
        self.groups.iter().filter(|group| group.is_ours()).collect()
    }

    /// The group of this id.
    pub(crate) fn group(&self, id: &str) -> &Group {
        self.groups.iter().find(|group| group.id == id).expect(id)
    }

    fn asked_for(&mut self, id: &str) -> Result<&mut Instance, &'static str> {
        self.instance.as_mut().filter(|_| id == INSTANCE).ok_or("InvalidInstanceID.NotFound")
    }

    fn describe_instances(&mut self, call: &Call) -> Answered {
        let found = self.asked_for(call.param("InstanceId.1"))?.clone();
        let attached: Vec<&Interface> = self.interfaces.iter().filter(|interface| interface.attached).collect();
        Ok(documents::instance(&found, &attached))
    }

    fn describe_attribute(&mut self, call: &Call) -> Answered {
        let instance = self.asked_for(call.param("InstanceId"))?;
        let name = call.param("Attribute");
        let value = match name {
            "disableApiTermination" => instance.protected.to_string(),
            "disableApiStop" => instance.stop_protected.to_string(),
            "instanceInitiatedShutdownBehavior" => instance.shutdown.to_owned(),
            other => panic!("{other}"),
        };
        Ok(format!("<{name}><value>{value}</value></{name}>"))
    }

    fn describe_interfaces(&self, call: &Call) -> Answered {
        let ids = list(call, "NetworkInterfaceId");
        let wanted = filters(call);
        assert!(ids.is_empty() != wanted.is_empty(), "one way to ask");
        if wanted.iter().any(|(name, values)| name == "interface-type" && values.iter().eq(["network_load_balancer"])) {
            let of = |vpc: &&'static str| Interface { kind: "network_load_balancer", ..Interface::new("eni-of-nlb", vpc, &[]) };
            let found: Vec<Interface> = self.balanced.iter().map(of).collect();
            return Ok(documents::interfaces(&found.iter().collect::<Vec<_>>()));
        }
        let is_wanted = |interface: &&Interface| {
            let is_its = |(name, values): &(String, Vec<String>)| match name.as_str() {
                "attachment.instance-id" => interface.attached && values.iter().eq([INSTANCE]),
                "network-interface-id" => values.iter().any(|id| id == interface.id),
                "group-id" => values.iter().any(|id| interface.groups.contains(id)),
                other => panic!("{other}"),
            };
            (ids.is_empty() || ids.iter().any(|id| id == interface.id)) && wanted.iter().all(is_its)
        };
        let shown = self.interfaces.iter().filter(|interface| !self.hidden.contains(interface.id));
        Ok(documents::interfaces(&shown.filter(is_wanted).collect::<Vec<_>>()))
    }

    fn describe_trunks(&self) -> Answered {
        let of_kind = |kind: &str| self.interfaces.iter().filter(|one| one.kind == kind).map(|one| one.id).collect::<Vec<_>>();
        Ok(documents::trunks(of_kind("trunk").first().copied().unwrap_or("eni-none"), &of_kind("branch")))
    }

    fn describe_vpcs(&self) -> Answered {
        let vpcs: BTreeSet<&str> = self.groups.iter().map(|group| group.vpc.as_str()).collect();
        let vpcs: String = vpcs.iter().map(|vpc| format!("<item><vpcId>{vpc}</vpcId></item>")).collect();
        Ok(format!("<vpcSet>{vpcs}</vpcSet>"))
    }

    fn modify_interface(&mut self, call: &Call) -> Answered {
        let groups = list(call, "SecurityGroupId");
        let seconds: Option<i32> = call.param("ConnectionTrackingSpecification.TcpEstablishedTimeout").parse().ok();
        let wanted = call.param("NetworkInterfaceId");
        let found = self.interfaces.iter_mut().find(|interface| interface.id == wanted);
        let interface = found.ok_or("InvalidNetworkInterfaceID.NotFound")?;
        assert!(groups.is_empty() == seconds.is_some(), "EC2 takes one attribute at a time");
        if let Some(seconds) = seconds {
            interface.tcp_timeout = Some(seconds).filter(|seconds| *seconds != 432_000);
            return done();
        }
        let vpc = interface.vpc;
        let fits = |id: &String| self.groups.iter().any(|group| group.id == *id && group.vpc == vpc);
        if groups.is_empty() || !groups.iter().all(fits) {
            return Err("InvalidParameterValue");
        }
        interface.groups = groups;
        done()
    }

    fn modify_instance(&mut self, call: &Call) -> Answered {
        let instance = self.asked_for(call.param("InstanceId"))?;
        let is_on = |name: &str| {
            Some(call.param(&format!("{name}.Value"))).filter(|value| !value.is_empty()).map(|value| value == "true")
        };
        if let Some(on) = is_on("DisableApiTermination") {
            if instance.spot {
                return Err("UnsupportedOperation");
            }
            instance.protected = on;
        }
        if let Some(on) = is_on("DisableApiStop") {
            if instance.spot || instance.root_device != "ebs" {
                return Err("UnsupportedOperation");
            }
            instance.stop_protected = on;
        }
        match call.param("InstanceInitiatedShutdownBehavior.Value") {
            "stop" if instance.root_device != "ebs" => return Err("UnsupportedOperation"),
            "stop" => instance.shutdown = "stop",
            "terminate" => instance.shutdown = "terminate",
            _ => {}
        }
        for number in 1..=20 {
            let param = |part: &str| call.param(&format!("BlockDeviceMapping.{number}.{part}"));
            for volume in instance.volumes.iter_mut().filter(|volume| volume.device == param("DeviceName")) {
                volume.delete_on_termination = param("Ebs.DeleteOnTermination") == "true";
            }
        }
        done()
    }

    /// All resources, or none.
    fn tag(&mut self, call: &Call) -> Answered {
        let tags = documents::tags(call, "Tag");
        let ids = list(call, "ResourceId");
        assert!(!ids.is_empty(), "EC2 wants to know which resources");
        for id in &ids {
            let is_known =
                if id.starts_with("eni-") { self.interfaces.iter().any(|one| one.id == *id) } else { self.asked_for(id).is_ok() };
            if !is_known {
                return Err(if id.starts_with("eni-") {
                    "InvalidNetworkInterfaceID.NotFound"
                } else {
                    "InvalidInstanceID.NotFound"
                });
            }
        }
        let of_interfaces = self.interfaces.iter_mut().filter(|one| ids.iter().any(|id| id == one.id)).map(|one| &mut one.tags);
        let of_instance =
            self.instance.as_mut().filter(|_| ids.iter().any(|id| id == INSTANCE)).map(|instance| &mut instance.tags);
        for known in of_interfaces.chain(of_instance) {
            if call.operation == "CreateTags" {
                known.extend(tags.clone());
            } else {
                known.retain(|key, _| !tags.contains_key(key));
            }
        }
        done()
    }
}

pub(crate) fn done() -> Answered {
    Ok("<return>true</return>".to_owned())
}

/// EC2, with one instance.
#[derive(Clone)]
pub(crate) struct Ec2(Arc<Mutex<World>>);

impl Ec2 {
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let ec2 = Self(Arc::new(Mutex::new(World::at_first())));
        let served = ec2.clone();
        aws.on("ec2:*", move |call| served.serve(call));
        ec2
    }

    /// All of it as it is now.
    pub(crate) fn now(&self) -> World {
        self.lock().clone()
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut World)) {
        how(&mut self.lock());
    }

    /// Somebody changes the instance itself.
    pub(crate) fn change_instance(&self, how: impl FnOnce(&mut Instance)) {
        self.change(|world| how(world.instance.as_mut().expect("an instance")));
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.region, REGION, "{}", call.operation);
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of the member account");
        let mut world = self.lock();
        let answered = match call.operation.as_str() {
            "DescribeInstances" => world.describe_instances(call),
            "DescribeInstanceAttribute" => world.describe_attribute(call),
            "DescribeRouteTables" => Ok(documents::routes(&world.routes)),
            "DescribeTrunkInterfaceAssociations" => world.describe_trunks(),
            "AuthorizeSecurityGroupEgress" | "AuthorizeSecurityGroupIngress" => world.authorize(call),
            "DescribeNetworkInterfaces" => world.describe_interfaces(call),
            "DescribeSecurityGroups" => world.describe_groups(call),
            "DescribeVpcs" => world.describe_vpcs(),
            "CreateSecurityGroup" => world.create_group(call),
            "RevokeSecurityGroupEgress" | "RevokeSecurityGroupIngress" => world.revoke(call),
            "ModifyNetworkInterfaceAttribute" => world.modify_interface(call),
            "ModifyInstanceAttribute" => world.modify_instance(call),
            "CreateTags" | "DeleteTags" => world.tag(call),
            _ => return None,
        };
        Some(match answered {
            Ok(inner) => ok(inner),
            Err(code) => error(400, code),
        })
    }
}
