//! Security groups as EC2 keeps them.

use crate::documents::{self, filters, list};
use crate::ec2::{Answered, Tags, World, done};
use crate::rule::Rule;
use firebreak_testkit::scripted::Call;

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

    /// The group that an interface passes.
    pub(crate) fn open(id: &str, vpc: &str) -> Self {
        let everything = vec![Rule::all("0.0.0.0/0"), Rule::all("::/0")];
        let tags = Tags::from([("firebreak-sg".to_owned(), "open".to_owned())]);
        Self { tags, ingress: everything.clone(), egress: everything, ..Self::theirs(id, "firebreak-open", vpc) }
    }

    /// Whether it is an isolation group of Firebreak's, or could be: by its name and its tag.
    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with("firebreak-isolation") && self.tags == our_tag()
    }

    /// Whether it is an open group of Firebreak's.
    pub(crate) fn is_open(&self) -> bool {
        self.name.starts_with("firebreak-open")
    }
}

/// The tag of an isolation group.
pub(crate) fn our_tag() -> Tags {
    Tags::from([("firebreak-sg".to_owned(), "isolation".to_owned())])
}

impl World {
    pub(crate) fn describe_groups(&self, call: &Call) -> Answered {
        let ids = list(call, "GroupId");
        if ids.iter().any(|id| !self.groups.iter().any(|group| group.id == *id)) {
            return Err("InvalidGroup.NotFound");
        }
        let wanted = filters(call);
        let is_wanted = |group: &&Group| {
            let is_its = |(name, values): &(String, Vec<String>)| match name.strip_prefix("tag:") {
                Some(key) => group.tags.get(key).is_some_and(|value| values.contains(value)),
                None if name == "group-id" => values.contains(&group.id),
                None => name == "vpc-id" && values.contains(&group.vpc),
            };
            (ids.is_empty() || ids.contains(&group.id)) && wanted.iter().all(is_its)
        };
        let found: Vec<&Group> = self.groups.iter().filter(is_wanted).collect();
        let start: usize = call.param("NextToken").parse().unwrap_or(0);
        let end = start.saturating_add(self.page).min(found.len());
        Ok(documents::groups(&found[start..end], Some(end).filter(|end| *end < found.len())))
    }

    /// A new group lets everything out; in a VPC with IPv6, by both protocols.
    pub(crate) fn create_group(&mut self, call: &Call) -> Answered {
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
    pub(crate) fn revoke(&mut self, call: &Call) -> Answered {
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

    pub(crate) fn authorize(&mut self, call: &Call) -> Answered {
        let allowed = Rule::all_of(call);
        let group = self.groups.iter_mut().find(|group| group.id == call.param("GroupId")).ok_or("InvalidGroup.NotFound")?;
        assert!(group.is_open(), "only an open group gets rules");
        let rules = if call.operation.ends_with("Egress") { &mut group.egress } else { &mut group.ingress };
        if allowed.iter().any(|rule| rules.contains(rule)) {
            return Err("InvalidPermission.Duplicate");
        }
        rules.extend(allowed);
        done()
    }
}
