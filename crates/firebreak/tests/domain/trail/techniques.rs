//! Every technique of a public list, and where a look takes it up. `fixtures/techniques` has the list, the rows, and a record of each
//! call.

use super::*;
use std::collections::BTreeMap;

/// One line of `rows.csv`.
struct Row {
    technique: String,
    /// `cloudtrail:StopLogging`, as CloudTrail calls them.
    events: Vec<String>,
    place: String,
    /// `trail/attack::name`: a file of these tests, and a test in it.
    test: String,
    note: String,
}

fn text(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/techniques");
    std::fs::read_to_string(format!("{folder}/{file}")).expect("readable")
}

fn rows() -> Vec<Row> {
    let file = text("rows.csv");
    let row = |line: &str| {
        let fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        let [technique, events, place, test, note]: [String; 5] = fields.try_into().expect(line);
        Row { technique, events: events.split_whitespace().map(str::to_owned).collect(), place, test, note }
    };
    file.lines().skip(1).map(row).collect()
}

/// By `cloudtrail:StopLogging`.
fn calls() -> BTreeMap<String, Value> {
    let calls: Vec<Value> = serde_json::from_str(&text("calls.json")).expect("JSON");
    let name = |call: &Value| format!("{}:{}", call["source"].as_str().expect("text"), call["name"].as_str().expect("text"));
    calls.into_iter().map(|call| (name(&call), call)).collect()
}

#[test]
fn each_technique_has_a_row() {
    let list = text("stratus.txt");
    let commit = list.lines().next().and_then(|line| line.split("commit ").nth(1)).and_then(|rest| rest.split(':').next());
    assert!(commit.is_some_and(|it| it.len() == 40 && it.bytes().all(|b| b.is_ascii_hexdigit())), "of which commit? {commit:?}");
    let listed: BTreeSet<&str> =
        list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next()).collect();
    assert!(listed.len() >= 46, "{}", listed.len());
    let rows = rows();
    for technique in &listed {
        assert!(rows.iter().any(|row| row.technique == *technique), "{technique} has no row");
    }
    for row in &rows {
        let is_theirs = row.technique.starts_with("aws.") || row.technique.starts_with("eks.");
        assert!(!is_theirs || listed.contains(row.technique.as_str()), "{} is on no list", row.technique);
        let says_why = !row.note.is_empty() || !["finding", "not-visible"].contains(&row.place.as_str());
        assert!(says_why, "{}: why is nothing done?", row.technique);
        assert!(!row.events.is_empty() || row.place == "not-visible", "{} has no call", row.technique);
    }
}

#[test]
fn each_row_names_a_test_that_exists() {
    for row in rows() {
        let (file, test) = row.test.split_once("::").expect("a file and a test");
        let path = format!("{}/tests/domain/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}: no {path}", row.technique));
        assert!(file.contains(&format!("#[test]\nfn {test}()")), "{}: {path} has no {test}", row.technique);
    }
}

/// Where a call leads, and what people read of it.
fn leads(call: &Value) -> (&'static str, Vec<String>) {
    let source = call["source"].as_str().expect("text");
    let record = by_alice(source, call["name"].as_str().expect("text"), &call["request"], &call["response"]);
    let (found, derived) = sweep(&[record], &[alice()], &generous());
    assert!(found.traced.len() < 2 && derived.left_out.is_empty(), "{call}: {:#?}", found.traced);
    let decided = |read: Vec<String>| {
        assert_eq!((derived.decisions.len(), read.len()), (1, 1), "{call}: {:#?}", derived.decisions);
        read
    };
    match found.traced.first().map(|traced| &traced.follow) {
        None => ("nothing", vec![]),
        Some(Follow::Nothing) => ("line", found.traced.iter().map(|traced| traced.what.clone()).collect()),
        Some(Follow::ByHand { .. }) => {
            ("channel", decided(derived.decisions.iter().filter_map(|decision| decision.by_hand.clone()).collect()))
        }
        Some(Follow::Contain { .. }) => {
            ("follow", decided([shown(&derived.decisions, Mode::Auto), shown(&derived.decisions, Mode::Gate)].concat()))
        }
    }
}

