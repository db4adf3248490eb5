//! GuardDuty's native event: `detail` is one finding in camelCase.
//!
//! Sources: GuardDuty user guide, "Processing GuardDuty findings with Amazon EventBridge" and "Finding details"; the shape
//! `Finding` of the GuardDuty API.

use super::resource::{bucket_among, is_no_plain_bucket};
use super::{
    Credentials, Finding, Named, Read, Resource, ResourceRole, SeverityBand, Source, is_set, list, partition, place_of, sequence,
    tags, text, timestamp,
};
use crate::ids::{AccountId, Region};
use crate::objects::ObjectVersion;
use crate::target::TargetKind;
use serde_json::Value;
use std::net::IpAddr;

pub(super) fn read(detail: &Value) -> Read {
    // A GetFindings dump in an event's envelope is PascalCase: reading half of it would lose the resource.
    if detail.get("Type").is_some() || detail.get("Resource").is_some() {
        return Read::Unreadable("the finding is in GetFindings form (PascalCase), not in EventBridge form");
    }
    let null = Value::Null;
    let service = detail.get("service").unwrap_or(&null);
    let severity = detail.get("severity").and_then(severity_number);
    let (of_arn, in_partition) = place_of([text(detail, "arn")]);
    let region = text(detail, "region").and_then(|s| Region::parse(s).ok()).or(of_arn);
    let mut finding = Finding {
        id: text(detail, "arn").map(str::to_owned),
        finding_type: text(detail, "type").map(str::to_owned),
        severity,
        band: severity.and_then(SeverityBand::of),
        account: text(detail, "accountId").and_then(|s| AccountId::parse(s).ok()),
        partition: partition(text(detail, "partition"), region.as_ref(), in_partition),
        region,
        updated_at: text(detail, "updatedAt").and_then(timestamp),
        first_seen: text(service, "eventFirstSeen").and_then(timestamp),
        product: Some("aws/guardduty".to_owned()),
        vouched: true,
        title: text(detail, "title").map(str::to_owned),
        settled: service.get("archived").is_some_and(is_set),
        sample: is_sample(service.get("additionalInfo").unwrap_or(&null)),
        resource_role: ResourceRole::parse(text(service, "resourceRole")),
        dns_request: service.pointer("/action/actionType").and_then(Value::as_str) == Some("DNS_REQUEST"),
        let_through: is_let_through(detail.pointer("/resource/bedrockGuardrailDetails").unwrap_or(&null)),
        part_of: text(detail, "associatedAttackSequenceArn").map(str::to_owned),
        remote_addresses: remote_addresses(service.get("action").unwrap_or(&null)),
        actor: super::actor::of_guardduty(detail),
        ..Finding::empty(Source::GuardDuty)
    };
    resources(detail.get("resource").unwrap_or(&null), &mut finding.resources);
    if let Some(sequence) = service.pointer("/detection/sequence") {
        sequence::read(sequence, &mut finding);
    }
    Read::Findings(vec![finding])
}

