//! EC2's requests taken apart, and its answers put together.

use crate::INSTANCE;
use crate::ec2::{Group, Instance, Interface, Tags};
use crate::rule::Rule;
use firebreak_testkit::scripted::Call;

/// The filters of a request, each with its one value.
pub(crate) fn filters(call: &Call) -> Vec<(String, String)> {
    let filter = |number: usize| {
        let param = |part: &str| call.param(&format!("Filter.{number}.{part}")).to_owned();
        Some((param("Name"), param("Value.1"))).filter(|(name, _)| !name.is_empty())
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
pub(crate) fn instance(found: &Instance) -> String {
    let lifecycle = if found.spot { "<instanceLifecycle>spot</instanceLifecycle>" } else { "" };
    let state = format!("<instanceState><name>{}</name></instanceState>", found.state);
    let instance = format!("<instanceId>{INSTANCE}</instanceId>{state}{lifecycle}{}", tag_set(&found.tags));
    format!("<reservationSet><item><instancesSet><item>{instance}</item></instancesSet></item></reservationSet>")
}

/// The answer to `DescribeNetworkInterfaces`.
pub(crate) fn interfaces(found: &[Interface]) -> String {
    let one = |interface: &Interface| {
        let groups = items(&interface.groups, |id| format!("<groupId>{id}</groupId>"));
        let id = format!("<networkInterfaceId>{}</networkInterfaceId>", interface.id);
        format!("{id}<vpcId>{}</vpcId><groupSet>{groups}</groupSet>", interface.vpc)
    };
    format!("<networkInterfaceSet>{}</networkInterfaceSet>", items(found, one))
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
