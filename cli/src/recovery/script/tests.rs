//! What a script does, with an `aws` that only writes down what it is told.

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
        written_at: None,
        may_be_older: false,
        changed_at: Timestamp::UNIX_EPOCH,
        newer: 0,
        loss,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
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

/// Runs a script in a folder of its own, with an `aws` that only writes down what it is told. Returns the output and the calls, without
/// those that ask whether versioning is on.
fn run(script: &str, part: &str) -> (Output, Vec<Vec<String>>) {
    let (output, mut calls) = run_where(script, part, "echo Enabled");
    calls.retain(|call| call[1] != "get-bucket-versioning");
    (output, calls)
}

/// The same, with all calls. `versioning`: how `aws` answers when it is asked for that.
fn run_where(script: &str, part: &str, versioning: &str) -> (Output, Vec<Vec<String>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let stub = format!(
        "#!/usr/bin/env bash\nprintf '%s\\0' \"$@\" '--- end' >> \"$CALLS\"\n\
         if [ \"$2\" = get-bucket-versioning ]; then {versioning}; fi\n"
    );
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
        [lost(key, Loss::Deleted { markers: markers() }), large, Lost { newer: 2, ..lost(key, Loss::New { markers: markers() }) }]
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
    let words =
        "s3api delete-object --region eu-central-1 --bucket acme-exports --expected-bucket-owner 111122223333 --cli-input-json";
    assert!(told.iter().all(|(call, _)| call.join(" ") == words), "{told:?}");
}

#[test]
fn nothing_is_run_in_a_bucket_whose_versioning_is_not_on() {
    let markers = || vec!["m".to_owned()];
    let all =
        [Loss::Deleted { markers: markers() }, Loss::Overwritten, Loss::New { markers: markers() }].map(|loss| lost("k", loss));
    let script = script(&plan(all.to_vec()));
    let asked = "s3api get-bucket-versioning --region eu-central-1 --bucket acme-exports --expected-bucket-owner 111122223333 \
                 --query Status --output text";
    for part in ["deleted", "overwritten", "new"] {
        for (versioning, code) in [("echo Suspended", 1), ("echo None", 1), ("exit 254", 254)] {
            let (output, calls) = run_where(&script, part, versioning);
            assert_eq!(output.status.code(), Some(code), "{part}, {versioning}");
            assert_eq!(calls.iter().map(|call| call.join(" ")).collect::<Vec<_>>(), [asked], "{part}, {versioning}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.contains("put-bucket-versioning"), code == 1, "{said}");
        }
    }
}

#[test]
fn versioning_is_looked_at_again_while_a_long_part_runs() {
    let many = (0..=AT_ONCE).map(|n| lost(&format!("k{n}"), Loss::Overwritten));
    let script = script(&plan(many.collect()));
    let suspended_later = "if [ -e asked ]; then echo Suspended; else echo Enabled; touch asked; fi";
    let (output, calls) = run_where(&script, "overwritten", suspended_later);
    let copies = calls.iter().filter(|call| call[1] == "copy-object").count();
    assert_eq!((output.status.code(), copies), (Some(1), AT_ONCE));
}

#[test]
fn what_was_written_without_an_id_of_its_own_is_never_removed_and_not_copied_after_a_change() {
    let changed_at = at("2026-11-01T08:00:00Z");
    let null = Lost { version: NULL.to_owned(), changed_at, ..lost("a", Loss::Overwritten) };
    let (_, calls) = run(&script(&plan(vec![null])), "overwritten");
    assert_eq!(told(&calls[0]).1["CopySourceIfUnmodifiedSince"], "2026-11-01T08:00:00Z");
    // As an earlier function answers.
    let deleted = lost("b", Loss::Deleted { markers: vec!["m".to_owned(), NULL.to_owned()] });
    let (_, calls) = run(&script(&plan(vec![deleted])), "deleted");
    let (words, json) = told(&calls[0]);
    assert_eq!((calls.len(), words[1], &json["CopySource"]["VersionId"]), (1, "copy-object", &json!("v1")));
}

#[test]
fn each_command_has_the_time_of_the_change_and_of_what_comes_back() {
    let markers = || vec!["m".to_owned()];
    let [deleted, changed, new] = ["2026-11-20T02:01:10Z", "2026-11-20T02:01:11Z", "2026-11-20T02:01:12Z"].map(at);
    let written_at = Some(at("2019-03-01T00:00:00Z"));
    let all = vec![
        Lost { changed_at: deleted, ..lost("a", Loss::Deleted { markers: markers() }) },
        Lost { changed_at: changed, written_at, may_be_older: true, newer: 3, ..lost("b", Loss::Overwritten) },
        Lost { changed_at: new, ..lost("c", Loss::New { markers: markers() }) },
    ];
    let script = script(&plan(all));
    let before = |part: &str| {
        let (_, body) = script.split_once(&format!("\n{part}() {{\n")).expect("a part");
        body.lines().find(|line| line.starts_with("  # ")).expect("a comment").to_owned()
    };
    assert_eq!(before("deleted"), "  # deleted 2026-11-20T02:01:10Z:");
    let of_overwritten = before("overwritten");
    for words in ["last changed 2026-11-20T02:01:11Z, 3 versions", "version of 2019-03-01T00:00:00Z, PERHAPS AN OLDER ONE"] {
        assert!(of_overwritten.contains(words), "{of_overwritten}");
    }
    assert_eq!(before("new"), "  # deleted 2026-11-20T02:01:12Z:");
    let of_deleted = script.split("#   ").find(|text| text.starts_with("deleted ")).expect("the head");
    assert!(of_deleted.contains("Lifecycle rules"), "{of_deleted}");
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
    assert!(words.starts_with("s3api copy-object ") && words.contains("--expected-source-bucket-owner 111122223333"), "{words}");
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
    for (part, keys) in [("deleted", vec!["a"]), ("overwritten", vec!["b"]), ("new", vec!["c"]), ("", vec![]), ("object", vec![])]
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
    let script =
        script(&plan(vec![lost("a", Loss::Overwritten), lost("b", Loss::Overwritten)])).replacen("  aws s3api", "  false #", 1);
    let (output, calls) = run(&script, "overwritten");
    assert_eq!((output.status.code(), calls.len()), (Some(1), 0));
}