fn resources(resource: &Value, found: &mut Vec<Resource>) {
    let block = |name: &str| resource.get(name).filter(|block| block.is_object());
    if let Some(key) = block("accessKeyDetails") {
        let (kind, name) = (text(key, "userType").unwrap_or(""), text(key, "userName"));
        let credentials = Credentials::resolve(kind, name, text(key, "principalId"), text(key, "accessKeyId"));
        found.push(Resource::new(Named::Credentials(credentials), "detail.resource.accessKeyDetails"));
    }
    if let Some(instance) = block("instanceDetails") {
        let id = text(instance, "instanceId").map(|id| id.rsplit_once(":instance/").map_or(id, |(_, id)| id));
        let named = Resource::instance_named(id, interface(instance).or(id).unwrap_or("unnamed instance"));
        let profile = instance.pointer("/iamInstanceProfile/arn").and_then(Value::as_str);
        let read = Resource::new(named, "detail.resource.instanceDetails.instanceId").tagged(tags(instance));
        found.push(read.with_profile(profile));
    }
    for (at, bucket) in list(resource, "s3BucketDetails").enumerate() {
        buckets(at, bucket, found);
    }
    if let Some(function) = block("lambdaDetails") {
        let name = text(function, "functionArn").or_else(|| text(function, "functionName")).unwrap_or("unnamed");
        found.push(
            Resource::other(TargetKind::LambdaFunction, name, "detail.resource.lambdaDetails.functionArn").tagged(tags(function)),
        );
    }
    workloads(resource, found);
    databases(resource, found);
    for (block, arn, kind, field) in [
        ("ec2ImageDetails", "imageArn", TargetKind::Ec2Image, "detail.resource.ec2ImageDetails.imageArn"),
        ("ebsSnapshotDetails", "snapshotArn", TargetKind::Snapshot, "detail.resource.ebsSnapshotDetails.snapshotArn"),
        (
            "recoveryPointDetails",
            "recoveryPointArn",
            TargetKind::RecoveryPoint,
            "detail.resource.recoveryPointDetails.recoveryPointArn",
        ),
    ] {
        if let Some(arn) = resource.get(block).and_then(|details| text(details, arn)) {
            found.push(Resource::other(kind, arn, field));
        }
    }
}

/// How people find an instance that has no usable id: by its interface or address.
fn interface(instance: &Value) -> Option<&str> {
    let interface = list(instance, "networkInterfaces").next()?;
    let address = || list(interface, "ipv6Addresses").next().and_then(Value::as_str);
    let fields = ["networkInterfaceId", "privateIpAddress", "publicIp"];
    fields.into_iter().find_map(|field| text(interface, field)).or_else(address)
}

/// `s3BucketDetails` is an array. `Source` is the bucket that was copied from, `Destination` the one at risk.
fn buckets(at: usize, bucket: &Value, found: &mut Vec<Resource>) {
    let field = format!("detail.resource.s3BucketDetails[{at}]");
    let at_risk = !text(bucket, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("Source"));
    let arn = text(bucket, "arn");
    let plain = |text: &'_ str| text.split_once(":s3:::").map_or_else(|| text.to_owned(), |(_, name)| name.to_owned());
    let names = [text(bucket, "name").map(plain), arn.map(plain)];
    let name = bucket_among(&names.each_ref().map(Option::as_deref));
    let plain_name = name.filter(|_| !arn.is_some_and(is_no_plain_bucket));
    found.extend(objects(bucket, plain_name, &field).map(|objects| objects.tagged(tags(bucket))));
    let field = format!("{field}.name");
    let named = match name {
        // Its name is not a bucket's.
        Some(name) if arn.is_some_and(is_no_plain_bucket) => Resource::other(TargetKind::S3Bucket, name, field),
        _ => Resource::bucket(name, at_risk, field),
    };
    found.push(named.placed(arn, None, None).tagged(tags(bucket)));
}

/// `s3ObjectDetails` of a bucket whose name is `name`, if it is a general purpose bucket.
fn objects(bucket: &Value, name: Option<&str>, field: &str) -> Option<Resource> {
    let first = list(bucket, "s3ObjectDetails").next()?;
    let called = text(first, "objectArn").and_then(|arn| arn.split_once(":::")).map(|(_, name)| name.to_owned());
    let key = text(first, "key").unwrap_or("unnamed");
    let called = called.unwrap_or_else(|| format!("{}/{key}", text(bucket, "name").unwrap_or("unnamed")));
    let more = list(bucket, "s3ObjectDetails").count() - 1;
    let called = if more > 0 { format!("{called} (and {more} more)") } else { called };
    let version =
        |object: &Value| ObjectVersion::parse(text(object, "key")?, text(object, "versionId"), text(object, "eTag")).ok();
    Some(Resource::objects(name, list(bucket, "s3ObjectDetails").map(version), &called, format!("{field}.s3ObjectDetails")))
}

