//! The plan as a script: a command for each object, in three parts of which a person runs one at a time.
//!
//! A key is never an option of its own: the AWS CLI reads the local file that a value such as `file:///etc/passwd` names (AWS CLI user guide,
//! "Loading a parameter from a file"), and takes a part of a key for a version id where the two stand in one text. In JSON a key is a key.

use super::plan::{Plan, Way};
use super::quoting::{ascii, quoted};
use super::summary::{lines, obstacle, reason, unread};
use firebreak::recovery::{Loss, Losses, Lost};
use serde_json::{Value, json};
use std::fmt::Write as _;

const HEAD: &str = "\
# Written by `firebreak s3 recovery-plan`. Firebreak runs none of it. Read it, take out what must stay as it is, and run one part at a
# time, with bash and credentials of the bucket's account:
#   deleted      removes the delete markers of what was deleted: the objects are what they were. Needs s3:DeleteObjectVersion
#   overwritten  copies the version from before on top of what was written since; nothing is removed. Applications write, too: a later
#                version can be the right one. Needs s3:GetObjectVersion, s3:GetObjectVersionTagging, s3:PutObject, s3:PutObjectTagging
#   new          removes the delete markers of what was first written since the incident began
# It stops at the first command that fails, and can run again: then it copies once more. While Firebreak denies destructive actions or
# every access, S3 refuses it: release that level first. A copy has the bucket's encryption and no ACL of the version's own.
# A listing does not show who did it, what was read, or versions that were removed for good: CloudTrail's data events do, where they are on.
# Nor does it show which versions are encrypted with a caller's own key (SSE-C): S3 copies those only with that key.
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
    for way in [Way::Deleted, Way::Overwritten, Way::New] {
        let _ = write!(out, "\n{}() {{\n  :\n", way.name());
        for losses in &plan.buckets {
            losses.lost.iter().filter(|lost| Way::of(&lost.loss) == way).for_each(|lost| object(&mut out, losses, lost));
        }
        out.push_str("}\n");
    }
    out.push_str(TAIL);
    out
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
    let Lost { key, version, newer, .. } = lost;
    if *newer > 1 {
        let _ = writeln!(out, "  # {newer} versions were written since then:");
    }
    match (&lost.loss, lost.obstacle()) {
        (Loss::Deleted { markers } | Loss::New { markers }, _) => {
            let call = format!("delete-object {}", place(losses));
            markers.iter().for_each(|marker| command(out, &call, &json!({ "Key": key, "VersionId": marker })));
        }
        (Loss::Overwritten, Some(hindrance)) => {
            let which = ascii(&json!({ "Key": key, "VersionId": version }));
            let _ = writeln!(out, "  # by hand, {}: {which}", obstacle(hindrance));
        }
        (Loss::Overwritten, None) => {
            let call = format!("copy-object {} --expected-source-bucket-owner {}", place(losses), losses.account);
            command(out, &call, &copy(losses, lost));
        }
    }
}

/// S3 refuses a command where the bucket is somebody else's by then.
fn place(losses: &Losses) -> String {
    let (region, bucket) = (quoted(&plain(&losses.region)), quoted(&plain(&losses.bucket)));
    format!("--region {region} --bucket {bucket} --expected-bucket-owner {}", losses.account)
}

/// A copy of the version from before, in the storage class that it has.
fn copy(losses: &Losses, lost: &Lost) -> Value {
    let key = &lost.key;
    let source = json!({ "Bucket": losses.bucket, "Key": key, "VersionId": lost.version });
    match &lost.storage_class {
        Some(class) => json!({ "Key": key, "StorageClass": class, "CopySource": source }),
        None => json!({ "Key": key, "CopySource": source }),
    }
}

fn command(out: &mut String, call: &str, input: &Value) {
    let _ = writeln!(out, "  aws s3api {call} --cli-input-json '{}'", ascii(input));
}

