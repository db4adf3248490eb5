//! Objects that the findings of an incident name. They are looked at first: a large bucket is not listed to its end.

use firebreak::finding::parse;
use firebreak::incident::Incident;
use firebreak_ledger::Ledger;
use futures::future::join_all;
use serde_json::Value;
use std::collections::BTreeSet;

/// So many findings are read.
const MOST_FINDINGS: usize = 10;
/// So many objects are looked at by name.
const MOST_KEYS: usize = 20;

/// The keys of objects in `bucket` that the findings of `incident` name. A finding that cannot be read names none: the whole bucket is
/// listed after them.
pub(super) async fn keys(ledger: &Ledger, incident: &Incident, bucket: &str) -> Vec<String> {
    let joined = incident.findings.iter().filter_map(|finding| finding.joined.as_ref()).map(|joined| &joined.id);
    let ids: BTreeSet<_> = std::iter::once(&incident.id).chain(joined).take(MOST_FINDINGS).collect();
    let events = join_all(ids.into_iter().map(|id| ledger.raw_event(id))).await;
    let events = events.into_iter().filter_map(|read| match read {
        Ok(event) => parse(event.as_bytes()).ok(),
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "a finding cannot be read: which objects it names is not known");
            None
        }
    });
    let keys: BTreeSet<String> = events.flat_map(|event| named(&event, bucket)).collect();
    keys.into_iter().take(MOST_KEYS).collect()
}

/// Only fields that say which objects a finding is about: a suspect's own words, such as a user agent, can have the form of an ARN.
fn named(event: &Value, bucket: &str) -> Vec<String> {
    let list = |at: &str| event.pointer(at).and_then(Value::as_array).into_iter().flatten();
    let own = list("/detail/resource/s3BucketDetails").filter(|details| details["name"] == *bucket);
    let objects = own.filter_map(|details| details["s3ObjectDetails"].as_array()).flatten();
    let of_guardduty = objects.filter_map(|object| object["key"].as_str()).map(str::to_owned);
    let of_sequence = list("/detail/service/detection/sequence/resources")
        .filter(|resource| resource["resourceType"] == "S3_OBJECT")
        .filter_map(|resource| key_of(resource["uid"].as_str()?, bucket));
    let of_security_hub = list("/detail/findings")
        .filter_map(|finding| finding["Resources"].as_array())
        .flatten()
        .filter(|resource| resource["Type"] == "AwsS3Object")
        .filter_map(|resource| key_of(resource["Id"].as_str()?, bucket));
    let all = of_guardduty.chain(of_sequence).chain(of_security_hub);
    all.filter(|key| (1..=super::LONGEST_KEY).contains(&key.len())).collect()
}

/// The key in an object's ARN, `arn:aws:s3:::bucket/key`.
fn key_of(arn: &str, bucket: &str) -> Option<String> {
    let (_, name) = arn.split_once(":s3:::")?;
    name.strip_prefix(bucket)?.strip_prefix('/').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_named_by_the_fields_of_each_sender_and_by_no_other() {
        let objects = json!([{ "key": "in/evil file.zip" }, { "key": "" }, { "key": "x".repeat(1025) }, {}]);
        let guardduty = json!({ "detail": {
            "resource": { "s3BucketDetails": [
                { "name": "acme", "s3ObjectDetails": objects },
                { "name": "other", "s3ObjectDetails": [{ "key": "theirs" }] },
            ] },
            "service": { "additionalInfo": { "userAgent": "arn:aws:s3:::acme/harmless" } },
        } });
        assert_eq!(named(&guardduty, "acme"), ["in/evil file.zip"]);
        let sequence = json!({ "detail": { "service": { "detection": { "sequence": { "resources": [
            { "uid": "arn:aws:s3:::acme/a/b", "resourceType": "S3_OBJECT" },
            { "uid": "arn:aws:s3:::acme-two/a", "resourceType": "S3_OBJECT" },
            { "uid": "arn:aws:s3:::acme", "resourceType": "S3_BUCKET" },
        ] } } } } });
        assert_eq!(named(&sequence, "acme"), ["a/b"]);
        let resources = json!([{ "Type": "AwsS3Object", "Id": "arn:aws-cn:s3:::acme/c" }, { "Type": "AwsS3Bucket", "Id": "arn:aws-cn:s3:::acme/d" }]);
        assert_eq!(named(&json!({ "detail": { "findings": [{ "Resources": resources }] } }), "acme"), ["c"]);
        for other in [json!(null), json!({ "detail": [] }), json!({ "detail": { "resource": { "s3BucketDetails": {} } } })] {
            assert!(named(&other, "acme").is_empty(), "{other}");
        }
    }
}
