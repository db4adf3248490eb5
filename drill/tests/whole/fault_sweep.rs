//! Every call of every containment, broken in every way, one at a time, with the real binaries on the local AWS.
//!
//! Each function breaks its own calls in its own tests, against a scripted AWS. Here the processes are real: they are killed, they
//! wait, and their leases end. `make faults` tries all cases. `make test` tries a sample that the commit's hash chooses;
//! `SAMPLE=<hash> make test` tries the same ones again.
//!
//! However it breaks: nothing panics, the other steps are tried, the receipt says what failed, nothing is destroyed, and a clean run
//! after it leads to the same state as a run that never failed.

mod cases;
mod planted;
mod verdict;

use firebreak_drill::Result;
use planted::What;

/// What is swept.
#[derive(Clone, Copy)]
struct Sweep {
    function: &'static str,
    what: What,
    /// Without these nothing else can be tried, or must not be.
    groundwork: &'static [&'static str],
    /// What a failure of which nobody needs to hear: reads that are welcome, and the record of what the answer says anyway.
    quiet: &'static [&'static str],
}

/// The last one reads whether another row of the principal is being released, or was just now: until that is known no base is recorded.
const LEDGER: [&str; 3] = ["dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:GetItem"];

#[tokio::test]
async fn quarantine_of_a_user() -> Result<()> {
    let sweep = Sweep {
        function: "quarantine-iam",
        what: What::User,
        groundwork: &[
            "sts:AssumeRole",
            "iam:GetUser",
            "iam:ListAccessKeys",
            LEDGER[0],
            LEDGER[2],
            "iam:ListServiceSpecificCredentials",
            "iam:ListSSHPublicKeys",
        ],
        quiet: &[
            LEDGER[0],
            LEDGER[1],
            "iam:ListAttachedUserPolicies",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:ListGroupsForUser",
            "iam:GetLoginProfile",
            "iam:ListMFADevices",
        ],
    };
    assert!(sweep.run().await? >= 100);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_one_access_key() -> Result<()> {
    let sweep = Sweep {
        function: "quarantine-iam",
        what: What::Key,
        groundwork: &["sts:AssumeRole", "iam:GetUser", "iam:ListAccessKeys", LEDGER[0], LEDGER[2]],
        quiet: &[
            LEDGER[0],
            LEDGER[1],
            "iam:ListAttachedUserPolicies",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:ListGroupsForUser",
            "iam:GetLoginProfile",
            "iam:ListMFADevices",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSSHPublicKeys",
            "iam:ListSigningCertificates",
        ],
    };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

const QUIET_ROLE: &[&str] = &[LEDGER[0], LEDGER[1], "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags"];

#[tokio::test]
async fn quarantine_of_a_session() -> Result<()> {
    // The ledger gives the session its slot: without it nothing names the session.
    let groundwork = &["sts:AssumeRole", "iam:GetRole", "dynamodb:TransactWriteItems", LEDGER[0], LEDGER[2]];
    let sweep = Sweep { function: "quarantine-iam", what: What::Session, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_a_role() -> Result<()> {
    let groundwork = &["sts:AssumeRole", "iam:GetRole", LEDGER[0], LEDGER[2]];
    let sweep = Sweep { function: "quarantine-iam", what: What::Role, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn revocation_of_older_sessions() -> Result<()> {
    // IAM lets nobody write the policy before the tag that opens the role to it.
    let groundwork = &["sts:AssumeRole", "iam:GetRole", "iam:GetRolePolicy", "iam:TagRole", LEDGER[0], LEDGER[2]];
    let sweep = Sweep { function: "revoke-sessions", what: What::OlderSessions, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn isolation_of_an_instance() -> Result<()> {
    let groundwork = &[
        "sts:AssumeRole",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeSecurityGroups",
        // Whether an interface may pass the open group, and that group: where one is missing, no interface does.
        "ec2:DescribeRouteTables",
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateSecurityGroup",
        "ec2:RevokeSecurityGroupEgress",
        LEDGER[0],
    ];
    let sweep = Sweep { function: "isolate-ec2", what: What::Instance, groundwork, quiet: &LEDGER };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

/// Which levels of the bucket are held: until that is known nobody can say how it was before.
const LEVELS: &str = "dynamodb:Query";
/// Refused, it still says the Region; a failure of another kind ends the run.
const HEAD: &str = "s3:HeadBucket";
/// The policy is read again after its write, until S3 shows it: a read that fails is repeated.
const SHOWN: &[&str] = &[LEDGER[0], LEDGER[1], HEAD, "s3:GetBucketPolicy"];

#[tokio::test]
async fn lockdown_of_a_bucket() -> Result<()> {
    let groundwork =
        &["sts:AssumeRole", HEAD, "s3:GetPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetBucketAcl", LEDGER[0], LEVELS];
    let quiet = &[LEDGER[0], LEDGER[1], HEAD, "s3:GetBucketPolicy", "s3:GetBucketAcl"];
    let sweep = Sweep { function: "lockdown-s3", what: What::Bucket, groundwork, quiet };
    assert!(sweep.run().await? >= 40);
    Ok(())
}

#[tokio::test]
async fn freeze_of_a_bucket() -> Result<()> {
    // What cannot be read is left as it is.
    let groundwork = &[
        "sts:AssumeRole",
        HEAD,
        "s3:GetPublicAccessBlock",
        "s3:GetBucketPolicy",
        "s3:GetBucketEncryption",
        "s3:GetBucketVersioning",
        LEDGER[0],
        LEVELS,
    ];
    let sweep = Sweep { function: "lockdown-s3", what: What::Freeze, groundwork, quiet: SHOWN };
    assert!(sweep.run().await? >= 120);
    Ok(())
}

#[tokio::test]
async fn end_of_destruction_in_a_bucket() -> Result<()> {
    let groundwork = &[
        "sts:AssumeRole",
        HEAD,
        "s3:GetBucketPolicy",
        "s3:GetBucketLifecycleConfiguration",
        "s3:GetBucketReplication",
        LEDGER[0],
        LEVELS,
    ];
    let sweep = Sweep { function: "lockdown-s3", what: What::Destruction, groundwork, quiet: SHOWN };
    assert!(sweep.run().await? >= 120);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_an_object() -> Result<()> {
    let groundwork = &["sts:AssumeRole", HEAD, "s3:GetBucketPolicy", "s3:GetObjectTagging", LEDGER[0], LEVELS];
    let sweep = Sweep { function: "quarantine-object", what: What::Object, groundwork, quiet: SHOWN };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_a_user_without_room_for_a_policy() -> Result<()> {
    let groundwork = &[
        "sts:AssumeRole",
        "iam:AttachUserPolicy",
        "iam:GetUser",
        "iam:ListAccessKeys",
        LEDGER[0],
        LEDGER[2],
        "iam:ListServiceSpecificCredentials",
        "iam:ListSSHPublicKeys",
    ];
    let quiet = &[
        LEDGER[0],
        LEDGER[1],
        "iam:ListAttachedUserPolicies",
        "iam:ListUserPolicies",
        "iam:ListUserTags",
        "iam:ListGroupsForUser",
        "iam:GetLoginProfile",
        "iam:ListMFADevices",
    ];
    let sweep = Sweep { function: "quarantine-iam", what: What::FullQuota, groundwork, quiet };
    assert!(sweep.run().await? >= 100);
    Ok(())
}

#[tokio::test]
async fn denial_by_the_organization() -> Result<()> {
    let groundwork =
        &["sts:AssumeRole", "organizations:DescribePolicy", "organizations:UpdatePolicy", LEDGER[0], LEDGER[1], LEDGER[2]];
    let quiet = &[LEDGER[0], LEDGER[1], LEDGER[2], "organizations:ListTargetsForPolicy"];
    let sweep = Sweep { function: "quarantine-scp", what: What::Scp, groundwork, quiet };
    assert!(sweep.run().await? >= 50);
    Ok(())
}
