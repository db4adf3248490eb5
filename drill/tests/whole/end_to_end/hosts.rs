//! Hosts with what an isolation finds around them: two subnets, a profile, an Auto Scaling group, balancers.

use aws_config::SdkConfig;
use aws_sdk_autoscaling as autoscaling;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, IamInstanceProfileSpecification, InstanceAttributeName, InstanceMarketOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceType, MarketType, NetworkInterface,
};
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as v2;
use firebreak::containment::Containment;
use firebreak::receipt::Receipt;
use firebreak_aws::clock;
use firebreak_drill::{Result, State};
use firebreak_ledger::IncidentView;
use firebreak_rehearsal::instance;
use firebreak_testkit::{Call, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

const IMAGE: &str = "ami-12c6146b";
/// The Auto Scaling group of a [`Fleet`].
pub(super) const GROUP: &str = "web";
const CLASSIC: &str = "old-shop";

/// A finding about an instance, as of a host with this instance profile.
pub(super) fn finding_about(id: &str, profile: Option<&str>, serial: &str) -> Result<Value> {
    let mut event = fixture::load("guardduty/bitcoin-tool")?;
    let details = &mut event["detail"]["resource"]["instanceDetails"];
    details["instanceId"] = json!(id);
    details["iamInstanceProfile"] = profile.map_or(Value::Null, |arn| json!({ "arn": arn, "id": "AIPA7F41B707918052646" }));
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    Ok(event)
}

/// What the isolation of an incident did.
pub(super) fn isolation(view: &IncidentView) -> &Receipt {
    let is_it = |receipt: &&Receipt| receipt.containment == Some(Containment::IsolateEc2);
    view.receipts.iter().find(is_it).expect("a receipt of the isolation")
}

/// Calls of `isolate-ec2`, in order of arrival.
pub(super) fn calls_of<'a>(calls: &'a [Call], action: &str) -> Vec<&'a Call> {
    let is_its = |call: &&Call| call.function.as_deref() == Some("firebreak-isolate-ec2") && call.action() == action;
    calls.iter().filter(is_its).collect()
}

/// The calls that put an interface into another security group, and which group. Others change its idle timeout.
pub(super) fn moves(calls: &[Call]) -> Vec<(&Call, &str)> {
    let of = calls_of(calls, "ec2:ModifyNetworkInterfaceAttribute").into_iter();
    of.filter_map(|call| Some((call, call.params["SecurityGroupId.1"].as_str()?))).collect()
}

/// When a call was answered.
pub(super) fn answered(call: &Call) -> f64 {
    call.ended_at.expect("an answer")
}

/// An instance profile with a role in it; returns its ARN.
pub(super) async fn plant_profile(config: &SdkConfig, name: &str, path: &str, role: &str) -> Result<String> {
    let iam = aws_sdk_iam::Client::new(config);
    let made = iam.create_instance_profile().instance_profile_name(name).path(path).send().await?;
    iam.add_role_to_instance_profile().instance_profile_name(name).role_name(role).send().await?;
    Ok(made.instance_profile.ok_or("no profile")?.arn)
}

/// A VPC with IPv6, two subnets and a group.
pub(super) struct Network {
    pub(super) vpc: String,
    subnets: [String; 2],
    app: String,
}

impl Network {
    async fn plant(ec2: &Client) -> Result<Self> {
        let made = ec2.create_vpc().cidr_block("10.20.0.0/16").amazon_provided_ipv6_cidr_block(true).send().await?;
        let made = made.vpc.ok_or("no VPC")?;
        let ipv6 = made.ipv6_cidr_block_association_set().first().and_then(|block| block.ipv6_cidr_block()).ok_or("no IPv6")?;
        let ipv6 = ipv6.strip_suffix("00::/56").ok_or("a block of another size")?.to_owned();
        let vpc = made.vpc_id.ok_or("no VPC")?;
        let subnets = [Self::subnet(ec2, &vpc, &ipv6, 1).await?, Self::subnet(ec2, &vpc, &ipv6, 2).await?];
        let app = ec2.create_security_group().group_name("app").description("app").vpc_id(&vpc).send().await?;
        Ok(Self { vpc, subnets, app: app.group_id.ok_or("no group")? })
    }

