//! What the tags of an instance say about acting on it without a person.

use super::wanted::Wanted;
use crate::containment::Containment;
use crate::finding::{Finding, Source};
use crate::policy::Policy;
use crate::target::Scope;
use crate::text::inert;

/// Why the isolation of this instance, or of the session of its role, waits: its tags are on a list of policy. The reason names the tag:
/// whoever may tag the instance can write one to gain time.
pub(super) fn listed(finding: &Finding, wanted: &Wanted, policy: &Policy) -> Option<String> {
    let isolates = wanted.containment == Some(Containment::IsolateEc2);
    let takes_its_session = wanted.containment == Some(Containment::QuarantineIam) && wanted.target.scope == Scope::Session;
    // A person who asks knows the instance.
    if !(isolates || takes_its_session) || finding.source == Source::Request {
        return None;
    }
    let instances = &policy.instances;
    let because = |what: &str, key: &str, value: &str| {
        let tag = inert(&format!("{key}={value}"), 100);
        format!("the instance has the tag {tag}: {what}")
    };
    if let Some(tag) = instances.critical_tag(&wanted.tags) {
        return Some(because("policy has a person decide about it", &tag.key, &tag.value));
    }
    let resolver = instances.resolvers.iter().find(|tag| tag.matches(&wanted.tags)).filter(|_| finding.rests_on_dns());
    resolver.map(|tag| because("it asks DNS for others, and the finding saw no more than that", &tag.key, &tag.value))
}

/// A reason that holds because of a tag of a cluster's node, with that tag.
pub(super) fn with_node_tag(why: &str, finding: &Finding) -> String {
    finding.node_tag().map_or_else(|| why.to_owned(), |key| format!("{why} (tag {})", inert(key, 64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Mode, ReasonCode};
    use crate::finding::{Read, read};
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::{Place, Target, TargetKind};
    use serde_json::json;

    #[test]
    fn the_session_of_a_listed_host_waits_with_its_isolation_and_no_other_principal_does() {
        let event = json!({ "source": "aws.guardduty", "detail-type": "GuardDuty Finding",
            "detail": { "type": "Backdoor:EC2/C&CActivity.B!DNS" } });
        let Read::Findings(findings) = read(&event) else { panic!("{event}") };
        let policy =
            "[instances]\ncritical = [{ key = \"tier\", value = \"a\" }]\nresolvers = [{ key = \"role\", value = \"dns\" }]";
        let policy = Policy::parse(policy).expect("a policy");
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        let waits = |scope, tag: (&str, &str)| {
            let target = Target { scope, ..Target::new(TargetKind::IamRole, "web", place.clone()) };
            let tags = vec![(tag.0.to_owned(), tag.1.to_owned())];
            let wanted = Wanted { tags, ..Wanted::found(Containment::QuarantineIam, Mode::Auto, &target, ReasonCode::Row) };
            findings.iter().any(|finding| listed(finding, &wanted, &policy).is_some())
        };
        for tag in [("tier", "a"), ("role", "dns")] {
            assert!(waits(Scope::Session, tag) && !waits(Scope::Principal, tag), "{tag:?}");
        }
        assert!(!waits(Scope::Session, ("tier", "b")));
    }
}