#[test]
fn each_call_leads_where_its_row_says() {
    let calls = calls();
    let mut of_a_row = BTreeSet::new();
    for row in rows() {
        for event in &row.events {
            let call = calls.get(event).unwrap_or_else(|| panic!("{}: no record of {event}", row.technique));
            let (place, read) = leads(call);
            let expected = if ["finding", "not-visible"].contains(&row.place.as_str()) { "nothing" } else { row.place.as_str() };
            assert_eq!(place, expected, "{}: {event}", row.technique);
            assert_eq!(call["leads"], place, "{event}");
            let to = call["to"].as_str().unwrap_or_default();
            assert!(read.iter().all(|line| line.contains(to)), "{event} leads to {read:?} and not to {to}");
            assert!(read.iter().all(|line| !line.ends_with('\u{2026}')), "{event}: nothing is cut off: {read:?}");
            of_a_row.insert(event.clone());
        }
    }
    assert!(calls.keys().all(|call| of_a_row.contains(call)), "each call is in a row");
    assert!(calls.values().all(|call| call["from"].is_string()), "each says where its form is from");
}

#[test]
fn other_attributes_of_an_instance_are_nobody_s_way_in() {
    let sized = by_alice("ec2", "ModifyInstanceAttribute", &json!({"instanceId": "i-0123456789abcdef0"}), &Value::Null);
    let (found, _) = sweep(&[sized], &[alice()], &generous());
    assert_eq!(found.traced, vec![]);
}

#[test]
fn several_flow_logs_of_one_call_are_each_named() {
    let ids = json!([{"content": "fl-0a", "tag": 1}, {"content": "fl-0b", "tag": 2}]);
    let gone = by_alice("ec2", "DeleteFlowLogs", &json!({"DeleteFlowLogsRequest": {"FlowLogId": ids}}), &Value::Null);
    let (_, derived) = sweep(&[gone], &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["by hand resource fl-0a"]);
    assert_eq!(derived.decisions[0].also, ["resource fl-0b"], "the same advice");
}

#[test]
fn five_hundred_buckets_hide_nothing() {
    let noise = (0..500).map(|at| {
        let mut record = by_alice("s3", "PutBucketAcl", &json!({"bucketName": format!("acme-noise-{at}")}), &Value::Null);
        record["event"]["eventTime"] = json!(format!("2026-11-20T02:{:02}:{:02}Z", at / 60, at % 60));
        record
    });
    let mut late = by_alice("iam", "CreatePolicyVersion", &json!({"policyArn": "arn:aws:iam::aws:policy/all"}), &Value::Null);
    late["event"]["eventTime"] = json!("2026-11-20T03:00:00Z");
    let trail: Vec<Value> = noise.chain([late, creates_user("mallory")]).collect();
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    assert!(derived.decisions.len() < MAX_DECISIONS, "{}", derived.decisions.len());
    let told = firebreak::trail::told(&found.traced, &derived.decisions);
    let lines = firebreak::trail::merged(&[], 0, told.clone());
    assert_eq!((told.len(), lines.more), (18, 0), "six of the buckets, ten without a decision, and the two others: {told:#?}");
    assert!(derived.left_out.iter().any(|line| line.starts_with("470 more thing(s)")), "{:#?}", derived.left_out);
    assert!(
        told.iter().any(|line| line.contains("CreatePolicyVersion")) && told.iter().any(|line| line.ends_with("; more like it"))
    );
    let again = firebreak::trail::merged(&lines.lines, lines.more, firebreak::trail::told(&found.traced, &derived.decisions));
    assert!(!again.is_new, "the next look says nothing new");
    let kinds: BTreeSet<&str> = found
        .traced
        .iter()
        .filter_map(|traced| if let Follow::ByHand { kind, .. } = &traced.follow { Some(*kind) } else { None })
        .collect();
    assert_eq!(kinds.len(), 1, "they can be one decision");
}