    async fn subnet(ec2: &Client, vpc: &str, ipv6: &str, number: u8) -> Result<String> {
        let subnet = ec2.create_subnet().vpc_id(vpc).cidr_block(format!("10.20.{number}.0/24"));
        let made = subnet.ipv6_cidr_block(format!("{ipv6}{number:02}::/64")).send().await?;
        let id = made.subnet.and_then(|subnet| subnet.subnet_id);
        Ok(id.ok_or("no subnet")?)
    }
}

/// An instance with an interface in each of two subnets, both with IPv6.
pub(super) struct Host {
    ec2: Client,
    pub(super) id: String,
    pub(super) network: Network,
}

impl Host {
    /// `profile`: the ARN of its instance profile.
    pub(super) async fn plant(config: &SdkConfig, profile: Option<&str>, is_spot: bool) -> Result<Self> {
        let ec2 = Client::new(config);
        let network = Network::plant(&ec2).await?;
        let [first, second] = &network.subnets;
        let primary = InstanceNetworkInterfaceSpecification::builder().device_index(0).subnet_id(first).groups(&network.app);
        let profile = profile.map(|arn| IamInstanceProfileSpecification::builder().arn(arn).build());
        let market = is_spot.then(|| InstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).build());
        let run = ec2.run_instances().image_id(IMAGE).instance_type(InstanceType::M5Large).min_count(1).max_count(1);
        let run = run.network_interfaces(primary.build()).set_iam_instance_profile(profile).set_instance_market_options(market);
        let run = run.send().await?;
        let id = run.instances().first().and_then(|one| one.instance_id()).ok_or("no instance")?.to_owned();
        let made = ec2.create_network_interface().subnet_id(second).groups(&network.app).ipv6_address_count(1).send().await?;
        let made = made.network_interface.and_then(|one| one.network_interface_id).ok_or("no interface")?;
        ec2.attach_network_interface().device_index(1).instance_id(&id).network_interface_id(made).send().await?;
        let host = Self { ec2, id, network };
        for interface in host.interfaces().await?.iter().filter(|one| one.ipv6_addresses().is_empty()) {
            let id = interface.network_interface_id().unwrap_or_default();
            host.ec2.assign_ipv6_addresses().network_interface_id(id).ipv6_address_count(1).send().await?;
        }
        Ok(host)
    }

    pub(super) async fn interfaces(&self) -> Result<Vec<NetworkInterface>> {
        let of_instance = Filter::builder().name("attachment.instance-id").values(&self.id).build();
        let answer = self.ec2.describe_network_interfaces().filters(of_instance).send().await?;
        Ok(answer.network_interfaces.unwrap_or_default())
    }

    /// What AWS says now: also of the interfaces, and of what keeps the evidence.
    pub(super) async fn observe(&self) -> Result<State> {
        let mut state = instance::observe(&self.ec2, &self.id).await?;
        for interface in self.interfaces().await? {
            let id = interface.network_interface_id().unwrap_or_default();
            let tags: Vec<&str> = interface.tag_set().iter().filter_map(|tag| tag.key()).collect();
            let ipv6: Vec<&str> = interface.ipv6_addresses().iter().filter_map(|one| one.ipv6_address()).collect();
            state.set(format!("tags of {id}"), tags.join(", "));
            state.set(format!("IPv6 of {id}"), ipv6.join(", "));
            state.set(format!("subnet of {id}"), interface.subnet_id().unwrap_or_default());
        }
        let attribute = self.ec2.describe_instance_attribute().instance_id(&self.id);
        let stop = attribute.attribute(InstanceAttributeName::DisableApiStop).send().await?;
        let is_on = stop.disable_api_stop().and_then(|value| value.value()).unwrap_or(false);
        state.set("stop protection", if is_on { "on" } else { "off" });
        let answer = self.ec2.describe_instances().instance_ids(&self.id).send().await?;
        let instances = answer.reservations().iter().flat_map(|one| one.instances());
        for device in instances.flat_map(|one| one.block_device_mappings()) {
            let goes = device.ebs().and_then(|volume| volume.delete_on_termination()).unwrap_or(false);
            state
                .set(format!("volume {}", device.device_name().unwrap_or_default()), if goes { "goes with it" } else { "stays" });
        }
        Ok(state)
    }

    /// The group of its VPC that Firebreak made for `purpose`.
    pub(super) async fn group(&self, purpose: &str) -> Result<String> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let groups = self.ec2.describe_security_groups().filters(filter("vpc-id", &self.network.vpc));
        let groups = groups.filters(filter("tag:firebreak-sg", purpose)).send().await?;
        Ok(groups.security_groups().first().and_then(|group| group.group_id()).ok_or("no such group")?.to_owned())
    }
}

