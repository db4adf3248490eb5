//! Ways back in, and ways out, that denying a principal does not close. People close them.
//!
//! The advice is reversible: it names what can be switched on again, and never asks for a deletion.

use super::record::{Part, Record};
use crate::ids::{Arn, BucketName, InstanceId};
use crate::target::TargetKind;
use crate::text::inert;
use std::borrow::Cow;

/// What a call opened.
pub(super) struct Channel {
    pub(super) kind: TargetKind,
    /// Checked where Firebreak contains the kind; else inert text for people. Empty: the record does not name it.
    pub(super) ids: Vec<String>,
    pub(super) advice: Cow<'static, str>,
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
        source: KMS,
        events: &["PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "CreateGrant", "DeleteImportedKeyMaterial"],
        kind: TargetKind::Other,
        named: &[(Request, "/keyId"), (Response, "/keyId")],
        // One text for all of these calls: of two about one key, only the first makes a decision.
        advice: "kms:CancelKeyDeletion, then EnableKey; import deleted key material again; compare the key's policy and grants with \
                 what they were",
    },
    Row {
        source: "cloudtrail.amazonaws.com",
        events: &["StopLogging", "DeleteTrail"],
        kind: TargetKind::Other,
        named: &[(Request, "/name")],
        advice: "start logging again; what happened meanwhile is in CloudTrail's event history for 90 days",
    },
];

const KMS: &str = "kms.amazonaws.com";

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
    if let Some(key) = single.filter(|_| row.source == KMS).and_then(|named| own_key(named, record)) {
        let advice = brings_back(key, record).map_or(Cow::Borrowed(row.advice), Cow::Owned);
        return Some(Channel { kind, ids: vec![key.to_owned()], advice });
    }
    let mut ids: Vec<String> = single.into_iter().chain(several).filter(|id| valid(id)).map(|id| inert(id, 256)).collect();
    ids.sort_unstable();
    ids.dedup();
    Some(Channel { kind, ids, advice: Cow::Borrowed(row.advice) })
}

/// The id of a key of the trail's own account, by itself or in an ARN: a UUID, or `mrk-` and 32 hexadecimal digits (KMS developer
/// guide, "Key identifiers"). One word for any shell.
fn own_key<'a>(named: &'a str, record: &Record) -> Option<&'a str> {
    let id = match Arn::parse(named) {
        Some(arn) => {
            let is_ours = arn.service == "kms" && arn.account == record.account && arn.region == record.region;
            arn.resource.strip_prefix("key/").filter(|_| is_ours)?
        }
        None => named,
    };
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_key = match id.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && hexadecimal(digits),
        None => id.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && id.split('-').all(hexadecimal),
    };
    is_key.then_some(id)
}

/// The commands that undo a deletion that is scheduled, and switch the key on. Neither destroys anything, whatever the call was.
fn brings_back(key: &str, record: &Record) -> Option<String> {
    let of = format!("--key-id {key} --region {}", record.region.as_ref()?);
    Some(format!(
        "aws kms cancel-key-deletion {of} (fails if none is scheduled), then aws kms enable-key {of}; import deleted key material \
         again; compare policy and grants"
    ))
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
