//! The plan as a script: a command for each object, in three parts of which a person runs one at a time.
//!
//! A key is never an option of its own: the AWS CLI reads the local file that a value such as `file:///etc/passwd` names (AWS CLI user guide,
//! "Loading a parameter from a file"), and takes a part of a key for a version id where the two stand in one text. In JSON a key is a key.

use super::plan::{Plan, Way};
use super::quoting::{ascii, quoted};
use super::summary::{lines, obstacle, reason, unread};
use firebreak::recovery::{Loss, Losses, Lost, NULL};
use serde_json::{Value, json};
use std::fmt::Write as _;

const HEAD: &str = "\
# Written by `firebreak s3 recovery-plan`. Firebreak runs none of it. Read it, take out what must stay as it is, and run one part at a
# time, with bash and credentials of the bucket's account:
#   deleted      removes the delete markers of what was deleted: the objects are what they were. Lifecycle rules, applications and people
#                who have to erase something delete, too: take that out. Needs s3:DeleteObjectVersion
#   overwritten  copies the version from before on top of what was written or deleted since; nothing is removed. Applications write, too:
#                a later version can be the right one. Needs s3:GetObjectVersion, s3:GetObjectVersionTagging, s3:PutObject,
#                s3:PutObjectTagging
#   new          does one or the other with what was first written since the incident began, and then deleted
# Every part needs s3:GetBucketVersioning. Above each command stands when the object was last changed, in UTC: compare it with the attack.
# It runs only where versioning is on: without, a copy takes the place of an object for good. A freeze keeps it on, so release the freeze
# after the script, not before. Destructive actions and every access S3 refuses to the script while Firebreak denies them: release that
# level alone first, with --only.
# It stops at the first command that fails, and can run again: then it copies once more, also on top of what was written meanwhile. A copy
# has the bucket's encryption and no ACL of the version's own.
# A listing does not show who did it, what was read, or versions that were removed for good: CloudTrail's data events do, where they are on.
# Nor does it show which versions are encrypted with a caller's own key (SSE-C), or which ones somebody encrypted again in place with another
# KMS key (UpdateObjectEncryption): date, ETag and version id stay. S3 copies those only with that key.
";

/// The script. Printable ASCII, whatever the keys.
pub(super) fn script(plan: &Plan) -> String {
    let mut out =
        format!("#!/usr/bin/env bash\n# Brings back what was lost in S3 buckets of incident {}.\n{HEAD}#\n", plan.incident);
    for line in plan.buckets.iter().flat_map(lines).chain(unread(plan)) {
        let _ = writeln!(out, "# {}", plain(&line));
    }
    for (losses, one) in plan.buckets.iter().flat_map(|losses| losses.by_hand.iter().map(move |one| (losses, one))) {
        let _ = writeln!(out, "# by hand, {}: {} in {}", reason(one.why), ascii(&one.key), plain(&losses.bucket));
    }
    out.push_str("set -euo pipefail\n# On a terminal, the AWS CLI would show each answer page by page.\nexport AWS_PAGER=''\n");
    out.push_str(VERSIONED);
    for way in [Way::Deleted, Way::Overwritten, Way::New] {
        let _ = write!(out, "\n{}() {{\n  :\n", way.name());
        plan.buckets.iter().for_each(|losses| part(&mut out, losses, way));
        out.push_str("}\n");
    }
    out.push_str(TAIL);
    out
}

/// Ends the script where a copy would destroy what it replaces. Its arguments are those of [`place`].
const VERSIONED: &str = "
versioned() {
  local status
  status=$(aws s3api get-bucket-versioning \"$@\" --query Status --output text)
  if [ \"$status\" != Enabled ]; then
    echo \"stopped: versioning of $4 is not on ($status), and a copy would replace objects for good. Switch it on first:\" >&2
    printf 'aws s3api put-bucket-versioning --versioning-configuration Status=Enabled' >&2
    printf ' %q' \"$@\" >&2
    echo >&2
    exit 1
  fi
}
";

/// So many objects are brought back before versioning is looked at once more: a release can suspend it meanwhile.
const AT_ONCE: usize = 100;

/// One way of one bucket.
fn part(out: &mut String, losses: &Losses, way: Way) {
    let meant: Vec<&Lost> = losses.lost.iter().filter(|lost| Way::of(&lost.loss) == way).collect();
    for some in meant.chunks(AT_ONCE) {
        let _ = writeln!(out, "  versioned {}", place(losses));
        some.iter().for_each(|lost| object(out, losses, lost));
    }
}

const TAIL: &str = "
case \"${1:-}\" in
  deleted | overwritten | new) \"$1\" ;;
  *)
    echo \"usage: bash $0 deleted|overwritten|new\" >&2
    exit 2
    ;;
esac
";

/// The commands for one object.
fn object(out: &mut String, losses: &Losses, lost: &Lost) {
    let Lost { key, version, .. } = lost;
    let _ = writeln!(out, "  # {}:", said(lost));
    match (lost.loss.markers(), lost.obstacle()) {
        ([], Some(hindrance)) => {
            let which = ascii(&json!({ "Key": key, "VersionId": version }));
            let _ = writeln!(out, "  # by hand, {}: {which}", obstacle(hindrance));
        }
        ([], None) => {
            let call = format!("copy-object {} --expected-source-bucket-owner {}", place(losses), losses.account);
            command(out, &call, &copy(losses, lost));
        }
        (markers, _) => {
            let call = format!("delete-object {}", place(losses));
            markers.iter().for_each(|marker| command(out, &call, &json!({ "Key": key, "VersionId": marker })));
        }
    }
}

/// What a person goes by who tells an attacker from an application: when it happened, and how old what comes back is.
fn said(lost: &Lost) -> String {
    let what = if lost.loss == Loss::Overwritten { "last changed" } else { "deleted" };
    let mut words = format!("{what} {}", lost.changed_at);
    if lost.newer > 1 {
        let _ = write!(words, ", {} versions since the incident began", lost.newer);
    }
    if let Some(at) = lost.written_at {
        let _ = write!(words, "; back to the version of {at}");
    }
    if lost.may_be_older {
        words.push_str(", PERHAPS AN OLDER ONE than the object was: S3 kept nothing of what was replaced");
    }
    words
}

/// S3 refuses a command where the bucket is somebody else's by then.
fn place(losses: &Losses) -> String {
    let (region, bucket) = (quoted(&plain(&losses.region)), quoted(&plain(&losses.bucket)));
    format!("--region {region} --bucket {bucket} --expected-bucket-owner {}", losses.account)
}

/// A copy of the version from before, in the storage class that it has.
fn copy(losses: &Losses, lost: &Lost) -> Value {
    let source = json!({ "Bucket": losses.bucket, "Key": lost.key, "VersionId": lost.version });
    let mut copy = json!({ "Key": lost.key, "CopySource": source });
    if let Some(class) = &lost.storage_class {
        copy["StorageClass"] = json!(class);
    }
    // Another object can have that id by now. S3 copies none that was written after the listing saw the object change.
    if lost.version == NULL {
        copy["CopySourceIfUnmodifiedSince"] = json!(lost.changed_at);
    }
    copy
}

fn command(out: &mut String, call: &str, input: &Value) {
    let _ = writeln!(out, "  aws s3api {call} --cli-input-json '{}'", ascii(input));
}

fn plain(line: &str) -> String {
    line.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
