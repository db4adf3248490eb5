//! An EC2 instance: its network, its volumes, and what it printed. A snapshot of the volumes is taken beside it.

use crate::ask::{RawAnswer, ask};
use aws_config::SdkConfig;
use aws_sdk_ec2::types::Filter;
use firebreak::target::Target;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (ec2, id) = (aws_sdk_ec2::Client::new(config), target.id.as_str());
    let attached = || Filter::builder().name("attachment.instance-id").values(id).build();
    let (instance, interfaces, volumes, console) = futures::join!(
        ask!("ec2:DescribeInstances", ec2.describe_instances().instance_ids(id)),
        ask!("ec2:DescribeNetworkInterfaces", ec2.describe_network_interfaces().filters(attached())),
        ask!("ec2:DescribeVolumes", ec2.describe_volumes().filters(attached())),
        ask!("ec2:GetConsoleOutput", ec2.get_console_output().instance_id(id)),
    );
    vec![instance, interfaces, volumes, console]
}
