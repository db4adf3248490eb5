//! The command as a shell sees it: output, exit codes, nothing else on standard output.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/findings/{name}.json"))
}

fn firebreak(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firebreak"));
    command.args(arguments).env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("ends")
}

fn plan(name: &str) -> Value {
    let file = fixture(name);
    let output = firebreak(&["plan", "--json", file.to_str().expect("UTF-8")], "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value and nothing else")
}

#[test]
fn plan_as_json_has_the_promised_form() {
    let plan = plan("guardduty/exfiltration-iam-user");
    assert_eq!(plan["verdict"], "respond");
    assert_eq!(plan["dedupe_key"], plan["finding"]["id"]);
    for field in ["id", "type", "severity", "source", "account", "region"] {
        assert!(!plan["finding"][field].is_null(), "finding.{field}");
    }
    let decision = &plan["decisions"][0];
    for field in ["kind", "id", "account", "region", "partition"] {
        assert!(decision["target"][field].is_string(), "target.{field}");
    }
    assert_eq!(decision["containment"], "quarantine-iam");
    assert_eq!(decision["mode"], "auto");
    assert!(decision["reason"].is_string());
}

#[test]
fn any_json_is_an_answer_and_anything_else_is_one_clear_line() {
    for json in [
        "{}",
        "[]",
        "null",
        "7",
        "\"text\"",
        "[[[]]]",
        "{\"detail\":{}}",
        "1e400",
        "\"\\ud800\"",
        &"[".repeat(300).to_owned().add_closing(),
    ] {
        let output = firebreak(&["plan", "--json", "-"], json);
        assert_eq!(output.status.code(), Some(0), "{json}: {}", String::from_utf8_lossy(&output.stderr));
        let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(plan["verdict"], "notify", "{json}");
        assert_eq!(plan["decisions"], serde_json::json!([]));
    }
    for text in ["", "not json", "{", "{\"a\":1}}", "\u{feff}{}"] {
        let output = firebreak(&["plan", "-"], text);
        assert_eq!(output.status.code(), Some(2), "{text:?}");
        assert!(output.stdout.is_empty());
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("not JSON"), "{line}");
    }
}

trait AddClosing {
    fn add_closing(self) -> String;
}

impl AddClosing for String {
    /// Closes the brackets a string opened.
    fn add_closing(self) -> String {
        let depth = self.len();
        self + &"]".repeat(depth)
    }
}

#[test]
fn a_policy_lowers_the_plan_and_a_bad_one_is_refused_by_name() {
    let file = fixture("guardduty/exfiltration-iam-user");
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policy.toml");
    let path = policy.to_str().expect("UTF-8");
    std::fs::write(&policy, "[accounts.111122223333]\nmode = \"gate-first\"\n").expect("written");
    let arguments = ["plan", "--json", "--policy", path, file.to_str().expect("UTF-8")];
    let output = firebreak(&arguments, "");
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["decisions"][0]["mode"], "gate");

    std::fs::write(&policy, "[accounts.111122223333]\nmod = \"auto\"\n").expect("written");
    let output = firebreak(&arguments, "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("mod"), "the misspelled field is not named");
}

#[test]
fn a_batch_is_one_line_per_file() {
    let folder = fixture("guardduty/x").parent().expect("a folder").to_owned();
    let output = firebreak(&["plan", "--batch", folder.to_str().expect("UTF-8")], "");
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = output
        .stdout
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).expect("JSON"))
        .collect();
    let files = std::fs::read_dir(&folder).expect("readable").count();
    assert_eq!(lines.len(), files);
    assert!(lines.iter().all(|line| line["file"].is_string() && line["verdict"].is_string()));
}

#[test]
fn hostile_text_is_inert_in_a_terminal() {
    let output = firebreak(&["plan", fixture("hostile/H64_ansi_control").to_str().expect("UTF-8")], "");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}

