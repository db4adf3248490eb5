//! Ways back in, and ways out, that denying a principal does not close. People close them.
//!
//! The advice is reversible: it names what can be switched on again, and never asks for a deletion.

use super::record::{Part, Record};
use crate::ids::{BucketName, InstanceId};
use crate::target::TargetKind;
use crate::text::inert;

/// What a call opened.
pub(super) struct Channel {
    pub(super) kind: TargetKind,
    /// Checked where Firebreak contains the kind; else inert text for people. Empty: the record does not name it.
    pub(super) ids: Vec<String>,
    pub(super) advice: &'static str,
}

struct Row {
    source: &'static str,
    /// Without the API's date, which Lambda appends.
    events: &'static [&'static str],
    kind: TargetKind,
    /// Where the record names it: the first that is there.
    named: &'static [(Part, &'static str)],
    advice: &'static str,
}

use Part::{Request, Response};

const ROWS: [Row; 14] = [
    Row {
        source: "iam.amazonaws.com",
        events: &["CreateOpenIDConnectProvider"],
        kind: TargetKind::Other,
        named: &[(Response, "/openIDConnectProviderArn"), (Request, "/url")],
        advice: "find the roles that trust this provider and ask for their isolation; keep the provider as evidence",
    },
    Row {
        source: "iam.amazonaws.com",
        events: &["CreateSAMLProvider", "UpdateSAMLProvider"],
        kind: TargetKind::Other,
        named: &[(Response, "/sAMLProviderArn"), (Request, "/sAMLProviderArn"), (Request, "/name")],
        advice: "compare its metadata with your identity provider's; ask for isolation of the roles that trust it; keep it as evidence",
    },
    Row {
        source: "rolesanywhere.amazonaws.com",
        events: &["CreateTrustAnchor"],
        kind: TargetKind::Other,
        named: &[(Response, "/trustAnchor/trustAnchorArn"), (Request, "/name")],
        advice: "rolesanywhere:DisableTrustAnchor (EnableTrustAnchor undoes it); ask for isolation of the roles that trust Roles Anywhere",
    },
    Row {
        source: "rolesanywhere.amazonaws.com",
        events: &["CreateProfile"],
        kind: TargetKind::Other,
        named: &[(Response, "/profile/profileArn"), (Request, "/name")],
        advice: "rolesanywhere:DisableProfile (EnableProfile undoes it); ask for isolation of the roles it names",
    },
    Row {
        source: "lambda.amazonaws.com",
        events: &[
            "CreateFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "AddPermission",
            "CreateFunctionUrlConfig",
        ],
        kind: TargetKind::LambdaFunction,
        named: &[(Request, "/functionName"), (Response, "/functionArn")],
        advice: "set its reserved concurrency to 0 (undone by the number before); read its code, role and permissions",
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["ModifySnapshotAttribute"],
        kind: TargetKind::Snapshot,
        named: &[(Request, "/snapshotId")],
        advice: "note who it is shared with, then stop sharing; treat its data as read",
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["ModifyImageAttribute"],
        kind: TargetKind::Ec2Image,
        named: &[(Request, "/imageId")],
        advice: "note its launch permissions, then take the new ones away; treat its data as read",
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["CreateInstanceConnectEndpoint"],
        kind: TargetKind::Other,
        named: &[
            (Response, "/CreateInstanceConnectEndpointResponse/instanceConnectEndpoint/instanceConnectEndpointId"),
            (Response, "/instanceConnectEndpoint/instanceConnectEndpointId"),
        ],
        advice: "close its security group; look at the instances that can be reached through it",
    },
    Row {
        source: "ec2-instance-connect.amazonaws.com",
        events: &["SendSSHPublicKey", "SendSerialConsoleSSHPublicKey"],
        kind: TargetKind::Ec2Instance,
        named: &[(Request, "/instanceId")],
        advice: "somebody could log in for 60 seconds and may still be there: ask for isolation of the instance",
    },
    Row {
        source: "ssm.amazonaws.com",
        events: &["SendCommand", "StartSession"],
        kind: TargetKind::Ec2Instance,
        named: &[(Request, "/target")],
        advice: "commands ran on it as root: read their output, ask for isolation of the instance",
    },
    Row {
        source: "ssm.amazonaws.com",
        events: &["CreateActivation"],
        kind: TargetKind::Other,
        named: &[(Response, "/activationId"), (Request, "/iamRole")],
        advice: "find the managed nodes (mi-...) that registered with it; ask for isolation of the role it names",
    },
    Row {
        source: "s3.amazonaws.com",
        events: &["PutBucketPolicy", "PutBucketReplication", "PutBucketLifecycle", "PutBucketLifecycleConfiguration"],
        kind: TargetKind::S3Bucket,
        named: &[(Request, "/bucketName")],
        advice: "compare policy, replication and lifecycle rules with what they were and put them back: rules delete and copy later on",
    },
    Row {
        source: "kms.amazonaws.com",
        events: &["PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "CreateGrant"],
        kind: TargetKind::Other,
        named: &[(Request, "/keyId"), (Response, "/keyId")],
        advice: "kms:CancelKeyDeletion, then EnableKey; compare the key's policy and grants with what they were and put them back",
    },
    Row {
        source: "cloudtrail.amazonaws.com",
        events: &["StopLogging", "DeleteTrail"],
        kind: TargetKind::Other,
        named: &[(Request, "/name")],
        advice: "start logging again; what happened meanwhile is in CloudTrail's event history for 90 days",
    },
];

const DETECTOR: Row = Row {
    source: "guardduty.amazonaws.com",
    events: &["DeleteDetector", "UpdateDetector"],
    kind: TargetKind::Other,
    named: &[(Request, "/detectorId")],
    advice: "switch GuardDuty and its protection plans on again; look for what it did not see meanwhile",
};

/// The channel that a call opened, if it is one of those that matter.
pub(super) fn of(record: &Record) -> Option<Channel> {
    let event = record.name.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
    let row = ROWS.iter().chain([&DETECTOR]).find(|row| row.source == record.source && row.events.contains(&event))?;
    // Services make grants for volumes and functions with the caller's rights: nobody came in through them.
    if event == "CreateGrant" && record.forwarded || takes_sharing_away(record) {
        return None;
    }
    let (kind, valid): (_, fn(&str) -> bool) = match row.kind {
        TargetKind::Ec2Instance => (row.kind, |id| InstanceId::parse(id).is_ok()),
        TargetKind::S3Bucket => (row.kind, |name| BucketName::parse(name).is_ok()),
        kind => (kind, |_| true),
    };
    let single = row.named.iter().find_map(|(part, path)| match part {
        Request => record.asked(path),
        Response => record.answered(path),
    });
    let several = record.each(Request, "/instanceIds", "").take(MAX_NAMED);
    let mut ids: Vec<String> = single.into_iter().chain(several).filter(|id| valid(id)).map(|id| inert(id, 256)).collect();
    ids.sort_unstable();
    ids.dedup();
    Some(Channel { kind, ids, advice: row.advice })
}

/// More than this in one call is for people to read.
pub(super) const MAX_NAMED: usize = 20;

/// Snapshots and images: permissions were only removed.
fn takes_sharing_away(record: &Record) -> bool {
    ["/createVolumePermission", "/launchPermission"]
        .iter()
        .any(|field| record.has(&format!("{field}/remove")) && !record.has(&format!("{field}/add")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_and_destroys_nothing() {
        for row in ROWS.iter().chain([&DETECTOR]) {
            assert!(row.advice.len() <= 160, "{}", row.advice);
            let words = row.advice.to_ascii_lowercase();
            assert!(
                !["delete ", "terminate", "remove "].iter().any(|word| words.contains(word) && row.source != "s3.amazonaws.com")
            );
        }
    }
}