/// What runs on the instance. Fargate has no instance; with EKS and ECS on EC2, `instanceDetails` is a node that others share.
fn workloads(resource: &Value, found: &mut Vec<Resource>) {
    if let Some(cluster) = resource.get("eksClusterDetails").filter(|cluster| cluster.is_object()) {
        let mut name = text(cluster, "name").or_else(|| text(cluster, "arn")).unwrap_or("unnamed").to_owned();
        let inside = |path: &str| resource.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(workload) = inside("/kubernetesDetails/kubernetesWorkloadDetails/name") {
            let namespace = inside("/kubernetesDetails/kubernetesWorkloadDetails/namespace").unwrap_or("-");
            name = format!("{name}/{namespace}/{workload}");
        } else if let Some(user) = inside("/kubernetesDetails/kubernetesUserDetails/username") {
            name = format!("{name}/user/{user}");
        }
        let workload = Resource::other(TargetKind::EksWorkload, &name, "detail.resource.eksClusterDetails");
        found.push(workload.placed(text(cluster, "arn"), None, None).tagged(tags(cluster)));
    }
    if let Some(cluster) = resource.get("ecsClusterDetails").filter(|cluster| cluster.is_object()) {
        let task = cluster.get("taskDetails").and_then(|task| text(task, "arn"));
        let name = task.or_else(|| text(cluster, "arn")).or_else(|| text(cluster, "name")).unwrap_or("unnamed");
        found.push(
            Resource::other(TargetKind::EcsTask, name, "detail.resource.ecsClusterDetails.taskDetails").tagged(tags(cluster)),
        );
    }
    if let Some(container) = resource.get("containerDetails").filter(|container| container.is_object()) {
        let name = text(container, "id").or_else(|| text(container, "name")).unwrap_or("unnamed");
        found.push(Resource::other(TargetKind::Container, name, "detail.resource.containerDetails.id"));
    }
}

/// `rdsDbUserDetails.user` is a user of the database, never of IAM: it is not read.
fn databases(resource: &Value, found: &mut Vec<Resource>) {
    for (block, names, field) in [
        ("rdsDbInstanceDetails", ["dbInstanceArn", "dbInstanceIdentifier"], "detail.resource.rdsDbInstanceDetails.dbInstanceArn"),
        (
            "rdsLimitlessDbDetails",
            ["dbShardGroupArn", "dbShardGroupIdentifier"],
            "detail.resource.rdsLimitlessDbDetails.dbShardGroupArn",
        ),
    ] {
        if let Some(database) = resource.get(block).filter(|database| database.is_object()) {
            let name = names.iter().find_map(|name| text(database, name)).unwrap_or("unnamed");
            found.push(Resource::other(TargetKind::RdsDatabase, name, field).tagged(tags(database)));
        }
    }
}

/// Every address of the other side, wherever the kind of action keeps it.
fn remote_addresses(action: &Value) -> Vec<IpAddr> {
    let null = Value::Null;
    let details = |of: &Value| {
        let details = of.get("remoteIpDetails").unwrap_or(&null);
        ["ipAddressV4", "ipAddressV6"].map(|field| text(details, field).and_then(|address| address.parse().ok()))
    };
    let kinds = ["awsApiCallAction", "networkConnectionAction", "kubernetesApiCallAction", "rdsLoginAttemptAction"];
    let direct = kinds.iter().filter_map(|kind| action.get(kind)).flat_map(details);
    let probes = action.get("portProbeAction").unwrap_or(&null);
    direct.chain(list(probes, "portProbeDetails").flat_map(details)).flatten().collect()
}

/// GuardDuty AI Protection: `NONE` is an attack that a filter of the guardrail saw and let through.
fn is_let_through(guardrail: &Value) -> bool {
    list(guardrail, "contentPolicyFilters").any(|filter| text(filter, "action") == Some("NONE"))
}

/// A number; a numeric string is accepted too, as some forwarders quote it.
fn severity_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok())).filter(|n: &f64| n.is_finite())
}

/// `additionalInfo.sample` is a bool in events and sits inside a JSON string in the API's form.
fn is_sample(additional_info: &Value) -> bool {
    let flag = |info: &Value| info.get("sample").is_some_and(is_set);
    flag(additional_info)
        || text(additional_info, "value")
            .and_then(|json| serde_json::from_str::<Value>(json).ok())
            .is_some_and(|info| flag(&info))
}