fn plain(line: &str) -> String {
    line.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::ids::AccountId;
    use firebreak::recovery::{ByHand, Keeps, Marker, Seen, Why};
    use firebreak_testkit::room;
    use jiff::Timestamp;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Output};

    /// Keys as an attacker would choose them.
    const HOSTILE: [&str; 14] = [
        "it's",
        "'; touch pwned; '",
        "$(touch pwned)",
        "`touch pwned`",
        "a\nb\r\ntouch pwned\n",
        "\u{0}\u{1b}[2J\u{7f}\u{202e}",
        "--rf",
        "-",
        "file:///etc/passwd",
        "a b+c%20d?versionId=x",
        "\\\\' \"quoted\" \\u0027 !x *?[]{}",
        "# comment",
        "日本/𝄞",
        "}\ndeleted() { touch pwned; }",
    ];

    fn lost(key: &str, loss: Loss) -> Lost {
        Lost {
            key: key.to_owned(),
            version: "v1".to_owned(),
            bytes: 3,
            storage_class: None,
            changed_at: Timestamp::UNIX_EPOCH,
            newer: 0,
            loss,
        }
    }

    fn plan(lost: Vec<Lost>) -> Plan {
        let by_hand = HOSTILE.map(|key| ByHand { key: key.to_owned(), why: Why::NothingLeft }).to_vec();
        let losses = Losses {
            bucket: "acme-exports".to_owned(),
            account: AccountId::parse(room::ACCOUNT).expect("an account"),
            region: room::REGION.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            keeps: Keeps::Versions,
            prefixes: HOSTILE.map(str::to_owned).to_vec(),
            lost,
            by_hand,
            seen: Seen::default(),
            next: Some(Marker { prefix: HOSTILE[1].to_owned(), key: HOSTILE[4].to_owned() }),
        };
        Plan { incident: room::incident("one"), buckets: vec![losses], unread: vec![] }
    }

    /// Runs a script in a folder of its own, with an `aws` that only writes down what it is told. Returns the output and the calls.
    fn run(script: &str, part: &str) -> (Output, Vec<Vec<String>>) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let stub = "#!/usr/bin/env bash\nprintf '%s\\0' \"$@\" '--- end' >> \"$CALLS\"\n";
        std::fs::write(at("aws"), stub).expect("written");
        std::fs::set_permissions(at("aws"), std::fs::Permissions::from_mode(0o755)).expect("allowed");
        std::fs::write(at("plan.sh"), script).expect("written");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("a path"));
        let mut bash = Command::new("bash");
        bash.args(["plan.sh", part]).current_dir(folder.path()).env("PATH", path).env("CALLS", at("calls"));
        let output = bash.output().expect("bash runs");
        assert!(!at("pwned").exists(), "a key was run");
        let calls = std::fs::read(at("calls")).unwrap_or_default();
        let words: Vec<String> = calls.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let mut calls: Vec<Vec<String>> = words.split(|word| word == "--- end").map(<[String]>::to_vec).collect();
        // What stands behind the last end.
        calls.pop();
        (output, calls)
    }

    /// The JSON that a call has, and the words before it.
    fn told(call: &[String]) -> (Vec<&str>, Value) {
        let (json, words) = call.split_last().expect("words");
        (words.iter().map(String::as_str).collect(), serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn a_script_is_one_that_bash_reads_and_printable_whatever_the_keys() {
        let markers = || vec!["m".to_owned()];
        let all = HOSTILE.iter().flat_map(|key| {
            let large = Lost { bytes: u64::MAX, ..lost(key, Loss::Overwritten) };
            [
                lost(key, Loss::Deleted { markers: markers() }),
                large,
                Lost { newer: 2, ..lost(key, Loss::New { markers: markers() }) },
            ]
        });
        let script = script(&plan(all.collect()));
        assert!(script.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{script}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plan.sh");
        std::fs::write(&file, &script).expect("written");
        assert!(is_read(&file), "{script}");
    }

    fn is_read(file: &Path) -> bool {
        Command::new("bash").arg("-n").arg(file).status().expect("bash runs").success()
    }

    #[test]
    fn every_key_reaches_the_aws_cli_byte_for_byte() {
        let deleted = |key: &&str| lost(key, Loss::Deleted { markers: vec!["m2".to_owned(), "m1".to_owned()] });
        let script = script(&plan(HOSTILE.iter().map(deleted).collect()));
        let (output, calls) = run(&script, "deleted");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Vec<_> = calls.iter().map(|call| told(call)).collect();
        let expected: Vec<Value> =
            HOSTILE.iter().flat_map(|key| ["m2", "m1"].map(|id| json!({ "Key": key, "VersionId": id }))).collect();
        assert_eq!(told.iter().map(|(_, json)| json.clone()).collect::<Vec<_>>(), expected);
        let words = "s3api delete-object --region eu-central-1 --bucket acme-exports --expected-bucket-owner 111122223333 --cli-input-json";
        assert!(told.iter().all(|(call, _)| call.join(" ") == words), "{told:?}");
    }

    #[test]
    fn what_was_overwritten_is_copied_from_exactly_that_version_in_its_storage_class() {
        let cold = Lost { storage_class: Some("STANDARD_IA".to_owned()), ..lost(HOSTILE[9], Loss::Overwritten) };
        let (output, calls) = run(&script(&plan(vec![cold, lost("k", Loss::Overwritten)])), "overwritten");
        assert!(output.status.success());
        let told: Vec<_> = calls.iter().map(|call| told(call)).collect();
        let source = |key: &str| json!({ "Bucket": "acme-exports", "Key": key, "VersionId": "v1" });
        let first = json!({ "Key": HOSTILE[9], "StorageClass": "STANDARD_IA", "CopySource": source(HOSTILE[9]) });
        assert_eq!((&told[0].1, &told[1].1), (&first, &json!({ "Key": "k", "CopySource": source("k") })));
        let words = told[0].0.join(" ");
        assert!(
            words.starts_with("s3api copy-object ") && words.contains("--expected-source-bucket-owner 111122223333"),
            "{words}"
        );
    }

    #[test]
    fn a_part_runs_alone_and_without_a_part_nothing_runs() {
        let markers = vec!["m".to_owned()];
        let mixed = vec![
            lost("a", Loss::Deleted { markers: markers.clone() }),
            lost("b", Loss::Overwritten),
            lost("c", Loss::New { markers }),
        ];
        let script = script(&plan(mixed));
        for (part, keys) in
            [("deleted", vec!["a"]), ("overwritten", vec!["b"]), ("new", vec!["c"]), ("", vec![]), ("object", vec![])]
        {
            let (output, calls) = run(&script, part);
            let told: Vec<Value> = calls.iter().map(|call| told(call).1["Key"].clone()).collect();
            assert_eq!(told, keys, "{part}");
            assert_eq!(output.status.code(), Some(if keys.is_empty() { 2 } else { 0 }), "{part}");
        }
    }

    #[test]
    fn a_plan_without_losses_is_a_script_that_does_nothing() {
        let (output, calls) = run(&script(&plan(vec![])), "deleted");
        assert_eq!((output.status.code(), calls.len()), (Some(0), 0));
    }

    #[test]
    fn a_command_that_fails_ends_the_script() {
        let script = script(&plan(vec![lost("a", Loss::Overwritten), lost("b", Loss::Overwritten)])).replacen(
            "  aws s3api",
            "  false #",
            1,
        );
        let (output, calls) = run(&script, "overwritten");
        assert_eq!((output.status.code(), calls.len()), (Some(1), 0));
    }
}
