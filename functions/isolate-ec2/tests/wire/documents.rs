//! EC2's requests taken apart, and its answers put together.

use crate::INSTANCE;
use crate::ec2::{Group, Instance, Interface, Table, Tags, Volume};
use crate::rule::Rule;
use firebreak_testkit::scripted::Call;

/// The filters of a request, each with its values.
pub(crate) fn filters(call: &Call) -> Vec<(String, Vec<String>)> {
    let filter = |number: usize| {
        let name = call.param(&format!("Filter.{number}.Name")).to_owned();
        Some((name, list(call, &format!("Filter.{number}.Value")))).filter(|(name, _)| !name.is_empty())
    };
    (1..).map_while(filter).collect()
}

/// The members of a list in a request.
pub(crate) fn list(call: &Call, name: &str) -> Vec<String> {
    let member = |number: usize| Some(call.param(&format!("{name}.{number}")).to_owned()).filter(|value| !value.is_empty());
    (1..).map_while(member).collect()
}

/// The tags of a request.
pub(crate) fn tags(call: &Call, name: &str) -> Tags {
    let tag = |number: usize| {
        let param = |part: &str| call.param(&format!("{name}.{number}.{part}")).to_owned();
        Some((param("Key"), param("Value"))).filter(|(key, _)| !key.is_empty())
    };
    (1..).map_while(tag).collect()
}

/// The answer to `DescribeInstances`.
pub(crate) fn instance(found: &Instance, interfaces: &[&Interface]) -> String {
    let lifecycle = if found.spot { "<instanceLifecycle>spot</instanceLifecycle>" } else { "" };
    let state = format!("<instanceState><name>{}</name></instanceState>", found.state);
    let profile =
        found.profile.map(|arn| format!("<iamInstanceProfile><arn>{arn}</arn></iamInstanceProfile>")).unwrap_or_default();
    let root = format!("<rootDeviceType>{}</rootDeviceType>", found.root_device);
    let hibernation = format!("<hibernationOptions><configured>{}</configured></hibernationOptions>", found.hibernates);
    let volume = |volume: &Volume| {
        let ebs = format!(
            "<volumeId>{}</volumeId><deleteOnTermination>{}</deleteOnTermination>",
            volume.id, volume.delete_on_termination
        );
        format!("<deviceName>{}</deviceName><ebs>{ebs}</ebs>", volume.device)
    };
    let volumes = format!("<blockDeviceMapping>{}</blockDeviceMapping>", items(&found.volumes, volume));
    let attached = format!("<networkInterfaceSet>{}</networkInterfaceSet>", items(interfaces.iter().copied(), attached));
    let parts = format!("{state}{lifecycle}{profile}{root}{hibernation}{volumes}{attached}{}", tag_set(&found.tags));
    let instance = format!("<instanceId>{INSTANCE}</instanceId>{parts}");
    format!("<reservationSet><item><instancesSet><item>{instance}</item></instancesSet></item></reservationSet>")
}

/// An interface as both lists show it.
fn attached(interface: &Interface) -> String {
    let groups = items(&interface.groups, |id| format!("<groupId>{id}</groupId>"));
    let id = format!("<networkInterfaceId>{}</networkInterfaceId>", interface.id);
    let place = format!("<vpcId>{}</vpcId><subnetId>{}</subnetId>", interface.vpc, interface.subnet);
    let public = interface.public.map(|address| {
        format!("<association><publicIp>{address}</publicIp><allocationId>eipalloc-1</allocationId></association>")
    });
    let ipv6 = items(&interface.ipv6, |address| format!("<ipv6Address>{address}</ipv6Address>"));
    let public = public.unwrap_or_default();
    let prefix = items(interface.ipv6_prefix, |prefix| format!("<ipv6Prefix>{prefix}</ipv6Prefix>"));
    let ipv6 = format!("<ipv6AddressesSet>{ipv6}</ipv6AddressesSet><ipv6PrefixSet>{prefix}</ipv6PrefixSet>");
    format!("{id}{place}<groupSet>{groups}</groupSet>{public}{ipv6}")
}

/// The answer to `DescribeNetworkInterfaces`.
pub(crate) fn interfaces(found: &[&Interface]) -> String {
    let one = |interface: &Interface| {
        let seconds = interface.tcp_timeout.map(|seconds| format!("<tcpEstablishedTimeout>{seconds}</tcpEstablishedTimeout>"));
        let tracking =
            seconds.map(|seconds| format!("<connectionTrackingConfiguration>{seconds}</connectionTrackingConfiguration>"));
        let kind = format!("<interfaceType>{}</interfaceType>", interface.kind);
        format!("{}{kind}{}{}", attached(interface), tracking.unwrap_or_default(), tag_set(&interface.tags))
    };
    format!("<networkInterfaceSet>{}</networkInterfaceSet>", items(found.iter().copied(), one))
}

/// The answer to `DescribeRouteTables`.
pub(crate) fn routes(found: &[Table]) -> String {
    let route = |(element, id): &(&str, &str)| {
        format!("<destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><{element}>{id}</{element}>")
    };
    let local = "<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>";
    let one = |table: &Table| {
        let link = match table.subnet {
            Some(subnet) => format!("<subnetId>{subnet}</subnetId>"),
            None => "<main>true</main>".to_owned(),
        };
        let routes = format!("<routeSet>{local}{}</routeSet>", items(&table.ways, route));
        format!("<vpcId>{}</vpcId><associationSet><item>{link}</item></associationSet>{routes}", table.vpc)
    };
    format!("<routeTableSet>{}</routeTableSet>", items(found, one))
}

/// The answer to `DescribeTrunkInterfaceAssociations`.
pub(crate) fn trunks(trunk: &str, branches: &[&str]) -> String {
    let ids =
        |branch: &str| format!("<branchInterfaceId>{branch}</branchInterfaceId><trunkInterfaceId>{trunk}</trunkInterfaceId>");
    format!("<interfaceAssociationSet>{}</interfaceAssociationSet>", items(branches.iter().copied(), ids))
}

/// The answer to `DescribeSecurityGroups`; `next` is the token of the next page.
pub(crate) fn groups(found: &[&Group], next: Option<usize>) -> String {
    let one = |group: &&Group| {
        let Group { id, name, vpc, tags, ingress, egress } = group;
        let ids = format!("<groupId>{id}</groupId><groupName>{name}</groupName><vpcId>{vpc}</vpcId>");
        let ingress = format!("<ipPermissions>{}</ipPermissions>", items(ingress, Rule::document));
        let egress = format!("<ipPermissionsEgress>{}</ipPermissionsEgress>", items(egress, Rule::document));
        format!("{ids}{ingress}{egress}{}", tag_set(tags))
    };
    let token = next.map_or_else(String::new, |next| format!("<nextToken>{next}</nextToken>"));
    format!("<securityGroupInfo>{}</securityGroupInfo>{token}", items(found, one))
}

fn tag_set(tags: &Tags) -> String {
    let one = |(key, value): (&String, &String)| format!("<key>{key}</key><value>{value}</value>");
    format!("<tagSet>{}</tagSet>", items(tags, one))
}

/// A list, as EC2 writes it.
fn items<T>(list: impl IntoIterator<Item = T>, one: impl Fn(T) -> String) -> String {
    list.into_iter().map(|member| format!("<item>{}</item>", one(member))).collect()
}