/// Where a member of a [`Fleet`] stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) lifecycle: &'static str,
    pub(super) is_protected: bool,
    pub(super) is_target: bool,
    pub(super) is_in_classic: bool,
}

/// An Auto Scaling group of four hosts with a target group. The first one is in a classic balancer, too.
pub(super) struct Fleet {
    ec2: Client,
    scaling: autoscaling::Client,
    v2: v2::Client,
    classic: classic::Client,
    targets: String,
}

impl Fleet {
    pub(super) async fn plant(config: &SdkConfig) -> Result<Self> {
        let (ec2, scaling) = (Client::new(config), autoscaling::Client::new(config));
        let (v2, classic) = (v2::Client::new(config), classic::Client::new(config));
        let network = Network::plant(&ec2).await?;
        let targets = v2.create_target_group().name("shop").protocol(v2::types::ProtocolEnum::Http).port(80);
        let targets = targets.vpc_id(&network.vpc).send().await?.target_groups.unwrap_or_default().into_iter().next();
        let targets = targets.and_then(|group| group.target_group_arn).ok_or("no target group")?;
        let listener = classic::types::Listener::builder().protocol("HTTP").load_balancer_port(80).instance_port(80).build()?;
        let balancer = classic.create_load_balancer().load_balancer_name(CLASSIC).listeners(listener);
        balancer.subnets(&network.subnets[0]).send().await?;
        let launch = scaling.create_launch_configuration().launch_configuration_name(GROUP).image_id(IMAGE);
        launch.instance_type("m5.large").security_groups(&network.app).send().await?;
        let group = scaling.create_auto_scaling_group().auto_scaling_group_name(GROUP).launch_configuration_name(GROUP);
        let group = group.min_size(1).max_size(8).desired_capacity(4).vpc_zone_identifier(&network.subnets[0]);
        group.target_group_arns(&targets).send().await?;
        let fleet = Self { ec2, scaling, v2, classic, targets };
        // Not through the group: its own classic balancers are Auto Scaling's, in moto from the moment of Standby.
        let first = classic::types::Instance::builder().instance_id(&fleet.members().await?[0]).build();
        let register = fleet.classic.register_instances_with_load_balancer().load_balancer_name(CLASSIC);
        register.instances(first).send().await?;
        Ok(fleet)
    }

    async fn group(&self) -> Result<autoscaling::types::AutoScalingGroup> {
        let answer = self.scaling.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await?;
        Ok(answer.auto_scaling_groups().first().cloned().ok_or("no group")?)
    }

    /// The ids of its hosts.
    pub(super) async fn members(&self) -> Result<Vec<String>> {
        let group = self.group().await?;
        Ok(group.instances().iter().filter_map(|member| member.instance_id().map(str::to_owned)).collect())
    }

    pub(super) async fn desired(&self) -> Result<Option<i32>> {
        Ok(self.group().await?.desired_capacity())
    }

    pub(super) async fn place(&self, id: &str) -> Result<Place> {
        use autoscaling::types::LifecycleState;
        let group = self.group().await?;
        let member = group.instances().iter().find(|member| member.instance_id() == Some(id)).ok_or("no member")?;
        let lifecycle = match member.lifecycle_state() {
            Some(LifecycleState::InService) => "in service",
            Some(LifecycleState::Standby) => "on standby",
            _ => "elsewhere",
        };
        let health = self.v2.describe_target_health().target_group_arn(&self.targets).send().await?;
        let mut targets = health.target_health_descriptions().iter().filter_map(|found| found.target());
        let balancers = self.classic.describe_load_balancers().load_balancer_names(CLASSIC).send().await?;
        let mut registered = balancers.load_balancer_descriptions().iter().flat_map(|one| one.instances());
        Ok(Place {
            lifecycle,
            is_protected: member.protected_from_scale_in().unwrap_or(false),
            is_target: targets.any(|target| target.id() == Some(id)),
            is_in_classic: registered.any(|one| one.instance_id() == Some(id)),
        })
    }

    /// What EC2 says of a host.
    pub(super) async fn observe(&self, id: &str) -> Result<State> {
        Ok(instance::observe(&self.ec2, id).await?)
    }
}
