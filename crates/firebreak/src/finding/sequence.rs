//! GuardDuty's attack sequences: `resource` names nothing, the targets are in `service.detection.sequence`.
//!
//! Source: GuardDuty API, shapes `Sequence`, `Actor`, `ResourceV2`. Exports may lack the block: then nothing is named.

use super::resource::{bucket_among, is_no_plain_bucket};
use super::vocabulary::{Word, named, word_or_of};
use super::{Credentials, Finding, Named, Resource, first, list, tags, text};
use crate::ids::{AccessKeyId, InstanceId};
use crate::target::TargetKind;
use serde_json::Value;

pub(super) fn read(sequence: &Value, finding: &mut Finding) {
    finding.sequence = true;
    for (at, actor) in list(sequence, "actors").enumerate() {
        let Some(user) = actor.get("user").filter(|user| user.is_object()) else { continue };
        let kind = text(user, "type").unwrap_or("");
        let credentials = Credentials::resolve(kind, text(user, "name"), text(user, "uid"), text(user, "credentialUid"));
        let field = format!("detail.service.detection.sequence.actors[{at}].user");
        let account = user.get("account").and_then(|account| text(account, "uid"));
        finding.resources.push(Resource::new(Named::Credentials(credentials), field).placed(None, account, None));
    }
    for (at, resource) in list(sequence, "resources").enumerate() {
        if let Some(read) = one(resource, format!("detail.service.detection.sequence.resources[{at}]")) {
            let placed = read.placed(text(resource, "uid"), text(resource, "accountId"), text(resource, "region"));
            finding.resources.push(placed.tagged(tags(resource)));
        }
    }
    let indicators = list(sequence, "sequenceIndicators").filter_map(|indicator| text(indicator, "key"));
    finding.indicators = indicators.take(20).map(|key| crate::text::inert(key, 64)).collect();
    let addresses = list(sequence, "endpoints").filter_map(|endpoint| text(endpoint, "ip")?.parse::<std::net::IpAddr>().ok());
    finding.remote_addresses.extend(addresses);
}

fn one(resource: &Value, field: String) -> Option<Resource> {
    let (uid, name) = (text(resource, "uid"), text(resource, "name"));
    let label = uid.filter(|uid| uid.starts_with("arn:")).or(name).or(uid).unwrap_or("unnamed");
    let null = Value::Null;
    let data = resource.get("data").unwrap_or(&null);
    let kind = text(resource, "resourceType").unwrap_or("");
    if CONTEXT.contains(&kind) {
        return None;
    }
    Some(match word_or_of(kind, label) {
        Some(Word::Key) => {
            let key = data.get("accessKey").unwrap_or(&null);
            let (kind, owner) = (text(key, "userType").unwrap_or(""), text(key, "userName"));
            let its = first([name, uid], AccessKeyId::parse);
            let credentials = Credentials::resolve(kind, owner, text(key, "principalId"), its.as_ref().map(AccessKeyId::as_str));
            Resource::new(Named::Credentials(credentials), field)
        }
        Some(Word::Instance) => {
            let ids = || [instance_id(uid), instance_id(name)].into_iter().flatten();
            // The API's shape `Ec2Instance` has it with a capital, other blocks of GuardDuty without.
            let spelled = ["/ec2Instance/IamInstanceProfile/arn", "/ec2Instance/iamInstanceProfile/arn"];
            let profile = spelled.iter().find_map(|path| data.pointer(path)?.as_str());
            Resource::instance(ids().find(|id| InstanceId::parse(id).is_ok()).or_else(|| ids().next()), field)
                .with_profile(profile)
        }
        Some(Word::Bucket) if uid.is_some_and(is_no_plain_bucket) => Resource::other(TargetKind::S3Bucket, label, field),
        Some(Word::Bucket) => {
            let of_arn = uid.and_then(|arn| arn.rsplit(":::").next());
            Resource::bucket(bucket_among(&[name, of_arn]), true, field)
        }
        Some(Word::Is(TargetKind::EksWorkload)) => {
            let namespace = data.pointer("/kubernetesWorkload/namespace").and_then(Value::as_str);
            let label = namespace.map_or_else(|| label.to_owned(), |namespace| format!("{namespace}/{label}"));
            Resource::other(TargetKind::EksWorkload, &label, field)
        }
        Some(Word::Is(kind)) => Resource::other(kind, label, field),
        Some(word) => Resource::new(named(word, label), field),
        // An open vocabulary, too: what is new is named for people, unless its ARN tells.
        None => Resource::other(TargetKind::Other, label, field),
    })
}

/// Context, not targets: what stands around an instance changes nothing about who is compromised.
const CONTEXT: [&str; 5] =
    ["EC2_NETWORK_INTERFACE", "EC2_VPC", "EC2_LAUNCH_TEMPLATE", "AUTOSCALING_AUTO_SCALING_GROUP", "CLOUDFORMATION_STACK"];

/// `i-…`, alone or at the end of an instance's ARN.
fn instance_id(text: Option<&str>) -> Option<&str> {
    let text = text?;
    let id = text.rsplit_once(":instance/").map_or(text, |(_, id)| id);
    id.starts_with("i-").then_some(id)
}
