//! A VPC with two subnets that the instance is in, and the network ACLs as EC2 shows them.

use crate::INSTANCE;
use firebreak_testkit::room::REGION;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What stands inside the envelope, or the code of an error.
type Answered = Result<String, &'static str>;

/// One entry: number, outbound or not, addresses, and whether it denies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) egress: bool,
    pub(crate) number: i32,
    pub(crate) cidr: String,
    pub(crate) denies: bool,
}

pub(crate) fn rule(egress: bool, number: i32, cidr: &str, denies: bool) -> Rule {
    Rule { egress, number, cidr: cidr.to_owned(), denies }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    pub(crate) id: &'static str,
    pub(crate) subnets: Vec<&'static str>,
    pub(crate) rules: Vec<Rule>,
}

impl Acl {
    /// As EC2 makes it: it lets everything through.
    pub(crate) fn open(id: &'static str, subnets: &[&'static str]) -> Self {
        let both = |number, cidr: &str, denies| [false, true].map(|egress| rule(egress, number, cidr, denies));
        let rules = [both(100, "0.0.0.0/0", false), both(32_767, "0.0.0.0/0", true)].concat();
        Self { id, subnets: subnets.to_vec(), rules }
    }

    /// The rules that deny one address.
    pub(crate) fn denied(&self) -> Vec<(bool, i32, &str)> {
        let hosts = self.rules.iter().filter(|rule| rule.cidr.ends_with("/32") || rule.cidr.ends_with("/128"));
        let mut denied: Vec<_> =
            hosts.filter(|rule| rule.denies).map(|rule| (rule.egress, rule.number, rule.cidr.as_str())).collect();
        denied.sort_unstable();
        denied
    }
}

/// All that EC2 knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    /// The subnets of the instance's interfaces. None: it is gone.
    pub(crate) subnets: Vec<&'static str>,
    pub(crate) acls: Vec<Acl>,
    /// The ranges of the VPC.
    pub(crate) ranges: Vec<&'static str>,
    /// Entries of a network ACL in each direction.
    pub(crate) quota: usize,
}

impl World {
    fn at_first() -> Self {
        Self {
            subnets: vec!["subnet-a", "subnet-b"],
            acls: vec![Acl::open("acl-1", &["subnet-a", "subnet-other"]), Acl::open("acl-2", &["subnet-b"])],
            ranges: vec!["10.0.0.0/16"],
            quota: 20,
        }
    }

    fn interfaces(&self, call: &Call) -> String {
        assert_eq!((call.param("Filter.1.Name"), call.param("Filter.1.Value.1")), ("attachment.instance-id", INSTANCE));
        let one = |subnet: &&str| format!("<item><subnetId>{subnet}</subnetId><vpcId>vpc-1</vpcId></item>");
        format!("<networkInterfaceSet>{}</networkInterfaceSet>", self.subnets.iter().map(one).collect::<String>())
    }

    fn acls(&self, call: &Call) -> String {
        let values: Vec<&str> = (1..20).map(|n| call.param(&format!("Filter.1.Value.{n}"))).collect();
        let is_wanted = |acl: &&Acl| match call.param("Filter.1.Name") {
            "association.subnet-id" => acl.subnets.iter().any(|subnet| values.contains(subnet)),
            "network-acl-id" => values.contains(&acl.id),
            name => panic!("{name}"),
        };
        format!("<networkAclSet>{}</networkAclSet>", self.acls.iter().filter(is_wanted).map(document).collect::<String>())
    }

    fn vpcs(&self) -> String {
        let one = |range: &&str| {
            let name = if range.contains(':') { "ipv6CidrBlock" } else { "cidrBlock" };
            format!("<item><{name}>{range}</{name}></item>")
        };
        let of = |v6: bool| self.ranges.iter().filter(move |range| range.contains(':') == v6).map(one).collect::<String>();
        let v4 = format!("<cidrBlockAssociationSet>{}</cidrBlockAssociationSet>", of(false));
        let v6 = format!("<ipv6CidrBlockAssociationSet>{}</ipv6CidrBlockAssociationSet>", of(true));
        format!("<vpcSet><item><vpcId>vpc-1</vpcId>{v4}{v6}</item></vpcSet>")
    }

