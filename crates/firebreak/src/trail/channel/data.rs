//! Ways out for data, and what holds data to ransom.

use super::{KMS, PLAIN, Request, Response, Row};
use crate::containment::Containment;
use crate::target::TargetKind;

/// One advice for all calls about a key: whoever takes a key away mostly does more than one thing to it.
const OF_A_KEY: Row = Row {
    source: KMS,
    named: &[(Request, "/keyId"), (Response, "/keyId")],
    advice: "kms:CancelKeyDeletion, then EnableKey; import deleted key material again; compare the key's policy and grants with what \
             they were",
    // Neither command destroys anything, whatever the call was.
    exact: Some(
        "aws kms cancel-key-deletion --key-id <id> --region <region> (<when>), then aws kms enable-key --key-id <id> --region \
         <region>; import deleted key material again; compare policy and grants",
    ),
    ..PLAIN
};

pub(super) const ROWS: &[Row] = &[
    Row {
        source: "s3.amazonaws.com",
        events: &[
            "PutBucketPolicy",
            "DeleteBucketPolicy",
            "PutBucketAcl",
            "PutBucketPublicAccessBlock",
            "DeleteBucketPublicAccessBlock",
            "PutBucketOwnershipControls",
            "PutBucketVersioning",
            "PutBucketEncryption",
            "DeleteBucketEncryption",
            "PutBucketReplication",
            "PutBucketLifecycle",
            "PutBucketLifecycleConfiguration",
            "PutBucketLogging",
        ],
        kind: TargetKind::S3Bucket,
        named: &[(Request, "/bucketName")],
        advice: "compare policy, ACL, public access, versioning, encryption, replication, lifecycle with what they were, put them \
                 back: rules delete and copy later on",
        ..PLAIN
    },
    Row {
        source: "s3.amazonaws.com",
        events: &["PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"],
        itself: Some("S3 Block Public Access of the account"),
        advice: "s3control:PutPublicAccessBlock with all four settings, as far as they were on; find buckets that are public meanwhile",
        exact: Some(
            "as far as it was on: aws s3control put-public-access-block --account-id <account> --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true; find buckets that are \
             public",
        ),
        ..PLAIN
    },
    Row { events: &["ScheduleKeyDeletion", "DisableKey"], undo: Some(Containment::EnableKey), ..OF_A_KEY },
    Row { events: &["PutKeyPolicy", "CreateGrant", "DeleteImportedKeyMaterial"], ..OF_A_KEY },
    Row {
        source: "ec2.amazonaws.com",
        events: &["ModifySnapshotAttribute"],
        kind: TargetKind::Snapshot,
        named: &[(Request, "/snapshotId")],
        advice: "note who it is shared with, then stop sharing; treat its data as read",
        exact: Some(
            "note who it is shared with, then aws ec2 reset-snapshot-attribute --snapshot-id <id> --attribute createVolumePermission \
             --region <region>; treat its data as read",
        ),
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["ModifyImageAttribute"],
        kind: TargetKind::Ec2Image,
        named: &[(Request, "/imageId")],
        advice: "note its launch permissions, then take the new ones away; treat its data as read",
        exact: Some(
            "note its launch permissions, then aws ec2 reset-image-attribute --image-id <id> --attribute launchPermission --region \
             <region>, and give back those it had; treat its data as read",
        ),
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["DeregisterImage"],
        kind: TargetKind::Ec2Image,
        named: &[(Request, "/imageId")],
        advice: "ec2:RestoreImageFromRecycleBin, if a rule keeps it; else register it again from its snapshots",
        exact: Some(
            "aws ec2 restore-image-from-recycle-bin --image-id <id> --region <region>, if a rule keeps it; else register it again \
             from its snapshots",
        ),
        ..PLAIN
    },
    Row {
        source: "rds.amazonaws.com",
        events: &["ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute"],
        kind: TargetKind::Snapshot,
        named: &[(Request, "/dBSnapshotIdentifier"), (Request, "/dBClusterSnapshotIdentifier")],
        advice: "note who it is shared with, then stop sharing (the same call, attribute restore); treat its data as read",
        ..PLAIN
    },
    Row {
        source: "rds.amazonaws.com",
        events: &["ModifyDBInstance", "ModifyDBCluster"],
        kind: TargetKind::RdsDatabase,
        named: &[(Request, "/dBInstanceIdentifier"), (Request, "/dBClusterIdentifier")],
        advice: "compare its public access, security groups and backups with what they were; give it a new master password",
        ..PLAIN
    },
    Row {
        source: "rds.amazonaws.com",
        events: &["StartExportTask"],
        named: &[(Request, "/exportTaskIdentifier")],
        advice: "rds:CancelExportTask while it runs; treat the data of its snapshot as read",
        exact: Some(
            "aws rds cancel-export-task --export-task-identifier <id> --region <region>, while it runs; treat the data of its \
             snapshot as read",
        ),
        ..PLAIN
    },
];