#[test]
fn commands_that_need_aws_say_what_is_missing() {
    let file = fixture("guardduty/bitcoin-tool");
    let replay = ["replay", file.to_str().expect("UTF-8")];
    for arguments in [
        &["incidents"][..],
        &replay,
        &["review", "list"],
        &["report", "observe", "--since", "12h"],
        &["prepare", "--account", "111122223333"],
        &["s3", "recovery-plan", "fb-0123456789abcdef"],
    ] {
        let output = firebreak(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("AWS_REGION"), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = firebreak(&["review", "approve", "not-an-id", "--comment", "x"], "");
    assert_eq!(output.status.code(), Some(2));
    let output = firebreak(&["replay", "/nonexistent.json"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_report_since_no_time_or_about_no_account_is_one_clear_line() {
    for (arguments, words) in [(["--since", "x"], "--since x: write days or hours"), (["--account", "7"], "--account 7:")] {
        let output = firebreak(&["report", "observe", arguments[0], arguments[1]], "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(line.contains(words) && line.lines().count() == 1, "{line}");
    }
}

#[test]
fn a_plan_that_cannot_be_asked_for_or_would_replace_a_file_is_one_clear_line() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let there = file.path().to_str().expect("UTF-8");
    let id = "fb-0123456789abcdef";
    for (arguments, words) in [
        (vec!["../x"], "fb- and 16 hexadecimal digits"),
        (vec![id, "--out", there], "is there already"),
        (vec![id, "--bucket", "acme", "--after", "k18"], "--after: give the text that the earlier plan printed"),
    ] {
        let output = firebreak(&[&["s3", "recovery-plan"], arguments.as_slice()].concat(), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(line.contains(words) && line.lines().count() == 1, "{line}");
    }
    // A prefix of which bucket?
    let output = firebreak(&["s3", "recovery-plan", id, "--prefix", "a/"], "");
    assert!(output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("--bucket"));
}

#[test]
fn a_code_that_no_ticket_prints_is_refused_before_anybody_is_asked() {
    for (code, is_one) in [("9f86d081", true), ("9F86D081", true), ("9f86d08", false), ("9f86d08z", false)] {
        let answer = ["review", "approve", "fb-0123456789abcdef", "--comment", "it was an attack", "--shown", code];
        let said = String::from_utf8(firebreak(&answer, "").stderr).expect("UTF-8");
        assert_eq!(said.contains("AWS_REGION"), is_one, "{code}: {said}");
        assert_eq!(said.contains("8 hexadecimal digits"), !is_one, "{code}: {said}");
    }
}

#[test]
fn an_explanation_names_the_row_the_field_and_the_line_of_the_policy() {
    let file = fixture("guardduty/exfiltration-iam-user");
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policy.toml");
    std::fs::write(
        &policy,
        "default_mode = \"observe\"\n\n[accounts.111122223333]\nmode = \"auto\"\ncontainments.quarantine-iam = \"gate-first\"\n",
    )
    .expect("written");
    let path = policy.to_str().expect("UTF-8");
    let output = firebreak(&["plan", "--explain", "--policy", path, file.to_str().expect("UTF-8")], "");
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(shown.contains(&format!("{path}:5  accounts.111122223333.containments.quarantine-iam")), "{shown}");
    assert!(shown.contains("detail.resource.accessKeyDetails"), "{shown}");
    let row = shown.lines().find(|line| line.contains("playbook.toml:")).expect("the row is named");
    let line: usize =
        row.split("playbook.toml:").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok()).expect("a line");
    let playbook = firebreak::playbook::Playbook::SHIPPED_TEXT.lines().nth(line - 1).expect("it has that line");
    assert!(playbook.starts_with("\"Exfiltration:IAMUser/AnomalousBehavior\""), "{playbook}");
}

#[test]
fn a_report_is_a_table_of_types_and_decisions() {
    let folder = fixture("types/x").parent().expect("a folder").to_owned();
    let scratch = tempfile::tempdir().expect("a folder");
    let table = scratch.path().join("table.md");
    let arguments = ["plan", "--batch", folder.to_str().expect("UTF-8"), "--report", table.to_str().expect("UTF-8")];
    let output = firebreak(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let table = std::fs::read_to_string(table).expect("written");
    let row = table.lines().find(|line| line.starts_with("| `Backdoor:Lambda/C&CActivity.B` |")).expect("a row for the type");
    assert!(row.contains("lambda-function for a person, needs an answer"), "{row}");
    let files = std::fs::read_dir(&folder).expect("readable").count();
    assert!(table.contains(&format!("| `all` | {files} |")), "every file is counted");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let low = said.lines().find(|line| line.contains("auto_from low")).expect("a line");
    let high = said.lines().find(|line| line.contains("auto_from high")).expect("a line");
    let numbers = |line: &str| -> Vec<usize> {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
    };
    let (low, high) = (numbers(low), numbers(high));
    assert!(low[0] > high[0] && high[0] > 0, "arriving is not acting: {said}");
    assert_eq!((low.iter().sum::<usize>(), high.iter().sum::<usize>()), (files, files), "every finding is counted once");
}

#[test]
fn exports_are_planned_packed_or_not_and_say_what_mode_auto_would_do() {
    let event: Value =
        serde_json::from_slice(&std::fs::read(fixture("guardduty/bitcoin-tool")).expect("a fixture")).expect("JSON");
    let lines = format!("{0}\n{0}\n", event["detail"]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("export.jsonl"), &lines).expect("written");
    let packed = std::fs::File::create(folder.path().join("export.jsonl.gz")).expect("a file");
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packed.write_all(lines.as_bytes()).expect("written");
    packed.finish().expect("written");
    std::fs::write(folder.path().join("notes.txt"), "not a finding").expect("written");
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "default_mode = \"observe\"\n").expect("written");
    let table = folder.path().join("table.md");
    let (path, policy, to) = (folder.path().to_str(), policy.to_str(), table.to_str());
    let arguments = ["plan", "--batch", path.expect("UTF-8"), "--policy", policy.expect("UTF-8"), "--report", to.expect("UTF-8")];
    let output = firebreak(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(said.starts_with("4 findings of 1 types"), "{said}");
    assert!(said.contains("auto_from high: contained 4,") && said.contains("as if they were in mode auto"), "{said}");
    let written = std::fs::read_to_string(&table).expect("written");
    assert!(written.contains("isolate-ec2 automatically ×4"), "{written}");
    let of_account = "| 111122223333 | isolate-ec2 | `CryptoCurrency:EC2/BitcoinTool.B` | 1 | `EC2 instance i-";
    assert!(written.contains(of_account), "the target is named once: {written}");
    let hour = written.lines().find(|line| line.starts_with("| 111122223333 | isolate-ec2 | 20")).expect("an hour");
    assert!(hour.ends_with(":00 | 1 | 0 |"), "{hour}");
    let lines = firebreak(&["plan", "--batch", path.expect("UTF-8")], "");
    assert_eq!(String::from_utf8(lines.stdout).expect("UTF-8").lines().count(), 2, "one line per file");
}

#[test]
fn a_field_named_twice_is_announced_and_not_believed() {
    let text = std::fs::read_to_string(fixture("guardduty/exfiltration-iam-user")).expect("a fixture");
    let twice = text.replacen("\"type\"", "\"type\": \"Backdoor:EC2/C&CActivity.B\", \"type\"", 1);
    assert_ne!(text, twice);
    let output = firebreak(&["plan", "--json", "-"], &twice);
    assert_eq!(output.status.code(), Some(0));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&plan["verdict"], &plan["decisions"]), (&"notify".into(), &serde_json::json!([])));
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let file = fixture("guardduty/exfiltration-s3");
    let mut command = Command::new(env!("CARGO_BIN_EXE_firebreak"));
    command.args(["plan", "--explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    drop(child.stdout.take());
    let event = std::fs::read(file).expect("a fixture");
    child.stdin.take().expect("piped").write_all(&event).expect("written");
    let output = child.wait_with_output().expect("ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_folder_is_planned_with_batch_and_an_empty_one_is_no_silence() {
    let folder = std::env::temp_dir().join(format!("firebreak-empty-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let name = folder.to_str().expect("UTF-8");
    let said = |arguments: &[&str]| {
        let output = firebreak(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(said(&["plan", name]).contains("firebreak plan --batch"), "the remedy is in the message");
    assert!(said(&["plan", "--batch", name]).contains("there is no *.json, *.jsonl or *.jsonl.gz below"));
    std::fs::write(folder.join("broken.json"), "{").expect("written");
    assert!(said(&["plan", "--batch", name]).contains("1 file(s) are not JSON; their lines carry \"error\": broken.json"));
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_pause_that_cannot_be_is_refused_in_one_line_before_anything_is_called() {
    for (arguments, words) in [
        (&["pause", "--for", "25h", "--reason", "a storm"][..], "at most 24 hours"),
        (&["pause", "--for", "soon", "--reason", "a storm"][..], "such as"),
        (&["pause", "--for", "2h", "--reason", "  "][..], "say why"),
        (&["pause", "--for", "2h", "--reason", "a storm", "--account", "12"][..], "12 digits"),
        (&["resume", "--account", "12"][..], "12 digits"),
    ] {
        let output = firebreak(arguments, "");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(line.lines().count() == 1 && line.contains(words), "{arguments:?}: {line}");
    }
    for (arguments, words) in [
        (&["prepare", "--account", "12"][..], "12 digits"),
        (&["prepare", "--account", "111122223333", "--region", "../x"][..], "--region"),
    ] {
        let output = firebreak(arguments, "");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{arguments:?}");
    }
    let output = firebreak(&["pause", "--for", "2h"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--reason"), "it says what is missing");
}
