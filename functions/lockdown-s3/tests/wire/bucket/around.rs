//! What S3 Control and KMS show round a bucket: nothing, and a key that is in order.

use firebreak_testkit::scripted::{Answer, Call, ok};
use serde_json::json;

/// Whether the call goes to S3 Control, whose paths begin with the version of its API.
pub(super) fn is_control(call: &Call) -> bool {
    call.path.starts_with("/v20180820/")
}

/// No access points, and no batch jobs.
pub(super) fn control(call: &Call) -> Option<Answer> {
    let lists = ["ListAccessPoints", "ListJobs", "ListMultiRegionAccessPoints"];
    lists.contains(&call.operation.as_str()).then(|| ok(format!("<{}Result/>", call.operation)))
}

/// A key that is enabled, and that nobody but its policy speaks of.
pub(super) fn key(call: &Call) -> Option<Answer> {
    let id = call.param("KeyId");
    let answer = match call.operation.as_str() {
        "DescribeKey" => {
            let key = json!({ "KeyId": id, "Arn": id, "Enabled": true, "KeyState": "Enabled", "KeyManager": "CUSTOMER" });
            json!({ "KeyMetadata": key })
        }
        "GetKeyPolicy" => json!({ "Policy": json!({ "Statement": [] }).to_string(), "PolicyName": "default" }),
        "ListGrants" => json!({ "Grants": [], "Truncated": false }),
        _ => return None,
    };
    Some(ok(answer.to_string()))
}
