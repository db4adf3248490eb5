//! A bucket that somebody has used for years, and a level of the lockdown that is in force.

use crate::bucket::{Bucket, CLOSED, State};
use crate::changed::{WIPE, wipe, wrote_lifecycle};
use crate::{approved_at, stage};
use firebreak::receipt::Status;
use firebreak::target::Scope;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::json;

/// Every level.
pub(crate) const LEVELS: [Scope; 4] = [Scope::Principal, Scope::Freeze, Scope::Destruction, Scope::Seal];

/// Spaces, escapes and one action that is no list: nobody writes a policy as a program does.
pub(crate) const POLICY: &str = "{ \"Version\": \"2012-10-17\",\n  \"Id\" : \"of \\u0061cme\",\n  \"Statement\": [\n    \
    { \"Sid\": \"TlsOnly\", \"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:*\",\n      \
    \"Resource\": [\"arn:aws:s3:::acme-exports\", \"arn:aws:s3:::acme-exports/*\"],\n      \
    \"Condition\": { \"Bool\": { \"aws:SecureTransport\": \"false\" } } },\n    \
    { \"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"*\"]}, \"Action\": [\"s3:GetObject\"], \
    \"Resource\": \"arn:aws:s3:::acme-exports/public/*\" }\n  ]\n}";

/// A bucket with something of everything. Somebody has just written its lifecycle whom nobody accuses: what a suspect writes stays off.
pub(crate) fn lived_in(bucket: Bucket) -> Bucket {
    let mut wrote = wrote_lifecycle(10, &wipe());
    wrote["userIdentity"] = json!({ "type": "IAMUser", "principalId": "AIDAEXAMPLE000000ALICE", "userName": "alice",
                                    "arn": "arn:aws:iam::111122223333:user/alice" });
    bucket
        .with_policy(POLICY)
        .with_block([true, false, false, false])
        .with_grant("http://acs.amazonaws.com/groups/global/AllUsers", "READ")
        .with_ownership("ObjectWriter")
        .with_versioning("Suspended")
        .with_lifecycle(WIPE)
        .with_event(wrote)
        .with_notification("<EventBridgeConfiguration></EventBridgeConfiguration>")
        .with_logging("<LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>acme/</TargetPrefix></LoggingEnabled>")
        .with_tag("owner", "sales")
}

/// A bucket of which a level is in force, and how it was before.
pub(crate) async fn contained_at(level: Scope) -> (ScriptedAws, Bucket, State) {
    let (aws, bucket) = stage().await;
    let bucket = lived_in(bucket);
    let before = bucket.now();
    let receipt = approved_at(&aws, "one", level).await.expect("a receipt");
    assert_eq!((receipt.status, is_in_force(&bucket, level)), (Status::Contained, true), "{:?}", receipt.steps);
    assert_eq!(is_wiping(&bucket), matches!(level, Scope::Principal | Scope::Seal), "{:?}", receipt.steps);
    (aws, bucket, before)
}

/// Whether the rule that was just written is on.
pub(crate) fn is_wiping(bucket: &Bucket) -> bool {
    bucket.rule_status("lifecycle", "wipe").as_deref() == Some("Enabled")
}

/// Whether the bucket shows all that a level promises, but its rules: a freeze does not know which ones are meant where CloudTrail does not
/// answer.
pub(crate) fn is_in_force(bucket: &Bucket, level: Scope) -> bool {
    let (sids, now) = (bucket.sids(), bucket.now());
    let has = |all: &[&str]| all.iter().all(|sid| sids.iter().any(|known| known == sid));
    match level {
        Scope::Freeze => {
            has(&["FirebreakDenySuspects", "FirebreakDenyOutsiders", "FirebreakDenyCustomerKeys"])
                && now.block == Some(CLOSED)
                && now.versioning.as_deref() == Some("Enabled")
                && now.blocked_encryption() == ["SSE-C"]
        }
        Scope::Destruction => has(&["FirebreakDenyDestruction"]),
        Scope::Seal => has(&["FirebreakSeal"]),
        _ => now.block == Some(CLOSED),
    }
}
