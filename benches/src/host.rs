//! Instances that `isolate-ec2` isolates, planted to be measured.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, ConnectivityType, EbsBlockDevice, Filter, InstanceNetworkInterfaceSpecification, InstanceType,
};
use aws_sdk_elasticloadbalancingv2 as v2;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ProtocolEnum, TargetDescription};
use firebreak_drill::{Result, Stage};

/// One that the local AWS knows.
const IMAGE: &str = "ami-12c6146b";

/// What is special about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: its subnet leads to NAT, so that open connections are not cut.
    Plain,
    /// No route leads out: open connections are cut.
    Private,
    /// It serves in an Auto Scaling group, behind NAT.
    Member,
    /// It serves in a target group of a load balancer that no Auto Scaling group fills, behind NAT. Last: what one ground plants, those
    /// after it see.
    Target,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Private, Self::Member, Self::Target];

    /// How people call it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Private => "private, open connections cut",
            Self::Member => "member of an Auto Scaling group",
            Self::Target => "target of a load balancer",
        }
    }
}

/// A VPC for instances of one kind. The first isolation in it makes its groups, and the others find them.
pub(crate) struct Ground {
    kind: Kind,
    vpc: String,
    subnet: String,
    group: String,
}

impl Ground {
    pub(crate) async fn plant(stage: &Stage, kind: Kind) -> Result<Self> {
        let ec2 = Client::new(stage.config());
        let vpc = ec2.create_vpc().cidr_block("10.30.0.0/16").send().await?.vpc.and_then(|vpc| vpc.vpc_id).ok_or("no VPC")?;
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.30.0.0/20").send().await?;
        let subnet = subnet.subnet.and_then(|subnet| subnet.subnet_id).ok_or("no subnet")?;
        let group = ec2.create_security_group().group_name("app").description("app").vpc_id(&vpc).send().await?;
        let group = group.group_id.ok_or("no group")?;
        if kind != Kind::Private {
            lead_to_nat(&ec2, &vpc, &subnet).await?;
        }
        Ok(Self { kind, vpc, subnet, group })
    }

    /// Starts an instance with so many network interfaces, and as many volumes; returns its id. `number` names the group that it serves
    /// in.
    pub(crate) async fn host(&self, stage: &Stage, size: usize, number: usize) -> Result<String> {
        let interface = |index: i32| {
            let at = InstanceNetworkInterfaceSpecification::builder().device_index(index);
            at.subnet_id(&self.subnet).groups(&self.group).build()
        };
        let volume = |letter: char| {
            let ebs = EbsBlockDevice::builder().volume_size(8).delete_on_termination(true).build();
            BlockDeviceMapping::builder().device_name(format!("/dev/sd{letter}")).ebs(ebs).build()
        };
        let started = Client::new(stage.config())
            .run_instances()
            .image_id(IMAGE)
            .instance_type(InstanceType::M5Large)
            .min_count(1)
            .max_count(1)
            .set_network_interfaces(Some((0..).take(size).map(interface).collect()))
            .set_block_device_mappings(Some(('a'..='z').take(size).map(volume).collect()))
            .send()
            .await?;
        let id = started.instances().first().and_then(|instance| instance.instance_id()).ok_or("no instance")?.to_owned();
        match self.kind {
            Kind::Plain | Kind::Private => {}
            Kind::Member => self.join_a_fleet(stage, &id, &format!("fleet-{number}")).await?,
            Kind::Target => self.join_targets(stage, &id, &format!("fleet-{number}")).await?,
        }
        Ok(id)
    }

    /// Puts the instance into an Auto Scaling group of its own: a group may always lose one host.
    async fn join_a_fleet(&self, stage: &Stage, id: &str, name: &str) -> Result<()> {
        let scaling = aws_sdk_autoscaling::Client::new(stage.config());
        let launch = scaling.create_launch_configuration().launch_configuration_name(name).image_id(IMAGE);
        launch.instance_type(InstanceType::M5Large.as_str()).send().await?;
        let group = scaling.create_auto_scaling_group().auto_scaling_group_name(name).launch_configuration_name(name);
        group.min_size(0).max_size(4).desired_capacity(0).vpc_zone_identifier(&self.subnet).send().await?;
        scaling.attach_instances().instance_ids(id).auto_scaling_group_name(name).send().await?;
        Ok(())
    }

    /// Registers the instance with a target group of its own, behind a load balancer: a group may always lose one host.
    async fn join_targets(&self, stage: &Stage, id: &str, name: &str) -> Result<()> {
        let balancing = v2::Client::new(stage.config());
        let made = balancing.create_target_group().name(name).protocol(ProtocolEnum::Http).port(80).vpc_id(&self.vpc);
        let made = made.send().await?.target_groups.unwrap_or_default().into_iter().next();
        let arn = made.and_then(|group| group.target_group_arn).ok_or("no target group")?;
        // Without one nothing is asked before the isolation.
        let balancers = balancing.create_load_balancer().name(name).subnets(&self.subnet).send().await?;
        let balancer = balancers.load_balancers().first().and_then(|one| one.load_balancer_arn()).ok_or("no load balancer")?;
        let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&arn).build();
        let listener = balancing.create_listener().load_balancer_arn(balancer).protocol(ProtocolEnum::Http).port(80);
        listener.default_actions(forward).send().await?;
        let target = TargetDescription::builder().id(id).port(80).build();
        balancing.register_targets().target_group_arn(arn).targets(target).send().await?;
        Ok(())
    }
}

async fn lead_to_nat(ec2: &Client, vpc: &str, subnet: &str) -> Result<()> {
    let nat = ec2.create_nat_gateway().subnet_id(subnet).connectivity_type(ConnectivityType::Private).send().await?;
    let nat = nat.nat_gateway.and_then(|nat| nat.nat_gateway_id).ok_or("no NAT gateway")?;
    let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
    let tables = ec2.describe_route_tables().filters(of_vpc).send().await?;
    let main = tables.route_tables().first().and_then(|table| table.route_table_id()).ok_or("no route table")?;
    ec2.create_route().route_table_id(main).destination_cidr_block("0.0.0.0/0").nat_gateway_id(nat).send().await?;
    Ok(())
}