    fn acl(&mut self, call: &Call) -> Result<&mut Acl, &'static str> {
        self.acls.iter_mut().find(|acl| acl.id == call.param("NetworkAclId")).ok_or("InvalidNetworkAclID.NotFound")
    }

    fn create(&mut self, call: &Call) -> Answered {
        let quota = self.quota;
        let acl = self.acl(call)?;
        let cidr = format!("{}{}", call.param("CidrBlock"), call.param("Ipv6CidrBlock"));
        let (egress, number) = place(call);
        assert_eq!((call.param("Protocol"), call.param("RuleAction")), ("-1", "deny"));
        if acl.rules.iter().any(|rule| (rule.egress, rule.number) == (egress, number)) {
            return Err("NetworkAclEntryAlreadyExists");
        }
        // The last rule, which nobody can change, does not count.
        if acl.rules.iter().filter(|rule| rule.egress == egress).count() > quota {
            return Err("NetworkAclEntryLimitExceeded");
        }
        acl.rules.push(rule(egress, number, &cidr, true));
        Ok("<return>true</return>".to_owned())
    }

    fn delete(&mut self, call: &Call) -> Answered {
        let acl = self.acl(call)?;
        let (before, place) = (acl.rules.len(), place(call));
        acl.rules.retain(|rule| (rule.egress, rule.number) != place);
        if acl.rules.len() == before { Err("InvalidNetworkAclEntry.NotFound") } else { Ok("<return>true</return>".to_owned()) }
    }
}

fn place(call: &Call) -> (bool, i32) {
    (call.param("Egress") == "true", call.param("RuleNumber").parse().expect("a number"))
}

fn document(acl: &Acl) -> String {
    let subnet = |id: &&str| format!("<item><subnetId>{id}</subnetId><networkAclId>{}</networkAclId></item>", acl.id);
    let entry = |rule: &Rule| {
        let family = if rule.cidr.contains(':') { "ipv6CidrBlock" } else { "cidrBlock" };
        let action = if rule.denies { "deny" } else { "allow" };
        let place = format!("<ruleNumber>{}</ruleNumber><egress>{}</egress>", rule.number, rule.egress);
        format!("<item>{place}<protocol>-1</protocol><ruleAction>{action}</ruleAction><{family}>{}</{family}></item>", rule.cidr)
    };
    let subnets: String = acl.subnets.iter().map(subnet).collect();
    let entries: String = acl.rules.iter().map(entry).collect();
    let id = format!("<networkAclId>{}</networkAclId><vpcId>vpc-1</vpcId>", acl.id);
    format!("<item>{id}<associationSet>{subnets}</associationSet><entrySet>{entries}</entrySet></item>")
}

/// EC2, with one VPC.
#[derive(Clone)]
pub(crate) struct Vpc(Arc<Mutex<World>>);

impl Vpc {
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let vpc = Self(Arc::new(Mutex::new(World::at_first())));
        let served = vpc.clone();
        aws.on("ec2:*", move |call| served.serve(call));
        vpc
    }

    /// All of it as it is now.
    pub(crate) fn now(&self) -> World {
        self.lock().clone()
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut World)) {
        how(&mut self.lock());
    }

    /// Whether every network ACL of the instance's subnets denies these addresses in both directions, one entry each.
    pub(crate) fn denies(&self, cidrs: &[&str]) -> bool {
        let now = self.now();
        let is_ours = |acl: &&Acl| acl.subnets.iter().any(|subnet| now.subnets.contains(subnet));
        now.acls.iter().filter(is_ours).all(|acl| {
            let denied = acl.denied();
            [false, true].iter().all(|egress| {
                cidrs.iter().all(|cidr| denied.iter().filter(|(out, _, of)| out == egress && of == cidr).count() == 1)
            })
        })
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.region, REGION, "{}", call.operation);
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of the member account");
        let mut world = self.lock();
        let answered = match call.operation.as_str() {
            "DescribeNetworkInterfaces" => Ok(world.interfaces(call)),
            "DescribeNetworkAcls" => Ok(world.acls(call)),
            "DescribeVpcs" => Ok(world.vpcs()),
            "CreateNetworkAclEntry" => world.create(call),
            "DeleteNetworkAclEntry" => world.delete(call),
            _ => return None,
        };
        Some(match answered {
            Ok(inner) => ok(inner),
            Err(code) => error(400, code),
        })
    }
}
