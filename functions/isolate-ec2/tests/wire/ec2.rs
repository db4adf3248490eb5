//! An instance as EC2 shows it, with its network interfaces and the security groups of its VPCs.

use crate::documents::{self, filters, list};
use crate::rule::Rule;
use crate::{FIRST, INSTANCE, SECOND, VPC_A, VPC_B};
use firebreak_testkit::room::REGION;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) type Tags = BTreeMap<String, String>;
/// What stands inside the envelope, or the code of an error.
type Answered = Result<String, &'static str>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// For example `running`.
    pub(crate) state: &'static str,
    pub(crate) spot: bool,
    /// `disableApiTermination`.
    pub(crate) protected: bool,
    pub(crate) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) id: &'static str,
    pub(crate) vpc: &'static str,
    pub(crate) groups: Vec<String>,
}

impl Interface {
    pub(crate) fn new(id: &'static str, vpc: &'static str, groups: &[&str]) -> Self {
        Self { id, vpc, groups: groups.iter().map(ToString::to_string).collect() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vpc: String,
    pub(crate) tags: Tags,
    pub(crate) ingress: Vec<Rule>,
    pub(crate) egress: Vec<Rule>,
}

impl Group {
    /// A group of the customer: it lets everything out, and the web in.
    pub(crate) fn theirs(id: &str, name: &str, vpc: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            vpc: vpc.to_owned(),
            tags: Tags::new(),
            ingress: vec![Rule::tcp("443", "0.0.0.0/0")],
            egress: vec![Rule::all("0.0.0.0/0")],
        }
    }

    /// A group that Firebreak made.
    pub(crate) fn isolation(id: &str, vpc: &str) -> Self {
        let none = Self { ingress: vec![], egress: vec![], ..Self::theirs(id, "firebreak-isolation", vpc) };
        Self { tags: our_tag(), ..none }
    }

    /// Whether Firebreak made it, or could have: by its name and its tag.
    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with("firebreak-isolation") && self.tags == our_tag()
    }
}

/// The tag of an isolation group.
pub(crate) fn our_tag() -> Tags {
    Tags::from([("firebreak-sg".to_owned(), "isolation".to_owned())])
}

/// All that EC2 knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    /// Nothing: EC2 has forgotten it.
    pub(crate) instance: Option<Instance>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) groups: Vec<Group>,
    /// How many security groups are on one page.
    pub(crate) page: usize,
}

