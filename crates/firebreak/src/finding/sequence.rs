//! GuardDuty's attack sequences: `resource` names nothing, the targets are in `service.detection.sequence`.
//!
//! Source: GuardDuty API, shapes `Sequence`, `Actor`, `ResourceV2`. Exports may lack the block: then nothing is named.

use super::{Credentials, Finding, Named, Resource, list, tags, text};
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
        finding.resources.push(Resource::new(Named::Credentials(credentials), field).placed(account, None));
    }
    for (at, resource) in list(sequence, "resources").enumerate() {
        if let Some(read) = one(resource, format!("detail.service.detection.sequence.resources[{at}]")) {
            finding.resources.push(read.placed(text(resource, "accountId"), text(resource, "region")).tagged(tags(resource)));
        }
    }
    let addresses = list(sequence, "endpoints").filter_map(|endpoint| text(endpoint, "ip")?.parse::<std::net::IpAddr>().ok());
    finding.remote_addresses.extend(addresses);
}

fn one(resource: &Value, field: String) -> Option<Resource> {
    let (uid, name) = (text(resource, "uid"), text(resource, "name"));
    let label = uid.filter(|uid| uid.starts_with("arn:")).or(name).or(uid).unwrap_or("unnamed");
    let null = Value::Null;
    let data = resource.get("data").unwrap_or(&null);
    Some(match text(resource, "resourceType")? {
        "ACCESS_KEY" => {
            let key = data.get("accessKey").unwrap_or(&null);
            let (kind, owner) = (text(key, "userType").unwrap_or(""), text(key, "userName"));
            let credentials = Credentials::resolve(kind, owner, text(key, "principalId"), name.or(uid));
            Resource::new(Named::Credentials(credentials), field)
        }
        "EC2_INSTANCE" => Resource::instance(instance_id(uid).or_else(|| instance_id(name)), field),
        "S3_BUCKET" => Resource::bucket(name.or_else(|| uid.and_then(|arn| arn.rsplit(":::").next())), true, field),
        "S3_OBJECT" => Resource::other(TargetKind::S3Object, label, field),
        "IAM_INSTANCE_PROFILE" => Resource::other(TargetKind::InstanceProfile, label, field),
        "EKS_CLUSTER" | "KUBERNETES_WORKLOAD" => {
            let namespace = data.pointer("/kubernetesWorkload/namespace").and_then(Value::as_str);
            let label = namespace.map_or_else(|| label.to_owned(), |namespace| format!("{namespace}/{label}"));
            Resource::other(TargetKind::EksWorkload, &label, field)
        }
        "ECS_CLUSTER" | "ECS_TASK" => Resource::other(TargetKind::EcsTask, label, field),
        "CONTAINER" => Resource::other(TargetKind::Container, label, field),
        "EC2_IMAGE" => Resource::other(TargetKind::Ec2Image, label, field),
        // Context, not targets: what stands around an instance changes nothing about who is compromised.
        "EC2_NETWORK_INTERFACE"
        | "EC2_VPC"
        | "EC2_LAUNCH_TEMPLATE"
        | "AUTOSCALING_AUTO_SCALING_GROUP"
        | "CLOUDFORMATION_STACK" => return None,
        kind if kind.starts_with("BEDROCK_") || kind.starts_with("SAGEMAKER_") => {
            Resource::other(TargetKind::Other, label, field)
        }
        // An open vocabulary, too: what is new is named for people.
        _ => Resource::other(TargetKind::Other, label, field),
    })
}

/// `i-…`, alone or at the end of an instance's ARN.
fn instance_id(text: Option<&str>) -> Option<&str> {
    let text = text?;
    let id = text.rsplit_once(":instance/").map_or(text, |(_, id)| id);
    id.starts_with("i-").then_some(id)
}
