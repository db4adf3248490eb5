//! The account of the targets: one user, one role, one instance, one bucket.

use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};

/// The user's access key.
pub(crate) const KEY: &str = "AKIAEXAMPLEALICE0001";

/// Answers what is asked about them.
pub(crate) fn start(aws: &ScriptedAws) {
    aws.on("iam:*", |call| iam(call).map(ok));
    aws.on("ec2:*", |call| ec2(call).map(ok));
    aws.on("s3:*", s3);
}

fn iam(call: &Call) -> Option<String> {
    let member = |list: &str, inner: &str| format!("<{list}><member>{inner}</member></{list}><IsTruncated>false</IsTruncated>");
    let policy = "<PolicyName>Poweruser</PolicyName><PolicyArn>arn:aws:iam::aws:policy/PowerUserAccess</PolicyArn>";
    Some(match call.operation.as_str() {
        "GetUser" => "<User><Path>/</Path><UserName>alice</UserName><UserId>AIDAEXAMPLEALICE00001</UserId>\
                      <Arn>arn:aws:iam::111122223333:user/alice</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></User>"
            .to_owned(),
        "ListAccessKeys" => member("AccessKeyMetadata", &format!("<AccessKeyId>{KEY}</AccessKeyId><Status>Active</Status>")),
        "ListAttachedUserPolicies" | "ListAttachedRolePolicies" => member("AttachedPolicies", policy),
        "ListUserPolicies" | "ListRolePolicies" => member("PolicyNames", "night-shift"),
        "GetUserPolicy" => {
            "<UserName>alice</UserName><PolicyName>night-shift</PolicyName><PolicyDocument>%7B%7D</PolicyDocument>".to_owned()
        }
        "GetRolePolicy" => {
            "<RoleName>deploy</RoleName><PolicyName>night-shift</PolicyName><PolicyDocument>%7B%7D</PolicyDocument>".to_owned()
        }
        "GetRole" => "<Role><Path>/</Path><RoleName>deploy</RoleName><RoleId>AROAEXAMPLEDEPLOY0001</RoleId>\
                      <Arn>arn:aws:iam::111122223333:role/deploy</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
            .to_owned(),
        "ListGroupsForUser" => "<Groups/><IsTruncated>false</IsTruncated>".to_owned(),
        "ListMFADevices" => "<MFADevices/><IsTruncated>false</IsTruncated>".to_owned(),
        "ListInstanceProfilesForRole" => "<InstanceProfiles/><IsTruncated>false</IsTruncated>".to_owned(),
        _ => return None,
    })
}

fn ec2(call: &Call) -> Option<String> {
    Some(match call.operation.as_str() {
        "DescribeInstances" => "<reservationSet/>".to_owned(),
        "DescribeNetworkInterfaces" => "<networkInterfaceSet/>".to_owned(),
        "DescribeVolumes" => "<volumeSet/>".to_owned(),
        "GetConsoleOutput" => "<instanceId>i-0123456789abcdef0</instanceId><output>Ym9vdA==</output>".to_owned(),
        _ => return None,
    })
}

fn s3(call: &Call) -> Option<Answer> {
    Some(match call.operation.as_str() {
        "HeadBucket" => ok(""),
        "GetBucketPolicy" => ok(r#"{"Version":"2012-10-17","Statement":[]}"#),
        "GetPublicAccessBlock" => error(404, "NoSuchPublicAccessBlockConfiguration"),
        "GetBucketAcl" => ok("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"),
        "GetBucketOwnershipControls" => ok("<OwnershipControls/>"),
        "GetBucketVersioning" => ok("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        "GetBucketEncryption" => error(404, "ServerSideEncryptionConfigurationNotFoundError"),
        "GetBucketLogging" => ok("<BucketLoggingStatus/>"),
        "GetBucketLifecycle" => error(404, "NoSuchLifecycleConfiguration"),
        "GetBucketReplication" => error(404, "ReplicationConfigurationNotFoundError"),
        "GetBucketVersions" => {
            let version = "<Key>in/invoice.zip</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>";
            ok(format!("<ListVersionsResult><Version>{version}</Version></ListVersionsResult>"))
        }
        _ => return None,
    })
}