impl World {
    /// A running instance in two VPCs, with a tag that an earlier incident left on it.
    fn at_first() -> Self {
        let tags = [("Name", "shop"), ("firebreak-incident", "fb-of-last-year")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Self {
            instance: Some(Instance { state: "running", spot: false, protected: false, tags }),
            interfaces: vec![Interface::new(FIRST, VPC_A, &["sg-db", "sg-web"]), Interface::new(SECOND, VPC_B, &["sg-app"])],
            groups: vec![
                Group::theirs("sg-db", "db", VPC_A),
                Group::theirs("sg-web", "web", VPC_A),
                Group::theirs("sg-app", "app", VPC_B),
            ],
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
        self.asked_for(call.param("InstanceId.1")).map(|instance| documents::instance(instance))
    }

    fn describe_protection(&mut self, call: &Call) -> Answered {
        assert_eq!(call.param("Attribute"), "disableApiTermination");
        let protected = self.asked_for(call.param("InstanceId"))?.protected;
        Ok(format!("<disableApiTermination><value>{protected}</value></disableApiTermination>"))
    }

    fn describe_interfaces(&self, call: &Call) -> Answered {
        assert_eq!(filters(call), [("attachment.instance-id".to_owned(), INSTANCE.to_owned())]);
        Ok(documents::interfaces(&self.interfaces))
    }

    fn describe_groups(&self, call: &Call) -> Answered {
        let wanted = filters(call);
        let is_wanted = |group: &&Group| {
            wanted.iter().all(|(name, value)| match name.strip_prefix("tag:") {
                Some(key) => group.tags.get(key) == Some(value),
                None => name == "vpc-id" && group.vpc == *value,
            })
        };
        let found: Vec<&Group> = self.groups.iter().filter(is_wanted).collect();
        let start: usize = call.param("NextToken").parse().unwrap_or(0);
        let end = start.saturating_add(self.page).min(found.len());
        Ok(documents::groups(&found[start..end], Some(end).filter(|end| *end < found.len())))
    }

    fn describe_vpcs(&self) -> Answered {
        let vpcs: BTreeSet<&str> = self.groups.iter().map(|group| group.vpc.as_str()).collect();
        let vpcs: String = vpcs.iter().map(|vpc| format!("<item><vpcId>{vpc}</vpcId></item>")).collect();
        Ok(format!("<vpcSet>{vpcs}</vpcSet>"))
    }

    /// A new group lets everything out; in a VPC with IPv6, by both protocols.
    fn create_group(&mut self, call: &Call) -> Answered {
        let (name, vpc) = (call.param("GroupName"), call.param("VpcId"));
        if self.groups.iter().any(|group| group.name == name && group.vpc == vpc) {
            return Err("InvalidGroup.Duplicate");
        }
        assert_eq!(call.param("TagSpecification.1.ResourceType"), "security-group");
        let id = format!("sg-new-{}", self.groups.len());
        let tags = documents::tags(call, "TagSpecification.1.Tag");
        let egress = vec![Rule::all("0.0.0.0/0"), Rule::all("::/0")];
        self.groups.push(Group { tags, ingress: vec![], egress, ..Group::theirs(&id, name, vpc) });
        Ok(format!("<return>true</return><groupId>{id}</groupId>"))
    }

    /// One rule that is not there, and none is revoked.
    fn revoke(&mut self, call: &Call) -> Answered {
        let revoked = Rule::all_of(call);
        assert!(!revoked.is_empty(), "EC2 wants to know which rules");
        let group = self.groups.iter_mut().find(|group| group.id == call.param("GroupId")).ok_or("InvalidGroup.NotFound")?;
        let rules = if call.operation.ends_with("Egress") { &mut group.egress } else { &mut group.ingress };
        if revoked.iter().any(|rule| !rules.contains(rule)) {
            return Err("InvalidPermission.NotFound");
        }
        rules.retain(|rule| !revoked.contains(rule));
        done()
    }

    fn move_interface(&mut self, call: &Call) -> Answered {
        let groups = list(call, "SecurityGroupId");
        let wanted = call.param("NetworkInterfaceId");
        let found = self.interfaces.iter_mut().find(|interface| interface.id == wanted);
        let interface = found.ok_or("InvalidNetworkInterfaceID.NotFound")?;
        let vpc = interface.vpc;
        let fits = |id: &String| self.groups.iter().any(|group| group.id == *id && group.vpc == vpc);
        if groups.is_empty() || !groups.iter().all(fits) {
            return Err("InvalidParameterValue");
        }
        interface.groups = groups;
        done()
    }

    fn protect(&mut self, call: &Call) -> Answered {
        let instance = self.asked_for(call.param("InstanceId"))?;
        if instance.spot {
            return Err("UnsupportedOperation");
        }
        instance.protected = call.param("DisableApiTermination.Value") == "true";
        done()
    }

    fn tag(&mut self, call: &Call) -> Answered {
        let tags = documents::tags(call, "Tag");
        let instance = self.asked_for(call.param("ResourceId.1"))?;
        if call.operation == "CreateTags" {
            instance.tags.extend(tags);
        } else {
            instance.tags.retain(|key, _| !tags.contains_key(key));
        }
        done()
    }
}

fn done() -> Answered {
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
            "DescribeInstanceAttribute" => world.describe_protection(call),
            "DescribeNetworkInterfaces" => world.describe_interfaces(call),
            "DescribeSecurityGroups" => world.describe_groups(call),
            "DescribeVpcs" => world.describe_vpcs(),
            "CreateSecurityGroup" => world.create_group(call),
            "RevokeSecurityGroupEgress" | "RevokeSecurityGroupIngress" => world.revoke(call),
            "ModifyNetworkInterfaceAttribute" => world.move_interface(call),
            "ModifyInstanceAttribute" => world.protect(call),
            "CreateTags" | "DeleteTags" => world.tag(call),
            _ => return None,
        };
        Some(match answered {
            Ok(inner) => ok(inner),
            Err(code) => error(400, code),
        })
    }
}
