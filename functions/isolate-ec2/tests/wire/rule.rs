//! One rule of a security group, as EC2 reads and writes it.

use firebreak_testkit::scripted::Call;

/// Where a rule says whom it lets through: in a request, and in an answer the list and its element.
const PEERS: [(&str, &str, &str); 4] = [
    ("IpRanges.1.CidrIp", "ipRanges", "cidrIp"),
    ("Ipv6Ranges.1.CidrIpv6", "ipv6Ranges", "cidrIpv6"),
    ("Groups.1.GroupId", "groups", "groupId"),
    ("PrefixListIds.1.PrefixListId", "prefixListIds", "prefixListId"),
];

/// A rule with one peer: a range of addresses, a security group or a prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    protocol: String,
    ports: Option<(String, String)>,
    peer: String,
}

impl Rule {
    /// Every protocol and port.
    pub(crate) fn all(peer: &str) -> Self {
        Self { protocol: "-1".to_owned(), ports: None, peer: peer.to_owned() }
    }

    /// One port.
    pub(crate) fn tcp(port: &str, peer: &str) -> Self {
        Self { protocol: "tcp".to_owned(), ports: Some((port.to_owned(), port.to_owned())), peer: peer.to_owned() }
    }

    /// The rules that a request names.
    pub(crate) fn all_of(call: &Call) -> Vec<Self> {
        (1..).map_while(|number| Self::of(call, &format!("IpPermissions.{number}"))).collect()
    }

    fn of(call: &Call, at: &str) -> Option<Self> {
        let param = |name: &str| Some(call.param(&format!("{at}.{name}")).to_owned()).filter(|value| !value.is_empty());
        let protocol = param("IpProtocol")?;
        let peer = PEERS.iter().find_map(|&(name, ..)| param(name)).expect("a rule says whom it lets through");
        Some(Self { protocol, ports: param("FromPort").zip(param("ToPort")), peer })
    }

    /// As an answer shows it.
    pub(crate) fn document(&self) -> String {
        let between = |(from, to): &(String, String)| format!("<fromPort>{from}</fromPort><toPort>{to}</toPort>");
        let ports = self.ports.as_ref().map(between).unwrap_or_default();
        let (_, list, element) = PEERS[self.kind()];
        let peer = format!("<{list}><item><{element}>{}</{element}></item></{list}>", self.peer);
        format!("<ipProtocol>{}</ipProtocol>{ports}{peer}", self.protocol)
    }

    fn kind(&self) -> usize {
        match self.peer.as_str() {
            group if group.starts_with("sg-") => 2,
            list if list.starts_with("pl-") => 3,
            range if range.contains(':') => 1,
            _ => 0,
        }
    }
}
